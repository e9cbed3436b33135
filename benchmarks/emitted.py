"""What really came out: a sound system's sink recorded with times, and numbers written into pictures."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import IO, Self

import numpy as np
import soxr

from avatar.decoder import Image, VideoFrame
from avatar.motion import Floats
from avatar.outputs.base import Output
from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.worker.priority import prefer_sound

_READ_BYTES = OUTPUT_RATE_HZ // 100 * 4
_FRAME = OUTPUT_RATE_HZ // 100
_CLOCK_READS = 1000
"""Reads, 10 s of them, of which those that waited least tell the recorder's clock."""

BITS, CELL_PX = 20, 16
"""A frame's number stands in the first row of cells of its picture, black for 0 and white for 1."""


class TimedRecording:
    """Records one of PulseAudio's devices; entering starts it, leaving stops it and forgets what was recorded.

    Args:
        environ: of the sound system.
        device: such as "speaker.monitor".
    """

    def __init__(self, environ: Mapping[str, str], device: str) -> None:
        options = ["--raw", "--format=float32le", f"--rate={OUTPUT_RATE_HZ}", "--channels=1", "--latency-msec=10"]
        self._command, self._environ = ["parec", f"--device={device}", *options], dict(environ)
        self._file = tempfile.TemporaryFile(buffering=0)
        self._bytes = 0
        self._late_s: list[float] = []  # of every read: its time minus that of its last sample, had it come at once
        self._read_at: list[int] = []
        self._known: list[tuple[float, float]] = []  # of `_around`, for reads that are followed by enough others

    def __enter__(self) -> TimedRecording:
        self._recorder = subprocess.Popen(self._command, env=self._environ, stdout=subprocess.PIPE, bufsize=0)
        assert self._recorder.stdout is not None
        self._thread = threading.Thread(target=self._read, args=(self._recorder.stdout,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._recorder.terminate()
        self._thread.join()
        self._recorder.wait()
        if self._recorder.stdout is not None:
            self._recorder.stdout.close()
        self._file.close()

    def _read(self, pipe: IO[bytes]) -> None:
        prefer_sound()
        while piece := pipe.read(_READ_BYTES):
            now = time.monotonic()
            self._file.write(piece)
            self._read_at.append((self._bytes + len(piece)) // 4)
            self._late_s.append(now - self._read_at[-1] / OUTPUT_RATE_HZ)
            self._bytes += len(piece)

    def samples(self, start: int = 0, end: int | None = None) -> Samples:
        """The samples recorded so far, or a part of them: float32 [N]."""
        end = self._bytes // 4 if end is None else min(end, self._bytes // 4)
        return np.frombuffer(os.pread(self._file.fileno(), 4 * max(0, end - start), 4 * start), "<f4")

    def start_s(self) -> float:
        """`time.monotonic()` of the first sample: from the reads that waited least (the 5th percentile)."""
        return float(np.percentile(self._late_s[:_CLOCK_READS], 5))

    def time_s(self, sample: float) -> float:
        """`time.monotonic()` of a sample: a sink's clock runs away from ours by up to 0.1 ms a second."""
        places, starts_s = self._clock()
        return sample / OUTPUT_RATE_HZ + float(np.interp(sample, places, starts_s))

    def sample_at(self, time_s: float) -> int:
        """The sample of a `time.monotonic()`, at least 0."""
        places, starts_s = self._clock()
        sample = (time_s - starts_s[-1]) * OUTPUT_RATE_HZ
        for _ in range(2):
            sample = (time_s - float(np.interp(sample, places, starts_s))) * OUTPUT_RATE_HZ
        return max(0, round(sample))

    def _clock(self) -> tuple[list[float], list[float]]:
        """Places in the recording, and `start_s` as the reads around each of them have it."""
        count = len(self._late_s)
        while (first := len(self._known) * _CLOCK_READS) + 3 * _CLOCK_READS // 2 <= count:
            self._known.append(self._around(slice(first, first + _CLOCK_READS)))
        places, starts_s = zip(*self._known, self._around(slice(first, count)), strict=True)
        return list(places), list(starts_s)

    def _around(self, reads: slice) -> tuple[float, float]:
        """The middle of some reads, and `start_s` as they have it."""
        return float(np.mean(self._read_at[reads])), float(np.percentile(self._late_s[reads], 5))


def loud_frames(samples: Samples, threshold: float) -> np.ndarray:
    """Which 10 ms of a recording are louder (RMS) than the threshold: bool [N // 480]."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    return np.asarray(np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1)) > threshold)


def delay_s(emitted: Samples, original: Samples) -> tuple[float, float]:
    """Where a piece of the original lies in a longer recording.

    Returns:
        Seconds from the recording's start, and the correlation there (1: the same but for the level). At 16 kHz.
    """
    long, short = (soxr.resample(part, OUTPUT_RATE_HZ, 16_000).astype(np.float64) for part in (emitted, original))
    size = 1 << (len(long) + len(short)).bit_length()
    product = np.fft.irfft(np.fft.rfft(long, size) * np.conj(np.fft.rfft(short, size)), size)[: len(long) - len(short)]
    sums = np.cumsum(np.square(np.concatenate([[0.0], long])))
    power = (sums[len(short) :] - sums[: -len(short)])[: len(product)]
    likeness = product / np.sqrt(np.maximum(power, 1e-9) * np.sum(np.square(short)))
    best = int(np.argmax(likeness))
    return best / 16_000, float(likeness[best])


class Numbered:
    """An output that writes the frame's number into a copy of the picture before it passes it on.

    Args:
        output: what gets the pictures.
    """

    def __init__(self, output: Output) -> None:
        self._output = output

    def __enter__(self) -> Self:
        """Passes it on."""
        self._output.__enter__()
        return self

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        """Numbers one frame."""
        if frame is not None:
            number = frame.pts_samples // (OUTPUT_RATE_HZ // 25)
            bits = (number >> np.arange(BITS)) & 1
            image = frame.image.copy()
            image[:CELL_PX, : BITS * CELL_PX] = np.repeat(bits * 255, CELL_PX).astype(np.uint8)[None, :, None]
            frame = VideoFrame(image, frame.pts_samples)
        self._output.write(frame, sound, motion)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Passes it on."""
        self._output.__exit__(kind, error, trace)


def number_of(luma: Image) -> int:
    """The number in a picture: uint8 [H, W], its brightness."""
    middle = luma[CELL_PX // 2, CELL_PX // 2 : BITS * CELL_PX : CELL_PX] > 127
    return int(np.sum(middle.astype(np.int64) << np.arange(BITS)))
