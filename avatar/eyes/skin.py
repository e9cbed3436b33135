"""What skin looks like around one eye."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.motion import Floats
from avatar.picture.blending import GREY

# What is darker or lighter than most of a sample is a rim, hair or a glint, percentiles.
_SURELY_SKIN = (25.0, 85.0)
# Colours this far from the sample's (CIE Lab, which OpenCV scales to bytes) are not skin; light and shade on it count
# less.
_WITHIN, _LIGHTNESS = 13.0, 0.40


class SkinSample:
    """What skin looks like around one eye: the colour of the skin under it.

    Attributes:
        colour: float32 [3], RGB.
        grey: how light that is.

    Args:
        colour: uint8 [h, w, 3].
        plain: bool [h, w], where there is skin.
    """

    def __init__(self, colour: Image, plain: npt.NDArray[np.bool_]) -> None:
        lab = self._lab(colour)
        shown = np.ones_like(plain) if plain.sum() < 12 else plain
        grey = colour.astype(np.float32) @ GREY
        low, high = np.percentile(grey[shown], _SURELY_SKIN)
        shown = shown & (grey >= low) & (grey <= high)
        self._middle = np.median(lab[shown], axis=0)
        self.colour = np.median(colour[shown].astype(np.float32), axis=0)
        self.grey = max(float(self.colour @ GREY), 1.0)

    def likeness(self, colour: Image) -> Floats:
        """How much each pixel of uint8 [h, w, 3] is skin, float32 [h, w] in [0, 1]."""
        distance = np.linalg.norm(self._lab(colour) - self._middle, axis=2) / _WITHIN
        return np.asarray(np.exp(-(distance**4)), np.float32)

    @staticmethod
    def _lab(colour: Image) -> Floats:
        lab = cv2.cvtColor(cv2.GaussianBlur(colour, (0, 0), 2.0), cv2.COLOR_RGB2LAB).astype(np.float32)
        lab[..., 0] *= _LIGHTNESS
        return np.asarray(lab, np.float32)
