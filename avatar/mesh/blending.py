"""Pictures laid over one another and darkened, in bytes."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import Image


def blend(over: Image, under: Image, alpha: Image) -> Image:
    """Lays one picture over another: over · alpha + under · (1 − alpha), uint8 [h, w, 3] by alpha uint8 [h, w]."""
    share = cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB)
    added = cv2.multiply(over, share, scale=1.0 / 255.0)
    # In bytes throughout: several times faster than blending in float, and at most one grey level beside it.
    return np.asarray(cv2.add(added, cv2.multiply(under, cv2.bitwise_not(share), scale=1.0 / 255.0)), np.uint8)


def shade(image: Image, shadow: Image, depth: float) -> Image:
    """A picture uint8 [h, w, 3] darkened by the share `depth` where its shadow, uint8 [h, w], is full."""
    light = cv2.convertScaleAbs(shadow, alpha=-depth, beta=255.0)
    return np.asarray(cv2.multiply(image, cv2.cvtColor(light, cv2.COLOR_GRAY2RGB), scale=1.0 / 255.0), np.uint8)
