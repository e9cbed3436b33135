"""One slit in the skin, mouth or eye: its two sides, each moved by its own field, in a window that follows the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import FRAME_SIZE, Image
from avatar.geometry import landmarks as lm
from avatar.geometry.opening import Slit
from avatar.geometry.warp import Grid, scale_and_shift, smoothstep
from avatar.mesh.layers import TEXTURE_SCALE
from avatar.motion import Floats
from avatar.picture.blending import blend

# All pixels here are those of a picture of 512.
# The fourth channel of a side's texture says how far a pixel lies on this side of the slit: 128 + 16 a pixel.
EDGE_ZERO, EDGE_PER_PX = 128.0, 16.0
# Texture kept around the patch, from which moved skin comes; and what a tilted head needs around the window, as a
# share of the patch (sin 15° / 2).
_MARGIN_PX, _TILT_SHARE = 24, 0.13
# Less than this share of what lies behind is not seen, in 255ths.
_SHINES_THROUGH = 3
_UNDER_PX = 6.0
# Fields are put together on so many steps a cell of the frame's grid, which is as fine as they are, and then enlarged.
_STEPS = 2
# No side's edge is soft further than this from its line; and so many steps are added for what lies between them.
_RIM_PX, _RIM_STEPS = 4.0, 1


@dataclass(frozen=True, slots=True)
class PoseFields:
    """One head pose as fields on grids over the whole frame.

    Attributes:
        grid: of `forward`.
        forward: float32 [rows, columns, 2], pixels, from the portrait to the frame.
        back: the same from the frame to the portrait, on the decoder's finer grid.
    """

    grid: Grid
    forward: Floats
    back: Floats


@dataclass(frozen=True, slots=True)
class ExpressionField:
    """The face's own motion without the lips and lids, as a field on a grid over the face.

    Attributes:
        grid: where it lives.
        back: float32 [rows, columns, 2], pixels, from the moved face to the portrait.
    """

    grid: Grid
    back: Floats


@dataclass(frozen=True, slots=True)
class Window:
    """Where a slit is drawn in one frame.

    Attributes:
        rows: rows of the frame.
        columns: columns of the frame.
        step: pixels between what `steps` has.
        steps: float32 [h / step, w / step, 2], the portrait's coordinates, head pose undone.
        feather: uint8 [h, w], 255 inside the patch, falling to 0 at its border.
        both: rows between which both sides may be seen; above them there is only the upper one, below only the lower.
        upper: uint8 [both.stop, w, 4], the side above: RGB and how far inside it.
        lower: uint8 [h - both.start, w, 4], the side below.
    """

    rows: slice
    columns: slice
    step: int
    steps: Floats
    feather: Image
    both: slice
    upper: Image
    lower: Image

    def alphas(self, upper: Image, lower: Image) -> tuple[Image, Image]:
        """Coverage of both sides by their tables (of `edge_table`): uint8 [h, w] each."""
        over, under = np.zeros_like(self.feather), np.zeros_like(self.feather)
        over[: self.both.stop] = cv2.LUT(cv2.extractChannel(self.upper, 3), upper)
        under[self.both.start :] = cv2.LUT(cv2.extractChannel(self.lower, 3), lower)
        return over, under

    def portrait_coordinates(self, at: tuple[slice, slice]) -> Floats:
        """The portrait's coordinates of some pixels (a part as `uncovered` gives it), float32 [h, w, 2]."""
        rows, columns = (slice(part.start // self.step, part.stop // self.step) for part in at)
        return _enlarged(self.steps[rows, columns], self.step)


class SlitPatch:
    """The skin on both sides of a slit.

    Args:
        plane: of the face.
        slit: the opening.
        box: (left, top, right, bottom), the patch in pixels of the portrait.
        cell: of the patch's grid, pixels.
        texture: uint8 [2 S, 2 S, 3], the portrait enlarged.
        cover: float32 [S, S], where the patch may be drawn (the person's alpha).
        pose_grid: the grid of the head's backward map.
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
        size = pose_grid.width
        scale, self._step = self.scale, pose_grid.cell // _STEPS
        margin = round(_MARGIN_PX * scale)
        x0, y0 = max(left - margin, 0), max(top - margin, 0)
        x1 = min(left + self.grid.width + margin, size)
        y1 = min(top + self.grid.height + margin, size)
        self._texture_offset = (0.5 - TEXTURE_SCALE * x0, 0.5 - TEXTURE_SCALE * y0)
        part = texture[y0 * TEXTURE_SCALE : y1 * TEXTURE_SCALE, x0 * TEXTURE_SCALE : x1 * TEXTURE_SCALE]
        upper, lower = (_with_edge(part, (x0, y0), plane, slit, up, scale) for up in (True, False))
        self._sides = upper, lower
        self._feather = _feather(self.grid, cover, scale)
        cells = pose_grid.cell
        reach = _TILT_SHARE * max(self.grid.width, self.grid.height)
        self._window_cells = (
            min(int(np.ceil((self.grid.height + 2 * reach) / cells)), pose_grid.rows),
            min(int(np.ceil((self.grid.width + 2 * reach) / cells)), pose_grid.columns),
        )
        centre = (left + self.grid.width / 2.0, top + self.grid.height / 2.0)
        self._centre_px = np.array([[centre]], np.float32)
        self._edge = np.ascontiguousarray(self._sides[0][:, :, 3])
        rows, columns = (_STEPS * count for count in self._window_cells)
        self._steps = Grid(0, 0, columns, rows, self._step).nodes()

    @property
    def scale(self) -> float:
        """Pixels of this portrait for a pixel of a 512-pixel one."""
        return self._pose_grid.width / FRAME_SIZE

    @property
    def textures(self) -> tuple[Image, Image]:
        """The upper and the lower side as in the photo, uint8 [h, w, 4] each: RGB and how far inside it."""
        return self._sides

    def texels(self) -> Floats:
        """Where the textures' texels lie in the portrait, pixels, float32 [h, w, 2]."""
        rows, columns = self._sides[0].shape[:2]
        x = (np.arange(columns, dtype=np.float32) - self._texture_offset[0]) / TEXTURE_SCALE
        y = (np.arange(rows, dtype=np.float32) - self._texture_offset[1]) / TEXTURE_SCALE
        return np.stack(np.meshgrid(x, y), axis=-1)

    def draw(
        self, sides: tuple[Floats, Floats], pose: PoseFields, textures: tuple[Image, Image] | None = None
    ) -> Window:
        """Both sides as they lie in the frame.

        Args:
            sides: the backward fields of the upper and the lower side on `grid`, float32 [rows, columns, 2] pixels.
            pose: the head's motion.
            textures: instead of the photo's, for the upper and the lower side.
        """
        grid = self._pose_grid
        centre = (self._centre_px + pose.grid.sample(pose.forward, self._centre_px))[0, 0]
        rows, columns = self._window_cells
        row = int(np.clip(round(float(centre[1]) / grid.cell - rows / 2), 0, grid.rows - rows))
        column = int(np.clip(round(float(centre[0]) / grid.cell - columns / 2), 0, grid.columns - columns))
        back = pose.back[row : row + rows, column : column + columns]
        steps = cv2.resize(back, (self._steps.shape[1], self._steps.shape[0]), interpolation=cv2.INTER_LINEAR)
        steps += self._steps
        top, left = row * grid.cell, column * grid.cell
        at = scale_and_shift(steps, 1.0, left - self.grid.left, top - self.grid.top)
        feather = cv2.remap(self._feather, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        # A head that isn't tilted leaves most of the window's border empty.
        x, y, width, height = cv2.boundingRect(feather)
        box = (slice(y, y + height), slice(x, x + width)) if width else (slice(None), slice(None))
        steps = scale_and_shift(steps[box], 1.0, left, top)
        at, feather = self.grid.index(steps), np.asarray(feather[box], np.uint8)
        top, left = top + self._step * y, left + self._step * x
        texels = [
            scale_and_shift(
                steps + cv2.remap(field, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
                TEXTURE_SCALE,
                *self._texture_offset,
            )
            for field in sides
        ]
        both = self._seam(texels[0])
        upper_texture, lower_texture = self._sides if textures is None else textures
        upper, lower = (
            cv2.remap(texture, _enlarged(there, self._step), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            for texture, there in (
                (upper_texture, texels[0][: both.stop]),
                (lower_texture, texels[1][both.start :]),
            )
        )
        return Window(
            slice(top, top + self._step * feather.shape[0]),
            slice(left, left + self._step * feather.shape[1]),
            self._step,
            steps,
            _enlarged(feather, self._step),
            slice(self._step * both.start, self._step * both.stop),
            np.asarray(upper, np.uint8),
            np.asarray(lower, np.uint8),
        )

    def cut(self, texture: Image) -> Image:
        """The part of an enlarged picture, [2 S, 2 S, ...], that this patch's textures show."""
        rows, columns = self._sides[0].shape[:2]
        x, y = (round((0.5 - offset) / TEXTURE_SCALE) * TEXTURE_SCALE for offset in self._texture_offset)
        return np.ascontiguousarray(texture[y : y + rows, x : x + columns])

    def sampled(self, window: Window, at: tuple[slice, slice], field: Floats | None, texture: Image) -> Image:
        """A texture of the patch as it lies in a part of a window.

        Args:
            window: drawn by this patch.
            at: whole steps, rows and columns of the window.
            field: where it comes from, on `grid`, float32 [rows, columns, 2] pixels; None for what only the head moves.
            texture: uint8 [h, w, ...] on `texels`.
        """
        rows, columns = (slice(part.start // window.step, part.stop // window.step) for part in at)
        there = np.ascontiguousarray(window.steps[rows, columns])
        if field is not None:
            at_nodes = self.grid.index(there)
            there = there + cv2.remap(field, at_nodes, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        texels = _enlarged(scale_and_shift(there, TEXTURE_SCALE, *self._texture_offset), window.step)
        return np.asarray(cv2.remap(texture, texels, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)

    def share(self, window: Window, values: Floats) -> tuple[Image, tuple[slice, slice]] | None:
        """Shares given on `grid`, float32 [rows, columns] in [0, 1], where a window has any: uint8 and which part."""
        steps = cv2.remap(values, self.grid.index(window.steps), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        levels = cv2.convertScaleAbs(steps, alpha=255.0)
        x, y, width, height = cv2.boundingRect(levels)
        if not width:
            return None
        step = window.step
        at = (slice(step * y, step * (y + height)), slice(step * x, step * (x + width)))
        return _enlarged(levels[y : y + height, x : x + width], step), at

    def _seam(self, texels: Floats) -> slice:
        """Rows of steps in which both sides may be seen, by how far inside the upper one they lie."""
        edge = cv2.remap(self._edge, texels, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        rim = EDGE_PER_PX * _RIM_PX
        not_upper_alone = np.flatnonzero(cv2.reduce(edge, 1, cv2.REDUCE_MIN) < EDGE_ZERO + rim)
        not_lower_alone = np.flatnonzero(cv2.reduce(edge, 1, cv2.REDUCE_MAX) > EDGE_ZERO - rim)
        last = len(edge) - 1
        start = max(int(not_upper_alone[0]) - _RIM_STEPS, 0) if len(not_upper_alone) else last
        stop = int(not_lower_alone[-1]) + 1 + _RIM_STEPS if len(not_lower_alone) else 0
        return slice(min(start, last), min(max(stop, start + 1), last + 1))


def uncovered(window: Window, upper: Image, lower: Image) -> tuple[slice, slice] | None:
    """Rows and columns of a window where neither side covers what is behind them; None where they meet everywhere.

    Args:
        window: where they lie.
        upper: uint8 [h, w], coverage.
        lower: likewise.

    Returns:
        Whole steps, as `Window.portrait_coordinates` wants them.
    """
    gap = cv2.multiply(cv2.bitwise_not(upper), cv2.bitwise_not(lower), scale=1.0 / 255.0)
    x, y, width, height = cv2.boundingRect(cv2.compare(gap, _SHINES_THROUGH, cv2.CMP_GE))
    if not width:
        return None
    step = window.step
    rows, columns = (slice(i // step * step, -(-(i + n) // step) * step) for i, n in ((y, height), (x, width)))
    return rows, columns


def composite_sides(
    inside: Image | None, at: tuple[slice, slice] | None, window: Window, upper: Image, lower: Image
) -> Image:
    """Lays the lower side over what is inside, and the upper side over both: uint8 [h, w, 3], the whole window."""
    skin = np.empty((*window.feather.shape, 3), np.uint8)
    both = window.both
    over = cv2.cvtColor(window.upper, cv2.COLOR_RGBA2RGB)
    skin[: both.start] = over[: both.start]
    skin[both.start :] = cv2.cvtColor(window.lower, cv2.COLOR_RGBA2RGB)
    if inside is not None and at is not None:
        skin[at] = blend(skin[at], inside, lower[at])
    skin[both] = blend(over[both.start :], skin[both], upper[both])
    return skin


def paste(frame: Image, window: Window, skin: Image) -> None:
    """Draws a window's picture into the frame through its feather."""
    part = frame[window.rows, window.columns]
    part[:] = blend(skin, part, window.feather)


def edge_table(at_px: float, soft_px: float) -> Image:
    """Coverage for each byte of a side's fourth channel: half at `at_px` inside its edge, rising over `soft_px`."""
    inside_px = (np.arange(256) - EDGE_ZERO) / EDGE_PER_PX - at_px
    return np.asarray(np.rint(255.0 * np.clip(0.5 + inside_px / soft_px, 0.0, 1.0)), np.uint8)


def _enlarged(steps: npt.NDArray[Any], step: int) -> npt.NDArray[Any]:
    """From steps to all pixels."""
    size = (steps.shape[1] * step, steps.shape[0] * step)
    return np.asarray(cv2.resize(steps, size, interpolation=cv2.INTER_LINEAR))


def _with_edge(
    part: Image, offset: tuple[int, int], plane: lm.FacePlane, slit: Slit, is_upper: bool, scale: float
) -> Image:
    """A side's texture: RGB and the signed distance to its edge."""
    rows, columns = part.shape[:2]
    x = (np.arange(columns) - 0.5) / TEXTURE_SCALE + offset[0]
    y = (np.arange(rows) - 0.5) / TEXTURE_SCALE + offset[1]
    at = plane.to_plane(np.stack(np.meshgrid(x, y), axis=-1))
    a, b = at[..., 0], at[..., 1]
    inside = b - slit.upper_at(a) if is_upper else slit.lower_at(a) - b
    inside *= float(np.linalg.norm(plane.axes[:, 1])) / scale
    if not is_upper:
        # Beyond the corners there is only skin: the lower side goes on under the upper one and nothing shines through.
        inside += _UNDER_PX * smoothstep(np.abs(slit.across(a)), 0.99, 1.06)
    coded = np.clip(EDGE_ZERO + EDGE_PER_PX * inside, 0.0, 255.0)
    return np.dstack([part[:, :, :3], np.rint(coded).astype(np.uint8)])


def _feather(grid: Grid, cover: Floats, scale: float) -> Image:
    """255 in the middle of the patch, falling to 0 along its border and beyond the person's outline."""
    y = np.arange(grid.height, dtype=np.float64)
    x = np.arange(grid.width, dtype=np.float64)
    border_y = np.minimum(y, grid.height - 1 - y)[:, None]
    border_x = np.minimum(x, grid.width - 1 - x)[None, :]
    rim = smoothstep(border_y / scale, 1.0, 9.0) * smoothstep(border_x / scale, 1.0, 9.0)
    padded = cv2.copyMakeBorder(cover, 0, grid.height, 0, grid.width, cv2.BORDER_REPLICATE)
    part = padded[grid.top : grid.top + grid.height, grid.left : grid.left + grid.width]
    return np.asarray(np.rint(255.0 * rim * part), np.uint8)
