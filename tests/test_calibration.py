from dataclasses import replace

import numpy as np
import pytest

from avatar.motion import MotionLayout, neutral
from avatar.portrait.portrait import load_portrait
from avatar.training.articulation import articulate, articulate_at, curve_times, relative_loudness
from avatar.training.calibration.clips import Clip, read_clips
from avatar.training.calibration.fitting import calibrate, clip_loss, fit, made_mouth, pattern_search
from avatar.training.calibration.measures import agreement, movement
from avatar.training.calibration.mouth import DrawnMouth, MouthCurves
from avatar.training.calibration.report import report
from avatar.training.gestures.coarticulation import COARTICULATION
from avatar.training.voices.utterance import Phone
from speech.errors import InputError
from tests.conftest import ROOT

PORTRAIT = ROOT / "avatar" / "assets" / "portraits" / "mira.png"
RATE = 16_000
SAID = "hh aa p iy b er th d ey t uw m ae n y f r eh n z ow w eh l k ah m"
"""Sounds of all kinds."""


@pytest.fixture(scope="module")
def mouth(portrait_cache):
    return DrawnMouth(load_portrait(PORTRAIT, cache_dir=portrait_cache))


def _clip(person: str, seed: int, mouth: DrawnMouth, numbers=COARTICULATION) -> Clip:
    """Five seconds of somebody whose mouth is the rule's, with the given numbers."""
    random = np.random.default_rng(seed)
    phones, at = [Phone("", 0.0, 0.3)], 0.3
    symbols = SAID.split()
    while at < 4.6:
        length = float(random.uniform(0.05, 0.16))
        phones.append(Phone(symbols[int(random.integers(len(symbols)))], at, at + length, alphabet="arpabet"))
        at += length
    phones.append(Phone("", at, 5.0))
    level = np.interp(np.arange(5 * RATE), np.arange(0, 5 * RATE, RATE // 8), random.uniform(0.05, 0.3, 40))
    sound = (level * random.standard_normal(len(level))).astype(np.float32)
    loudness = relative_loudness(sound, RATE, curve_times(125))
    made = articulate_at(phones, loudness, 125, numbers=numbers)
    return Clip(f"{person}.mp4", person, tuple(phones), loudness, mouth(made), 0)


def test_numbers_are_found_again(mouth):
    limits = {"vowels": (0.4, 1.3), "contact_ramp_s": (0.05, 0.14), "spread_by_opening": (0.0, 2.5)}
    truth = replace(COARTICULATION, vowels=0.6, contact_ramp_s=0.13, spread_by_opening=0.3)
    clips = [_clip("anna", 1, mouth, truth), _clip("ben", 2, mouth, truth)]
    found = fit(clips, mouth, COARTICULATION, limits=limits)
    for name, (low, high) in limits.items():
        assert getattr(found, name) == pytest.approx(getattr(truth, name), abs=0.1 * (high - low)), name
    assert found.jaw_after_s == COARTICULATION.jaw_after_s
    unseen = _clip("cleo", 3, mouth, truth)
    before, after = (clip_loss(made_mouth(unseen, n, mouth), unseen.real) for n in (COARTICULATION, found))
    assert after < 0.4 * before


def test_people_are_left_out_one_at_a_time_and_judges_always(mouth):
    limits = {"vowels": (0.4, 1.3)}
    clips = [
        _clip(name, seed, mouth, replace(COARTICULATION, vowels=vowels))
        for name, seed, vowels in (("anna", 1, 0.5), ("ben", 2, 0.9), ("cleo", 3, 1.3))
    ]
    found = calibrate(clips, frozenset(["cleo"]), mouth, COARTICULATION, lambda done, note: None, limits)
    held_out = {person: numbers.vowels for person, numbers in found.held_out.items()}
    assert held_out["anna"] == pytest.approx(0.9, abs=0.1) and held_out["ben"] == pytest.approx(0.5, abs=0.1)
    assert held_out["cleo"] == found.numbers.vowels < 1.0
    tables = {section.title: section for section in report(clips, found, mouth).sections}
    assert tables["Made and real mouths of the same clip"].rows[0].name.startswith("anna/anna.mp4")
    assert (
        next(line for line in tables["Numbers of Coarticulation"].rows if line.name == "vowels").cells[0].value
        == COARTICULATION.vowels
    )


def test_a_pattern_search_finds_the_bottom_of_a_bent_valley():
    found = pattern_search(lambda x: float((x[0] - 0.8) ** 2 + 3 * (x[1] - x[0] ** 2) ** 2), np.zeros(2), 0.2, 0.005)
    assert found == pytest.approx([0.8, 0.64], abs=0.05)
    assert pattern_search(lambda x: float(-x.sum()), np.full(2, 0.5), 0.2, 0.05) == pytest.approx([1.0, 1.0])


def test_agreement_tells_a_late_mouth():
    wave = np.sin(np.arange(100) * 0.4).astype(np.float32)
    real = MouthCurves(wave, wave, wave, wave)
    late = MouthCurves(*(np.roll(wave, 2),) * 4)
    found = agreement(late, real)
    assert found.lag == 2 and found.aperture > 0.99 and found.width > 0.99
    still = MouthCurves(*(np.zeros(100, np.float32),) * 4)
    assert agreement(still, real).aperture == 0.0


def test_a_drawn_mouth_opens_widens_and_leans(mouth):
    values = neutral(5)
    for row, name in enumerate(("jawOpen", "mouthStretchLeft", "mouthStretchRight", "jawLeft"), start=1):
        values[row, MotionLayout.INDEX[name]] = 0.5
    curves = mouth(values)
    assert curves.aperture[1] > 0.1 and curves.aperture[0] < 0.01
    assert curves.width[2] > curves.width[0] + 0.02 and curves.unevenness.tolist() == [0.0, 0.0, 0.5, -0.5, 0.0]
    assert curves.jaw_side.tolist() == [0.0, 0.0, 0.0, 0.0, 0.5]
    assert movement(MouthCurves(*(np.tile(getattr(curves, n), 10) for n in curves.__slots__))).flashes == 0.0


def test_loudness_and_frames_make_the_same_mouth_as_the_sound():
    phones = (Phone("", 0.0, 0.2), Phone("aa", 0.2, 0.5, alphabet="arpabet"), Phone("", 0.5, 0.8))
    sound = np.concatenate([np.zeros(3200), np.full(4800, 0.2), np.zeros(4800)]).astype(np.float32)
    loudness = relative_loudness(sound, RATE, curve_times(20))
    assert np.array_equal(articulate(phones, sound, RATE), articulate_at(phones, loudness, 20))


def test_a_folder_without_transcribed_videos_is_refused(tmp_path, mouth):
    (tmp_path / "talk.mp4").write_bytes(b"no video")

    def read() -> None:
        read_clips(
            tmp_path,
            tmp_path / "kept",
            mouth,
            sound_offset=lambda person: 0,
            progress=lambda *_: None,
            report=lines.append,
        )

    lines: list[str] = []
    with pytest.raises(InputError, match=r"1 recordings and none with a transcript"):
        read()
    (tmp_path / "talk.txt").write_text("Hello there.")
    with pytest.raises(InputError, match="expected videos of people who say what their transcripts say"):
        read()
    assert lines and "talk.mp4" in lines[0]
