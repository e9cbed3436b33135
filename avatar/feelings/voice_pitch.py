"""Pitch and level of a voice in one video frame, by the autocorrelation of its last 64 ms (Boersma 1993); no state.

What is asked of it is how a voice moves, not its exact note: 4 kHz are enough, and a frame costs some 20 µs. It is
always computed with arrays of the same shape, so that the chunks in which the sound came don't change a bit of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from avatar.motion import Doubles, Floats

LOWEST_HZ, HIGHEST_HZ = 70.0, 420.0

_RATE_HZ = 4_000.0
_WINDOW, _FFT = 256, 512
_FINER = 4
"""Steps a sample at which the autocorrelation is taken."""
_VOICED = 0.55
"""Height of the autocorrelation from which on a frame has a pitch."""
_OCTAVE_COST = 0.03
"""Of each octave that a pitch is lower: every multiple of a period is one, too."""
_FLOOR = 1e-6
"""Of the mean square, -60 dB of full scale."""


@dataclass(frozen=True, slots=True)
class Tone:
    """What is heard of a voice in one frame.

    Attributes:
        hz: its pitch; 0 where there is no voice.
        level_db: against full scale.
    """

    hz: float
    level_db: float


NO_TONE = Tone(0.0, -120.0)


class VoicePitch:
    """Finds the pitch of sound at a fixed rate.

    Args:
        sample_rate_hz: of the sound, at least 8 kHz.

    Attributes:
        samples: so many are needed, up to the frame's end.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        # Means of whole groups of samples: a filter that is zero at all that would fold onto a voice's first harmonics.
        group = round(sample_rate_hz / _RATE_HZ)
        self.samples = _WINDOW * group
        self._window = np.hanning(_WINDOW + 1)[:-1]
        self._lag_hz = sample_rate_hz / group * _FINER
        self._first, self._last = int(self._lag_hz / HIGHEST_HZ), int(self._lag_hz / LOWEST_HZ)
        lags = np.arange(self._first - 1, self._last + 2)
        # The window's own autocorrelation is taken out, which would make all periods shorter.
        self._gain = 1.0 / self._autocorrelation(self._window)[lags]
        self._cost = _OCTAVE_COST * np.log2(lags / self._first)

    def __call__(self, samples: Floats) -> Tone:
        """The voice at the end of float32 [samples]."""
        sound = samples.reshape(_WINDOW, -1).mean(axis=1, dtype=np.float64)
        sound -= sound.mean()
        if float(sound @ sound) < _FLOOR * _WINDOW:
            return NO_TONE
        return Tone(self._hz(sound), 10.0 * math.log10(float(np.mean(np.square(samples, dtype=np.float64)))))

    def _hz(self, sound: Doubles) -> float:
        heights = self._autocorrelation(sound * self._window)[self._first - 1 : self._last + 2] * self._gain
        best = int(np.argmax((heights - self._cost)[1:-1])) + 1
        before, height, after = heights[best - 1 : best + 2].tolist()
        if height < _VOICED or not before <= height >= after:
            return 0.0
        curved = before - 2.0 * height + after
        peak = best + (0.5 * (before - after) / curved if curved < 0.0 else 0.0)  # of a parabola through the three
        return float(self._lag_hz / (self._first - 1 + peak))

    def _autocorrelation(self, sound: Doubles) -> Doubles:
        """Of 256 samples, at lags of a quarter of a sample, 1 at lag 0."""
        power = np.square(np.abs(np.fft.rfft(sound, _FFT)))
        found = np.fft.irfft(power, _FFT * _FINER)[: self._last + 2]
        return np.asarray(found / found[0])


@lru_cache(maxsize=8)
def voice_pitch(sample_rate_hz: int) -> VoicePitch:
    """The (shared, stateless) finder for a rate."""
    return VoicePitch(sample_rate_hz)
