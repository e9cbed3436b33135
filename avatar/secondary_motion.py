"""Secondary motion: what hangs from a head, hair or a veil, follows it a little later and swings out.

Animators' follow-through (Thomas & Johnston 1981, "The Illusion of Life"): a damped spring between the head and what
hangs, driven by where the head is in each frame. Its motion is exact for a head that jumps from frame to frame, so that
it is stable whatever the head does.
"""

from __future__ import annotations

import math

import numpy as np

from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout

NO_LAG = np.zeros(2, np.float32)
"""What hangs is where the head is."""

# Of hair of some 30 cm: its own frequency, and damping as a share of what would stop all swinging.
_SWINGS_HZ, _DAMPING = 1.2, 0.35
# Its roots are this far above the pivot of a tilt, eye distances; a turn takes it along by so much a radian; and up
# and down a strand gives way by this share.
_ABOVE_PIVOT, _OF_YAW, _GIVES_WAY = 0.9, 0.4, 0.4
# Hair goes no further than the first, and is no further behind than the second, eye distances, and the nearer to that
# the harder: beyond, it would fold over what stays beside it.
_MOST_WAY, _MOST_LAG = 0.10, 0.05

_YAW, _ROLL, _X, _Y = (MotionLayout.INDEX[name] for name in ("headYaw", "headRoll", "headX", "headY"))


class DampedFollow:
    """What hangs from one head, frame by frame; all frames in their order, drawn or not."""

    def __init__(self) -> None:
        self._at: Floats | None = None
        self._lag, self._speed = NO_LAG, NO_LAG

    def follow(self, values: Floats) -> Floats:
        """The next frame's motion, float32 [60], to how far behind the head its hair is then.

        Returns:
            float32 [2], right and down, eye distances.
        """
        at = roots(values)
        if self._at is None:
            self._at = at
        lag, speed = _STEP @ np.stack([self._lag, self._speed])
        self._lag, self._speed, self._at = lag - (at - self._at), speed, at
        return _limited(self._lag, _MOST_LAG)


def roots(head: Floats) -> Floats:
    """Where a pose takes the roots of what hangs.

    Args:
        head: headPitch … headDistance, float32 [6], or a whole motion vector.

    Returns:
        float32 [2], right and down, eye distances; strands that give way go less far.
    """
    across = head[_X] + _ABOVE_PIVOT * head[_ROLL] + _OF_YAW * head[_YAW]
    return _limited(np.array([across, -_GIVES_WAY * head[_Y]], np.float32), _MOST_WAY)


def _limited(way: Floats, most: float) -> Floats:
    return np.asarray(most * np.tanh(way / most), np.float32)


def _step() -> Floats:
    """Lag and speed one frame later, where the head stays: float32 [2, 2]."""
    pace, time_s = 2.0 * math.pi * _SWINGS_HZ, 1.0 / FRAME_RATE_HZ
    own = pace * math.sqrt(1.0 - _DAMPING**2)
    left, drag = math.exp(-_DAMPING * pace * time_s), _DAMPING * pace / own
    cos, sin = math.cos(own * time_s), math.sin(own * time_s)
    return left * np.array([[cos + drag * sin, sin / own], [-pace * pace / own * sin, cos - drag * sin]], np.float32)


_STEP = _step()
