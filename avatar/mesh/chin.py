"""The chin in front of the neck: a jaw that drops slides over throat and collar instead of pushing them down.

The person is drawn with everything under the chin held to it; then neck, collar and shoulders are laid over that below
the jaw's outline, moved only as far as a jaw takes them along. The shadow that a photo has under the chin goes with the
chin: for a stretch below the outline the darker of both pictures counts.
"""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.geometry.warp import FieldInverter, Grid, pixel_slices, smoothstep, visible_cells
from avatar.mesh.blendshapes import FaceFields
from avatar.mesh.person import PersonLayer
from avatar.mesh.slit import PoseFields
from avatar.motion import Floats
from avatar.picture.blending import blend

# The jaw's outline from ear to ear, and what closes it over the head.
_JAW: lm.Indices = (
    *(234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152),
    *(377, 400, 378, 379, 365, 397, 288, 361, 323, 454),
)
# The throat goes this share of a jaw's way down; up, where a photo's open mouth is closed, all of it.
_FOLLOWS = np.float32(0.15)
# Outside the outline, eye distances: the soft edge of the chin, and where its shadow ends; and from where to where
# beside the chin's middle there is less and less shadow.
_EDGE, _SHADOW, _BESIDE = (0.015, 0.055), 0.17, (0.22, 0.45)
# Where a jaw ends to move what is beside it, eye distances from its middle.
_JAW_ENDS = (0.70, 0.84)
# Neck and chin are drawn apart only when the chin moves by more than this, eye distances.
_LEAST = 0.0005
_STEPS = 4


class Chin:
    """Draws the neck of one portrait under its chin.

    Args:
        fields: of the face.
        controls: the names that move the face, in the order of the rows given to `draw`.
        plane: of the face.
        landmarks: float32 [478, 3], pixels.
        box: the part of the portrait that expressions move.
        grid: over the frame, of the backward map.
    """

    def __init__(
        self,
        fields: FaceFields,
        controls: tuple[str, ...],
        plane: lm.FacePlane,
        landmarks: Floats,
        box: Grid,
        grid: Grid,
    ) -> None:
        self._grid = grid
        self._nodes = grid.nodes()
        self._box = box
        basis = fields.basis(box.nodes(), controls, "neck")
        self._basis = basis.reshape(len(controls), -1)
        self._invert = FieldInverter(box, _STEPS, zero_outside=True)
        self._jaw = np.array([controls.index(name) for name in ("rest", "jaw")], np.intp)
        at = landmarks[lm.CHIN, :2][None, None].astype(np.float32)
        down = plane.axes[:, 1] / np.linalg.norm(plane.axes[:, 1]) ** 2
        self._rise = np.array([box.sample(field, at)[0, 0] @ down for field in basis[self._jaw]], np.float32)
        self._step = grid.cell // 2
        self._map_grid = Grid(box.left, box.top, box.width // self._step, box.height // self._step, self._step)
        self._beyond = _beyond_jaw(landmarks, plane, self._map_grid)
        self._where = cv2.boundingRect(cv2.extractChannel(self._beyond, 0))

    def draw(self, frame: Image, face_controls: Floats, back: Floats, pose: PoseFields, person: PersonLayer) -> None:
        """Lays the neck over a frame in which it goes along with the chin.

        Args:
            frame: uint8 [S, S, 3].
            face_controls: float32 [len(controls)].
            back: float32 [rows, columns, 2] on the grid, pixels from the frame to the portrait, as the frame was drawn.
            pose: the head's motion.
            person: who the frame shows.
        """
        rise = float(face_controls[self._jaw] @ self._rise)
        if abs(rise) < _LEAST:
            return
        box = self._box
        neck = face_controls.copy()
        if rise < 0.0:
            neck[self._jaw] *= _FOLLOWS
        moved = self._invert((neck @ self._basis).reshape(box.rows, box.columns, 2))
        source = self._map_grid.index(self._nodes + back)
        cells = visible_cells(source, self._where)
        if cells is None:
            return
        own = box.sample(moved, self._nodes[cells] + pose.back[cells], cv2.BORDER_CONSTANT) + pose.back[cells]
        there = source[cells]
        rows, columns = there.shape[:2]
        there = cv2.resize(there, (2 * columns, 2 * rows))
        beyond = cv2.remap(self._beyond, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        cell = self._grid.cell
        outside, clear = cv2.split(cv2.resize(beyond, (columns * cell, rows * cell)))
        part = frame[pixel_slices(cells, cell)]
        alone = person.draw_cells(own, cells)
        shadowed = blend(alone, np.asarray(cv2.min(part, alone), np.uint8), np.asarray(clear, np.uint8))
        part[:] = blend(shadowed, part, np.asarray(outside, np.uint8))


def _beyond_jaw(landmarks: Floats, plane: lm.FacePlane, grid: Grid) -> Image:
    """Where the face has ended, and its shadow: uint8 [rows, columns, 2] on the grid, 0 on the face and above it."""
    outline = plane.to_plane(landmarks[list(_JAW)])
    top = np.array([[outline[-1, 0] + 0.3, outline[-1, 1]], [outline[0, 0] - 0.3, outline[0, 1]]])
    lift = np.array([0.0, 3.0])
    closed = plane.to_pixels(np.vstack([outline, top[:1], top[:1] + lift, top[1:] + lift, top[1:]]))
    nodes = grid.index(closed[None].astype(np.float32))[0]
    inside = np.zeros((grid.rows, grid.columns), np.uint8)
    cv2.fillPoly(inside, [np.rint(nodes * 16.0).astype(np.int32)], (1,), cv2.LINE_8, 4)
    away = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5) * (grid.cell / plane.eye_distance_px)
    # Beside the chin there is no shadow, but collars and hair that must not be drawn twice.
    at = plane.to_plane(grid.nodes())
    beside = np.abs(at[..., 0] - outline[len(_JAW) // 2, 0])
    shadow = _EDGE[1] + (_SHADOW - _EDGE[1]) * (1.0 - smoothstep(beside, *_BESIDE))
    ends = np.dstack([smoothstep(away, *_EDGE), smoothstep(away / shadow, _EDGE[1] / _SHADOW, 1.0)])
    # Above the mouth, and further out than a jaw moves anything, there is nothing to be drawn again.
    corners = plane.to_plane(landmarks[list(lm.MOUTH_CORNERS)])
    below, near = smoothstep(corners[:, 1].mean() - at[..., 1], 0.0, 0.15), 1.0 - smoothstep(beside, *_JAW_ENDS)
    ends[..., 0] *= below * near
    return np.asarray(np.rint(255.0 * ends), np.uint8)
