"""Smooth displacement fields on coarse grids: invert, enlarge, sample.

A field moves points of the portrait forwards; drawing needs the way back. On a coarse grid a few fixed-point steps
find it: back(q) = -forward(q + back(q)) (Chen et al. 2008, "A simple fixed-point approach to invert a deformation
field"). Where a field stretches by more than its own length that step overshoots; dividing the residual by the
stretch along each axis, as Newton's method would, settles it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar.motion import Floats


@dataclass(frozen=True, slots=True)
class Grid:
    """Nodes at the centres of square cells that tile a rectangle of the picture.

    Attributes:
        left: pixel column of the rectangle's first pixel.
        top: pixel row of the rectangle's first pixel.
        columns: cells across.
        rows: cells down.
        cell: pixels a side.
    """

    left: int
    top: int
    columns: int
    rows: int
    cell: int

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.columns * self.cell

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.rows * self.cell

    def nodes(self) -> Floats:
        """Pixel coordinates of the nodes, float32 [rows, columns, 2]."""
        x = self.left + (np.arange(self.columns, dtype=np.float32) + 0.5) * self.cell - 0.5
        y = self.top + (np.arange(self.rows, dtype=np.float32) + 0.5) * self.cell - 0.5
        return np.ascontiguousarray(np.stack(np.meshgrid(x, y), axis=-1), np.float32)

    def pixels(self) -> Floats:
        """Coordinates of all pixels of the rectangle, float32 [height, width, 2]."""
        x = self.left + np.arange(self.width, dtype=np.float32)
        y = self.top + np.arange(self.height, dtype=np.float32)
        return np.ascontiguousarray(np.stack(np.meshgrid(x, y), axis=-1), np.float32)

    def index(self, pixels: Floats, out: Floats | None = None) -> Floats:
        """Pixel coordinates [..., 2] to fractional node indices [..., 2]."""
        middle = self.cell / 2 - 0.5
        return scaled(pixels, 1.0 / self.cell, -(self.left + middle) / self.cell, -(self.top + middle) / self.cell, out)

    def sample(self, field: Floats, pixels: Floats, border: int = cv2.BORDER_REPLICATE) -> Floats:
        """A field [rows, columns, 2] at pixel coordinates [H, W, 2], linearly: float32 [H, W, 2]."""
        return np.asarray(cv2.remap(field, self.index(pixels), None, cv2.INTER_LINEAR, borderMode=border), np.float32)


class Inverter:
    """Finds the backward field of a forward one on one grid.

    Args:
        grid: where both live.
        steps: of the search.
        steep: the field may stretch by more than its own length (an opening mouth); costs twice as much a step.
        zero_outside: the field is zero beyond the grid; otherwise its border goes on.
    """

    def __init__(self, grid: Grid, steps: int, *, steep: bool = False, zero_outside: bool = False) -> None:
        rows, columns = np.meshgrid(np.arange(grid.rows), np.arange(grid.columns), indexing="ij")
        self._index = np.ascontiguousarray(np.stack([columns, rows], axis=-1), np.float32)
        self._scale = np.float32(1.0 / grid.cell)
        self._steps = steps
        self._steep = steep
        self._border = cv2.BORDER_CONSTANT if zero_outside else cv2.BORDER_REPLICATE

    def __call__(self, forward: Floats) -> Floats:
        """Pixels [rows, columns, 2] forward to pixels [rows, columns, 2] backward."""
        back = -forward
        if not self._steep:
            for _ in range(self._steps):
                back = -self._at(forward, back)
            return back
        field = np.concatenate([forward, self._damping(forward)], axis=-1)
        for _ in range(self._steps):
            there = self._at(field, back)
            back -= (back + there[..., :2]) * there[..., 2:]
        return back

    def _at(self, field: Floats, back: Floats) -> Floats:
        at = self._index + back * self._scale
        return np.asarray(cv2.remap(field, at, None, cv2.INTER_LINEAR, borderMode=self._border), np.float32)

    def _damping(self, forward: Floats) -> Floats:
        """1 / (1 + stretch) along each axis, float32 [rows, columns, 2]; never faster than a plain step."""
        stretch = np.zeros_like(forward)
        half = np.float32(0.5) * self._scale
        stretch[:, 1:-1, 0] = (forward[:, 2:, 0] - forward[:, :-2, 0]) * half
        stretch[1:-1, :, 1] = (forward[2:, :, 1] - forward[:-2, :, 1]) * half
        # Both of a cell's neighbours may be steeper than its middle: take the steepest around.
        steepest = cv2.dilate(stretch, np.ones((3, 3), np.uint8))
        return np.asarray(1.0 / (1.0 + np.maximum(steepest, 0.0)), np.float32)


def scaled(points: Floats, scale: float, right: float, down: float, out: Floats | None = None) -> Floats:
    """Points [H, W, 2] times a scale plus a shift; much faster than adding a small array, which numpy does by twos."""
    matrix = np.array([[scale, 0.0, right], [0.0, scale, down]], np.float32)
    return np.asarray(cv2.transform(points, matrix, dst=out), np.float32)


def smoothstep(x: npt.ArrayLike, low: float, high: float) -> npt.NDArray[np.float64]:
    """0 up to `low`, 1 from `high`, a cubic between (low > high falls instead of rising)."""
    s = np.clip((np.asarray(x, np.float64) - low) / (high - low), 0.0, 1.0)
    return np.asarray(s * s * (3.0 - 2.0 * s), np.float64)
