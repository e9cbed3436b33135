"""Whether something hides a mouth: cloth from the nose to the chin, of one colour that is not the skin's."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.motion import Doubles, Floats
from avatar.portrait.detection import eye_distance

_Colour = Doubles

# The lips' outer edge, and between them.
_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
_BETWEEN = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
# Skin that masks leave free: the forehead's middle and between the eyes.
_FREE = (9, 151, 108, 337, 6, 168)
# What they hide: nose tip, beside and below the nose, beside and below the mouth.
_HIDDEN = ((4, 1, 19), (205, 425, 36, 266), (164, 167, 393), (18, 200, 199, 201, 421))
# Lightness counts half: light and shadow fall on one cloth, too.
_LIGHTNESS = 0.5
# Differences of colour (Lab). Of 22 good portraits the lips differ by 7 at least from the skin around them, but for one
# with 2; what lies below the eyes from what lies above by 12 at most, but for three with 16 to 21.
_LIPS_SHOW, _OTHER_COLOUR = 4.5, 11.0
# The cloth's places differ from each other by less than this share of what they differ from the skin.
_ONE_COLOUR = 0.5


def mouth_is_covered(image: Image, landmarks: Floats) -> bool:
    """Whether nose, mouth and chin are of one colour, without lips, and the skin above of another.

    A beard leaves the nose free. Hands, which have the skin's colour, and patterned cloth are not recognised.

    Args:
        image: uint8 [S, S, 3] RGB, head and shoulders.
        landmarks: float32 [478, 3], pixels.
    """
    unit = eye_distance(landmarks)
    lab = cv2.cvtColor(image.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB) * np.array(
        [_LIGHTNESS, 1.0, 1.0], np.float32
    )
    lab = cv2.GaussianBlur(lab, (0, 0), 0.02 * unit)
    lips, around = _lips_and_ring(lab.shape[:2], landmarks, unit)
    if not lips.any() or not around.any():
        return False
    if float(np.linalg.norm(np.median(lab[lips], axis=0) - np.median(lab[around], axis=0))) > _LIPS_SHOW:
        return False
    skin = _colour(lab, landmarks, _FREE)
    hidden = [_colour(lab, landmarks, places) for places in _HIDDEN]
    nearest = min(float(np.linalg.norm(colour - skin)) for colour in hidden)
    cloth = np.median(hidden, axis=0)
    farthest = max(float(np.linalg.norm(colour - cloth)) for colour in hidden)
    return nearest > _OTHER_COLOUR and farthest < _ONE_COLOUR * nearest


def _lips_and_ring(
    shape: tuple[int, ...], landmarks: Floats, unit: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    outer, inner = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for mask, places in ((outer, _LIPS), (inner, _BETWEEN)):
        cv2.fillPoly(mask, [np.rint(landmarks[list(places), :2]).astype(np.int32)], (1,))
    lips = (outer > 0) & (cv2.dilate(inner, _disc(0.02 * unit)) == 0)
    ring = (cv2.dilate(outer, _disc(0.16 * unit)) > 0) & (cv2.dilate(outer, _disc(0.05 * unit)) == 0)
    return lips, ring


def _disc(radius: float) -> npt.NDArray[np.uint8]:
    side = 2 * max(round(radius), 1) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _colour(lab: npt.NDArray[np.float32], landmarks: Floats, places: tuple[int, ...]) -> _Colour:
    size = np.array([lab.shape[1], lab.shape[0]])
    x, y = np.clip(np.rint(landmarks[list(places), :2]).astype(int), 0, size - 1).T
    return np.asarray(np.median(lab[y, x], axis=0), np.float64)
