"""Where an eye opens in the picture, found more exactly than the mesh has it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import FRAME_SIZE, Image
from avatar.eyes.skin import SkinSample
from avatar.geometry import landmarks as lm
from avatar.geometry.opening import Slit
from avatar.motion import Doubles, Floats
from avatar.picture.blending import GREY

# Lengths are eye distances.
# A lid's edge is looked for this far inside and outside the mesh's line, in steps.
_INSIDE, _OUTSIDE, _STEP = 0.015, 0.050, 0.0025
# Contrast is measured across this; the mesh counts as right within this; another place must be this much stronger.
_ACROSS, _NEAR_MESH, _CLEARLY = 0.006, 0.012, 1.25
# Corners are looked for this far beyond the mesh's, at these heights; a step or two may be the picture's blur.
_BEYOND, _HEIGHTS, _LEAST_STEPS = 0.05, (-0.024, -0.012, 0.0, 0.012), 3
# What an eye gains is white: a fold of the lid is as strong an edge as its rim. White is at least so light, and has at
# most so much of the colour, shares of the skin's; skin without colour tells nothing.
_LIGHT, _PALE, _COLOURFUL = 0.65, 0.50, 25.0


def refine_slit(slit: Slit, image: Image, plane: lm.FacePlane) -> Slit:
    """An eye's opening with its edges moved out to where the picture has its contrast, if that is clearly elsewhere.

    Painted and drawn eyes are often larger than the mesh believes; what it leaves out would look like skin. Each edge
    keeps its shape and is only bent further; the corners go as far as white is seen.

    Args:
        slit: from the mesh.
        image: uint8 [S, S, 3].
        plane: of the face.
    """
    smooth = cv2.GaussianBlur(image, (0, 0), 0.8 * image.shape[0] / FRAME_SIZE)
    skin = skin_under(slit, image, plane)
    slit = _with_corners(slit, smooth, plane, skin)
    bow = np.sqrt(np.clip(1.0 - slit.across(slit.a) ** 2, 0.0, 1.0))
    upper = slit.upper + bow * _bend(slit, slit.upper, bow, 1.0, smooth, plane, skin)
    lower = slit.lower - bow * _bend(slit, slit.lower, bow, -1.0, smooth, plane, skin)
    return replace(slit, upper=upper, lower=lower)


def _with_corners(slit: Slit, image: Image, plane: lm.FacePlane, skin: SkinSample) -> Slit:
    """A slit drawn out at either end as far as there is white of the eye beyond it."""
    steps = np.arange(_STEP, _BEYOND, _STEP)
    corners = []
    for end, outwards in ((0, -1.0), (-1, 1.0)):
        a, b = slit.a[end], (slit.upper[end] + slit.lower[end]) / 2.0
        at = np.stack(np.broadcast_arrays(a + outwards * steps[None, :], b + np.array(_HEIGHTS)[:, None]), axis=-1)
        colour = _sampled(image, plane, at)
        is_white = _is_white(colour.astype(np.float32), skin).any(axis=0)
        reach = len(steps) if is_white.all() else int(np.argmin(is_white))
        corners.append(a + outwards * (steps[reach - 1] if reach >= _LEAST_STEPS else 0.0))
    stretched = corners[0] + (slit.a - slit.a[0]) * (corners[1] - corners[0]) / (slit.a[-1] - slit.a[0])
    return replace(slit, a=stretched)


def skin_under(slit: Slit, image: Image, plane: lm.FacePlane) -> SkinSample:
    """The skin below an eye in a picture, uint8 [S, S, 3]."""
    down = np.linspace(0.05, 0.12, 15)
    inner = slit.a[np.abs(slit.across(slit.a)) < 0.8]
    at = np.stack(np.broadcast_arrays(inner[None, :], slit.lower_at(inner)[None, :] - down[:, None]), axis=-1)
    return SkinSample(_sampled(image, plane, at), np.ones(at.shape[:2], np.bool_))


def _is_white(values: Floats, skin: SkinSample) -> npt.NDArray[np.bool_]:
    """Which colours, float32 [..., 3], are nearly as light as skin and have less of its colour."""
    spread = values.max(axis=-1) - values.min(axis=-1)
    own = float(skin.colour.max() - skin.colour.min())
    return np.asarray((values @ GREY > _LIGHT * skin.grey) & (spread < _PALE * own) & (own > _COLOURFUL))


def _sampled(image: Image, plane: lm.FacePlane, at: Doubles) -> Image:
    """A picture at places of the face plane [h, w, 2]."""
    pixels = plane.to_pixels(at).astype(np.float32)
    return np.asarray(cv2.remap(image, pixels, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _bend(
    slit: Slit, line: Doubles, bow: Doubles, outwards: float, image: Image, plane: lm.FacePlane, skin: SkinSample
) -> float:
    """By how much to bend an edge outwards, eye distances; 0 where the mesh's line is about as good as any."""
    bends = np.arange(-_INSIDE, _OUTSIDE, _STEP)
    middle = bow > 0.5

    def colours(shift: float) -> Floats:
        b = line[None, :] + outwards * (bends[:, None] * bow[None, :] + shift)
        return _sampled(image, plane, np.stack(np.broadcast_arrays(slit.a[None, :], b), axis=-1)).astype(np.float32)

    inside, outside = colours(-_ACROSS), colours(_ACROSS)
    if outwards > 0.0:  # upwards the eye ends at something darker: lashes, or the shadow of the lid
        contrast = np.clip((inside - outside).mean(axis=2), 0.0, None)
    else:
        contrast = np.linalg.norm(outside - inside, axis=2)
    strength = contrast[:, middle].mean(axis=1)
    best = int(strength.argmax())
    is_near = abs(bends[best]) < _NEAR_MESH
    at_mesh = strength[np.abs(bends) < (_STEP if is_near else _NEAR_MESH)].max()
    if bends[best] < 0.0 or strength[best] < _CLEARLY * max(at_mesh, 1.0):
        return 0.0
    if is_near:
        return float(bends[best])
    gained = colours(0.0)[(bends > 0.0) & (bends < bends[best])][:, middle].mean(axis=(0, 1))
    return float(bends[best]) if _is_white(gained, skin) else 0.0
