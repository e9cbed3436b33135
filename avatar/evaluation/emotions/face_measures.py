"""What of a face tells its feeling: fixed heights and distances between landmarks, without the head's pose."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from avatar.geometry import landmarks as lm
from avatar.motion import Doubles, Floats

_LIDS = {"Right": (159, 145), "Left": (386, 374)}
_LIPS = {"upper": (0, 13), "lower": (14, 17)}  # outer and inner edge, from above


def _height(*indices: int) -> Callable[[Doubles], float]:
    return lambda at: float(at[list(indices), 1].mean())


def _apart(one: int, other: int) -> Callable[[Doubles], float]:
    return lambda at: float(np.linalg.norm(at[one] - at[other]))


def _measures() -> dict[str, Callable[[Doubles], float]]:
    found: dict[str, Callable[[Doubles], float]] = {}
    for side in lm.SIDES:
        name = "right" if side == "Right" else "left"
        corner = lm.MOUTH_CORNERS[0 if side == "Right" else 1]
        found[f"brow inner, {name}"] = _height(*lm.BROW[side][:2], *lm.BROW_LOWER[side][:2])
        found[f"brow outer, {name}"] = _height(*lm.BROW[side][2:], *lm.BROW_LOWER[side][2:])
        found[f"lids' gap, {name}"] = _apart(*_LIDS[side])
        found[f"lower lid, {name}"] = _height(_LIDS[side][1])
        found[f"cheek, {name}"] = _height(lm.CHEEK[side])
        found[f"nose wing, {name}"] = _height(lm.NOSE_WING[side])
        found[f"mouth corner, {name}"] = _height(corner)
    found["between the brows"] = _apart(lm.BROW_LOWER["Left"][0], lm.BROW_LOWER["Right"][0])
    found["mouth's width"] = _apart(*lm.MOUTH_CORNERS)
    found["upper lip"] = _height(_LIPS["upper"][0])
    found["lower lip"] = _height(_LIPS["lower"][1])
    found["lips' gap"] = _apart(_LIPS["upper"][1], _LIPS["lower"][0])
    found["upper lip's thickness"] = _apart(*_LIPS["upper"])
    found["lower lip's thickness"] = _apart(*_LIPS["lower"])
    found["chin"] = _height(lm.CHIN)
    return found


_MEASURES: Mapping[str, Callable[[Doubles], float]] = _measures()
MEASURES: tuple[str, ...] = tuple(_MEASURES)
"""Heights and distances in the plane of the face; sides are the person's own."""


def face_measures(shape: Doubles) -> Floats:
    """Measures a face: landmarks in its plane, float64 [468, 2] (`Measured.shape`), to float32 [len(MEASURES)]."""
    return np.array([measure(shape) for measure in _MEASURES.values()], np.float32)
