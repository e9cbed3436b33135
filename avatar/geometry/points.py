"""Which of MediaPipe's 478 landmarks are kept of every picture, and in which frame they are compared."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avatar.geometry import landmarks as lm
from avatar.motion import Doubles, Floats

Flags = npt.NDArray[np.bool_]

RIGID: lm.Indices = (
    *(33, 133, 362, 263),  # corners of the eyes
    *(168, 6, 197, 195, 5, 4),  # ridge of the nose
    *(127, 356, 234, 454, 162, 389),  # before the ears
)
"""What bone carries: hardly moved by any expression."""

OUTER_LIPS: lm.Indices = (
    *(185, 40, 39, 37, 0, 267, 269, 270, 409),
    *(146, 91, 181, 84, 17, 314, 405, 321, 375),
)
CHIN_AND_JAW: lm.Indices = (152, 148, 377, 176, 400, 175, 199, 200, 18, 83, 313, 150, 379, 149, 378, 136, 365, 172, 397)
CHEEKS: lm.Indices = (50, 280, 205, 425, 101, 330, 36, 266, 207, 427, 216, 436)
NOSE: lm.Indices = (48, 278, 64, 294, 129, 358, 98, 327, 2)

UPPER_SIDE: lm.Indices = (*lm.LIP_UPPER_INNER[1:-1], 185, 40, 39, 37, 0, 267, 269, 270, 409)
"""Landmarks on the upper lip."""
LOWER_SIDE: lm.Indices = (*lm.LIP_LOWER_INNER[1:-1], 146, 91, 181, 84, 17, 314, 405, 321, 375)
"""Landmarks on the lower lip."""

_EYES = tuple(i for group in (lm.EYE_UPPER, lm.EYE_LOWER, lm.IRIS) for side in lm.SIDES for i in group[side])
_BROWS = tuple(i for group in (lm.BROW, lm.BROW_LOWER) for side in lm.SIDES for i in group[side])
KEPT: lm.Indices = tuple(
    sorted(
        {
            *(RIGID + OUTER_LIPS + CHIN_AND_JAW + CHEEKS + NOSE + lm.LIP_UPPER_INNER + lm.LIP_LOWER_INNER),
            *(lm.MOUTH_CORNERS + _EYES + _BROWS),
            lm.FOREHEAD_TOP,
        }
    )
)
"""Everything that is looked at, in the order in which it is kept."""

_ROW = {index: row for row, index in enumerate(KEPT)}


def kept_rows(indices: lm.Indices) -> list[int]:
    """Rows of given landmarks in arrays of the kept ones: their indices in `KEPT`."""
    return [_ROW[index] for index in indices]


def to_mesh(points: Doubles) -> Floats:
    """Kept landmarks [len(KEPT), 3] as a full mesh [478, 3], the others zero."""
    mesh = np.zeros((478, 3), np.float32)
    mesh[list(KEPT)] = points
    return mesh
