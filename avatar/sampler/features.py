"""Sound to log-mel features, one fixed-size group per video frame: any chunking gives the same bytes.

Nothing here has state. The features of a frame are a function of the samples from a little before the frame up to
its end, always computed with arrays of the same shape, so neither the chunking nor a rewind can change a bit
(results of FFT and matrix products may depend on array sizes; the sizes never change). A streaming resampler with
inner state could not be rewound; here resampling is one fixed linear map per input rate, in the same window.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from avatar.motion import FRAME_RATE_HZ, Floats
from speech.audio import SPEECH_RATE_HZ

HOPS_PER_FRAME = 4
"""Feature vectors a video frame: one every 10 ms, the usual rate in speech recognition."""

MEL_BANDS = 64
HOP = SPEECH_RATE_HZ // FRAME_RATE_HZ // HOPS_PER_FRAME
WINDOW = 400  # 25 ms at 16 kHz
FFT_SIZE = 512
LOWEST_HZ, HIGHEST_HZ = 60.0, 7600.0

# Added to the mel power (of samples in [-1, 1]): about -70 dB below a full-scale tone, where rooms and 16-bit hiss
# end. Below it everything is silence.
POWER_FLOOR = 1e-7

# The windows end this many 16 kHz samples (2 ms) before the frame does, which leaves the resampling filter its share
# of the future: a frame's features never need a sample after the frame's end.
FILTER_MARGIN = 32
ZERO_CROSSINGS = 12  # half width of the windowed sinc; 1.5 ms at 8 kHz, inside the margin
KAISER_BETA = 8.0  # about 80 dB of stop band
LOWEST_RATE_HZ = 8_000


def samples_per_frame(sample_rate_hz: int) -> int:
    """Samples of one video frame.

    Raises:
        ValueError: the rate is too low, or no whole number of samples fits a video frame.
    """
    if sample_rate_hz < LOWEST_RATE_HZ or sample_rate_hz % FRAME_RATE_HZ:
        raise ValueError(
            f"sound for the face: expected a sample rate of at least {LOWEST_RATE_HZ} Hz divisible by {FRAME_RATE_HZ}, "
            f"got {sample_rate_hz}; resample it to {SPEECH_RATE_HZ} Hz first"
        )
    return sample_rate_hz // FRAME_RATE_HZ


def mel_filters() -> Floats:
    """Triangular filters, equally spaced in mel (HTK formula): float32 [FFT_SIZE // 2 + 1, MEL_BANDS]."""

    def to_mel(hz: float) -> float:
        return float(2595.0 * np.log10(1.0 + hz / 700.0))

    mels = np.linspace(to_mel(LOWEST_HZ), to_mel(HIGHEST_HZ), MEL_BANDS + 2)
    edges = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    bins = np.arange(FFT_SIZE // 2 + 1) * SPEECH_RATE_HZ / FFT_SIZE
    rising = (bins[:, None] - edges[None, :-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[None, 2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return np.clip(np.minimum(rising, falling), 0.0, None).astype(np.float32)


class FrameFeatures:
    """The features of one video frame from its samples at a fixed rate.

    Args:
        sample_rate_hz: of the sound; see `samples_per_frame`.

    Attributes:
        samples: samples of a frame.
        before: samples needed before the frame's first one.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self.samples = samples_per_frame(sample_rate_hz)
        # 16 kHz positions that the four windows cover, relative to the frame's start.
        first = -(WINDOW - HOP) - FILTER_MARGIN
        count = WINDOW + (HOPS_PER_FRAME - 1) * HOP
        ratio = sample_rate_hz / SPEECH_RATE_HZ
        half = int(np.ceil(ZERO_CROSSINGS * max(ratio, 1.0)))
        centres = (first + np.arange(count)) * ratio
        self.before = int(-np.floor(centres[0])) + half
        if sample_rate_hz == SPEECH_RATE_HZ:
            self._taps = None
        else:
            base = np.floor(centres).astype(np.int64)
            offsets = np.arange(-half + 1, half + 1)
            distance = base[:, None] + offsets[None, :] - centres[:, None]
            cutoff = min(1.0, 1.0 / ratio)
            inside = np.clip(1.0 - (distance / half) ** 2, 0.0, None)
            weights = cutoff * np.sinc(distance * cutoff) * np.i0(KAISER_BETA * np.sqrt(inside)) / np.i0(KAISER_BETA)
            weights /= weights.sum(axis=1, keepdims=True)
            self._taps = weights.astype(np.float32)
            self._first = base + offsets[0] + self.before  # sample of each row's first tap
        self._start = self.before + first
        self._count = count
        window = np.hanning(WINDOW + 1)[:-1]
        self._window = (window / window.sum() * 2.0).astype(np.float32)
        self._hops = np.arange(HOPS_PER_FRAME)[:, None] * HOP + np.arange(WINDOW)[None, :]
        self._mel = mel_filters()
        self._silence = self._extract(np.zeros(self.before + self.samples, np.float32))
        self._silence.flags.writeable = False

    def __call__(self, samples: Floats) -> Floats:
        """Float32 [before + samples] (what precedes the frame, then the frame) to float32 [4, 64], about [-1.5, 2]."""
        # Of nothing, always the same array: a face is idle for hours.
        return self._extract(samples) if samples.any() else self._silence

    def _extract(self, samples: Floats) -> Floats:
        if self._taps is None:
            heard = samples[self._start : self._start + self._count]
        else:
            rows = sliding_window_view(samples, self._taps.shape[1])[self._first]
            heard = (rows * self._taps).sum(axis=1)
        spectrum = np.fft.rfft(heard[self._hops] * self._window, FFT_SIZE, axis=1)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        # Centred and scaled so that conversational speech has about zero mean and unit spread.
        features: Floats = (np.log(power @ self._mel + np.float32(POWER_FLOOR)) + np.float32(10.0)) / np.float32(4.0)
        return features


@lru_cache(maxsize=8)
def frame_features(sample_rate_hz: int) -> FrameFeatures:
    """The (shared, stateless) extractor for a rate."""
    return FrameFeatures(sample_rate_hz)


class FrameExtractor(Protocol):
    """What turns the samples of one video frame, and `before` samples that precede them, into numbers."""

    samples: int
    before: int

    def __call__(self, samples: Floats) -> Floats:
        """Float32 [before + samples] to float32 [...], always of the same shape."""
        ...


def of_recording(extract: FrameExtractor, samples: Floats) -> Floats:
    """Each frame of a whole recording, the last one padded with silence: float32 [N] to float32 [T, ...]."""
    frames = -(-len(samples) // extract.samples)
    length = extract.before + extract.samples
    # One frame at least, which tells the shape.
    starts = range(0, max(frames, 1) * extract.samples, extract.samples)
    padded = np.zeros(starts[-1] + length, np.float32)
    padded[extract.before : extract.before + len(samples)] = samples
    return np.stack([extract(padded[start : start + length]) for start in starts])[:frames]


def recording_features(samples: Floats, sample_rate_hz: int) -> Floats:
    """Features of a whole recording, the last frame padded with silence: float32 [N] to float32 [T, 4, 64]."""
    return of_recording(frame_features(sample_rate_hz), samples)


def silence_features() -> Floats:
    """What digital silence looks like: float32 [4, 64]."""
    extract = frame_features(SPEECH_RATE_HZ)
    return extract(np.zeros(extract.before + extract.samples, np.float32)).copy()


# A voice's loudness as the listener's motion needs it: 0 at and below -55 dB, 1 at -15 dB of full scale.
QUIET_DB, LOUD_DB = -55.0, -15.0


def loudness(samples: Floats) -> float:
    """Loudness of a piece of sound in [0, 1], linear in decibels (RMS)."""
    if len(samples) == 0:
        return 0.0
    decibels = 10.0 * np.log10(float(np.mean(np.square(samples, dtype=np.float64))) + 1e-12)
    return float(np.clip((decibels - QUIET_DB) / (LOUD_DB - QUIET_DB), 0.0, 1.0))
