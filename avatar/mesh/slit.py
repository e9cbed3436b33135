"""One slit in the skin, mouth or eye: its two sides, each moved by its own field, in a window that follows the head."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avatar.decoder import FRAME_SIZE, Image
from avatar.mesh import landmarks as lm
from avatar.mesh.blendshapes import Slit
from avatar.mesh.layers import TEXTURE_SCALE
from avatar.mesh.warp import Grid, smoothstep
from avatar.motion import Floats

# The fourth channel of a side's texture says how far a pixel lies on this side of the slit: 128 + 16 a pixel.
EDGE_ZERO, EDGE_PER_PX = 128.0, 16.0
# Texture kept around the patch, from which moved skin comes; and what a tilted head needs around the window.
_MARGIN_PX, _TILT_PX = 24, 20
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
    """Where a slit is drawn in one frame.

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
        self._texture_offset = np.array([0.5 - TEXTURE_SCALE * x0, 0.5 - TEXTURE_SCALE * y0], np.float32)
        part = texture[y0 * TEXTURE_SCALE : y1 * TEXTURE_SCALE, x0 * TEXTURE_SCALE : x1 * TEXTURE_SCALE]
        self._sides = tuple(_with_edge(part, (x0, y0), plane, slit, up) for up in (True, False))
        self._feather = _feather(self.grid, cover)
        self._corner = np.array([left, top], np.float32)
        cells = pose_grid.cell
        self._window_cells = (
            -(-(self.grid.height + 2 * _TILT_PX) // cells),
            -(-(self.grid.width + 2 * _TILT_PX) // cells),
        )
        centre = (left + self.grid.width / 2.0, top + self.grid.height / 2.0)
        self._centre_px = np.array(centre, np.float32)
        at = pose_grid.index(self._centre_px)
        self._centre_node = (int(at[1] + 0.5), int(at[0] + 0.5))

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
        centre = self._centre_px + pose.forward[self._centre_node]
        rows, columns = self._window_cells
        row = int(np.clip(round(float(centre[1]) / grid.cell - rows / 2), 0, grid.rows - rows))
        column = int(np.clip(round(float(centre[0]) / grid.cell - columns / 2), 0, grid.columns - columns))
        window = Grid(column * grid.cell, row * grid.cell, columns, rows, grid.cell)
        back = np.ascontiguousarray(pose.back[row : row + rows, column : column + columns])
        canonical = cv2.resize(back, (window.width, window.height), interpolation=cv2.INTER_LINEAR)
        canonical += window.pixels()
        at_node = self.grid.index(np.asarray(canonical, np.float32))
        drawn = []
        textures = (self._sides[0] if upper_texture is None else upper_texture, self._sides[1])
        for field, texture in zip(sides, textures, strict=True):
            source = cv2.remap(field, at_node, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            source += canonical
            source *= np.float32(TEXTURE_SCALE)
            source += self._texture_offset
            drawn.append(cv2.remap(texture, source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        at_pixel = canonical - self._corner
        feather = cv2.remap(self._feather, at_pixel, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return Window(
            slice(window.top, window.top + window.height),
            slice(window.left, window.left + window.width),
            np.asarray(canonical, np.float32),
            np.asarray(feather, np.float32),
            np.asarray(drawn[0], np.uint8),
            np.asarray(drawn[1], np.uint8),
        )


def edge_alpha(side: Image, at_px: float, soft_px: float) -> Floats:
    """Coverage of a drawn side, float32 [h, w]: half at `at_px` inside its edge, rising over `soft_px`."""
    distance = side[:, :, 3].astype(np.float32)
    scale = 1.0 / (EDGE_PER_PX * soft_px)
    distance *= np.float32(scale)
    distance += np.float32(0.5 - (EDGE_ZERO + EDGE_PER_PX * at_px) * scale)
    return np.asarray(np.clip(distance, 0.0, 1.0, out=distance))


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
