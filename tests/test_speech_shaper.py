"""Silence cut, loudness evened out, edges softened: in any pieces."""

import numpy as np
import pytest

from speech.audio import Samples
from speech.tts.synthesis.loudness import SPEECH_LEVEL_DBFS, speech_level_dbfs
from speech.tts.synthesis.speech_shaper import LEAD_IN_S, MAX_CORRECTION_DB, SpeechShaper

RATE = 16_000
LEVEL_DBFS = -35.0
PAUSE_S = 0.3


def hum(seconds: float, level_dbfs: float) -> Samples:
    time = np.arange(round(seconds * RATE)) / RATE
    return (np.sqrt(2) * 10 ** (level_dbfs / 20) * np.sin(2 * np.pi * 200 * time)).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), np.float32)


def shaper(*, volume: float = 1.0, hold_s: float = 0.0) -> SpeechShaper:
    return SpeechShaper(RATE, level_dbfs=LEVEL_DBFS, volume=volume, pause_s=PAUSE_S, hold_s=hold_s)


def shaped(raw: Samples, piece: int, **options: float) -> tuple[Samples, SpeechShaper]:
    one = shaper(**options)
    pieces = [one.push(raw[start : start + piece]).samples for start in range(0, len(raw), piece)]
    return np.concatenate([*pieces, one.finish().samples]), one


SENTENCE = np.concatenate((silence(0.5), hum(0.6, LEVEL_DBFS), silence(0.2), hum(0.4, LEVEL_DBFS), silence(0.7)))


@pytest.mark.parametrize("piece", [100, 1_777, 100_000])
@pytest.mark.parametrize("hold_s", [0.0, 0.2])
def test_silence_is_cut_to_the_lead_in_and_the_pause(piece: int, hold_s: float) -> None:
    samples, one = shaped(SENTENCE, piece, hold_s=hold_s)
    expected_s = LEAD_IN_S + 0.6 + 0.2 + 0.4 + PAUSE_S
    assert len(samples) / RATE == pytest.approx(expected_s, abs=0.011)
    assert not samples[-round(0.26 * RATE) :].any()
    assert one.dropped / RATE == pytest.approx(0.5 - LEAD_IN_S, abs=0.011)
    assert speech_level_dbfs(samples, RATE) == pytest.approx(SPEECH_LEVEL_DBFS, abs=0.3)
    assert np.abs(np.diff(samples)).max() < 0.02  # no click: the hum itself changes by 0.011 a sample


def test_speech_that_ends_suddenly_ends_without_a_click() -> None:
    samples, _ = shaped(hum(0.5, LEVEL_DBFS)[:-20], 100_000)
    assert np.abs(np.diff(samples)).max() < 0.02


@pytest.mark.parametrize(("off_db", "left_db"), [(0.0, 0.0), (5.0, 0.0), (-5.0, 0.0), (12.0, 6.0), (-15.0, -9.0)])
def test_a_wobbly_sentence_is_evened_out_within_bounds(off_db: float, left_db: float) -> None:
    assert MAX_CORRECTION_DB == 6.0
    samples, _ = shaped(hum(1.0, LEVEL_DBFS + off_db), 100_000)
    assert speech_level_dbfs(samples, RATE) == pytest.approx(SPEECH_LEVEL_DBFS + left_db, abs=0.4)


def test_volume_and_limiter() -> None:
    quiet, _ = shaped(hum(1.0, LEVEL_DBFS), 100_000, volume=0.5)
    assert speech_level_dbfs(quiet, RATE) == pytest.approx(SPEECH_LEVEL_DBFS - 6.0, abs=0.3)
    loud, _ = shaped(hum(1.0, LEVEL_DBFS + 26.0), 100_000, volume=2.0)
    assert 0.9 < np.abs(loud).max() <= 1.0


def test_loudness_changes_without_a_step_while_streaming() -> None:
    raw = np.concatenate((hum(0.5, LEVEL_DBFS), hum(1.0, LEVEL_DBFS + 5.0)))
    samples, _ = shaped(raw, RATE // 4)
    assert np.abs(np.diff(samples)).max() < 0.03
    assert speech_level_dbfs(samples[RATE : -RATE // 2], RATE) < SPEECH_LEVEL_DBFS + 4.0


def test_nothing_said_gives_nothing() -> None:
    samples, one = shaped(silence(1.0), 1_000)
    assert one.speech_end == 0 and not samples.any() and len(samples) == 0


def test_the_end_is_kept_back_while_streaming() -> None:
    one = shaper(hold_s=0.2)
    first = one.push(hum(1.0, LEVEL_DBFS))
    assert len(first.samples) == RATE * 8 // 10
    assert first.is_speech.all()
    rest = one.finish()
    assert rest.is_speech.sum() == pytest.approx(0.2 * RATE, abs=0.01 * RATE)
