"""What is seen in an open mouth: how light, how dark, and of what hue; the same measures for drawn and for real frames.

Everything is read between the lips' inner edges as MediaPipe finds them in the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.evaluation.results import Band, Cell, Row, at_most
from avatar.geometry import landmarks as lm
from avatar.motion import Doubles, Floats
from avatar.oral.palette import lip_colour, skin_colour, skin_highlight
from avatar.picture.blending import GREY

# Darker than this share of the cheeks counts as dark.
_DARK = 0.35
# Teeth are the lightest, the throat the darkest part of what is seen.
_TEETH_PERCENTILE, _THROAT_PERCENTILE = 93.0, 8.0
# Where tongue and cheeks are looked for: up from the lower lip by shares of the opening's height; from the middle to
# the corners by shares of its half width.
_TONGUE_UP, _TONGUE_ASIDE = (0.12, 0.38), 0.35
_CHEEK_UP, _CHEEK_ASIDE = (0.35, 0.80), (0.55, 0.85)
# What they are held to.
_TEETH_BAND, _DARKER, _DARK_BAND, _HUE_BAND, _CHROMA_BAND = (
    Band(0.75, 1.15),
    Band(0.0, 1.0),
    Band(0.19, 0.38),
    at_most(10.0),
    at_most(0.0),
)
MOUTH_NOTE = (
    "A mouth opened wide (teeth: lips drawn apart), read between the lips as MediaPipe finds them. Dark: below 0.35 of "
    "the cheeks. Hue: of the tongue against the lips. Colour beyond the face's own: of tongue and throat, in pictures "
    "in black and white."
)
# Less colour than this has no hue to speak of; a face with more of it is no picture in black and white, however toned.
# Grey levels between the channels.
_COLOURLESS, _COLOURED = 8.0, 45.0


@dataclass(frozen=True, slots=True)
class OpenMouth:
    """What is seen between the lips.

    Attributes:
        teeth: grey level of the lightest part, over that of the skin's highlights.
        tooth_level: the same over the cheeks'.
        tongue: grey level above the lower lip, over the cheeks' (the face's, as are the next).
        inner_cheeks: grey level beside the middle.
        throat: grey level of the darkest part.
        dark_share: share of the opening that is dark.
        hue_off: degrees from the hue of the lips to that of the tongue; None in a picture without colours.
        excess_chroma: of a picture in black and white, the largest difference between two channels on the tongue and in
            the throat, beyond what lips or cheeks have, grey levels; None in a picture with colours.
    """

    teeth: float
    tooth_level: float
    tongue: float
    inner_cheeks: float
    throat: float
    dark_share: float
    hue_off: float | None
    excess_chroma: float | None

    def tongue_over(self, bared: OpenMouth) -> float:
        """The tongue's grey level by that of the teeth in another picture of this face."""
        return self.tongue / max(bared.tooth_level, 1e-6)


def look_into(picture: Image, found: Floats) -> OpenMouth | None:
    """Measures one picture; None where the lips are closed.

    Args:
        picture: uint8 [H, W, 3] RGB.
        found: float32 [478, 3], its landmarks, pixels.
    """
    upper, lower = (found[list(curve), :2] for curve in (lm.LIP_UPPER_INNER, lm.LIP_LOWER_INNER))
    inside = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.rint(np.vstack([upper, lower[::-1]])).astype(np.int32)], (1,))
    inside = cv2.erode(inside, np.ones((3, 3), np.uint8))
    seen = picture[inside > 0].astype(np.float64)
    if len(seen) < 40:
        return None
    skin, lips = skin_colour(picture, found), lip_colour(picture, found)
    level = max(float(skin @ GREY), 1.0)
    grey = seen @ GREY
    up, aside = _position(inside > 0, upper, lower)
    tongue = seen[(up > _TONGUE_UP[0]) & (up < _TONGUE_UP[1]) & (aside < _TONGUE_ASIDE)]
    beside = seen[(up > _CHEEK_UP[0]) & (up < _CHEEK_UP[1]) & (aside > _CHEEK_ASIDE[0]) & (aside < _CHEEK_ASIDE[1])]
    if not len(tongue) or not len(beside):
        return None
    tongue_colour = np.median(tongue, axis=0)
    throat = seen[grey <= np.percentile(grey, _THROAT_PERCENTILE)].mean(axis=0)
    teeth = float(np.percentile(grey, _TEETH_PERCENTILE))
    chroma = max(float(np.ptp(tongue_colour)), float(np.ptp(throat)))
    own = max(float(np.ptp(lips)), float(np.ptp(skin)))
    return OpenMouth(
        teeth=teeth / max(skin_highlight(picture, found), 1.0),
        tooth_level=teeth / level,
        tongue=max(float(tongue_colour @ GREY), 1.0) / level,
        inner_cheeks=max(float(np.median(beside @ GREY)), 1.0) / level,
        throat=float(throat @ GREY) / level,
        dark_share=float((grey < _DARK * level).mean()),
        hue_off=_hue_between(lips, tongue_colour),
        excess_chroma=max(chroma - own, 0.0) if own < _COLOURED else None,
    )


def mouth_rows(opened: OpenMouth | None, bared: OpenMouth | None) -> list[Row]:
    """The table's rows.

    Args:
        opened: of a mouth that is wide open.
        bared: of lips drawn apart before the teeth.
    """
    over_teeth = None if opened is None or bared is None else opened.tongue_over(bared)
    rows: list[tuple[str, float | None, str, Band, int]] = [
        ("teeth over skin's highlights", None if bared is None else bared.teeth, "", _TEETH_BAND, 2),
        ("tongue over teeth", over_teeth, "", _DARKER, 2),
    ]
    for name, read, unit, band, digits in _OF_OPENED:
        rows.append((name, None if opened is None else read(opened), unit, band, digits))
    return [Row(name, (Cell(value, band),), unit, digits) for name, value, unit, band, digits in rows]


# What is read of a mouth that is wide open: name, value, unit, band, digits.
_OF_OPENED: tuple[tuple[str, Callable[[OpenMouth], float | None], str, Band, int], ...] = (
    ("cheeks' inside over tongue", lambda mouth: mouth.inner_cheeks / mouth.tongue, "", _DARKER, 2),
    ("throat over cheeks' inside", lambda mouth: mouth.throat / mouth.inner_cheeks, "", _DARKER, 2),
    ("dark share", lambda mouth: mouth.dark_share, "", _DARK_BAND, 2),
    ("hue of the tongue, off", lambda mouth: mouth.hue_off, "°", _HUE_BAND, 0),
    ("colour beyond the face's own", lambda mouth: mouth.excess_chroma, "levels", _CHROMA_BAND, 0),
)


def _position(inside: npt.NDArray[np.bool_], upper: Floats, lower: Floats) -> tuple[Doubles, Doubles]:
    """Of each pixel inside: its height, 0 at the lower lip and 1 at the upper one, and how far from the middle."""
    y, x = np.nonzero(inside)
    top, bottom = (np.interp(x, curve[:, 0], curve[:, 1]) for curve in (upper, lower))
    middle, half = (upper[0, 0] + upper[-1, 0]) / 2.0, max((upper[-1, 0] - upper[0, 0]) / 2.0, 1.0)
    return np.asarray((bottom - y) / np.maximum(bottom - top, 1.0)), np.abs(x - middle) / half


def _hue_between(first: Doubles, second: Doubles) -> float | None:
    if min(float(np.ptp(first)), float(np.ptp(second))) < _COLOURLESS:
        return None
    pair = (np.stack([first, second])[None] / 255.0).astype(np.float32)
    hues = cv2.cvtColor(pair, cv2.COLOR_RGB2HSV)[0, :, 0]
    return float(abs((hues[0] - hues[1] + 180.0) % 360.0 - 180.0))
