"""What the frame cuts off stays at its edge: there is no picture of what lies beyond it to move in."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.geometry.warp import Grid, smoothstep
from avatar.motion import FARTHEST_HEAD, Floats

# How far inwards from an edge it takes until the person moves freely, and how softly that begins and ends along the
# edge, shares of the frame.
_REACH, _ALONG = 0.30, 0.05
# What is cut off takes at least this share of an edge.
_LEAST = 0.04
# Hair stretches over less than cloth before it is seen.
_FARTHEST_WITHOUT_CROWN = 1.1


class FrameEdges:
    """Takes from a motion what would move a person's cut edge into the frame.

    The person is stretched instead: shoulders stay at the sides when the head goes away, hair stays at the top.

    Args:
        grid: over the whole frame, of the motion.
        alpha: float32 [S, S], the person's.

    Attributes:
        farthest: ratio of the distance of the head at which what is held is stretched as far as it may be.
    """

    def __init__(self, grid: Grid, alpha: Floats) -> None:
        x, y = (np.arange(cells, dtype=np.float64) + 0.5 for cells in (grid.columns, grid.rows))
        # Axis that is held, which sign leads inwards, where the person is cut off along the edge, cells from the edge.
        sides = (
            (0, 1.0, alpha[:, 0], x),
            (0, -1.0, alpha[:, -1], x[::-1]),
            (1, 1.0, alpha[0], y),
            (1, -1.0, alpha[-1], y[::-1]),
        )
        self.farthest = _FARTHEST_WITHOUT_CROWN if is_cut_off(alpha[0]) else FARTHEST_HEAD
        self._held: list[tuple[int, np.float32, Floats]] = []
        for axis, inwards, cut, away in sides:
            if not is_cut_off(cut):
                continue
            along = _softly(cut, grid.rows if axis == 0 else grid.columns)
            near = 1.0 - smoothstep(away / len(away), 0.0, _REACH)
            held = np.outer(along, near) if axis == 0 else np.outer(near, along)
            self._held.append((axis, np.float32(inwards), held.astype(np.float32)))

    def hold(self, moved: Floats) -> None:
        """Holds a forward motion, float32 [2, rows, columns], in place."""
        for axis, inwards, held in self._held:
            moved[axis] -= inwards * (held * np.maximum(inwards * moved[axis], 0.0))


def is_cut_off(edge: Floats) -> bool:
    """Whether a person goes on beyond one side of the frame, by the alpha along it, 0 to 1: a cap may only touch it."""
    return float((edge > 0.5).mean()) > _LEAST


def _softly(cut: Floats, cells: int) -> Floats:
    """Where the person is cut off, with soft ends that lie outside it: float32 [cells]."""
    along = cv2.resize(cut.reshape(1, -1), (cells, 1), interpolation=cv2.INTER_AREA)
    reach = _ALONG * cells
    wide = cv2.dilate(along, np.ones((1, 2 * round(2.0 * reach) + 1), np.uint8))
    soft = cv2.GaussianBlur(wide, (0, 0), reach, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(soft.ravel(), np.float32)
