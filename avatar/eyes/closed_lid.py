"""The upper lid of a closed eye, painted once from the person's own skin.

A photo shows an eye open: the lid that comes down in a blink lies folded away. What it looks like is put together from
what can be seen: its tone goes on from the skin around the eye, its grain is that of skin close by, its rim and lashes
are those of the open lid. A lid is lit as the ball beneath it bulges, and goes under at its fold.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.eyes.canvas import SCALE, LidCanvas
from avatar.eyes.lashes import LidMeasures, measure_lid, paint_lashes
from avatar.eyes.skin import SkinSample
from avatar.eyes.skin_grain import skin_grain
from avatar.geometry.opening import Slit
from avatar.geometry.warp import smoothstep
from avatar.motion import Doubles, Floats
from avatar.picture.blending import GREY, colourfulness
from avatar.picture.filling import pull_push

# Lengths are eye distances.
# What is no skin still counts a little: a shadow all around belongs to the lid as well.
_LEAST_KNOWN = 0.10
# The eye ends so far below its lower rim and, in half widths, beyond its corners; the skin around is blurred so far.
_BELOW, _BEYOND, _BLUR = 0.022, 1.12, 0.025
# A lid is as light as the skin under the eye, within these shares (0.79 to 1.02 in recorded blinks); in the shadow of
# hair or brow, where it is darker than so much above the lid, at least so light.
_TONE, _SHADED, _DARK = (0.86, 0.96), 0.81, 0.55
# What is as dark as the first of these, a share of that skin's light, is hair, or skin in its shadow, and stays; what
# is lighter than the second is brought to that.
_HAIR, _SKIN = 0.12, 0.42
# The lid shows so far above its lashes, and tells its colour where it is this share as light as the skin under the eye.
_SHOWS, _LIT = 0.045, 0.70
# Light on a lid: gained on its bulge, lost towards rim and fold.
_SHEEN, _RIM_SHADE, _FOLD_SHADE = 0.06, 0.07, 0.06
# Lashes longer than this are kept free of the fold, by so much.
_LONG, _CLEAR = 0.030, 0.014
# The lid reaches this far over its rim, and is so soft there, texels.
_OVER_TEXELS, _SOFT_TEXELS = 2.2, 2.6


@dataclass(frozen=True, slots=True)
class LidShape:
    """Where the upper lid of one eye lies, in the face plane.

    Attributes:
        slit: the opening in the photo.
        measures: of the lid.
    """

    slit: Slit
    measures: LidMeasures

    def fold_at(self, a: Doubles) -> Doubles:
        """Height of the fold above the open rim: it comes down to the rim's ends, but not upon long lashes."""
        t = np.abs(self.slit.across(a))
        fold = self.measures.fold * np.sqrt(np.clip(1.0 - (t / _BEYOND) ** 2, 0.0, 1.0))
        if self.measures.lashes <= _LONG:
            return np.asarray(fold)
        return np.maximum(fold, (self.measures.lashes + _CLEAR) * (1.0 - smoothstep(t, 0.95, 1.25)))


def paint_closed_lid(canvas: LidCanvas, skin: SkinSample, room: float) -> tuple[Image, LidShape]:
    """Paints a closed upper lid.

    Args:
        canvas: of the eye.
        skin: under the eye.
        room: between rim and brow, eye distances.

    Returns:
        uint8 [h, w, 4], RGB and alpha, the eye closed and all else in its place; and where the lid lies.
    """
    measures = measure_lid(canvas, skin.grey, room)
    shape = LidShape(canvas.slit, measures)
    fold, width = shape.fold_at(canvas.at[..., 0]), np.abs(canvas.across)
    is_eye = (canvas.above < np.maximum(fold, measures.lashes)) & (canvas.below < _BELOW) & (width < _BEYOND)
    # The skin around goes on over the eye: that under it and the lid's own, which may be of another colour.
    likeness = np.maximum(skin.likeness(canvas.colour), _lid_likeness(canvas, measures, skin))
    known = np.where(is_eye, 0.0, np.maximum(likeness, _LEAST_KNOWN)).astype(np.float32)
    around = cv2.GaussianBlur(pull_push(canvas.values, known), (0, 0), _BLUR * canvas.unit)
    # Height on the closed lid: 0 at its rim, 1 at its fold.
    height = canvas.above_closed / np.maximum(fold + canvas.down, 1e-3)
    bulge = (1.0 - smoothstep(height, 0.40, 1.15)) * (1.0 - smoothstep(width, 0.7, 1.15))
    over = canvas.grey[(canvas.above > fold + 0.01) & (canvas.above < fold + 0.06) & (width < 0.8)]
    is_shaded = len(over) > 0 and float(np.median(over)) < _DARK * skin.grey
    if is_shaded:
        lift = smoothstep(around @ GREY / skin.grey, _HAIR, _SKIN)
        toned = around + lift[..., None] * (_toned(around, skin, _SHADED) - around)
    else:
        toned = _toned(around, skin, _TONE[0])
    lid = around + bulge[..., None] * (toned - around)
    lid = lid * _light(height, width)[..., None]
    lid = lid + skin_grain(canvas, skin, is_eye, lid @ GREY)
    lid, hairs = paint_lashes(canvas, lid, around, measures, colourfulness(skin.colour))
    inside = canvas.above_closed * SCALE * float(np.linalg.norm(canvas.plane.axes[:, 1])) + _OVER_TEXELS
    cover = np.clip(0.5 + inside / _SOFT_TEXELS, 0.0, 1.0) * (1.0 - smoothstep(width, 1.02, 1.20))
    alpha = cover + hairs * (1.0 - cover)
    return np.dstack([np.rint(np.clip(lid, 0.0, 255.0)), np.rint(255.0 * alpha)]).astype(np.uint8), shape


def _lid_likeness(canvas: LidCanvas, measures: LidMeasures, skin: SkinSample) -> Floats:
    """How much each texel is skin as what shows of the lid above its lashes; 0 where that is in a shadow, or hair."""
    above = (canvas.above > measures.lashes) & (canvas.above < measures.lashes + _SHOWS) & (np.abs(canvas.across) < 0.8)
    own = SkinSample(canvas.colour, above)
    if not above.any() or own.grey < _LIT * skin.grey:
        return np.zeros(canvas.grey.shape, np.float32)
    return own.likeness(canvas.colour)


def _toned(around: Floats, skin: SkinSample, low: float) -> Floats:
    """A lid's colours made as light as lids are: what is too dark is mixed with skin, what is too light is dimmed."""
    high = _TONE[1]
    tone = np.maximum(around @ GREY / skin.grey, 1e-3)
    plain = np.clip((low - tone) / np.maximum(high - tone, 1e-3), 0.0, 1.0)[..., None]
    mixed = around + plain * (high * skin.colour - around)
    return np.asarray(mixed * np.minimum(high / tone, 1.0)[..., None], np.float32)


def _light(height: Doubles, width: Doubles) -> Doubles:
    """The light on a lid: a soft sheen where it bulges over the ball, darker towards rim and fold."""
    sheen = _SHEEN * np.exp(-(((height - 0.55) / 0.26) ** 2)) * np.exp(-((width / 0.7) ** 2))
    rim = _RIM_SHADE * np.exp(-np.clip(height, 0.0, None) / 0.16)
    fold = _FOLD_SHADE * np.exp(-(((height - 1.0) / 0.16) ** 2)) * (1.0 - smoothstep(width, 0.7, 1.05))
    return np.asarray(1.0 + sheen - rim - fold)
