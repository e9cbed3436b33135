"""The face decoder for a CPU: one portrait and 60 numbers make a picture, well above real time on one core.

The order of a frame: the 60 numbers become controls; controls become small displacement fields (one product with a
precomputed basis); the fields are inverted and composed with the head's motion; one pass draws the person over the
background. Then what can't be made by bending skin is drawn over it: mouth and eyes in their windows, the neck below a
dropped jaw, the grain of stretched skin, the light on folded skin. Every pixel of the person is the portrait's own.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.eyes.glasses import find_glasses
from avatar.eyes.opening import refine_slit
from avatar.geometry import landmarks as lm
from avatar.geometry.frame_edges import FrameEdges
from avatar.geometry.head import NONE_FIXED, FixedSides, HeadMotion
from avatar.geometry.opening import Slit, slit_between
from avatar.geometry.warp import FieldInverter, Grid
from avatar.mesh.blendshapes import FaceFields
from avatar.mesh.chin import Chin
from avatar.mesh.controls import FACE_CONTROLS, MOUTH_CONTROLS, ControlMap, control_rows
from avatar.mesh.eyes import Eye
from avatar.mesh.grain import STRETCHING, Grain
from avatar.mesh.hanging import hanging
from avatar.mesh.held import HeldThing
from avatar.mesh.layers import TEXTURE_SCALE, split_layers, upscale
from avatar.mesh.mouth import LipField, Mouth
from avatar.mesh.person import PersonLayer
from avatar.mesh.shading import Shading
from avatar.mesh.slit import ExpressionField, PoseFields, SlitPatch
from avatar.motion import Floats, MotionLayout
from avatar.picture.backdrop import PHOTO, TRANSPARENT, backdrop
from avatar.portrait.portrait import Portrait
from avatar.secondary_motion import NO_LAG

# Cells of the grid along a side of the frame, and of the grids of head and face, which are smooth: half as many do.
_CELLS, _SMOOTH_CELLS = 128, 64
_FACE_CONTROLS = ("rest", *MOUTH_CONTROLS, *FACE_CONTROLS)
_POSE_STEPS, _FACE_STEPS = 4, 4
# The patches, in eye distances around the slit's middle: left and right beyond the corners, above, below; and their
# cells, pixels at 512.
_MOUTH_BOX, _MOUTH_CELL = (0.16, 0.26, 0.66), 3
_EYE_BOX, _EYE_CELL = (0.08, 0.24, 0.17), 2


class MeshDecoder:
    """Draws one portrait. Set-up takes about a second, a frame a few milliseconds on one core.

    It reuses its memory from frame to frame: one thread at a time. The pictures it returns are the caller's.

    Args:
        portrait: whom to draw.
        background: behind the person: "photo", "transparent" (frames then have alpha), a colour, or a picture's path.
        fixed: sides of the frame at which nothing moves.
        breathing: how far shoulders and chest rise with each breath; 1 as of a person at rest.

    Raises:
        InputError: no such background.
    """

    def __init__(
        self, portrait: Portrait, *, background: str = PHOTO, fixed: FixedSides = NONE_FIXED, breathing: float = 1.0
    ) -> None:
        self._breathing = breathing
        self._held = None if portrait.in_front is None else HeldThing(portrait, portrait.in_front)
        if self._held is not None:
            portrait = replace(portrait, image=self._held.behind)
        points = portrait.landmarks
        plane = lm.FacePlane.of(points)
        size, scale = portrait.size, portrait.scale
        # Nothing behind is black, so that colours are those of the person alone.
        behind = "#000000" if background == TRANSPARENT else background
        own = None if behind == PHOTO else backdrop(behind, size, size, key="output.background")
        layers = split_layers(portrait, own)
        texture = upscale(portrait.image)
        mouth = slit_between(plane, points, lm.LIP_UPPER_INNER, lm.LIP_LOWER_INNER, lm.MOUTH_CORNERS)
        eyes = {
            side: refine_slit(
                slit_between(plane, points, lm.EYE_UPPER[side], lm.EYE_LOWER[side], lm.EYE_CORNERS[side]),
                portrait.image,
                plane,
            )
            for side in lm.SIDES
        }
        fields = FaceFields(plane, points, mouth)
        self._controls = ControlMap()

        self._grid = Grid(0, 0, _CELLS, _CELLS, size // _CELLS)
        self._head_grid = Grid(0, 0, _SMOOTH_CELLS, _SMOOTH_CELLS, size // _SMOOTH_CELLS)
        edges = FrameEdges(self._head_grid, layers.alpha)
        hangs = hanging(portrait.image, points, layers.alpha, self._head_grid)
        self._head = HeadMotion(self._head_grid, points, plane, portrait.head_gains, fixed, edges, hangs)
        self._invert_pose = FieldInverter(self._head_grid, _POSE_STEPS)
        self._face_grid = _face_box(points, size)
        self._face_rows = control_rows(_FACE_CONTROLS)
        glasses = find_glasses(portrait.image, points, plane)
        basis = fields.basis(self._face_grid.nodes(), _FACE_CONTROLS, "face")
        if glasses is not None:
            basis *= 1.0 - glasses.rigidity(plane.to_plane(self._face_grid.nodes()))[..., None].astype(np.float32)
        self._face_basis = basis.reshape(len(_FACE_CONTROLS), -1)
        self._invert_face = FieldInverter(self._face_grid, _FACE_STEPS, steep=True, zero_outside=True)
        self._nodes = self._grid.nodes()
        self._person = PersonLayer(layers, self._grid)
        white = np.full((size, size, 3), 255, np.uint8)
        self._person_over_white = self._person.with_background(white) if background == TRANSPARENT else None
        self._chin = Chin(fields, _FACE_CONTROLS, plane, points, self._face_grid, self._grid)
        stretching = basis[[_FACE_CONTROLS.index(name) for name in STRETCHING]]
        self._grain = Grain(portrait.image, points, plane, self._face_grid, stretching, self._grid)
        self._shading = Shading(
            portrait.image,
            points,
            plane,
            self._face_grid,
            self._grid,
            self._head.depth,
            self._head_grid,
            layers.alpha,
        )

        def patch(slit: Slit, box: tuple[float, float, float], cell: int, texture: Image) -> SlitPatch:
            cell = max(1, round(cell * scale))
            return SlitPatch(plane, slit, _box(plane, slit, box, size), cell, texture, layers.alpha, self._grid)

        self._mouth = Mouth(
            patch(mouth, _MOUTH_BOX, _MOUTH_CELL, texture), fields, plane, mouth, points, portrait.image
        )
        self._mouth_is_covered = portrait.mouth_is_covered
        bare, frame = (texture, None) if glasses is None else glasses.taken_off(texture, plane, TEXTURE_SCALE)
        front = None if frame is None else np.rint(255.0 * frame).astype(np.uint8)
        self._eyes = [
            Eye(patch(eye, _EYE_BOX, _EYE_CELL, bare), plane, eye, side, points, portrait.image, bare, front)
            for side, eye in eyes.items()
        ]
        left, right = self._eyes
        left.match_white(right)
        right.match_white(left)

    def decode(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> Image:
        """Draws one frame. Stateless: the same arguments, the same bytes.

        Args:
            values: float32 [60].
            breath: how far the chest has risen, 0 (as in the portrait) to 1.
            lag: how far behind the head what hangs from it is, float32 [2], eye distances to the right and down.

        Returns:
            uint8 [S, S, 3] RGB, or [S, S, 4] with straight alpha where nothing is behind.
        """
        controls = self._controls(values, self._breathing * breath)
        pose = self._posed(values, breath, lag)
        face_controls = controls[self._face_rows]
        face = self._moved(face_controls)
        back = self._backward_field(face, pose)
        frame = self._person.draw(back)
        over_black = None if self._person_over_white is None else frame.copy()
        if not self._mouth_is_covered:
            self._mouth.draw(frame, values, controls, pose)
        for eye in self._eyes:
            eye.draw(frame, values, controls, face, pose)
        self._chin.draw(frame, face_controls, back, pose, self._person)
        self._grain.draw(frame, controls, back, pose)
        self._shading.draw(frame, controls, back, values[MotionLayout.ROTATION])
        if self._held is not None:
            self._held.draw(frame, pose)
        if over_black is None or self._person_over_white is None:
            return frame
        # How much of each pixel the person covers shows in what shines through before white and before black.
        over_white = self._person_over_white.draw(back)
        self._chin.draw(over_black, face_controls, back, pose, self._person)
        self._chin.draw(over_white, face_controls, back, pose, self._person_over_white)
        if self._held is not None:
            self._held.draw(over_black, pose)
            self._held.draw(over_white, pose)
        shines_through = cv2.subtract(cv2.extractChannel(over_white, 1), cv2.extractChannel(over_black, 1))
        return _unpremultiplied(frame, np.asarray(cv2.bitwise_not(shines_through), np.uint8))

    def backward_map(self, values: Floats) -> Floats:
        """Where each cell of the frame comes from: float32 [60] to float32 [rows, columns, 2], pixels to the portrait.

        The cells are `cell` pixels a side; mouth and eyes, drawn over the rest, have fields of their own.
        """
        return self._backward_field(self._moved(self._controls(values)[self._face_rows]), self._posed(values))

    def lips(self, values: Floats) -> tuple[LipField, LipField]:
        """How the upper and the lower lip move under float32 [60], in the mouth's own window."""
        return self._mouth.lips(self._controls(values))

    @property
    def cell(self) -> int:
        """Side of the cells of `backward_map`, pixels."""
        return self._grid.cell

    @property
    def windows(self) -> list[tuple[int, int, int, int]]:
        """Left, top, width and height of what is drawn over the portrait for mouth and eyes, head at rest; pixels."""
        grids = [self._mouth.grid, *(eye.grid for eye in self._eyes)]
        return [(grid.left, grid.top, grid.width, grid.height) for grid in grids]

    def _posed(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> PoseFields:
        forward = self._head(values[MotionLayout.HEAD], self._breathing * breath, lag)
        return PoseFields(self._head_grid, forward, self._upsampled(self._invert_pose(forward)))

    def _moved(self, face_controls: Floats) -> ExpressionField:
        grid = self._face_grid
        moved = (face_controls @ self._face_basis).reshape(grid.rows, grid.columns, 2)
        return ExpressionField(grid, self._invert_face(moved))

    def _backward_field(self, face: ExpressionField, pose: PoseFields) -> Floats:
        return pose.back + face.grid.sample(face.back, self._nodes + pose.back, cv2.BORDER_CONSTANT)

    def _upsampled(self, field: Floats) -> Floats:
        size = (self._grid.columns, self._grid.rows)
        return np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_CUBIC), np.float32)


def _unpremultiplied(premultiplied: Image, alpha: Image) -> Image:
    """Colours times alpha, uint8 [S, S, 3], to straight ones: uint8 [S, S, 4]."""
    share = np.maximum(alpha, 1).astype(np.float32)[:, :, None]
    colour = np.minimum(premultiplied * (255.0 / share), 255.0)
    return np.dstack([np.rint(colour).astype(np.uint8), alpha])


def _face_box(points: Floats, size: int) -> Grid:
    """The part of the frame that expressions move: the face with its forehead and the neck."""
    unit = float(np.linalg.norm(points[33] - points[263]))
    left, right = float(points[:, 0].min()) - 0.25 * unit, float(points[:, 0].max()) + 0.25 * unit
    top, bottom = float(points[:, 1].min()) - 0.4 * unit, float(points[:, 1].max()) + 0.95 * unit
    x0, y0 = max(int(left), 0), max(int(top), 0)
    # Below the frame it goes on: what is turned into it from there must not tear.
    x1, y1 = min(int(right), size), int(bottom)
    cell = size // _SMOOTH_CELLS
    columns, rows = (-(-pixels // cell) for pixels in (x1 - x0, y1 - y0))
    return Grid(x0, y0, columns, rows, cell)


def _box(
    plane: lm.FacePlane, slit: Slit, box: tuple[float, float, float], size: int
) -> tuple[float, float, float, float]:
    """Pixels around a slit that reach beyond its corners, above and below by given eye distances."""
    beside, above, below = box
    corners = []
    for a in (slit.a[0] - beside, slit.a[-1] + beside):
        for b in (float(slit.upper.max()) + above, float(slit.lower.min()) - below):
            corners.append(plane.to_pixels(np.array([a, b])))
    low = np.clip(np.min(corners, axis=0), 0, size - 1)
    high = np.clip(np.max(corners, axis=0), 0, size - 1)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
