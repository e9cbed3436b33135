"""The eyes: lids that slide over an eyeball whose iris turns."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.eyes.eyeball import measure_iris_radius, paint_iris, paint_sclera, sclera_mask
from avatar.eyes.opening import skin_under
from avatar.geometry import landmarks as lm
from avatar.geometry.opening import Slit
from avatar.geometry.warp import Grid, scale_and_shift
from avatar.mesh.layers import TEXTURE_SCALE
from avatar.mesh.lids import Lids
from avatar.mesh.slit import (
    ExpressionField,
    PoseFields,
    SlitPatch,
    Window,
    composite_sides,
    edge_table,
    paste,
    uncovered,
)
from avatar.motion import Floats, MotionLayout
from avatar.picture.blending import blend, shade

# Radius of the circle on which the iris turns: an eyeball's 12 mm, in eye distances of 90 mm.
_EYEBALL = 12.0 / 90.0
_MOST_GAZE = 0.65
# Catch-lights go this share of the iris' way.
_CATCH_FOLLOWS = 0.45
_SOFT_PX = 1.3
# Pixels here are those of a picture of 512.
# Skin and lashes along the lids' rims don't belong to the eyeball, pixels.
_RIM_PX = 2.2
# The lids reach this far over the mesh's line: their dark rims are theirs, pixels.
_LID_PX = 0.9
_LID_EDGE = edge_table(-_LID_PX, _SOFT_PX)
_SHADOW, _SHADOW_PX = 0.3, 2.2
# An iris of such a share of the eye's width leaves no white to be seen (people's 0.40 to 0.56): the pupil turns in it.
_NO_WHITE = 0.70


class Eye:
    """Draws one eye of a portrait into its window.

    Args:
        patch: the lids.
        plane: of the face.
        slit: the lids' opening in the photo.
        side: "Left" or "Right".
        landmarks: float32 [478, 3], pixels.
        image: uint8 [S, S, 3], the portrait.
        texture: uint8 [2 S, 2 S, 3], the portrait enlarged.
        front: uint8 [2 S, 2 S], how much each texel of the portrait lies in front of the eye; None if nothing does.
    """

    def __init__(
        self,
        patch: SlitPatch,
        plane: lm.FacePlane,
        slit: Slit,
        side: str,
        landmarks: Floats,
        image: Image,
        texture: Image,
        front: Image | None,
    ) -> None:
        self._patch = patch
        self._skin = skin_under(slit, image, plane)
        self._lids = Lids(patch, plane, slit, side, landmarks, texture, self._skin)
        self._front = None if front is None else patch.cut(front)
        self._axes = plane.axes.astype(np.float32)
        iris = landmarks[list(lm.IRIS[side]), :2].astype(np.float64)
        centre = iris[0]
        radius = max(float(np.linalg.norm(iris[1:] - centre, axis=1).mean()), 2.0)
        grid = patch.grid
        self._offset = np.array([0.5 - TEXTURE_SCALE * grid.left, 0.5 - TEXTURE_SCALE * grid.top])
        part = _crop(texture, grid)
        x = (np.arange(part.shape[1]) - 0.5) / TEXTURE_SCALE + grid.left
        y = (np.arange(part.shape[0]) - 0.5) / TEXTURE_SCALE + grid.top
        at = np.stack(np.meshgrid(x, y), axis=-1)
        in_plane = plane.to_plane(at)
        a, b = in_plane[..., 0], in_plane[..., 1]
        scale = patch.scale
        rim = scale * _RIM_PX / float(np.linalg.norm(plane.axes[:, 1]))
        opening = np.minimum(slit.upper_at(a) - b, b - slit.lower_at(a)) - rim
        opening = np.where(np.abs(slit.across(a)) < 0.97, opening, -1.0)
        visible = (opening > 0.0).astype(np.float32)
        distance = np.linalg.norm(at - centre, axis=-1) / radius
        whites = sclera_mask(part, visible, distance)
        distance /= measure_iris_radius(part, visible, distance)
        self._sclera = paint_sclera(part, whites, visible, distance, scale)
        self._iris, self._light = paint_iris(part, visible, distance, scale)
        self._pupil: tuple[Floats, float] | None = None
        width = float(np.linalg.norm(np.subtract(*landmarks[list(lm.EYE_CORNERS[side]), :2])))
        if 2.0 * radius > _NO_WHITE * width:
            self._sclera = paint_sclera(part, np.zeros_like(whites), visible, distance, scale)
            self._pupil = (centre * TEXTURE_SCALE + self._offset).astype(np.float32), radius * TEXTURE_SCALE
        self._yaw, self._pitch = MotionLayout.INDEX["gazeYaw"], MotionLayout.INDEX["gazePitch"]

    def match_white(self, other: Eye) -> None:
        """Turns what is made up of this eye's white to that of the other one, each in its own light."""
        self._sclera = self._sclera.matched(other._sclera, self._skin.grey / other._skin.grey)

    @property
    def grid(self) -> Grid:
        """The grid of the window that is drawn over the portrait."""
        return self._patch.grid

    def draw(self, frame: Image, values: Floats, controls: Floats, face: ExpressionField, pose: PoseFields) -> None:
        """Draws the eye into a frame that has everything else."""
        closed = self._lids.closed(controls)
        fields = self._lids(controls, face)
        window = self._patch.draw((fields.upper, fields.lower), pose, self._lids.skin(closed))
        upper, lower = window.alphas(_LID_EDGE, _LID_EDGE)
        at = uncovered(window, upper, lower)
        ball = None if at is None else self._eyeball(window, at, values, closed, upper)
        skin = composite_sides(ball, at, window, upper, lower)
        self._lids.cover(skin, window, fields)
        if self._front is not None:  # the frame shows it already, as the head has moved it
            whole = slice(0, skin.shape[0]), slice(0, skin.shape[1])
            behind = cv2.bitwise_not(self._patch.sampled(window, whole, None, self._front))
            window = replace(window, feather=cv2.multiply(window.feather, behind, scale=1.0 / 255.0))
        paste(frame, window, skin)

    def _eyeball(
        self, window: Window, at: tuple[slice, slice], values: Floats, closed: float, upper_alpha: Image
    ) -> Image:
        """White and iris in the part of the window where they can be seen."""
        yaw = float(np.clip(values[self._yaw], -_MOST_GAZE, _MOST_GAZE))
        pitch = float(np.clip(values[self._pitch], -_MOST_GAZE, _MOST_GAZE))
        moved = self._axes @ np.array([_EYEBALL * np.sin(yaw), _EYEBALL * np.sin(pitch)], np.float32)
        position = window.portrait_coordinates(at)
        texel = scale_and_shift(position, TEXTURE_SCALE, *self._offset)
        if self._pupil is not None:  # the rim stays, what is in it turns the more the nearer to the middle
            centre, radius = self._pupil
            r = np.linalg.norm(texel - (centre + np.float32(0.5 * TEXTURE_SCALE) * moved), axis=2) / radius
            texel = texel - (np.clip(1.0 - r * r, 0.0, 1.0) ** 2)[:, :, None] * (np.float32(TEXTURE_SCALE) * moved)
        ball: Image = np.asarray(
            cv2.remap(self._sclera.image, texel, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
        )
        if self._pupil is None:
            texel = scale_and_shift(position, TEXTURE_SCALE, *(self._offset - TEXTURE_SCALE * moved))
            iris = cv2.remap(self._iris, texel, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
            ball = blend(cv2.cvtColor(iris, cv2.COLOR_RGBA2RGB), ball, cv2.extractChannel(iris, 3))
            # A reflection on the round cornea lags behind: the light stays where it is.
            texel = scale_and_shift(position, TEXTURE_SCALE, *(self._offset - _CATCH_FOLLOWS * TEXTURE_SCALE * moved))
            light = cv2.remap(self._light, texel, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
            ball = blend(cv2.cvtColor(light, cv2.COLOR_RGBA2RGB), ball, cv2.extractChannel(light, 3))
        if closed > 0.0:  # a lid that comes down brings its shadow
            shadow = cv2.GaussianBlur(
                upper_alpha[at], (0, 0), _SHADOW_PX * self._patch.scale, borderType=cv2.BORDER_REPLICATE
            )
            ball = shade(ball, np.asarray(shadow, np.uint8), _SHADOW * min(closed, 1.0))
        return ball


def _crop(texture: Image, grid: Grid) -> Image:
    """The grid's rectangle of the enlarged portrait, edges replicated where it leaves the picture."""
    s = TEXTURE_SCALE
    padded = cv2.copyMakeBorder(texture, 0, grid.height * s, 0, grid.width * s, cv2.BORDER_REPLICATE)
    return np.asarray(padded[grid.top * s : (grid.top + grid.height) * s, grid.left * s : (grid.left + grid.width) * s])
