"""The eyes: lids that slide over an eyeball whose iris turns."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.mesh import landmarks as lm
from avatar.mesh.blendshapes import Slit
from avatar.mesh.controls import INDEX
from avatar.mesh.layers import TEXTURE_SCALE, pull_push
from avatar.mesh.slit import Expression, Pose, SlitPatch, blend, edge_alpha
from avatar.mesh.warp import Grid, smoothstep
from avatar.motion import Floats, MotionLayout

# Radius of the circle on which the iris turns: an eyeball's 12 mm, in eye distances of 90 mm.
_EYEBALL = 12.0 / 90.0
_MOST_GAZE = 0.65
_SOFT_PX = 1.3
# The upper lid closes this share of the opening (plus a little, so that no crack stays), the lower one lifts by this
# share at most; the rim with its lashes is this wide and never stretched (eye distances).
_CLOSE, _CLOSE_EXTRA, _LIFT, _LASH = 0.80, 0.006, 0.30, np.float32(0.014)
# Skin and lashes along the lids' rims don't belong to the eyeball, pixels.
_RIM_PX = 1.6


class Lids:
    """The lids of one eye: where the skin of each place in the picture comes from.

    The upper lid's rim slides down over the eye; the skin between it and the brow unrolls behind it. Written backwards
    and in closed form, since a lid that more than doubles its height is beyond what a few steps of inversion reach.

    Args:
        grid: of the eye's patch.
        plane: of the face.
        slit: the lids' opening in the photo.
        side: "Left" or "Right".
        landmarks: float32 [478, 3], pixels.
    """

    def __init__(self, grid: Grid, plane: lm.FacePlane, slit: Slit, side: str, landmarks: Floats) -> None:
        self._nodes = grid.nodes()
        at = plane.to_plane(self._nodes)
        a, self._b = at[..., 0], at[..., 1].astype(np.float32)
        near = 1.0 - smoothstep(np.abs(slit.across(a)), 1.0, 1.25)
        height = np.clip(slit.upper_at(a) - slit.lower_at(a), 0.0, None)
        self._upper, self._lower = slit.upper_at(a).astype(np.float32), slit.lower_at(a).astype(np.float32)
        self._down = (near * (_CLOSE * height + _CLOSE_EXTRA)).astype(np.float32)
        self._up = (near * _LIFT * height).astype(np.float32)
        tallest = float((slit.upper - slit.lower).max())
        brow = plane.to_plane(landmarks[list(lm.BROW_LOWER[side])])[:, 1].min()
        room = float(brow - slit.upper.mean())
        self._above = np.float32(np.clip(0.9 * room, 0.7 * tallest + _LASH, 0.26))
        self._below = np.float32(0.05 + 0.8 * tallest)
        # One step along b in pixels.
        self._b_axis = plane.axes[:, 1].astype(np.float32)
        self._to_b = np.linalg.inv(plane.axes)[1].astype(np.float32)
        self._rows = (INDEX["lidUpper" + side], INDEX["lidLower" + side])

    def __call__(self, controls: Floats, face: Expression) -> tuple[Floats, Floats]:
        """Backward fields of the upper and the lower lid on the patch's grid, float32 [rows, columns, 2] pixels."""
        moved = face.grid.sample(face.back, self._nodes, cv2.BORDER_CONSTANT)
        b = self._b + moved @ self._to_b
        closed, lifted = controls[self._rows[0]] * self._down, controls[self._rows[1]] * self._up
        above = b - (self._upper - closed)
        upper = self._upper + _unroll(above, closed, self._above) - b
        below = (self._lower + lifted) - b
        lower = self._lower - _unroll(below, lifted, self._below) - b
        return moved + upper[..., None] * self._b_axis, moved + lower[..., None] * self._b_axis


def _unroll(from_rim: Floats, advanced: Floats, reach: np.float32) -> Floats:
    """Distance from the rim in the photo, of skin now at `from_rim` after the rim advanced by `advanced`."""
    length = reach + advanced - _LASH
    s = np.clip((from_rim - _LASH) / length, 0.0, 1.0)
    return np.asarray(from_rim - advanced * (s * s * (3.0 - 2.0 * s)), np.float32)


class Eye:
    """Draws one eye of a portrait into its window.

    Args:
        patch: the lids.
        plane: of the face.
        slit: the lids' opening in the photo.
        side: "Left" or "Right".
        landmarks: float32 [478, 3], pixels.
        texture: uint8 [1024, 1024, 3], the portrait enlarged.
    """

    def __init__(
        self, patch: SlitPatch, plane: lm.FacePlane, slit: Slit, side: str, landmarks: Floats, texture: Image
    ) -> None:
        self._patch = patch
        self._lids = Lids(patch.grid, plane, slit, side, landmarks)
        self._axes = plane.axes.astype(np.float32)
        iris = landmarks[list(lm.IRIS[side]), :2].astype(np.float64)
        centre = iris[0]
        radius = float(np.linalg.norm(iris[1:] - centre, axis=1).mean())
        grid = patch.grid
        self._offset = np.array([0.5 - TEXTURE_SCALE * grid.left, 0.5 - TEXTURE_SCALE * grid.top], np.float32)
        part = _cut(texture, grid)
        x = (np.arange(part.shape[1]) - 0.5) / TEXTURE_SCALE + grid.left
        y = (np.arange(part.shape[0]) - 0.5) / TEXTURE_SCALE + grid.top
        at = np.stack(np.meshgrid(x, y), axis=-1)
        in_plane = plane.to_plane(at)
        a, b = in_plane[..., 0], in_plane[..., 1]
        rim = _RIM_PX / float(np.linalg.norm(plane.axes[:, 1]))
        opening = np.minimum(slit.upper_at(a) - b, b - slit.lower_at(a)) - rim
        opening = np.where(np.abs(slit.across(a)) < 0.97, opening, -1.0)
        visible = (opening > 0.0).astype(np.float32)
        distance = np.linalg.norm(at - centre, axis=-1) / max(radius, 1.0)
        self._sclera = _sclera(part, visible, distance)
        self._iris = _iris(part, visible, distance)
        self._yaw, self._pitch = MotionLayout.INDEX["gazeYaw"], MotionLayout.INDEX["gazePitch"]

    def draw(self, frame: Image, values: Floats, controls: Floats, face: Expression, pose: Pose) -> None:
        """Draws the eye into a frame that has everything else."""
        window = self._patch.draw(self._lids(controls, face), pose)
        yaw = float(np.clip(values[self._yaw], -_MOST_GAZE, _MOST_GAZE))
        pitch = float(np.clip(values[self._pitch], -_MOST_GAZE, _MOST_GAZE))
        moved = self._axes @ np.array([_EYEBALL * np.sin(yaw), _EYEBALL * np.sin(pitch)], np.float32)
        texel = window.canonical * np.float32(TEXTURE_SCALE) + self._offset
        ball = np.asarray(cv2.remap(self._sclera, texel, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        iris = cv2.remap(
            self._iris,
            texel - moved * np.float32(TEXTURE_SCALE),
            None,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
        )
        ball = blend(np.ascontiguousarray(iris[:, :, :3]), ball, iris[:, :, 3].astype(np.float32) * np.float32(1 / 255))
        upper, lower = edge_alpha(window.upper, 0.0, _SOFT_PX), edge_alpha(window.lower, 0.0, _SOFT_PX)
        # The upper lid's shadow on the ball moves with it.
        shadow = 1.0 - 0.35 * cv2.GaussianBlur(upper, (0, 0), 2.2)
        ball = cv2.multiply(ball, cv2.merge([shadow, shadow, shadow]), dtype=cv2.CV_8U)
        skin = blend(np.ascontiguousarray(window.lower[:, :, :3]), np.asarray(ball, np.uint8), lower)
        skin = blend(np.ascontiguousarray(window.upper[:, :, :3]), skin, upper)
        part = frame[window.rows, window.columns]
        part[:] = blend(skin, np.ascontiguousarray(part), window.feather)


def _cut(texture: Image, grid: Grid) -> Image:
    """The grid's rectangle of the enlarged portrait, edges replicated where it leaves the picture."""
    s = TEXTURE_SCALE
    padded = cv2.copyMakeBorder(texture, 0, grid.height * s, 0, grid.width * s, cv2.BORDER_REPLICATE)
    return np.asarray(padded[grid.top * s : (grid.top + grid.height) * s, grid.left * s : (grid.left + grid.width) * s])


def _sclera(part: Image, visible: Floats, distance: np.ndarray) -> Image:
    """The white of the eye as if there were no iris and no lids."""
    white = visible * (distance > 1.15)
    if white.sum() < 12:  # hardly any white to be seen: a dark eye, its edge must do
        white = visible
    filled = pull_push(part.astype(np.float32), white.astype(np.float32))
    return np.rint(np.clip(filled, 0.0, 255.0)).astype(np.uint8)


def _iris(part: Image, visible: Floats, distance: np.ndarray) -> Image:
    """The iris as a whole disc, RGBA: what the lids hide is filled in from the rings that can be seen."""
    values = part.astype(np.float32)
    ring = np.clip((distance * 12).astype(int), 0, 15)
    seen = visible > 0
    profile = np.zeros((16, 3), np.float32)
    for i in range(16):
        here = seen & (ring == i)
        if here.sum() >= 3:
            profile[i] = np.median(values[here], axis=0)
        else:
            profile[i] = (
                profile[i - 1]
                if i
                else np.median(values[seen & (distance < 1)], axis=0)
                if (seen & (distance < 1)).any()
                else 40.0
            )
    smooth = np.stack([np.interp(distance * 12 - 0.5, np.arange(16), profile[:, c]) for c in range(3)], axis=-1)
    keep = cv2.GaussianBlur(visible, (0, 0), 1.0)[:, :, None] * visible[:, :, None]
    colour = values * keep + smooth * (1.0 - keep)
    alpha = 1.0 - smoothstep(distance, 1.0, 1.16)
    return np.dstack([np.rint(np.clip(colour, 0, 255)), np.rint(255.0 * alpha)]).astype(np.uint8)
