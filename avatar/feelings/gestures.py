"""Short movements of the whole face: a laugh, a sigh. What head and eyes do by themselves is in the intention.

A laugh is a series of breaths out, some five a second (Provine 1996).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from avatar.feelings.shapes import motion_vector
from avatar.motion import FRAME_RATE_HZ, Floats, Gesture

_DEGREE = np.pi / 180.0

LENGTH_S: Mapping[Gesture, float] = {
    Gesture.LAUGH: 2.8,
    Gesture.SIGH: 2.4,
}
"""How long each takes, seconds; other gestures are none of the face."""

_LAUGH_DEG, _LAUGH_HZ = 3.0, 5.0
_LAUGHED = 0.6  # of a laugh's time: then the breaths are over, and the smile goes by and by


def _hold(part: float, rise: float, fall: float) -> float:
    """0 at both ends of [0, 1], 1 in between, smooth; it rises and falls in these shares."""
    edge = min(part / rise, (1.0 - part) / fall, 1.0)
    edge = max(0.0, edge)
    return edge * edge * (3.0 - 2.0 * edge)


def _laugh(time_s: float, part: float) -> dict[str, float]:
    smile, laugh = _hold(part, 0.10, 0.55), _hold(min(part / _LAUGHED, 1.0), 0.15, 0.5)
    breath = 0.5 - 0.5 * np.cos(2.0 * np.pi * _LAUGH_HZ * time_s)
    return {
        "headPitch": _LAUGH_DEG * _DEGREE * laugh * (1.0 - 0.35 * breath),
        "headY": 0.02 * laugh * breath,
        "mouthSmile": 0.80 * smile,
        "mouthUpperUp": 0.25 * laugh,
        "cheekSquint": 0.80 * smile,
        "eyeSquint": 0.45 * smile,
        "jawOpen": laugh * (0.10 + 0.14 * breath),
    }


def _sigh(time_s: float, part: float) -> dict[str, float]:
    # In for a third, out for the rest.
    breath = float(np.interp(part, (0.0, 0.3, 0.45, 1.0), (0.0, 1.0, 0.8, 0.0)))
    out = _hold(float(np.clip((part - 0.3) / 0.7, 0.0, 1.0)), 0.25, 0.5)
    return {
        "headPitch": _DEGREE * (3.0 * breath - 6.0 * out),
        "headY": 0.035 * breath - 0.03 * out,
        "browInnerUp": 0.45 * breath,
        "browOuterUp": 0.20 * breath,
        "eyeBlink": 0.55 * out,
        "jawOpen": 0.07 * out,
        "mouthPucker": 0.15 * out,
        "cheekPuff": 0.15 * out,
    }


_CURVES: Mapping[Gesture, Callable[[float, float], dict[str, float]]] = {
    Gesture.LAUGH: _laugh,
    Gesture.SIGH: _sigh,
}


def gesture_values(gesture: Gesture, age: int, size: float) -> Floats:
    """What a gesture adds to the motion vector: float32 [60].

    Args:
        gesture: one of LENGTH_S.
        age: frames since it began.
        size: as a ratio.
    """
    time_s = age / FRAME_RATE_HZ
    part = time_s / LENGTH_S[gesture]
    return size * motion_vector(_CURVES[gesture](time_s, part) if 0.0 < part < 1.0 else {})
