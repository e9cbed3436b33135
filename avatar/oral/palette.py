"""The colours inside a mouth, in the portrait's own light: teeth by the skin's lights, flesh by the lips."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.motion import Doubles, Floats
from avatar.picture.blending import GREY, colourfulness

# Teeth by the skin's highlights: 0.97 on light skin in usual light, more on darker skin, less where skin is nearly
# white already. Real frames have 0.80 to 0.96 on light skin, up to 1.5 on dark skin.
_ENAMEL, _HIGHLIGHT, _FALL, _ENAMEL_RANGE = 0.99, 0.62, 0.6, (0.93, 1.12)
# How much of the light's colour, seen on the skin, teeth take on; and their own, a little yellow.
_ENAMEL_TINT, _ENAMEL_OWN = 0.48, np.array([1.01, 1.0, 0.98])
# The lit tongue by the lips' grey: 0.72 to 0.80 in real frames; by the cheeks': 0.5 to 0.67.
_TONGUE_BY_LIPS, _TONGUE_BY_SKIN = 0.84, (0.58, 0.64)
# Flesh inside has the hue of the lips, turned by a few degrees towards a real tongue's: by more where the lips' hue is
# not yet so far from the skin's (5° to 21° in real frames). It is more saturated than pale lips and skin, but has no
# lipstick on (0.38 to 0.48 in real frames).
_TONGUE_HUE, _TURN, _MORE_TURN, _LIPS_OFF_SKIN = 354.0, 4.0, 2.0, 10.0
_OVER_PALE, _PALE, _MOST_SATURATED = 1.25, 0.42, 0.60
# The difference between its channels is at most this share of what lips or skin have.
_PALER = 0.9
# Light that is left is redder by this power of the flesh's colour.
_REDDENS = 0.8
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
        redness: how far the lips' hue is from the skin's: 0 the same, 1 as in most people, or more.
    """

    skin: Doubles
    enamel: Doubles
    flesh: Doubles
    highlight: float
    redness: float


def palette(image: Image, landmarks: Floats) -> Palette:
    """Colours for the inside of the mouth of a portrait.

    Args:
        image: uint8 [S, S, 3] RGB.
        landmarks: float32 [478, 3], pixels.
    """
    skin = skin_colour(image, landmarks)
    highlight = skin_highlight(image, landmarks)
    ratio = float(np.clip(_ENAMEL - _FALL * (highlight / 255.0 - _HIGHLIGHT), *_ENAMEL_RANGE))
    own = 1.0 + (_ENAMEL_OWN - 1.0) * colourfulness(skin)
    enamel = _of_grey(own * (1.0 + _ENAMEL_TINT * (_of_grey(skin, 1.0) - 1.0)), ratio * highlight)
    lips = lip_colour(image, landmarks)
    off_skin = _turn(_hue_and_saturation(lips)[0], _hue_and_saturation(skin)[0])
    redness = float(np.clip(off_skin / _LIPS_OFF_SKIN, 0.0, 1.0))
    return Palette(skin, np.minimum(enamel, 250.0), _flesh(skin, lips, redness), highlight, redness)


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
    """The lower lip's colour, RGB in [0, 255]: moustaches hide the upper one.

    It is as light and as colourful as the lip on the whole. Its hue is the redder half's: the outline that landmarks
    give a thin or a painted lip takes in skin, beard and light.
    """
    lip = _filled(image, landmarks[list(_LOWER_LIP), :2])
    pixels = image[lip > 0].astype(np.float64)
    if not len(pixels):
        return skin_colour(image, landmarks)
    whole = np.median(pixels, axis=0)
    redness = pixels[:, 0] / np.maximum(pixels @ GREY, 1.0)
    red = np.median(pixels[redness >= np.median(redness)], axis=0)
    hue, (_, saturation) = _hue_and_saturation(red)[0], _hue_and_saturation(whole)
    return _of_hue(hue, saturation, float(whole @ GREY))


def in_light(light: Doubles, flesh: Doubles) -> Doubles:
    """What each colour channel has left of a light: [...] in [0, 1] to [..., 3].

    Light that has been thrown to and fro between walls of flesh is redder, the more so the less of it is left.
    """
    light = light[..., None]
    return np.asarray(light * (flesh / float(flesh.max())) ** (_REDDENS * (1.0 - light)))


def _flesh(skin: Doubles, lips: Doubles, redness: float) -> Doubles:
    (hue, of_lips), (_, of_skin) = _hue_and_saturation(lips), _hue_and_saturation(skin)
    level = float(skin @ GREY)
    grey = level * float(np.clip(_TONGUE_BY_LIPS * (lips @ GREY) / max(level, 1.0), *_TONGUE_BY_SKIN))
    most = _TURN + _MORE_TURN * (1.0 - redness)
    hue += float(np.clip(_turn(hue, _TONGUE_HUE), -most, most))
    # What has no colour of its own stays grey.
    saturation = min(max(of_lips, min(_OVER_PALE * max(of_lips, of_skin), _PALE)), _MOST_SATURATED)
    saturation *= of_lips > 0.0
    colour = _of_hue(hue, saturation, grey)
    # A toned photograph stays as pale as it is.
    own = max(float(np.ptp(lips)), float(np.ptp(skin)))
    return grey + (colour - grey) * min(_PALER * own / max(float(np.ptp(colour)), 1e-6), 1.0)


def _hue_and_saturation(colour: Doubles) -> tuple[float, float]:
    """Hue in degrees, saturation in [0, 1]."""
    hue, saturation, _ = cv2.cvtColor((colour / 255.0).astype(np.float32)[None, None], cv2.COLOR_RGB2HSV)[0, 0]
    return float(hue), float(saturation)


def _turn(start: float, end: float) -> float:
    """From one hue to another the shorter way, degrees."""
    return (end - start + 180.0) % 360.0 - 180.0


def _of_hue(hue: float, saturation: float, grey: float) -> Doubles:
    """The colour of a hue in degrees, a saturation in [0, 1] and a grey level."""
    pure = cv2.cvtColor(np.array([[[hue % 360.0, saturation, 1.0]]], np.float32), cv2.COLOR_HSV2RGB)[0, 0]
    return _of_grey(pure.astype(np.float64), grey)


def _of_grey(colour: Doubles, grey: float) -> Doubles:
    return np.asarray(colour * (grey / max(float(colour @ GREY), 1e-6)))


def _filled(image: Image, outline: Floats) -> Image:
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], (1,))
    return mask
