"""Which sample the speaker played when the microphone recorded another: even, although every report of it jitters."""

from __future__ import annotations

import numpy as np

from speech.audio import OUTPUT_RATE_HZ, Samples

LEAD = OUTPUT_RATE_HZ // 25
"""Samples by which the reference is ahead of what was reported, 40 ms: what a report says too late could not be
cancelled, what it says too early is a longer way through the room."""

_SLOWEST = 1.0 / 1500.0
"""Weight of one report once there are many: blocks come every 20 ms, so half a minute is averaged. Clocks that differ
by 200 ppm are then followed at an even distance of 6 ms."""
_JUMP = OUTPUT_RATE_HZ * 3 // 100
_JUMP_REPORTS = 10
"""Reports in a row that are 30 ms off: the device plays from another place, it is no jitter."""


class Alignment:
    """Smooths reports of the distance between two streams, in samples.

    Attributes:
        jumps: how often the distance changed at once.
    """

    def __init__(self) -> None:
        self._distance = 0.0
        self._reports = 0
        self._off = 0
        self.jumps = 0

    def update(self, distance: float) -> float:
        """Takes a report: sample played minus sample recorded at the same moment.

        Returns:
            The distance to reckon with.
        """
        self._off = self._off + 1 if self._reports and abs(distance - self._distance) > _JUMP else 0
        if self._off >= _JUMP_REPORTS:
            self.jumps += 1
            self._reports = self._off = 0
        if not self._off:
            self._reports += 1
            self._distance += max(1.0 / self._reports, _SLOWEST) * (distance - self._distance)
        return self._distance


def between(samples: Samples, offset: float) -> Samples:
    """A stream between its samples, by cubic interpolation (Catmull & Rom 1974).

    Args:
        samples: float32 [N + 3], from one before the first that is wanted.
        offset: of what is wanted from those at 1, 2, …; [0, 1).

    Returns:
        float32 [N].
    """
    before, here, after, then = samples[:-3], samples[1:-2], samples[2:-1], samples[3:]
    u = np.float32(offset)
    if not offset:
        return here
    slope, next_slope = (after - before) * np.float32(0.5), (then - here) * np.float32(0.5)
    curve = np.float32(3.0) * (after - here) - np.float32(2.0) * slope - next_slope
    bend = np.float32(2.0) * (here - after) + slope + next_slope
    mixed: Samples = here + u * (slope + u * (curve + u * bend))
    return mixed
