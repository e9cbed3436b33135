import tracemalloc

import numpy as np
import pytest

from avatar.sampler.audio_buffer import AudioBuffer
from avatar.sampler.features import (
    HOPS_PER_FRAME,
    MEL_BANDS,
    frame_features,
    loudness,
    mel_filters,
    recording_features,
    silence_features,
)
from speech.audio import AudioChunk, resample

RATES = (8_000, 16_000, 22_050, 44_100, 48_000)


def _speech_like(seconds: float, rate: int) -> np.ndarray:
    """A buzz with moving formant-like bands, at any rate."""
    times = np.arange(round(seconds * rate)) / rate
    pitch = 120.0 + 20.0 * np.sin(2.0 * np.pi * 2.0 * times)
    phase = 2.0 * np.pi * np.cumsum(pitch) / rate
    sound = sum(np.sin(k * phase) / k for k in range(1, 20))
    return (0.05 * sound * (0.6 + 0.4 * np.sin(2.0 * np.pi * 4.0 * times))).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_every_rate_gives_the_same_features(rate):
    sound = _speech_like(1.0, 48_000)
    reference = recording_features(resample(sound, 48_000, 16_000), 16_000)
    ours = recording_features(resample(sound, 48_000, rate), rate)
    assert ours.shape == reference.shape == (25, HOPS_PER_FRAME, MEL_BANDS)
    # An 8 kHz recording has nothing above 4 kHz: compare the bands below 3 kHz.
    assert np.abs(ours[2:-2, :, :38] - reference[2:-2, :, :38]).max() < 0.1


@pytest.mark.parametrize("rate", RATES)
def test_a_frame_needs_no_sound_after_its_end(rate):
    extract = frame_features(rate)
    sound = _speech_like(0.2, rate)
    window = sound[: extract.before + extract.samples]
    before = extract(window)
    changed = window.copy()
    changed[-1] += 0.5  # the very last sample lies in the filter's margin at most
    assert np.abs(extract(changed) - before).max() < 1.0
    assert len(window) == extract.before + extract.samples


def test_a_tone_lies_in_its_band():
    times = np.arange(16_000) / 16_000
    tone = 0.5 * np.sin(2.0 * np.pi * 1000.0 * times).astype(np.float32)
    loudest = recording_features(tone, 16_000)[10].mean(axis=0).argmax()
    centre = (mel_filters()[:, loudest] * np.arange(257)).sum() / mel_filters()[:, loudest].sum() * 16_000 / 512
    assert abs(centre - 1000.0) < 60.0


def test_silence_is_the_floor():
    assert np.allclose(silence_features(), silence_features()[0, 0])
    quiet = recording_features(np.full(640, 1e-6, np.float32), 16_000)
    assert np.abs(quiet - silence_features()).max() < 0.01


@pytest.mark.parametrize("rate", [4_000, 11_026])
def test_rates_that_do_not_fit_are_refused(rate):
    with pytest.raises(ValueError, match="sample rate"):
        recording_features(np.zeros(1000, np.float32), rate)


def test_loudness_is_linear_in_decibels():
    assert loudness(np.zeros(640, np.float32)) == 0.0
    assert loudness(np.zeros(0, np.float32)) == 0.0
    quiet, loud = (loudness(np.full(640, 10.0 ** (db / 20.0), np.float32)) for db in (-45.0, -25.0))
    assert quiet == pytest.approx(0.25, abs=0.01) and loud == pytest.approx(0.75, abs=0.01)


def test_a_buffer_keeps_what_is_needed_of_an_endless_sound_and_little_more():
    second, seconds_needed = 16_000, 5
    sound = np.random.default_rng(0).normal(size=60 * second).astype(np.float32)
    buffer, pushed, start = AudioBuffer(), 0, 0
    tracemalloc.start()
    try:
        for number in range(1500):
            if number % 100 == 99:  # somebody interrupts: the last second is said otherwise
                pushed -= second
                buffer.cut(pushed)
            buffer.push(AudioChunk(sound[pushed : pushed + 640], second, pushed), "sound")
            pushed += 640
            start = max(start, pushed - seconds_needed * second)
            buffer.forget(start)
            assert np.array_equal(buffer.read(start, pushed), sound[start:pushed])
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    needed = seconds_needed * second * sound.itemsize
    assert pushed > 40 * second and kept < 2.5 * needed and most < 6 * needed
