"""The person drawn over the background: band by band, only as wide as somebody can be seen there."""

from __future__ import annotations

import copy

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.geometry.frame_edges import is_cut_off
from avatar.geometry.warp import Grid, pixel_slices
from avatar.mesh.layers import TEXTURE_SCALE, Layers
from avatar.motion import Floats

# What lies beyond the frame and may be turned into it, cells of the grid.
_PAD_CELLS = 16
# Rows of cells drawn at once: what is at work then stays in the processor's cache.
_BAND_CELLS = 16
# Presence is known for blocks of one cell; so many blocks around count as well: more than a cell can reach, however
# the head stretches it.
_REACH = 2


class PersonLayer:
    """Draws person and background.

    Args:
        layers: of the portrait.
        grid: over the whole frame, of the backward map.
    """

    def __init__(self, layers: Layers, grid: Grid) -> None:
        self._background = layers.background
        self._person = _padded(layers.person, _PAD_CELLS * grid.cell)
        self._cell = grid.cell
        around = Grid(grid.left - grid.cell, grid.top - grid.cell, grid.columns + 2, grid.rows + 2, grid.cell)
        self._texels = (around.nodes() + np.float32(_PAD_CELLS * grid.cell)) * np.float32(TEXTURE_SCALE) + np.float32(
            0.5
        )
        self._block = grid.cell * TEXTURE_SCALE
        blocks = self._person.shape[0] // self._block
        somebody = (self._person[:, :, 3] > 0).reshape(blocks, self._block, blocks, self._block).any(axis=(1, 3))
        reach = np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8)
        self._presence = np.asarray(cv2.dilate(somebody.astype(np.uint8), reach), np.uint8)

    def with_background(self, background: Image) -> PersonLayer:
        """The same person over another background, uint8 [S, S, 3]."""
        other = copy.copy(self)
        other._background = background
        return other

    def draw(self, back: Floats) -> Image:
        """A new frame, uint8 [S, S, 3].

        Args:
            back: float32 [rows, columns, 2] on the grid, pixels from the frame to the portrait.
        """
        frame = self._background.copy()
        # One more cell on each side: enlarging does not go on beyond the outermost nodes.
        texels = cv2.copyMakeBorder(back, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        texels *= np.float32(TEXTURE_SCALE)
        texels += self._texels
        block = np.float32(1.0 / self._block)
        present = cv2.remap(
            self._presence, texels[1:-1, 1:-1] * block, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
        )
        bands = present.reshape(-1, _BAND_CELLS, present.shape[1]).any(axis=1)
        for band, cells in enumerate(bands):
            columns = np.flatnonzero(cells)
            if len(columns):
                row = band * _BAND_CELLS
                cells = slice(row, row + _BAND_CELLS), slice(int(columns[0]), int(columns[-1]) + 1)
                self._draw_part(self._pixels(frame, cells), texels[_with_neighbours(cells)])
        return np.asarray(frame, np.uint8)

    def draw_cells(self, back: Floats, cells: tuple[slice, slice]) -> Image:
        """Draws person and background in some cells alone: uint8 [height, width, 3].

        Args:
            back: float32 [rows, columns, 2] for these cells, pixels from the frame to the portrait.
            cells: rows and columns of the grid.
        """
        texels = cv2.copyMakeBorder(back, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
        texels *= np.float32(TEXTURE_SCALE)
        texels += self._texels[_with_neighbours(cells)]
        part = self._pixels(self._background, cells).copy()
        self._draw_part(part, texels)
        return part

    def _pixels(self, picture: Image, cells: tuple[slice, slice]) -> Image:
        return picture[pixel_slices(cells, self._cell)]

    def _draw_part(self, part: Image, texels: Floats) -> None:
        """Draws the person into a part of a picture that shows the background; `texels` has a cell more all around."""
        cell = self._cell
        size = (texels.shape[1] * cell, texels.shape[0] * cell)
        at = cv2.resize(texels, size, interpolation=cv2.INTER_LINEAR)[cell:-cell, cell:-cell]
        person = cv2.remap(self._person, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        # Background times what the person leaves clear, plus the person: both in bytes.
        clear = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(person, 3)), cv2.COLOR_GRAY2RGB)
        cv2.multiply(part, clear, dst=clear, scale=1.0 / 255.0)
        part[:] = cv2.add(clear, cv2.cvtColor(person, cv2.COLOR_RGBA2RGB))


def _with_neighbours(cells: tuple[slice, slice]) -> tuple[slice, slice]:
    """The same cells, and those around them, in an array that has one more on each side."""
    rows, columns = cells
    return slice(rows.start, rows.stop + 2), slice(columns.start, columns.stop + 2)


def _padded(person: Image, pad_px: int) -> Image:
    """The person with its outermost pixels going on beyond the sides that cut it off, and nobody beyond the others."""
    pad = pad_px * TEXTURE_SCALE
    wider = np.asarray(cv2.copyMakeBorder(person, pad, pad, pad, pad, cv2.BORDER_REPLICATE), np.uint8)
    alpha = person[:, :, 3].astype(np.float32) / np.float32(255.0)
    sides = ((alpha[0], np.s_[:pad]), (alpha[-1], np.s_[-pad:]), (alpha[:, 0], np.s_[:, :pad]))
    for edge, beyond in (*sides, (alpha[:, -1], np.s_[:, -pad:])):
        if not is_cut_off(edge):
            wider[beyond] = 0
    return wider
