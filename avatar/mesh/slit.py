"""One slit in the skin, mouth or eye: its two sides moved apart and drawn in a window around it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avatar.decoder import FRAME_SIZE, Image
from avatar.mesh import landmarks as lm
from avatar.mesh.blendshapes import FaceFields, Slit
from avatar.mesh.controls import control_rows
from avatar.mesh.layers import TEXTURE_SCALE
from avatar.mesh.warp import Grid, Inverter, smoothstep
from avatar.motion import Floats

# The fourth channel of a side's texture says how far a pixel lies on this side of the slit: 128 + 16 a pixel.
EDGE_ZERO, EDGE_PER_PX = 128.0, 16.0
_STEPS = 6


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
    """Draws the skin on both sides of a slit.

    Args:
        fields: of the face.
        plane: of the face.
        slit: the opening.
        name: the slit's name for `FaceFields.basis`.
        controls: what moves here.
        box: (left, top, right, bottom), the patch in pixels of the portrait.
        cell: of the patch's grid, pixels.
        texture: uint8 [1024, 1024, 3], the portrait enlarged.
        cover: float32 [512, 512], where the patch may be drawn (the person's alpha).
        pose_grid: the grid of the head's motion.
    """

    def __init__(
        self,
        fields: FaceFields,
        plane: lm.FacePlane,
        slit: Slit,
        name: str,
        controls: tuple[str, ...],
        box: tuple[float, float, float, float],
        cell: int,
        texture: Image,
        cover: Floats,
        pose_grid: Grid,
    ) -> None:
        left, top = int(box[0]), int(box[1])
        self.grid = Grid(left, top, int((box[2] - left) / cell) + 1, int((box[3] - top) / cell) + 1, cell)
        nodes = self.grid.nodes()
        self._rows = control_rows(controls)
        basis = [fields.basis(nodes, controls, sheet, name) for sheet in ("upper", "lower")]
        self._basis = np.concatenate([part.reshape(len(controls), -1) for part in basis], axis=1)
        self._invert = Inverter(self.grid, _STEPS)
        self._pose_grid = pose_grid
        margin = 24
        x0, y0 = max(left - margin, 0), max(top - margin, 0)
        x1, y1 = min(left + self.grid.width + margin, FRAME_SIZE), min(top + self.grid.height + margin, FRAME_SIZE)
        self._texture_offset = np.array([0.5 - TEXTURE_SCALE * x0, 0.5 - TEXTURE_SCALE * y0], np.float32)
        part = texture[y0 * TEXTURE_SCALE : y1 * TEXTURE_SCALE, x0 * TEXTURE_SCALE : x1 * TEXTURE_SCALE]
        self._sides = tuple(_with_edge(part, (x0, y0), plane, slit, up) for up in (True, False))
        self._feather = _feather(self.grid, cover)
        # The window is larger than the patch by what a tilted head needs.
        pad = 20
        cells = pose_grid.cell
        self._window_cells = (-(-(self.grid.height + 2 * pad) // cells), -(-(self.grid.width + 2 * pad) // cells))
        centre = (left + self.grid.width / 2.0, top + self.grid.height / 2.0)
        self._centre_px = np.array(centre, np.float32)

    def draw(self, controls: Floats, pose_forward: Floats, pose_back: Floats) -> Window:
        """Both sides as they lie in the frame.

        Args:
            controls: float32 [len(CONTROLS)].
            pose_forward: float32 [rows, columns, 2], the head's displacement on the pose grid.
            pose_back: the same, backwards.
        """
        shape = (2, self.grid.rows, self.grid.columns, 2)
        forward = (controls[self._rows] @ self._basis).reshape(shape)
        pose = self._pose_grid
        at = pose.index(self._centre_px)
        centre = self._centre_px + pose_forward[int(at[1] + 0.5), int(at[0] + 0.5)]
        rows, columns = self._window_cells
        row = int(np.clip(round(float(centre[1]) / pose.cell - rows / 2), 0, pose.rows - rows))
        column = int(np.clip(round(float(centre[0]) / pose.cell - columns / 2), 0, pose.columns - columns))
        window = Grid(column * pose.cell, row * pose.cell, columns, rows, pose.cell)
        back = np.ascontiguousarray(pose_back[row : row + rows, column : column + columns])
        canonical = window.pixels() + cv2.resize(back, (window.width, window.height), interpolation=cv2.INTER_LINEAR)
        at_node = self.grid.index(canonical)
        drawn = []
        for side in (0, 1):
            field = self._invert(forward[side])
            source = canonical + cv2.remap(field, at_node, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            source = source * np.float32(TEXTURE_SCALE) + self._texture_offset
            drawn.append(cv2.remap(self._sides[side], source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        at_pixel = canonical - np.array([self.grid.left, self.grid.top], np.float32)
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
    """over · alpha + under · (1 − alpha), uint8 [h, w, 3]."""
    return np.asarray(cv2.blendLinear(over, under, alpha, 1.0 - alpha), np.uint8)


def _with_edge(part: Image, offset: tuple[int, int], plane: lm.FacePlane, slit: Slit, is_upper: bool) -> Image:
    """A side's texture: RGB and the signed distance to its edge."""
    rows, columns = part.shape[:2]
    x = (np.arange(columns) - 0.5) / TEXTURE_SCALE + offset[0]
    y = (np.arange(rows) - 0.5) / TEXTURE_SCALE + offset[1]
    at = plane.to_plane(np.stack(np.meshgrid(x, y), axis=-1))
    a, b = at[..., 0], at[..., 1]
    inside = b - slit.upper_at(a) if is_upper else slit.lower_at(a) - b
    pixels_per_unit = float(np.linalg.norm(plane.axes[:, 1]))
    coded = np.clip(EDGE_ZERO + EDGE_PER_PX * inside * pixels_per_unit, 0.0, 255.0)
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
