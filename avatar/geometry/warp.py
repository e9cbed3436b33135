"""Smooth displacement fields on coarse grids: invert, enlarge, sample.

A field moves points of the portrait forwards; drawing needs the way back. On a coarse grid a few fixed-point steps
find it: back(q) = -forward(q + back(q)) (Chen et al. 2008, "A simple fixed-point approach to invert a deformation
field"). Where a field stretches by more than its own length that step overshoots; dividing the residual by the
stretch along each axis, as Newton's method would, settles it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar.motion import Doubles, Floats

_AROUND = np.ones((3, 3), np.uint8)


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
        """Width in pixels."""
        return self.columns * self.cell

    @property
    def height(self) -> int:
        """Height in pixels."""
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
        return scale_and_shift(
            pixels, 1.0 / self.cell, -(self.left + middle) / self.cell, -(self.top + middle) / self.cell, out
        )

    def sample(self, field: Floats, pixels: Floats, border: int = cv2.BORDER_REPLICATE) -> Floats:
        """A field [rows, columns, 2] at pixel coordinates [H, W, 2], linearly: float32 [H, W, 2]."""
        return np.asarray(cv2.remap(field, self.index(pixels), None, cv2.INTER_LINEAR, borderMode=border), np.float32)


class FieldInverter:
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
        self._cell = np.float32(grid.cell)
        self._steps = steps
        self._steep = steep
        self._border = cv2.BORDER_CONSTANT if zero_outside else cv2.BORDER_REPLICATE

    def __call__(self, forward: Floats) -> Floats:
        """Pixels [rows, columns, 2] forward to pixels [rows, columns, 2] backward."""
        # All in cells: then the place looked for is also where the field is sampled.
        field = forward / self._cell
        at = self._index - field
        if self._steep:
            damping = self._damping(field)
            for _ in range(self._steps):
                beside = at - self._index
                beside += self._sampled(field, at)
                beside *= self._sampled(damping, at)
                at -= beside
        else:
            for _ in range(self._steps):
                np.subtract(self._index, self._sampled(field, at), out=at)
        at -= self._index
        at *= self._cell
        return at

    def _sampled(self, field: Floats, at: Floats) -> Floats:
        return np.asarray(cv2.remap(field, at, None, cv2.INTER_LINEAR, borderMode=self._border), np.float32)

    def _damping(self, field: Floats) -> Floats:
        """1 / (1 + stretch) along each axis, float32 [rows, columns, 2]; never faster than a plain step."""
        x, y = cv2.split(field)
        # Central differences; mirrored borders make them 0 there.
        stretch = cv2.merge(
            [cv2.Sobel(x, cv2.CV_32F, 1, 0, ksize=1, scale=0.5), cv2.Sobel(y, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)]
        )
        # Both of a cell's neighbours may be steeper than its middle: take the steepest around.
        steepest = cv2.dilate(stretch, _AROUND)
        return np.asarray(1.0 / (1.0 + np.maximum(steepest, 0.0)), np.float32)


def visible_cells(source: Floats, rectangle: Sequence[int]) -> tuple[slice, slice] | None:
    """Rows and columns of a grid from which a rectangle is seen, one more on each side; None where it is not.

    Args:
        source: float32 [rows, columns, 2], where each node of the grid looks.
        rectangle: left, top, width, height, in the units of `source`.
    """
    left, top, width, height = rectangle
    # A node looks at its cell's middle; its neighbours look about two units further.
    low, high = (left - 2, top - 2, 0, 0), (left + width + 2, top + height + 2, 0, 0)
    x, y, columns, rows = cv2.boundingRect(cv2.inRange(source, low, high))
    if not columns:
        return None
    return (
        slice(max(y - 1, 0), min(y + rows + 1, source.shape[0])),
        slice(max(x - 1, 0), min(x + columns + 1, source.shape[1])),
    )


def pixel_slices(cells: tuple[slice, slice], cell: int) -> tuple[slice, slice]:
    """Rows and columns of pixels that some cells of a grid over the whole frame cover."""
    rows, columns = (slice(part.start * cell, part.stop * cell) for part in cells)
    return rows, columns


def scale_and_shift(points: Floats, scale: float, right: float, down: float, out: Floats | None = None) -> Floats:
    """Points [H, W, 2] times a scale plus a shift; much faster than adding a small array, which numpy does by twos."""
    matrix = np.array([[scale, 0.0, right], [0.0, scale, down]], np.float32)
    return np.asarray(cv2.transform(points, matrix, dst=out), np.float32)


def smoothstep(x: npt.ArrayLike, low: float, high: float) -> Doubles:
    """0 up to `low`, 1 from `high`, a cubic between (low > high falls instead of rising)."""
    s = np.clip((np.asarray(x, np.float64) - low) / (high - low), 0.0, 1.0)
    return np.asarray(s * s * (3.0 - 2.0 * s), np.float64)
