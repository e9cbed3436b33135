"""How lively a voice sounds, and what that does to the face."""

from __future__ import annotations

import numpy as np
import pytest

from avatar.feelings.expression import NOTHING, Feeling, express, feel
from avatar.feelings.manner import SILENT, Manner, hear
from avatar.feelings.voice_pitch import Tone, voice_pitch
from avatar.motion import FRAME_RATE_HZ, Controls, Emotion, Floats, MotionLayout, neutral
from speech.audio import SPEECH_RATE_HZ

AT = MotionLayout.INDEX
RATES = (8_000, 16_000, 24_000, 44_100, 48_000)


def voice(hz: Floats | float, samples: int, rate: int) -> Floats:
    """Harmonics that get weaker, as of a vowel: float32 [samples]; `hz` for each sample, or for all."""
    phase = 2.0 * np.pi * np.cumsum(np.broadcast_to(hz, samples)) / rate
    sound = np.zeros(samples)
    for number in range(1, 12):
        sound += np.where(number * np.broadcast_to(hz, samples) < rate / 2, np.sin(number * phase), 0.0) / number
    return (0.1 * sound).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hz", [80.0, 130.0, 220.0, 390.0])
def test_a_voice_has_its_pitch_in_noise_as_well(rate: int, hz: float) -> None:
    find = voice_pitch(rate)
    sound = voice(hz, find.samples, rate)
    noise = np.random.default_rng(0).standard_normal(find.samples) * np.std(sound) * 10.0 ** (-10.0 / 20.0)
    assert find(sound).hz == pytest.approx(hz, rel=0.01)
    assert find(sound + noise.astype(np.float32)).hz == pytest.approx(hz, rel=0.03)


def test_what_is_no_voice_has_no_pitch() -> None:
    find = voice_pitch(SPEECH_RATE_HZ)
    random = np.random.default_rng(1)
    hissed = [find(0.1 * random.standard_normal(find.samples).astype(np.float32)).hz for _ in range(100)]
    assert np.mean(np.array(hissed) > 0.0) < 0.05
    assert find(np.zeros(find.samples, np.float32)).hz == 0.0
    assert find(1e-4 * voice(200.0, find.samples, SPEECH_RATE_HZ)).hz == 0.0


def melody(seconds: float, *, semitones: float, seed: int = 0) -> list[float]:
    """Pitches of phrases that fall, with accents: hertz by frame, 0 in the pauses; `semitones` from end to end."""
    random = np.random.default_rng(seed)
    out: list[float] = []
    while len(out) < seconds * FRAME_RATE_HZ:
        frames = int(random.integers(25, 60))
        at = np.arange(frames) / FRAME_RATE_HZ
        course = semitones * (0.5 - at / at[-1] + 0.5 * np.sin(2.0 * np.pi * 1.6 * at + random.uniform(0.0, 6.0)))
        pitches = 180.0 * 2.0 ** (course / 12.0)
        pitches[random.random(frames) < 0.3] = 0.0  # voiceless sounds
        out += [*pitches.tolist(), *[0.0] * int(random.integers(4, 12))]
    return out[: round(seconds * FRAME_RATE_HZ)]


def tone(hz: float, louder_db: float = 0.0) -> Tone:
    return Tone(hz, -25.0 + louder_db if hz else -50.0)


def course(pitches: list[float]) -> list[Manner]:
    """The manner after each frame."""
    manner, out = SILENT, []
    for hz in pitches:
        manner = hear(manner, tone(hz))
        out.append(manner)
    return out


def liveliness(pitches: list[float]) -> Floats:
    return np.array([manner.lively for manner in course(pitches)], np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_a_voice_that_moves_sounds_lively_and_one_that_does_not_flat(seed: int) -> None:
    flat, usual, lively = (liveliness(melody(10.0, semitones=s, seed=seed))[50:].mean() for s in (1.5, 5.0, 11.0))
    assert flat < -0.3 < usual < 0.5 * lively + 0.25
    assert lively > usual + 0.2 and lively > 0.3


def test_liveliness_is_bounded_never_jumps_and_is_gone_after_the_last_word() -> None:
    spoken = [*melody(8.0, semitones=14.0), *[0.0] * (4 * FRAME_RATE_HZ), *melody(6.0, semitones=1.0)]
    heard = liveliness(spoken)
    assert np.abs(heard).max() <= 1.0 and np.abs(np.diff(heard)).max() < 0.05
    assert abs(float(heard[8 * FRAME_RATE_HZ + 95])) < 0.05
    assert heard[-1] < 0.0


def test_a_voice_that_rises_above_its_habit_sounds_livelier() -> None:
    steady = melody(20.0, semitones=5.0)
    raised = [hz * 2.0 ** (4.0 / 12.0) for hz in melody(4.0, semitones=5.0, seed=1)]
    heard = liveliness(steady + raised)
    assert heard[-2 * FRAME_RATE_HZ :].mean() > heard[-9 * FRAME_RATE_HZ : -4 * FRAME_RATE_HZ].mean() + 0.2


def test_a_tone_that_never_ends_is_as_flat_as_can_be_until_it_counts_as_a_note() -> None:
    heard = course([200.0] * 2000)
    assert all(np.isfinite(manner.lively) and abs(manner.lively) <= 1.0 for manner in heard)
    assert heard[-1].raised > 0.9


def test_a_shout_and_a_held_note_are_raised_and_speech_is_not() -> None:
    speech = melody(10.0, semitones=5.0)
    assert max(manner.raised for manner in course(speech)) < 0.1
    note = [220.0 * 2.0 ** (0.3 * np.sin(1.4 * i) / 12.0) for i in range(30)]
    assert course(note)[-1].raised > 0.8
    manner, shouted = course(speech)[-1], []
    for hz in melody(2.0, semitones=5.0):
        manner = hear(manner, tone(1.2 * hz, 10.0))
        shouted.append(manner.raised)
    assert max(shouted) > 0.5


def test_octaves_that_were_mistaken_change_little() -> None:
    spoken = melody(8.0, semitones=4.0)
    random = np.random.default_rng(2)
    mistaken = [hz / 2.0 if random.random() < 0.04 else hz for hz in spoken]
    assert np.abs(liveliness(mistaken) - liveliness(spoken))[50:].mean() < 0.2


def spoken(pitches: list[float], controls: Controls) -> Feeling:
    feeling = NOTHING
    for hz in pitches:
        feeling = feel(feeling, controls, 0.75 if hz else 0.3, 0.5, tone(hz))
    return feeling


def test_a_lively_voice_smiles_a_little_unless_the_mood_is_gloomy_and_a_flat_one_calms() -> None:
    smile = AT["mouthSmileLeft"]
    lively, flat = melody(8.0, semitones=11.0), melody(8.0, semitones=1.0)
    light = spoken(lively, Controls())
    shown = express(neutral(1), [light])
    assert 0.03 < shown[0, smile] < 0.2 and shown[0, AT["browOuterUpLeft"]] > 0.01 and light.arousal > 0.05
    calm = spoken(flat, Controls())
    np.testing.assert_array_equal(express(neutral(1), [calm]), neutral(1))
    assert calm.arousal < -0.05
    sad = Controls(emotion=Emotion.SAD, intensity=1.0)
    assert express(neutral(1), [spoken(lively, sad)])[0, smile] == 0.0


def test_a_voice_that_sings_opens_what_is_open_and_leaves_what_is_closed() -> None:
    singing = spoken([220.0] * 40, Controls(emotion=Emotion.NEUTRAL))
    closed, at_teeth, opened = neutral(1), neutral(1), neutral(1)
    closed[0, [AT["jawOpen"], AT["mouthClose"]]] = 0.12
    at_teeth[0, [AT["jawOpen"], AT["mouthRollLower"]]] = 0.07, 0.6
    opened[0, [AT["jawOpen"], AT["mouthLowerDownLeft"]]] = 0.4, 0.2
    lips = [AT[name] for name in ("jawOpen", "mouthClose", "mouthLowerDownLeft", "mouthUpperUpLeft")]
    for meets in (closed, at_teeth):
        np.testing.assert_array_equal(express(meets, [singing])[0, lips], meets[0, lips])
    wider = express(opened, [singing])
    assert 0.48 < wider[0, AT["jawOpen"]] < 0.53 and wider[0, AT["mouthLowerDownLeft"]] > 0.24
