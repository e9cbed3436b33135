"""Smoothing and gap filling of curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from avatar.geometry.points import Flags
from avatar.motion import Doubles


def savitzky_golay(values: Doubles, reach: int) -> Doubles:
    """A parabola through each frame's neighbours, taken at the frame (Savitzky & Golay 1964).

    Args:
        values: float64 [T] or [T, D].
        reach: neighbours on either side; 4 keeps what is slower than about 4.6 Hz at 25 frames a second.
    """
    at = np.arange(-reach, reach + 1)
    taps = np.linalg.pinv(np.stack([np.ones(len(at)), at, at**2], axis=1))[0]
    padded = np.pad(values, [(reach, reach)] + [(0, 0)] * (values.ndim - 1), mode="edge")
    count = len(values)
    return np.asarray(sum(tap * padded[i : i + count] for i, tap in enumerate(taps)), np.float64)


def interpolate_gaps(values: Doubles, good: Flags) -> Doubles:
    """Fills frames [T, …] that are not good in a straight line between good ones; without any, nothing changes."""
    known = np.flatnonzero(good)
    if len(known) == 0 or len(known) == len(values):
        return values
    flat = values.reshape(len(values), -1)
    frames = np.arange(len(values))
    filled = np.stack([np.interp(frames, known, column[known]) for column in flat.T], axis=1)
    return np.asarray(filled.reshape(values.shape), np.float64)


def runs(flags: Flags | Sequence[bool]) -> list[tuple[int, int]]:
    """Where a flag is set: (first, behind the last) of every stretch."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(flags, np.int8), [0]])))
    return [(int(first), int(stop)) for first, stop in zip(edges[::2], edges[1::2], strict=True)]
