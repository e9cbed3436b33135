"""A mirror whose microphone hears its own speaker must not howl: where a loop rises, it becomes softer for good."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from speech.audio import Samples, rms

_SMOOTHED = 15
"""Pieces over which loudness is taken, 0.3 s: longer than once through the loop."""
_LOOKED_AT = 100
"""Pieces of which none is a pause: 2 s. A voice's softest 0.3 s of them have at most 0.6 of its loudest, a howl 0.9."""
_EVEN = 0.8
_LOUD_RMS = 0.1
"""-20 dBFS: a howl becomes louder than this, a fan does not."""
_SOFTER = 0.25


class HowlGuard:
    """Listens to what the mirror is about to play, piece by piece (20 ms).

    Each time the sound stays loud and even for 2 s, the mirror becomes 12 dB softer: after a few times at the latest,
    less comes back than went out.

    Args:
        on_howl: called the first time.
    """

    def __init__(self, on_howl: Callable[[str], None]) -> None:
        self._on_howl, self._gain = on_howl, 1.0
        self._powers: deque[float] = deque(maxlen=_SMOOTHED)
        self._levels: deque[float] = deque(maxlen=_LOOKED_AT)

    def push(self, samples: Samples) -> Samples:
        """Takes the next piece of the microphone's sound; returns what may be played of it."""
        before = self._gain
        self._powers.append(rms(samples) ** 2)
        self._levels.append((sum(self._powers) / len(self._powers)) ** 0.5)
        if len(self._levels) == _LOOKED_AT and max(self._levels) > _LOUD_RMS and self._is_even():
            if self._gain == 1.0:
                self._on_howl("mirror: the microphone hears the speakers, it became softer; use headphones")
            self._gain *= _SOFTER
            self._levels.clear()
        if before == self._gain == 1.0:
            return samples
        ramp: Samples = np.linspace(before, self._gain, len(samples), dtype=np.float32)
        return samples * ramp

    def _is_even(self) -> bool:
        return min(self._levels) > _EVEN * max(self._levels)
