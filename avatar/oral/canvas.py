"""What the parts of a mouth are painted on, in eye distances around the middle of the closed lips.

A mouth's left half mirrors its right one, which is all that is painted; `mirrored` makes both of it.
"""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.motion import Doubles

# The part of the face plane that is painted, eye distances.
HALF_WIDTH, ABOVE, BELOW = 0.50, 0.30, 0.75
# A mouth that is so wide between its corners, eye distances, has teeth and tongue of average size.
TYPICAL_MOUTH = 0.54
MM = 1.0 / 90.0
"""Eye distances in a millimetre."""

_PAINT = 800
"""Texels an eye distance while painting; reduced to what the portrait needs."""


def canvas() -> tuple[Doubles, Doubles]:
    """Across and up at every texel painted, eye distances from the middle of the closed lips: [H, W / 2] each."""
    a = (np.arange(int(HALF_WIDTH * _PAINT)) + 0.5) / _PAINT
    b = ABOVE - (np.arange(int((ABOVE + BELOW) * _PAINT)) + 0.5) / _PAINT
    a_grid, b_grid = np.meshgrid(a, b)
    return a_grid, b_grid


def mirrored(painted: Doubles) -> Doubles:
    """A painted half, [H, W / 2, 4], and its mirror image to the left of it: [H, W, 4]."""
    return np.concatenate([painted[:, ::-1], painted], axis=1)


def texture(painted: Doubles, resolution: float, blur: float) -> Image:
    """A painted half as the whole texture that is drawn from: uint8 [h, w, 4].

    Args:
        painted: float64 [H, W / 2, 4] RGBA.
        resolution: texels an eye distance.
        blur: the picture's own, standard deviation in texels.
    """
    size = (int(2 * HALF_WIDTH * resolution), int((ABOVE + BELOW) * resolution))
    small = cv2.resize(mirrored(painted), size, interpolation=cv2.INTER_AREA)
    if blur > 0.0:  # colours times alpha, so that the edges keep their colours
        alpha = small[:, :, 3:] / 255.0
        soft = cv2.GaussianBlur(np.dstack([small[:, :, :3] * alpha, small[:, :, 3:]]), (0, 0), blur)
        small = np.dstack([soft[:, :, :3] / np.maximum(soft[:, :, 3:] / 255.0, 1e-3), soft[:, :, 3:]])
    return np.asarray(np.rint(np.clip(small, 0.0, 255.0)), np.uint8)
