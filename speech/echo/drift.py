"""Clocks of microphone and speaker that differ without anybody saying so: seen in the room, and taken out.

Where a clock runs away, the learnt path of the echo gets later or earlier all the time, and a filter that has to follow
never learns it well: 5 dB of cancelling are left at 100 ppm. How much later it has become tells the difference of the
clocks, and the reference is read that much faster or slower.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.echo.alignment import between

_EVERY = 25
"""Blocks between two looks at the path: half a second."""
_TRUST = 0.6
"""How much of what a look shows is believed."""
_LEAST_LIKENESS = 0.5
"""Of two paths, 0 to 1, below which the one is not the other a little later."""
_MOST = 500e-6
_EARLIER = OUTPUT_RATE_HZ // 25
"""How much earlier the reference can be read than now; by so much it is read late at first: 40 ms."""
_LATER = OUTPUT_RATE_HZ // 2
_BINS = slice(8, 160)
"""200 to 4,000 Hz, where voices are and a sample's tenth still shows."""

_Spectra = npt.NDArray[np.complex64]


class DriftTracker:
    """Reads the reference at the microphone's pace.

    Args:
        bin_hz: distance of the path's bins.

    Attributes:
        ppm: difference of the clocks as far as it is known, parts in a million; above 0 the echo gets later.
    """

    def __init__(self, bin_hz: float) -> None:
        self._radians = (2.0 * np.pi * bin_hz / OUTPUT_RATE_HZ) * np.arange(_BINS.start, _BINS.stop)
        self._kept: Samples = np.zeros(_EARLIER + _LATER, np.float32)
        self.reset()

    def reset(self) -> None:
        """Other devices have other clocks."""
        self._later = self._rate = 0.0
        self._before: _Spectra | None = None
        self._blocks = 0

    @property
    def ppm(self) -> float:
        """See the class."""
        return 1e6 * self._rate

    def read(self, played: Samples) -> Samples:
        """Takes the next block of what was played; returns the block to compare with: float32 of the same length."""
        self._kept = np.concatenate((self._kept[len(played) :], played))
        self._later += self._rate * len(played)
        if not 2.0 - _EARLIER < self._later < _LATER - 2.0 * len(played):
            self._later = 0.0  # the echo seems to jump, which the filter notices
        place = len(self._kept) - len(played) - _EARLIER - self._later
        whole = int(np.floor(place))
        return between(self._kept[whole - 1 : whole + len(played) + 2], place - whole)

    def observe(self, path: _Spectra, block: int) -> None:
        """Looks at the path after a block in which something was played.

        Args:
            path: complex64 [partitions, bins].
            block: samples.
        """
        self._blocks += 1
        if self._blocks < _EVERY:
            return
        self._blocks = 0
        before, now = self._before, path[:, _BINS].copy()
        self._before = now
        if before is None:
            return
        turned = np.sum(now * np.conj(before), axis=0)
        weight = np.abs(turned)
        power = float(np.vdot(now, now).real * np.vdot(before, before).real)
        if power <= 0.0 or float(weight.sum()) < _LEAST_LIKENESS * power**0.5:
            return
        later = -float(np.sum(weight * np.angle(turned) * self._radians) / np.sum(weight * self._radians**2))
        self._rate = float(np.clip(self._rate + _TRUST * later / (_EVERY * block), -_MOST, _MOST))

    def forget_path(self) -> None:
        """Another room: it is not the old one a little later. The clocks are the same."""
        self._before, self._blocks = None, 0
