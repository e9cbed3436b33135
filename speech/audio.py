"""Sound in memory: chunks and resampling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

Samples = npt.NDArray[np.float32]
"""Mono sound, float32 [N] in [-1, 1]."""

SPEECH_RATE_HZ = 16_000
"""The rate that the ears and the face listen at."""

OUTPUT_RATE_HZ = 48_000
"""The rate of everything that is played or recorded: the audio clock counts these samples."""


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A piece of a stream of sound.

    Attributes:
        samples: float32 [N] in [-1, 1], mono.
        sample_rate_hz: samples a second.
        start_sample: index of the first sample in its stream, at `sample_rate_hz`.
    """

    samples: Samples
    sample_rate_hz: int
    start_sample: int

    @property
    def end_sample(self) -> int:
        """Index just after the last sample."""
        return self.start_sample + len(self.samples)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz


def rms(samples: Samples) -> float:
    """The loudness of a piece of sound: root of the mean square; 0 for none."""
    return float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0


class Resampler:
    """Streaming sample-rate conversion: any chunking of the input gives the same samples as one pass.

    Args:
        from_hz: rate of the samples pushed.
        to_hz: rate of the samples returned.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._stream = None if from_hz == to_hz else soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32")

    def push(self, samples: Samples, *, last: bool = False) -> Samples:
        """Returns what can be computed so far: float32 [M]. `last` flushes the filter's tail; push no more after it."""
        if self._stream is None:
            return samples
        out: Samples = self._stream.resample_chunk(np.ascontiguousarray(samples, dtype=np.float32), last=last)
        return out


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Converts a whole recording: float32 [N] at `from_hz` to float32 [M] at `to_hz`."""
    if from_hz == to_hz:
        return samples
    out: Samples = soxr.resample(samples, from_hz, to_hz).astype(np.float32)
    return out


def chunked(samples: Samples, sample_rate_hz: int, chunk_samples: int) -> Iterator[AudioChunk]:
    """Cuts a recording into chunks of `chunk_samples` (the last one may be shorter)."""
    for start in range(0, len(samples), chunk_samples):
        yield AudioChunk(samples[start : start + chunk_samples], sample_rate_hz, start)
