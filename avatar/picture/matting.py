"""The person's edge, pixel by pixel: what lies near it and has the person's colours, and what has the background's.

A segmentation knows the edge to some pixels only, and fringes of hair not at all. In a band around it each pixel's
colour is compared with those of the person and of the background near it, a Gaussian of each (as in Chuang et al. 2001,
"A Bayesian approach to digital matting"); how far it lies in or out says the rest.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.motion import Floats
from avatar.picture.inpainting import disc

# All pixels here are those of a picture of 512.
# The edge is looked for so far inside the segmentation's and so far outside.
_INSIDE_PX, _OUTSIDE_PX = 9, 22
# The background's colours are learnt from so far outside: nearer, it is hair; further, what lies between cheek and
# shoulder would be nobody's, and taken for the person.
_BEHIND_PX = 13
# Colours are learnt from so far around, with this noise (of 1); from fewer pixels than this share, nothing is.
_AROUND_PX, _NOISE, _LEAST_SHARE = 26, 0.012, 0.02
# Earrings, flowers, rims of spectacles are like neither: how likely person and background have any colour.
_ANY_COLOUR = (0.1, 0.005)
# So many pixels in or out are as good a reason as e to 1, and a colour is at most this power of it.
_DISTANCE_PX, _MOST_COLOUR = 3.5, 4.5
# Beyond this power nothing is any surer, and numbers overflow.
_SURELY = np.float32(30.0)
# What has the person's colours, but hangs together with nothing, is stray hair within this.
_STRAY_PX = 6
# A single hair speaks this clearly for itself, and differs by this much (of 1) from what is beside it.
_HAIR, _HAIR_SHARE = (1.5, 0.05), np.float32(0.7)
# Finer than this, colours are noise.
_SMOOTH_PX = 0.8
# How soft an edge can be, and how strongly it clings to the picture's own.
_SOFT_PX, _CLINGS = 3, 1e-4


def edge_alpha(
    image: Image, person: npt.NDArray[np.uint8], scale: float, unsure: npt.NDArray[np.bool_] | None = None
) -> Floats:
    """How much of each pixel is the person's, float32 [S, S] in [0, 1].

    Args:
        image: uint8 [S, S, 3] RGB.
        person: uint8 [S, S], 0 or 1, the segmentation's.
        scale: pixels here for a pixel of a picture of 512.
        unsure: bool [S, S], where somebody may be: nothing is learnt there of the background.
    """
    colours = image.astype(np.float32) / np.float32(255.0)
    core = cv2.erode(person, disc(_INSIDE_PX * scale))
    reach = cv2.dilate(person, disc(_OUTSIDE_PX * scale))
    perhaps = person if unsure is None else np.maximum(person, unsure.astype(np.uint8))
    thin = _thinness(colours, scale) > _HAIR[1]
    behind = 1 - cv2.dilate(perhaps, disc(_BEHIND_PX * scale))
    behind[thin] = 0  # single hairs are no background
    band = (reach > 0) & (core == 0)
    favours = np.zeros(person.shape, np.float32)
    likely = [
        np.log(_likelihood(colours, side.astype(np.float32), band, scale) + any_colour)
        for side, any_colour in zip((core, behind), _ANY_COLOUR, strict=True)
    ]
    favours[band] = np.nan_to_num(np.clip(likely[0] - likely[1], -_MOST_COLOUR, _MOST_COLOUR))
    stray = (favours > _HAIR[0]) & thin
    favours = cv2.GaussianBlur(favours, (0, 0), _SMOOTH_PX * scale)
    inside, outside = (cv2.distanceTransform(side, cv2.DIST_L2, 5) for side in (person, 1 - person))
    favours += (inside - outside) / np.float32(_DISTANCE_PX * scale)
    share = 1.0 / (1.0 + np.exp(-np.maximum(favours, -_SURELY)))
    share[stray] = np.maximum(share[stray], _HAIR_SHARE)
    share[core > 0], share[reach == 0] = 1.0, 0.0
    mostly = share > 0.5
    own = cv2.dilate(_with_core(mostly, core).astype(np.uint8), disc(_STRAY_PX * scale))
    share[mostly & (own == 0)] = 0.0  # of the same colours, but not of the person
    fine = cv2.ximgproc.guidedFilter(colours, share, round(_SOFT_PX * scale), _CLINGS)
    fine[stray] = np.maximum(fine[stray], share[stray])
    fine = np.where(core > 0, 1.0, np.where(reach > 0, np.clip((fine - 0.1) / 0.8, 0.0, 1.0), 0.0))
    return fine.astype(np.float32)


def _likelihood(colours: Floats, weight: Floats, at: npt.NDArray[np.bool_], scale: float) -> Floats:
    """How likely colours are by those that have weight around them, a density: float32 [count], NaN without any."""
    moments = [weight, *(weight * colours[..., i] for i in range(3))]
    pairs = [(i, j) for i in range(3) for j in range(i, 3)]
    moments += [weight * colours[..., i] * colours[..., j] for i, j in pairs]
    side = 2 * round(_AROUND_PX * scale) + 1
    sums = np.stack([cv2.blur(moment, (side, side), borderType=cv2.BORDER_CONSTANT)[at] for moment in moments])
    share = np.maximum(sums[0], 1e-6)
    mean = sums[1:4] / share
    spread = np.empty((int(at.sum()), 3, 3), np.float32)
    for (i, j), both in zip(pairs, sums[4:], strict=True):
        spread[:, i, j] = spread[:, j, i] = both / share - mean[i] * mean[j] + (_NOISE**2 if i == j else 0.0)
    away = colours[at] - mean.T
    distance = np.einsum("ni,nij,nj->n", away, np.linalg.inv(spread), away)
    density = np.exp(-distance / 2.0) / np.sqrt((2.0 * np.pi) ** 3 * np.maximum(np.linalg.det(spread), 1e-18))
    return np.where(sums[0] > _LEAST_SHARE, density, np.nan).astype(np.float32)


def _thinness(colours: Floats, scale: float) -> Floats:
    """How much each pixel differs from what is beside it where it is part of something thin: float32 [S, S]."""
    grey = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)
    around = disc(2.5 * scale)
    light, dark = (cv2.morphologyEx(grey, kind, around) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT))
    return np.asarray(np.maximum(light, dark), np.float32)


def _with_core(likely: npt.NDArray[np.bool_], core: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """What hangs together with the core."""
    _, parts = cv2.connectedComponents(likely.astype(np.uint8), connectivity=4)
    return np.asarray(likely & np.isin(parts, np.unique(parts[(core > 0) & likely])), np.bool_)
