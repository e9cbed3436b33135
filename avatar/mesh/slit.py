"""One slit in the skin, mouth or eye: its two sides, each moved by its own field, in a window that follows the head."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avatar.decoder import FRAME_SIZE, Image
from avatar.mesh import landmarks as lm
from avatar.mesh.layers import TEXTURE_SCALE
from avatar.mesh.opening import Slit
from avatar.mesh.warp import Grid, scaled, smoothstep
from avatar.motion import Floats

# The fourth channel of a side's texture says how far a pixel lies on this side of the slit: 128 + 16 a pixel.
EDGE_ZERO, EDGE_PER_PX = 128.0, 16.0
# Texture kept around the patch, from which moved skin comes; and what a tilted head needs around the window, as a
# share of the patch (sin 15° / 2).
_MARGIN_PX, _TILT_SHARE = 24, 0.13
_SHINES_THROUGH = 0.01
_UNDER_PX = 6.0


@dataclass(frozen=True, slots=True)
class Pose:
    """One head pose as fields on the grid over the whole frame.

    Attributes:
        forward: float32 [rows, columns, 2], pixels, from the portrait to the frame.
        back: the same, from the frame to the portrait.
    """

    forward: Floats
    back: Floats


@dataclass(frozen=True, slots=True)
class Expression:
    """The face's own motion without the lips and lids, as a field on a grid over the face.

    Attributes:
        grid: where it lives.
        back: float32 [rows, columns, 2], pixels, from the moved face to the portrait.
    """

    grid: Grid
    back: Floats


@dataclass(frozen=True, slots=True)
class Window:
    """Where a slit is drawn in one frame; its arrays are overwritten by the next.

    Attributes:
        rows: rows of the frame.
        columns: columns of the frame.
        canonical: float32 [h, w, 2], the portrait's coordinates of the window's pixels, head pose undone.
        feather: float32 [h, w], 1 inside the patch, falling to 0 at its border.
        upper: uint8 [h, w, 4], the side above: RGB and how far inside it.
        lower: uint8 [h, w, 4], the side below.
    """

    rows: slice
    columns: slice
    canonical: Floats
    feather: Floats
    upper: Image
    lower: Image


class SlitPatch:
    """The skin on both sides of a slit.

    Args:
        plane: of the face.
        slit: the opening.
        box: (left, top, right, bottom), the patch in pixels of the portrait.
        cell: of the patch's grid, pixels.
        texture: uint8 [1024, 1024, 3], the portrait enlarged.
        cover: float32 [512, 512], where the patch may be drawn (the person's alpha).
        pose_grid: the grid of the head's motion.
    """

    def __init__(
        self,
        plane: lm.FacePlane,
        slit: Slit,
        box: tuple[float, float, float, float],
        cell: int,
        texture: Image,
        cover: Floats,
        pose_grid: Grid,
    ) -> None:
        left, top = int(box[0]), int(box[1])
        self.grid = Grid(left, top, int((box[2] - left) / cell) + 1, int((box[3] - top) / cell) + 1, cell)
        self._pose_grid = pose_grid
        x0, y0 = max(left - _MARGIN_PX, 0), max(top - _MARGIN_PX, 0)
        x1 = min(left + self.grid.width + _MARGIN_PX, FRAME_SIZE)
        y1 = min(top + self.grid.height + _MARGIN_PX, FRAME_SIZE)
        self._texture_offset = (0.5 - TEXTURE_SCALE * x0, 0.5 - TEXTURE_SCALE * y0)
        part = texture[y0 * TEXTURE_SCALE : y1 * TEXTURE_SCALE, x0 * TEXTURE_SCALE : x1 * TEXTURE_SCALE]
        self._sides = tuple(_with_edge(part, (x0, y0), plane, slit, up) for up in (True, False))
        self._feather = _feather(self.grid, cover)
        cells = pose_grid.cell
        reach = _TILT_SHARE * max(self.grid.width, self.grid.height)
        self._window_cells = (
            min(int(np.ceil((self.grid.height + 2 * reach) / cells)), pose_grid.rows),
            min(int(np.ceil((self.grid.width + 2 * reach) / cells)), pose_grid.columns),
        )
        centre = (left + self.grid.width / 2.0, top + self.grid.height / 2.0)
        self._centre_px = np.array([[centre]], np.float32)
        # Everything a frame needs is drawn into the same memory again: fresh pages cost more than the drawing.
        size = (self._window_cells[0] * cells, self._window_cells[1] * cells)
        self._pixels = Grid(0, 0, self._window_cells[1], self._window_cells[0], cells).pixels()
        self._canonical, self._source, self._texel, self._at = (np.empty((*size, 2), np.float32) for _ in range(4))
        self._drawn = tuple(np.empty((*size, 4), np.uint8) for _ in range(2))
        self._feathered = np.empty(size, np.float32)

    @property
    def upper_texture(self) -> Image:
        """The upper side as in the photo, uint8 [h, w, 4]: RGB and how far inside it."""
        return self._sides[0]

    def texels(self) -> Floats:
        """Where the textures' texels lie in the portrait, pixels, float32 [h, w, 2]."""
        rows, columns = self._sides[0].shape[:2]
        x = (np.arange(columns, dtype=np.float32) - self._texture_offset[0]) / TEXTURE_SCALE
        y = (np.arange(rows, dtype=np.float32) - self._texture_offset[1]) / TEXTURE_SCALE
        return np.stack(np.meshgrid(x, y), axis=-1)

    def draw(self, sides: tuple[Floats, Floats], pose: Pose, upper_texture: Image | None = None) -> Window:
        """Both sides as they lie in the frame.

        Args:
            sides: the backward fields of the upper and the lower side on `grid`, float32 [rows, columns, 2] pixels.
            pose: the head's motion.
            upper_texture: instead of the photo's, for the upper side.
        """
        grid = self._pose_grid
        centre = (self._centre_px + grid.sample(pose.forward, self._centre_px))[0, 0]
        rows, columns = self._window_cells
        row = int(np.clip(round(float(centre[1]) / grid.cell - rows / 2), 0, grid.rows - rows))
        column = int(np.clip(round(float(centre[0]) / grid.cell - columns / 2), 0, grid.columns - columns))
        top, left = row * grid.cell, column * grid.cell
        height, width = self._feathered.shape
        canonical, source, texel, at = self._canonical, self._source, self._texel, self._at
        back = np.ascontiguousarray(pose.back[row : row + rows, column : column + columns])
        cv2.resize(back, (width, height), dst=canonical, interpolation=cv2.INTER_LINEAR)
        canonical += self._pixels
        cv2.add(canonical, (left, top, 0, 0), dst=canonical)
        self.grid.index(canonical, out=at)
        textures = (self._sides[0] if upper_texture is None else upper_texture, self._sides[1])
        for field, texture, drawn in zip(sides, textures, self._drawn, strict=True):
            cv2.remap(field, at, None, cv2.INTER_LINEAR, dst=source, borderMode=cv2.BORDER_REPLICATE)
            source += canonical
            scaled(source, TEXTURE_SCALE, *self._texture_offset, out=texel)
            cv2.remap(texture, texel, None, cv2.INTER_LINEAR, dst=drawn, borderMode=cv2.BORDER_REPLICATE)
        scaled(canonical, 1.0, -self.grid.left, -self.grid.top, out=at)
        feather = cv2.remap(
            self._feather, at, None, cv2.INTER_LINEAR, dst=self._feathered, borderMode=cv2.BORDER_CONSTANT
        )
        return Window(
            slice(top, top + height),
            slice(left, left + width),
            canonical,
            np.asarray(feather, np.float32),
            self._drawn[0],
            self._drawn[1],
        )


def uncovered(upper: Floats, lower: Floats) -> tuple[slice, slice] | None:
    """Rows and columns of a window where neither side covers what is behind them; None where they meet everywhere."""
    gap = (1.0 - upper) * (1.0 - lower) > _SHINES_THROUGH
    rows = np.flatnonzero(gap.any(axis=1))
    if len(rows) == 0:
        return None
    columns = np.flatnonzero(gap[rows[0] : rows[-1] + 1].any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def cover(inside: Image | None, at: tuple[slice, slice] | None, window: Window, upper: Floats, lower: Floats) -> Image:
    """Lays the lower side over what is inside, and the upper side over both: uint8 [h, w, 3], the whole window."""
    skin = cv2.cvtColor(window.lower, cv2.COLOR_RGBA2RGB)
    if inside is not None and at is not None:
        skin[at] = blend(np.ascontiguousarray(skin[at]), inside, np.ascontiguousarray(lower[at]))
    return blend(cv2.cvtColor(window.upper, cv2.COLOR_RGBA2RGB), np.asarray(skin, np.uint8), upper)


def paste(frame: Image, window: Window, skin: Image) -> None:
    """Draws a window's picture into the frame through its feather."""
    part = frame[window.rows, window.columns]
    part[:] = blend(skin, np.ascontiguousarray(part), window.feather)


def edge_table(at_px: float, soft_px: float) -> Floats:
    """Coverage for each byte of a side's fourth channel: half at `at_px` inside its edge, rising over `soft_px`."""
    inside_px = (np.arange(256) - EDGE_ZERO) / EDGE_PER_PX - at_px
    return np.clip(0.5 + inside_px / soft_px, 0.0, 1.0).astype(np.float32)


def edge_alpha(side: Image, table: Floats) -> Floats:
    """Coverage of a drawn side, float32 [h, w], by a table of `edge_table`."""
    return np.asarray(cv2.LUT(cv2.extractChannel(side, 3), table), np.float32)


def blend(over: Image, under: Image, alpha: Floats) -> Image:
    """Lays one picture over another: over · alpha + under · (1 − alpha), uint8 [h, w, 3]."""
    return np.asarray(cv2.blendLinear(over, under, alpha, 1.0 - alpha), np.uint8)


def _with_edge(part: Image, offset: tuple[int, int], plane: lm.FacePlane, slit: Slit, is_upper: bool) -> Image:
    """A side's texture: RGB and the signed distance to its edge."""
    rows, columns = part.shape[:2]
    x = (np.arange(columns) - 0.5) / TEXTURE_SCALE + offset[0]
    y = (np.arange(rows) - 0.5) / TEXTURE_SCALE + offset[1]
    at = plane.to_plane(np.stack(np.meshgrid(x, y), axis=-1))
    a, b = at[..., 0], at[..., 1]
    inside = b - slit.upper_at(a) if is_upper else slit.lower_at(a) - b
    inside *= float(np.linalg.norm(plane.axes[:, 1]))
    if not is_upper:
        # Beyond the corners there is only skin: the lower side goes on under the upper one and nothing shines through.
        inside += _UNDER_PX * smoothstep(np.abs(slit.across(a)), 0.99, 1.06)
    coded = np.clip(EDGE_ZERO + EDGE_PER_PX * inside, 0.0, 255.0)
    return np.dstack([part[:, :, :3], np.rint(coded).astype(np.uint8)])


def _feather(grid: Grid, cover: Floats) -> Floats:
    """1 in the middle of the patch, falling to 0 along its border and beyond the person's outline."""
    y = np.arange(grid.height, dtype=np.float64)
    x = np.arange(grid.width, dtype=np.float64)
    border_y = np.minimum(y, grid.height - 1 - y)[:, None]
    border_x = np.minimum(x, grid.width - 1 - x)[None, :]
    rim = smoothstep(border_y, 1.0, 9.0) * smoothstep(border_x, 1.0, 9.0)
    padded = cv2.copyMakeBorder(cover, 0, grid.height, 0, grid.width, cv2.BORDER_REPLICATE)
    part = padded[grid.top : grid.top + grid.height, grid.left : grid.left + grid.width]
    return np.asarray(rim * part, np.float32)
