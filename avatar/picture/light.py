"""The light in which a face was photographed: how much of it there is, and what is said where it is too little."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.motion import Floats
from avatar.picture.blending import GREY

# Grey levels of the face: its light parts in 22 good portraits are at least 130, from light to dark at least 80.
_DARK, _FLAT = 64.0, 30.0
# Share of the face that is white without any drawing: 0.03 at most in the good ones.
_BLOWN_SHARE, _BLOWN = 0.25, 250


def light_warnings(image: Image, landmarks: Floats) -> list[str]:
    """What is to be said of the light on a face, a sentence each.

    Args:
        image: uint8 [S, S, 3] RGB.
        landmarks: float32 [478, 3], pixels.
    """
    oval = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(oval, cv2.convexHull(landmarks[list(lm.FACE_OVAL), :2].astype(np.int32)), 1)
    face = image[oval > 0]
    if not len(face):
        return []
    grey = face @ GREY
    dark, light = np.percentile(grey, (5, 95))
    if light < _DARK:
        return ["the face is very dark: a picture with more light on it would look better"]
    if float((face.min(axis=1) >= _BLOWN).mean()) > _BLOWN_SHARE:
        return ["much of the face is blown out to white: a picture with less light on it would look better"]
    if light - dark < _FLAT:
        return ["the face has hardly any contrast: a clearer picture would move better"]
    return []
