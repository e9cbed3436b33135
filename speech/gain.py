"""A gain that changes over time without clicks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from speech.audio import Samples


class GainCurve:
    """A gain for every sample, 1 at first: straight lines between knots, constant after the last one."""

    def __init__(self) -> None:
        self._knots: list[tuple[int, float]] = [(0, 1.0)]

    @property
    def target(self) -> float:
        """Where it ends."""
        return self._knots[-1][1]

    def turn_to(self, gain: float, at: int, over: int) -> None:
        """Changes it from sample `at` on, within `over` samples; what was to come from there on is dropped."""
        now = float(self._at(np.array([at]))[0])
        self._knots = [*(knot for knot in self._knots if knot[0] < at), (at, now), (at + over, gain)]

    def fade_in(self, at: int, over: int) -> None:
        """Lets what begins at sample `at` come from silence up to 1."""
        self.turn_to(0.0, at, 0)
        self._knots.append((at + over, 1.0))

    def apply(self, samples: Samples, start: int) -> Samples:
        """Returns float32 [N] sound, which begins at sample `start`, with the gain; the same array where that is 1."""
        first = next((place for place in reversed(range(len(self._knots))) if self._knots[place][0] <= start), 0)
        if all(gain == 1.0 for _, gain in self._knots[first:]):
            return samples
        return samples * self._at(np.arange(start, start + len(samples)))

    def forget(self, before: int) -> None:
        """Drops what nobody asks for again."""
        while len(self._knots) > 1 and self._knots[1][0] <= before:
            del self._knots[0]

    def _at(self, places: npt.NDArray[np.int64]) -> Samples:
        at, gains = zip(*self._knots, strict=True)
        return np.interp(places, at, gains).astype(np.float32)
