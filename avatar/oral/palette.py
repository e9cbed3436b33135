"""The colours inside a mouth, in the portrait's own light: teeth by the skin's lights, flesh by the lips."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.motion import Doubles, Floats
from avatar.picture.blending import GREY, colourfulness

# Teeth by the skin's highlights: 0.92 on light skin in usual light, more on darker skin, less where skin is nearly
# white already. Real frames have 0.80 to 0.96 on light skin, up to 1.5 on dark skin.
_ENAMEL, _HIGHLIGHT, _FALL, _ENAMEL_RANGE = 0.92, 0.62, 0.6, (0.82, 1.10)
# How much of the light's colour, seen on the skin, teeth take on, per channel: they are a little yellow of their own.
_ENAMEL_TINT = np.array([0.50, 0.50, 0.60])
# The lit tongue by the lips' grey: 0.72 to 0.80 in real frames; by the cheeks': 0.5 to 0.67.
_TONGUE_BY_LIPS, _TONGUE_BY_SKIN = 0.84, (0.50, 0.66)
# Tongue over lips, per channel, in real frames, at the same grey: less green.
_FLESH_TINT = np.array([1.05, 0.94, 1.03])
# Green by red in lips is at most this share of what it is in skin, unless lips are painted so.
_LIPS_REDDER = 0.86
_SKIN = (50, 280, 101, 330, 36, 266)
_LOWER_LIP: lm.Indices = (*lm.LIP_LOWER_INNER[1:-1], *(375, 321, 405, 314, 17, 84, 181, 91, 146)[1:-1])


@dataclass(frozen=True, slots=True)
class Palette:
    """RGB in [0, 255], float64 [3], of what is fully lit.

    Attributes:
        skin: of the cheeks.
        enamel: of the upper incisors.
        flesh: of the tongue; gums and cheeks are its lighter and darker kinds.
        highlight: grey level of the skin's lights.
    """

    skin: Doubles
    enamel: Doubles
    flesh: Doubles
    highlight: float


def palette(image: Image, landmarks: Floats) -> Palette:
    """Colours for the inside of the mouth of a portrait.

    Args:
        image: uint8 [S, S, 3] RGB.
        landmarks: float32 [478, 3], pixels.
    """
    skin = skin_colour(image, landmarks)
    highlight = skin_highlight(image, landmarks)
    ratio = float(np.clip(_ENAMEL - _FALL * (highlight / 255.0 - _HIGHLIGHT), *_ENAMEL_RANGE))
    enamel = _of_grey(1.0 + _ENAMEL_TINT * (_of_grey(skin, 1.0) - 1.0), ratio * highlight)
    return Palette(skin, np.minimum(enamel, 250.0), _flesh(skin, lip_colour(image, landmarks)), highlight)


def skin_colour(image: Image, landmarks: Floats) -> Doubles:
    """Mean colour of both cheeks, RGB in [0, 255]."""
    samples = []
    for index in _SKIN:
        x, y = np.clip(landmarks[index, :2].astype(int), 4, image.shape[0] - 5)
        samples.append(image[y - 4 : y + 5, x - 4 : x + 5].reshape(-1, 3).astype(np.float64).mean(axis=0))
    return np.asarray(np.median(samples, axis=0))


def skin_highlight(image: Image, landmarks: Floats) -> float:
    """Grey level above which a tenth of the face lies: where the light falls on skin."""
    oval = _filled(image, landmarks[list(lm.FACE_OVAL), :2])
    return float(np.percentile(image[oval > 0].astype(np.float32) @ GREY, 90))


def lip_colour(image: Image, landmarks: Floats) -> Doubles:
    """The lower lip's median colour, RGB in [0, 255]: moustaches hide the upper one."""
    lip = _filled(image, landmarks[list(_LOWER_LIP), :2])
    pixels = image[lip > 0]
    return np.median(pixels, axis=0).astype(np.float64) if len(pixels) else skin_colour(image, landmarks)


def _flesh(skin: Doubles, lips: Doubles) -> Doubles:
    grey = float(np.clip(_TONGUE_BY_LIPS * (lips @ GREY) / max(skin @ GREY, 1.0), *_TONGUE_BY_SKIN) * (skin @ GREY))
    colourful = colourfulness(skin)
    hue = _of_grey(np.maximum(lips, 1.0), 1.0)
    hue = hue * (1.0 + colourful * (_FLESH_TINT - 1.0))
    most = _LIPS_REDDER * skin[1] / max(skin[0], 1.0) * hue[0]
    hue[1] += colourful * min(most - hue[1], 0.0)
    return _of_grey(hue, grey)


def _of_grey(colour: Doubles, grey: float) -> Doubles:
    return np.asarray(colour * (grey / max(float(colour @ GREY), 1e-6)))


def _filled(image: Image, outline: Floats) -> Image:
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], (1,))
    return mask
