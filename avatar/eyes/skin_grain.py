"""The grain of skin: pores, film grain, brushwork and cracks, found close by and made as strong as under the eye."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.eyes.canvas import LidCanvas
from avatar.eyes.skin import SkinSample
from avatar.motion import Floats
from avatar.picture.blending import GREY

# Lengths are eye distances.
# Finer than this is grain, and finer than this what its strength is judged by; what is so many times stronger than its
# median is a thing.
_FINE, _FINEST, _MOST = 0.016, 0.012, 3.0
# It is made this share as strong as under the eye, within these factors.
_SHARE, _GAIN = 0.85, (0.3, 6.0)
# Where under the eye that is, and how far away grain is looked for (outwards, up).
_UNDER = (0.05, 0.12)
_PLACES = ((0.0, -0.20), (0.0, -0.26), (0.06, -0.22), (-0.04, -0.30), (0.0, 0.30), (-0.08, 0.38), (0.0, 0.0))

Where = npt.NDArray[np.bool_]


def skin_grain(canvas: LidCanvas, skin: SkinSample, where: Where, light: Floats) -> Floats:
    """Grain for a part of the canvas, taken from the cleanest skin around.

    Args:
        canvas: of the eye.
        skin: under the eye.
        where: bool [h, w], the part that needs some.
        light: float32 [h, w], how light the skin there is, grey levels.

    Returns:
        float32 [h, w, 3], to be added to its colours.
    """
    colour, sample = _cleanest(canvas, skin, where)
    likeness = sample.likeness(colour)
    weight = likeness + np.float32(1e-3)
    values, blur = colour.astype(np.float32), _FINE * canvas.unit
    smooth = cv2.GaussianBlur(values * weight[..., None], (0, 0), blur)
    smooth /= cv2.GaussianBlur(weight, (0, 0), blur)[..., None]
    fine = (values - smooth) * likeness[..., None]
    most = _MOST * _median(np.abs(fine @ GREY), where)
    grain = np.clip(fine, -most, most) * (light / sample.grey)[..., None]
    under = (canvas.below > _UNDER[0]) & (canvas.below < _UNDER[1]) & (np.abs(canvas.across) < 0.8)
    own, found = (_strength(grey, part, canvas.unit) for grey, part in ((canvas.grey, under), (grain @ GREY, where)))
    gain = float(np.clip(_SHARE * own / max(found, 1e-3), *_GAIN))
    # What is made stronger is only its light and shade, not its colour.
    plain = (grain @ GREY)[..., None]
    return np.asarray(gain * plain + min(gain, 1.0) * (grain - plain), np.float32)


def _cleanest(canvas: LidCanvas, skin: SkinSample, where: Where) -> tuple[Image, SkinSample]:
    """The place close by that is most like one skin and not in the shadow: uint8 [h, w, 3], and that skin."""
    places: list[tuple[float, Image, SkinSample]] = []
    for place in _PLACES:
        colour = canvas.taken(place)
        sample = SkinSample(colour, where)
        # A nearer one counts a little more.
        share = _mean(sample.likeness(colour), where) * min(sample.grey / skin.grey, 1.0) - 0.02 * len(places)
        places.append((share, colour, sample))
    _, colour, sample = max(places, key=lambda found: found[0])
    return colour, sample


def _strength(grey: Floats, where: Where, unit: float) -> float:
    """How strong the finest detail is: the median of what a small blur takes away."""
    return _median(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), _FINEST * unit)), where)


def _median(values: Floats, where: Where) -> float:
    return float(np.median(values[where])) if where.any() else 0.0


def _mean(values: Floats, where: Where) -> float:
    return float(values[where].mean()) if where.any() else 0.0
