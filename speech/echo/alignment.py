"""Which sample the speaker played when the microphone recorded another.

What devices report of their time wanders by several milliseconds while the sound itself goes on evenly. So the distance
of the two streams is found once, and then held, but for jumps; clocks that differ are the drift tracker's business.
"""

from __future__ import annotations

import numpy as np

from speech.audio import OUTPUT_RATE_HZ, Samples

LEAD = OUTPUT_RATE_HZ // 25
"""Samples by which the reference is ahead of what was reported, 40 ms: what a report says too late could not be
cancelled, what it says too early is a longer way through the room."""

_FIRST_REPORTS = 50
"""Reports that are averaged at first, one a block: a second."""
_SLOWEST = 1.0 / 250.0
"""Weight of a report once there are many, in the average that jumps are seen against."""
_JUMP = OUTPUT_RATE_HZ * 3 // 100
_JUMP_REPORTS = 10
"""Reports in a row that are 30 ms off: the device plays from another place, it has not merely reported late."""


class Alignment:
    """Finds the distance between two streams in samples, from reports that jitter."""

    def __init__(self) -> None:
        self._held = self._average = 0.0
        self._reports = 0
        self._off: list[float] = []

    def update(self, distance: float) -> float:
        """Takes a report: sample played minus sample recorded at the same moment.

        Returns:
            The distance to reckon with.
        """
        if self._reports and abs(distance - self._average) > _JUMP:
            self._off.append(distance)
            if len(self._off) < _JUMP_REPORTS:
                return self._held
            jump = sum(self._off) / len(self._off) - self._average
            self._held, self._average = self._held + jump, self._average + jump
        else:
            self._reports += 1
            self._average += max(1.0 / self._reports, _SLOWEST) * (distance - self._average)
            if self._reports <= _FIRST_REPORTS:
                self._held = self._average
        self._off.clear()
        return self._held


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
