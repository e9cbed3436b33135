"""The eyes: lids that slide over an eyeball whose iris turns."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.mesh import landmarks as lm
from avatar.mesh.blending import blend, shade
from avatar.mesh.layers import TEXTURE_SCALE, pull_push
from avatar.mesh.lids import Lids
from avatar.mesh.opening import Slit
from avatar.mesh.slit import Expression, Pose, SlitPatch, Window, cover, edge_table, paste, uncovered
from avatar.mesh.warp import Grid, scaled, smoothstep
from avatar.motion import Floats, MotionLayout

# Radius of the circle on which the iris turns: an eyeball's 12 mm, in eye distances of 90 mm.
_EYEBALL = 12.0 / 90.0
_MOST_GAZE = 0.65
_SOFT_PX = 1.3
# Pixels here are those of a picture of 512.
# Skin and lashes along the lids' rims don't belong to the eyeball, pixels.
_RIM_PX = 2.2
# The lids reach this far over the mesh's line: their dark rims are theirs, pixels.
_LID_PX = 0.9
_LID_EDGE = edge_table(-_LID_PX, _SOFT_PX)
_SHADOW, _SHADOW_PX = 0.3, 2.2
# Rings in which the colour of a half-hidden iris is known.
_RINGS = 10

Distances = npt.NDArray[np.float64]
"""From the middle of the iris, in its radii."""


class Eye:
    """Draws one eye of a portrait into its window.

    Args:
        patch: the lids.
        plane: of the face.
        slit: the lids' opening in the photo.
        side: "Left" or "Right".
        landmarks: float32 [478, 3], pixels.
        texture: uint8 [2 S, 2 S, 3], the portrait enlarged.
    """

    def __init__(
        self, patch: SlitPatch, plane: lm.FacePlane, slit: Slit, side: str, landmarks: Floats, texture: Image
    ) -> None:
        self._patch = patch
        self._lids = Lids(patch, plane, slit, side, landmarks)
        self._axes = plane.axes.astype(np.float32)
        iris = landmarks[list(lm.IRIS[side]), :2].astype(np.float64)
        centre = iris[0]
        radius = max(float(np.linalg.norm(iris[1:] - centre, axis=1).mean()), 2.0)
        grid = patch.grid
        self._offset = np.array([0.5 - TEXTURE_SCALE * grid.left, 0.5 - TEXTURE_SCALE * grid.top])
        part = _cut(texture, grid)
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
        whites = _whites(part, visible, distance)
        distance /= _rim_of_iris(part, visible, distance)
        self._sclera = _sclera(part, whites, visible, distance)
        self._iris = _iris(part, visible, distance, scale)
        self._yaw, self._pitch = MotionLayout.INDEX["gazeYaw"], MotionLayout.INDEX["gazePitch"]

    @property
    def grid(self) -> Grid:
        """The window that is drawn over the portrait."""
        return self._patch.grid

    def draw(self, frame: Image, values: Floats, controls: Floats, face: Expression, pose: Pose) -> None:
        """Draws the eye into a frame that has everything else."""
        closed = self._lids.closed(controls)
        window = self._patch.draw(self._lids(controls, face), pose, self._lids.upper_skin(closed))
        upper, lower = window.alphas(_LID_EDGE, _LID_EDGE)
        at = uncovered(window, upper, lower)
        ball = None if at is None else self._eyeball(window, at, values, closed, upper)
        paste(frame, window, cover(ball, at, window, upper, lower))

    def _eyeball(
        self, window: Window, at: tuple[slice, slice], values: Floats, closed: float, upper_alpha: Image
    ) -> Image:
        """White and iris in the part of the window where they can be seen."""
        yaw = float(np.clip(values[self._yaw], -_MOST_GAZE, _MOST_GAZE))
        pitch = float(np.clip(values[self._pitch], -_MOST_GAZE, _MOST_GAZE))
        moved = self._axes @ np.array([_EYEBALL * np.sin(yaw), _EYEBALL * np.sin(pitch)], np.float32)
        canonical = window.canonical(at)
        texel = scaled(canonical, TEXTURE_SCALE, *self._offset)
        ball = cv2.remap(self._sclera, texel, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        texel = scaled(canonical, TEXTURE_SCALE, *(self._offset - TEXTURE_SCALE * moved))
        iris = cv2.remap(self._iris, texel, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        ball = blend(cv2.cvtColor(iris, cv2.COLOR_RGBA2RGB), np.asarray(ball, np.uint8), cv2.extractChannel(iris, 3))
        if closed > 0.0:  # a lid that comes down brings its shadow
            shadow = cv2.GaussianBlur(
                upper_alpha[at], (0, 0), _SHADOW_PX * self._patch.scale, borderType=cv2.BORDER_REPLICATE
            )
            ball = shade(ball, np.asarray(shadow, np.uint8), _SHADOW * min(closed, 1.0))
        return ball


def white_of_eyes(image: Image, landmarks: Floats) -> Floats:
    """The lightest part of the portrait's eyes without catch-lights, RGB float32 [3]: how its light falls on white."""
    found = []
    for side in lm.SIDES:
        outline = np.concatenate(
            [landmarks[list(lm.EYE_UPPER[side]), :2], landmarks[list(lm.EYE_LOWER[side]), :2][::-1]]
        )
        mask = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], (1,))
        iris = landmarks[list(lm.IRIS[side]), :2]
        radius = float(np.linalg.norm(iris[1:] - iris[0], axis=1).mean())
        cv2.circle(mask, (int(iris[0, 0]), int(iris[0, 1])), int(1.1 * radius) + 1, (0,), -1)
        found.append(image[mask > 0].astype(np.float32))
    pixels = np.concatenate(found)
    if len(pixels) < 8:
        return np.array([200.0, 195.0, 190.0], np.float32)
    order = np.argsort(pixels @ np.array([0.299, 0.587, 0.114], np.float32))
    bright = pixels[order[int(0.70 * len(order)) : max(int(0.92 * len(order)), int(0.70 * len(order)) + 1)]]
    return np.asarray(bright.mean(axis=0), np.float32)


def _cut(texture: Image, grid: Grid) -> Image:
    """The grid's rectangle of the enlarged portrait, edges replicated where it leaves the picture."""
    s = TEXTURE_SCALE
    padded = cv2.copyMakeBorder(texture, 0, grid.height * s, 0, grid.width * s, cv2.BORDER_REPLICATE)
    return np.asarray(padded[grid.top * s : (grid.top + grid.height) * s, grid.left * s : (grid.left + grid.width) * s])


def _whites(part: Image, visible: Floats, distance: Distances) -> npt.NDArray[np.bool_]:
    """Which visible texels are white of the eye: nearer in colour to the eye's lightest parts than to its iris."""
    colour = part.astype(np.float32)
    grey = colour @ np.array([0.299, 0.587, 0.114], np.float32)
    seen = visible > 0
    outer, inner = seen & (distance > 1.15), seen & (distance > 0.35) & (distance < 0.85)
    if outer.sum() < 12 or inner.sum() < 12:
        return np.asarray(seen & (distance > 1.15))
    light = np.median(colour[outer & (grey >= np.percentile(grey[outer], 65))], axis=0)
    iris = np.median(colour[inner], axis=0)
    to_light, to_iris = (np.linalg.norm(colour - middle, axis=2) for middle in (light, iris))
    return np.asarray(seen & (to_light < 0.8 * to_iris))


def _rim_of_iris(part: Image, visible: Floats, distance: Distances) -> float:
    """Where the iris really ends, in radii of the mesh's iris: where brightness rises most from ring to ring."""
    grey = part.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    edges = np.arange(0.70, 1.50, 0.075)
    means = []
    for inner in edges:
        here = (visible > 0) & (distance >= inner) & (distance < inner + 0.075)
        means.append(float(grey[here].mean()) if here.sum() >= 8 else np.nan)
    rises = np.diff(np.array(means))
    # The mesh is right unless the picture clearly says otherwise.
    rises *= np.exp(-(((edges[1:] - 1.0) / 0.40) ** 2))
    if not np.isfinite(rises).any() or np.nanmax(rises) < 6.0:
        return 1.0
    return float(edges[1:][np.nanargmax(rises)])


def _sclera(part: Image, whites: npt.NDArray[np.bool_], visible: Floats, distance: Distances) -> Image:
    """The white of the eye as if there were no iris and no lids."""
    white = (whites & (distance > 1.10)).astype(np.float32)
    if white.sum() < 12:  # hardly any white to be seen: a dark eye, its edge must do
        white = visible
    filled = pull_push(part.astype(np.float32), white)
    return np.rint(np.clip(filled, 0.0, 255.0)).astype(np.uint8)


def _iris(part: Image, visible: Floats, distance: Distances, scale: float) -> Image:
    """The iris as a whole disc, RGBA: what the lids hide is filled in from the rings that can be seen."""
    values = part.astype(np.float32)
    seen = visible > 0
    if not seen.any():
        seen = distance < 0.5
    ring = np.clip(distance * _RINGS, 0, _RINGS).astype(int)
    inside = seen & (distance < 1.0)
    overall = np.median(values[inside if inside.any() else seen], axis=0)
    profile = np.tile(overall, (_RINGS + 1, 1))
    for i in range(_RINGS + 1):
        here = seen & (ring == i)
        if here.sum() >= 3:
            profile[i] = np.median(values[here], axis=0)
    profile[_RINGS] = profile[_RINGS - 1]  # the outermost ring mixes with the white
    at = np.clip(distance * _RINGS - 0.5, 0.0, _RINGS)
    smooth = np.stack([np.interp(at, np.arange(_RINGS + 1), profile[:, c]) for c in range(3)], axis=-1)
    keep = cv2.GaussianBlur(visible, (0, 0), scale)[:, :, None] * visible[:, :, None]
    colour = values * keep + smooth * (1.0 - keep)
    alpha = 1.0 - smoothstep(distance, 0.96, 1.14)
    return np.dstack([np.rint(np.clip(colour, 0, 255)), np.rint(255.0 * alpha)]).astype(np.uint8)
