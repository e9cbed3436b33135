"""Sound as Whisper takes it in: log-mel powers, one fixed-size group per video frame, the same in any chunking.

As `avatar.sampler.features`, without state: a frame's powers are a function of the samples from a little before the
frame up to its end, and of nothing later. They are Whisper's own (Radford et al. 2022, section 2.1: 80 bands of a
25 ms Hann window every 10 ms), only 2.5 ms earlier than a window around every tenth millisecond would be, because the
last window must end with its frame.

Nothing is resampled: at any rate the spectrum is taken at Whisper's own frequencies, the multiples of 40 Hz. Where
25 ms are a whole number of samples, that is what a discrete Fourier transform of them gives; elsewhere (at 44.1 kHz)
zeros are added until some multiples of its frequencies are.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from avatar.motion import Floats
from avatar.sampler.features import HOPS_PER_FRAME, of_recording, samples_per_frame
from speech.audio import SPEECH_RATE_HZ

SPEECH_BANDS = 80
_HOPS_PER_S, _WINDOWS_PER_S = 100, 40  # a window is 25 ms long, and so its frequencies are 40 Hz apart
_LEAST_POWER = np.float32(1e-10)

SILENCE: Floats = np.log10(np.full((HOPS_PER_FRAME, SPEECH_BANDS), _LEAST_POWER, np.float32))
"""Digital silence: always this very array, so that it is known at a glance."""
SILENCE.flags.writeable = False

# Slaney's mel scale: linear to 1 kHz, logarithmic above.
_HZ_PER_MEL = 200.0 / 3.0
_LINEAR_TO_HZ = 1000.0
_RATIO_PER_MEL = math.log(6.4) / 27.0


def speech_filters() -> Floats:
    """Whisper's triangular filters, each of the same area: float32 [201, SPEECH_BANDS], by multiples of 40 Hz."""
    split = _LINEAR_TO_HZ / _HZ_PER_MEL
    nyquist = SPEECH_RATE_HZ / 2
    mels = np.linspace(0.0, split + math.log(nyquist / _LINEAR_TO_HZ) / _RATIO_PER_MEL, SPEECH_BANDS + 2)
    logarithmic = _LINEAR_TO_HZ * np.exp(_RATIO_PER_MEL * (mels - split))
    edges = np.where(mels < split, mels * _HZ_PER_MEL, logarithmic)
    bins = np.arange(0.0, nyquist + 1.0, _WINDOWS_PER_S)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins[:, None] - low) / (middle - low)
    falling = (high - bins[:, None]) / (high - middle)
    filters: Floats = (np.clip(np.minimum(rising, falling), 0.0, None) * 2.0 / (high - low)).astype(np.float32)
    return filters


class SpeechMels:
    """Whisper's log-mel powers of one video frame from its samples at a fixed rate.

    Args:
        sample_rate_hz: of the sound; see `samples_per_frame`.

    Attributes:
        samples: samples of a frame.
        before: samples needed before the frame's first one (15 ms).
    """

    def __init__(self, sample_rate_hz: int) -> None:
        self.samples = samples_per_frame(sample_rate_hz)
        length = sample_rate_hz / _WINDOWS_PER_S
        last = self.samples - length / 2.0  # the windows' middles, from the frame's first sample on
        middles = last - np.arange(HOPS_PER_FRAME)[::-1] * (sample_rate_hz / _HOPS_PER_S)
        starts = np.ceil(middles - length / 2.0).astype(np.int64)
        self.before = -int(starts[0])
        places = starts[:, None] + np.arange(int(length))
        self._index = places + self.before
        # Sums grow with the rate: the powers are those of the same sound at 16 kHz.
        scale = SPEECH_RATE_HZ / sample_rate_hz
        self._window = (scale * np.cos(np.pi * (places - middles[:, None]) / length) ** 2).astype(np.float32)
        shared = math.gcd(sample_rate_hz, _WINDOWS_PER_S)
        self._size, self._every = sample_rate_hz // shared, _WINDOWS_PER_S // shared
        filters = speech_filters()
        self._filters = filters[: self._size // 2 // self._every + 1]  # there is nothing above half the rate

    def __call__(self, samples: Floats) -> Floats:
        """Float32 [before + samples] (what precedes the frame, then the frame) to float32 [4, 80], about -10 to 2."""
        if not samples.any():  # a face is idle for hours
            return SILENCE
        spectrum = np.fft.rfft(samples[self._index] * self._window, self._size, axis=1)
        spectrum = spectrum[:, :: self._every][:, : len(self._filters)]
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        powers: Floats = np.log10(np.maximum(power @ self._filters, _LEAST_POWER))
        return powers


@lru_cache(maxsize=8)
def speech_mels(sample_rate_hz: int) -> SpeechMels:
    """The (shared, stateless) extractor for a rate."""
    return SpeechMels(sample_rate_hz)


def recording_mels(samples: Floats, sample_rate_hz: int) -> Floats:
    """Of a whole recording, the last frame padded with silence: float32 [N] to float32 [T, 4, 80]."""
    return of_recording(speech_mels(sample_rate_hz), samples)


def silence_mels() -> Floats:
    """What digital silence looks like at any rate: float32 [4, 80]."""
    return SILENCE.copy()
