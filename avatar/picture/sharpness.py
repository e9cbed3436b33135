"""How sharp a picture is: the blur of its sharpest edges."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.motion import Floats

_REBLUR_PX = 1.0
# The variance that taking a gradient between three pixels adds.
_GRADIENT_BLURS = 0.55
_EDGES = 97.0
"""Percentile of the gradient from which on it is an edge."""


def edge_blur_px(image: Image, outline: Floats) -> float:
    """Standard deviation of the blur of the edges inside an outline, pixels.

    An edge that is blurred once more loses the more of its gradient the sharper it was (Zhuo and Sim, Defocus map
    estimation from a single image, Pattern Recognition 2011).

    Args:
        image: uint8 [S, S, 3] RGB.
        outline: float32 [N, 2], pixels, convex.
    """
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(outline).astype(np.int32)), (1,))
    x, y, width, height = cv2.boundingRect(mask)
    part = (slice(y, y + height), slice(x, x + width))
    grey = cv2.cvtColor(image[part], cv2.COLOR_RGB2GRAY).astype(np.float32)
    before = _gradient(grey)
    inside = mask[part] > 0
    if not inside.any():
        return 0.0
    # The edge itself: beside it the gradient falls off, and the more slowly after blurring.
    ridge = before >= cv2.dilate(before, np.ones((3, 3), np.uint8))
    edges = inside & ridge & (before >= max(float(np.percentile(before[inside], _EDGES)), 1.0))
    if not edges.any():
        return 0.0
    after = _gradient(cv2.GaussianBlur(grey, (0, 0), _REBLUR_PX))
    ratio = max(float(np.median(before[edges] / np.maximum(after[edges], 1e-3))), 1.01)
    return float(np.sqrt(max(_REBLUR_PX**2 / (ratio**2 - 1.0) - _GRADIENT_BLURS, 0.0)))


def _gradient(grey: Floats) -> Floats:
    return np.asarray(np.hypot(cv2.Scharr(grey, cv2.CV_32F, 1, 0), cv2.Scharr(grey, cv2.CV_32F, 0, 1)), np.float32)
