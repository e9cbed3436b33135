"""The eyeball's textures from what a photo shows between the lids: white, iris, and the light that it reflects."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.geometry.warp import smoothstep
from avatar.motion import Doubles, Floats
from avatar.picture.blending import GREY
from avatar.picture.filling import pull_push

# Rings in which the colour of a half-hidden iris is known.
_RINGS = 10
# What is so many grey levels lighter than its ring of the iris, lighter than this in every channel and no larger than
# this share of the iris, is a reflection.
_CATCHES, _WHITE, _MOST_CATCH = 45.0, 150.0, 0.05
# Where the other eye shows the first share of all the white that both show, this one's own is as good; from the second
# on it is too little to go by.
_SEEN_LESS = (0.55, 0.90)
# From where to where, in the iris' radii, the photo's own white counts, and what else it shows between the lids; from
# the third on its white is clear of the iris' soft edge.
_NEAR_WHITE, _NEAR_DARK, _CLEAR = (1.12, 1.30), (1.15, 1.36), 1.28
# What is made up is smoothed so far, texels of a picture of 512; and what is dark beside it weighs so much in it.
_SMOOTH, _DARKENS = 3.0, 0.15

Distances = Doubles
"""From the middle of the iris, in its radii."""


def sclera_mask(part: Image, visible: Floats, distance: Distances) -> npt.NDArray[np.bool_]:
    """Which visible texels are white of the eye: nearer in colour to the eye's lightest parts than to its iris."""
    colour = part.astype(np.float32)
    grey = colour @ GREY
    seen = visible > 0
    outer, inner = seen & (distance > 1.15), seen & (distance > 0.35) & (distance < 0.85)
    if outer.sum() < 12 or inner.sum() < 12:
        return np.asarray(seen & (distance > 1.15))
    light = np.median(colour[outer & (grey >= np.percentile(grey[outer], 65))], axis=0)
    iris = np.median(colour[inner], axis=0)
    to_light, to_iris = (np.linalg.norm(colour - middle, axis=2) for middle in (light, iris))
    return np.asarray(seen & (to_light < 0.8 * to_iris))


def measure_iris_radius(part: Image, visible: Floats, distance: Distances) -> float:
    """Where the iris really ends, in radii of the mesh's iris: where brightness rises most from ring to ring."""
    grey = part.astype(np.float32) @ GREY
    edges = np.arange(0.70, 1.50, 0.075)
    means = []
    for inner in edges:
        here = (visible > 0) & (distance >= inner) & (distance < inner + 0.075)
        means.append(float(grey[here].mean()) if here.sum() >= 8 else np.nan)
    rises = np.diff(np.array(means))
    # The mesh is right unless the picture clearly says otherwise.
    rises *= np.exp(-(((edges[1:] - 1.0) / 0.28) ** 2))
    if not np.isfinite(rises).any() or np.nanmax(rises) < 6.0:
        return 1.0
    return float(edges[1:][np.nanargmax(rises)])


@dataclass(frozen=True, slots=True)
class Sclera:
    """The white of one eye.

    Attributes:
        image: uint8 [h, w, 3], as if there were no iris and no lids.
        filled: float32 [h, w], 1 where it is made up, 0 where the photo shows it.
        colour: float32 [3], its median where the photo shows it.
        seen: texels of it that the photo shows.
    """

    image: Image
    filled: Floats
    colour: Floats
    seen: int

    def matched(self, other: Sclera, lighter: float) -> Sclera:
        """What is made up of it, turned to the other eye's white the more the less is seen of its own.

        Args:
            other: eye.
            lighter: how much more light falls on this one.
        """
        share = float(smoothstep(other.seen / max(self.seen + other.seen, 1), *_SEEN_LESS))
        change = share * (lighter * other.colour - self.colour)
        image = self.image + change * self.filled[..., None]
        return replace(self, image=np.rint(np.clip(image, 0.0, 255.0)).astype(np.uint8))


def paint_sclera(
    part: Image, whites: npt.NDArray[np.bool_], visible: Floats, distance: Distances, scale: float
) -> Sclera:
    """The white of the eye as if there were no iris and no lids."""
    values = part.astype(np.float32)
    # The edge of an iris is soft: the further away the whiter, but an eye that shows little must do with that.
    white = (whites & (distance > 1.10)).astype(np.float32)
    clear = white * (distance > _CLEAR)
    if 2.0 * clear.sum() > white.sum():
        white = clear
    seen = int(white.sum())
    if seen < 12:  # hardly any white to be seen: a dark eye, its edge must do
        seen, white = 0, visible
    colour = np.median(part[white > 0.0], axis=0) if white.any() else np.full(3, 128.0)
    # What is no white is shadow, lashes or the eye's inner corner, and stays; but not close to the iris, whose own edge
    # it may be. It darkens a little what is made up beside it.
    dark = visible * smoothstep(distance, *_NEAR_DARK) * (white == 0.0)
    filled = pull_push(values, np.maximum(white, _DARKENS * dark**2).astype(np.float32))
    filled = cv2.GaussianBlur(filled, (0, 0), _SMOOTH * scale)
    own = np.maximum(white * smoothstep(distance, *_NEAR_WHITE), dark)
    own = cv2.GaussianBlur(own.astype(np.float32), (0, 0), scale) * visible
    # All goes on under the lids' rims.
    image = pull_push(filled + own[..., None] * (values - filled), visible)
    made_up = 1.0 - own
    return Sclera(np.rint(np.clip(image, 0.0, 255.0)).astype(np.uint8), made_up, colour.astype(np.float32), seen)


def paint_iris(part: Image, visible: Floats, distance: Distances, scale: float) -> tuple[Image, Image]:
    """The iris as a whole disc, and the light that it reflects, RGBA each.

    What the lids hide of the iris is filled in from the rings that can be seen; so is what lies under a catch-light.
    """
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
    lighter = (values - smooth) @ GREY
    # Small and nearly white: what is larger or coloured is the iris' own pattern.
    white = seen & (lighter > _CATCHES) & (values.min(axis=2) > _WHITE) & (distance < 0.9)
    _, labels, found, _ = cv2.connectedComponentsWithStats(white.astype(np.uint8))
    small = found[:, cv2.CC_STAT_AREA] <= _MOST_CATCH * (distance < 1.0).sum()
    bright = (small[labels] & white).astype(np.float32)
    catch = cv2.GaussianBlur(cv2.dilate(bright, np.ones((3, 3), np.uint8)), (0, 0), scale)[:, :, None]
    keep = keep * (1.0 - catch)
    colour = values * keep + smooth * (1.0 - keep)
    alpha = 1.0 - smoothstep(distance, 0.96, 1.14)
    iris = np.dstack([np.rint(np.clip(colour, 0, 255)), np.rint(255.0 * alpha)]).astype(np.uint8)
    light = np.dstack([np.rint(np.clip(values, 0, 255)), np.rint(255.0 * catch)]).astype(np.uint8)
    return iris, light
