"""Sound in memory and on disk."""

from __future__ import annotations

import numpy as np
import pytest

from speech.audio import Resampler, chunked, resample


def tone(seconds: float, rate: int, hz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(22_050, 48_000), (16_000, 48_000), (48_000, 16_000), (48_000, 48_000)])
@pytest.mark.parametrize("chunk", [160, 441, 1777])
def test_streaming_resampling_does_not_depend_on_the_chunks(from_hz: int, to_hz: int, chunk: int) -> None:
    sound = np.random.default_rng(1).uniform(-1, 1, from_hz).astype(np.float32)

    def streamed(size: int) -> np.ndarray:
        resampler = Resampler(from_hz, to_hz)
        pieces = [resampler.push(piece.samples) for piece in chunked(sound, from_hz, size)]
        return np.concatenate([*pieces, resampler.push(np.zeros(0, np.float32), last=True)])

    whole = streamed(len(sound))
    np.testing.assert_array_equal(streamed(chunk), whole)
    assert abs(len(whole) - to_hz) <= 1


def test_resampling_keeps_the_tone() -> None:
    converted = resample(tone(0.5, 44_100), 44_100, 16_000)
    np.testing.assert_allclose(converted[500:-500], tone(0.5, 16_000)[500 : len(converted) - 500], atol=2e-3)
