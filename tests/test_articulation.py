from dataclasses import replace

import numpy as np
import pytest

from avatar.motion import MotionLayout
from avatar.training.articulation import Style, articulate, frame_times, some_person, viseme_classes
from avatar.training.gestures.visemes import VISEME_NAMES, VISEMES
from avatar.training.phoneme_symbols import SHAPES, visemes_of
from avatar.training.texts.corpus import english, held_out, other_language
from avatar.training.texts.other_languages import OTHER_LANGUAGES
from avatar.training.voices.change import stretched
from avatar.training.voices.espeak import speak_espeak
from avatar.training.voices.flite import speak_flite
from avatar.training.voices.utterance import Phone
from speech.errors import InputError

RATE = 16_000
INDEX = MotionLayout.INDEX


def _say(*symbols: str, each: float = 0.12, stress: int = 2, style: Style | None = None):
    """Curves for phones of equal length, spoken at constant loudness, with half a second of silence around."""
    phones, at = [Phone("", 0.0, 0.5)], 0.5
    for symbol in symbols:
        phones.append(Phone(symbol, at, at + each, stress))
        at += each
    phones.append(Phone("", at, at + 0.5))
    samples = np.zeros(round((at + 0.5) * RATE), np.float32)
    samples[RATE // 2 : round(at * RATE)] = 0.1
    return phones, articulate(phones, samples, RATE, style=style)


def _during(phones, values, position: int):
    """Rows whose middle falls into phone `position`, counted without the first silence."""
    phone, times = phones[position + 1], frame_times(len(values))
    return values[(times >= phone.start_s) & (times < phone.end_s)]


def _aperture(values):
    return values[:, INDEX["jawOpen"]] - values[:, INDEX["mouthClose"]]


@pytest.mark.parametrize("symbol", ["p", "b", "m"])
@pytest.mark.parametrize("each", [0.05, 0.08, 0.12])
def test_lips_meet_for_p_b_m_between_open_vowels(symbol, each):
    phones, values = _say("A", symbol, "A", each=each)
    near = frame_times(len(values))
    middle = (phones[2].start_s + phones[2].end_s) / 2.0
    closest = values[np.abs(near - middle) <= 0.04]
    assert _aperture(closest).min() < 0.005
    assert closest[:, INDEX["mouthPressLeft"]].max() > 0.1
    if each > 0.1:
        assert _aperture(_during(phones, values, 0)).max() > 0.3


@pytest.mark.parametrize("symbol", ["f", "v"])
def test_the_lower_lip_meets_the_teeth_for_f_v(symbol):
    phones, values = _say("a", symbol, "a")
    during = _during(phones, values, 1)
    assert during[:, INDEX["mouthRollLower"]].max() > 0.55
    assert during[:, INDEX["jawOpen"]].min() < 0.2
    assert during[:, INDEX["mouthClose"]].max() < 0.02


def test_vowels_open_by_their_height():
    openings = [_aperture(_during(*_say("t", vowel, "t"), 1)).max() for vowel in ("u:", "I", "E", "a", "A")]
    assert openings == sorted(openings)
    assert openings[-1] > 0.45 and openings[0] < 0.2


def test_rounding_comes_before_the_sound():
    phones, values = _say("t", "t", "u:")
    pucker = values[:, INDEX["mouthPucker"]]
    times = frame_times(len(values))
    before = pucker[(times > phones[3].start_s - 0.06) & (times < phones[3].start_s)]
    assert before.min() > 0.15
    assert pucker.max() > 0.5


def test_stress_and_loudness_open_wider():
    strong, weak = (_aperture(_say("t", "a", "t", stress=s)[1]).max() for s in (2, 0))
    assert strong > 1.08 * weak
    phones = [Phone("a", 0.0, 0.4, 2), Phone("a", 0.4, 0.8, 2)]
    samples = np.concatenate([np.full(6400, 0.02), np.full(6400, 0.2)]).astype(np.float32)
    quiet, loud = np.split(_aperture(articulate(phones, samples, RATE)), 2)
    assert loud.mean() > 1.1 * quiet.mean()


def test_silence_rests_and_lips_part_just_before_speech():
    _, values = _say("A", "t")
    aperture, times = _aperture(values), frame_times(len(values))
    assert aperture[times < 0.3].max() < 0.01
    assert aperture[(times > 0.44) & (times < 0.5)].max() > 0.02
    assert aperture[-2:].max() < 0.02


def test_curves_are_smooth_enough_for_a_face():
    _, values = _say("A", "t", "i:", "k", "A", "s", "u:")
    assert np.abs(np.diff(_aperture(values))).max() < 0.3
    assert values.min() >= 0.0 and values.max() <= 1.0


def test_the_sides_differ_a_little():
    _, values = _say("i:", "i:", style=Style(asymmetry=0.05))
    left, right = values[:, INDEX["mouthSmileLeft"]], values[:, INDEX["mouthSmileRight"]]
    assert left.max() > right.max() > 0.05


def test_every_viseme_is_complete():
    for name, viseme in VISEMES.items():
        assert name in VISEME_NAMES and 0.0 <= viseme.jaw <= 0.7 and viseme.contact in ("", "lips", "teeth")


@pytest.mark.parametrize(
    ("alphabet", "symbol", "expected"),
    [
        *(("espeak", "", "rest"), ("espeak", "aI", "aa ih"), ("espeak", "y", "ue"), ("espeak", "m;", "p")),
        *(("espeak", "tS", "sh"), ("espeak", "@L", "schwa"), ("espeak", "ʘ", "schwa"), ("espeak", "W", "oe")),
        *(("arpabet", "y", "y"), ("arpabet", "hh", "h"), ("arpabet", "ow", "oh uw"), ("arpabet", "", "rest")),
        *(("ipa", "", "rest"), ("ipa", "m", "p"), ("ipa", "uː", "uw"), ("ipa", "ɑ̃", "aa"), ("ipa", "ç", "k")),
        *(("ipa", "W", "aa uh"), ("ipa", "ʤ", "sh"), ("ipa", "ɹ", "r"), ("ipa", "r", "t"), ("ipa", "θ", "th")),
    ],
)
def test_symbols_find_their_visemes(alphabet, symbol, expected):
    assert visemes_of(symbol, alphabet) == tuple(expected.split())


def test_all_symbols_have_shapes_that_exist():
    for known in SHAPES.values():
        assert {name for shapes in known.values() for name in shapes} <= set(VISEMES)


def test_espeak_gives_phones_without_gaps():
    spoken = speak_espeak("My mother bought a big map.", "en-us+f3")
    assert abs(len(spoken.samples) / RATE - spoken.phones[-1].end_s) < 0.05
    for before, after in zip(spoken.phones[:-1], spoken.phones[1:], strict=True):
        assert before.end_s == after.start_s < after.end_s
    lips = [p for p in spoken.phones if visemes_of(p.symbol) == ("p",)]
    assert len(lips) == 6
    values = articulate(spoken.phones, spoken.samples, RATE)
    times = frame_times(len(values))
    for phone in lips:
        near = np.abs(times - (phone.start_s + phone.end_s) / 2.0) <= (phone.end_s - phone.start_s) / 2.0 + 0.04
        assert _aperture(values[near]).min() < 0.01


def test_espeak_refuses_unknown_voices():
    with pytest.raises(InputError, match="no-such-voice"):
        speak_espeak("Hello", "no-such-voice")


@pytest.mark.flite
def test_flite_gives_phones():
    spoken = speak_flite("Bob may move.", "rms")
    assert [p.symbol for p in spoken.phones if p.symbol][:3] == ["b", "aa", "b"]
    assert spoken.phones[-1].end_s == pytest.approx(len(spoken.samples) / RATE, abs=0.05)
    faster = stretched(spoken, 1.25)
    assert faster.phones[-1].end_s == pytest.approx(spoken.phones[-1].end_s / 1.25)
    assert len(faster.samples) == pytest.approx(len(spoken.samples) / 1.25, abs=2)


def test_viseme_classes_follow_the_phones():
    phones = (Phone("", 0.0, 0.2), Phone("m", 0.2, 0.4), Phone("A", 0.4, 0.6))
    names = [VISEME_NAMES[i] for i in viseme_classes(phones, 20)]
    assert names == ["rest"] * 5 + ["p"] * 5 + ["aa"] * 5 + ["rest"] * 5


def test_the_corpus_keeps_validation_apart():
    training = {text for text, _ in zip(english(1), range(300), strict=False)}
    validation = {text for text, _ in zip(english(1, validation=True), range(300), strict=False)}
    assert not training & validation
    assert all(held_out(text) for text in validation)
    for language in OTHER_LANGUAGES:
        assert next(other_language(3, language)) in OTHER_LANGUAGES[language]


def test_contacts_form_and_dissolve_over_frames_and_never_flash():
    """However short the phoneme, and wherever a frame falls in it: two frames shut, and no step from wide open."""
    for start_ms in range(0, 40, 5):
        lead, each = 0.5 + start_ms / 1000.0, 0.12
        phones = [Phone("", 0.0, lead), Phone("A", lead, lead + each), Phone("b", lead + each, lead + each + 0.03)]
        phones += [Phone("A", lead + each + 0.03, lead + 2 * each), Phone("", lead + 2 * each, 1.2)]
        aperture = _aperture(articulate(phones, np.full(round(1.2 * RATE), 0.1, np.float32), RATE))
        near = slice(int((lead + 0.06) * 25), int((lead + 2 * each) * 25))
        assert (aperture[near] < 0.02).sum() >= 2  # a pixel
        assert np.abs(np.diff(aperture[near])).max() < 0.75 * aperture.max()


def test_an_open_mouth_is_a_wide_one_and_rounded_lips_close():
    open_wide, glide = _say("t", "A", "t")[1], _say("t", "w", "t")[1]
    stretch = open_wide[:, INDEX["mouthStretchLeft"]]
    assert np.corrcoef(_aperture(open_wide), stretch)[0, 1] > 0.9 and stretch.max() > 0.25
    assert _aperture(_during(*_say("t", "w", "t"), 1)).min() < 0.08 and glide[:, INDEX["mouthPucker"]].max() > 0.4


def test_corners_and_jaw_sway_slowly_while_the_mouth_is_open():
    style = some_person(np.random.default_rng(5))
    assert style == some_person(np.random.default_rng(5)) != some_person(np.random.default_rng(6))
    _, values = _say(*["A", "t"] * 20, style=style)
    even = _say(*["A", "t"] * 20, style=replace(style, sway=0.0, jaw_sway=0.0))[1]
    aside = values[:, INDEX["jawLeft"]] - values[:, INDEX["jawRight"]]
    leans = values[:, INDEX["mouthStretchLeft"]] - values[:, INDEX["mouthStretchRight"]]
    assert aside.min() < -0.01 and aside.max() > 0.01 and leans.std() > 0.01
    assert np.abs(aside[:8]).max() < 1e-3 and not even[:, [INDEX["jawLeft"], INDEX["jawRight"]]].any()
    assert np.array_equal(_aperture(values), _aperture(even))
