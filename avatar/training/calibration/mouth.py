"""A mouth's curves as the decoder draws them: the same for motion that was tracked in a video and for the rule's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar.evaluation.lips import LipGeometry
from avatar.geometry import landmarks as lm
from avatar.motion import Floats, MotionLayout
from avatar.portrait.portrait import Portrait

_INDEX = MotionLayout.INDEX
# Coefficients that draw a corner of the mouth back.
_CORNER = ("mouthSmile", "mouthStretch", "mouthDimple")


@dataclass(frozen=True, slots=True)
class MouthCurves:
    """A mouth over time, 25 Hz, float32 [T] each.

    Attributes:
        aperture: between the lips' inner edges, over the distance of the eyes' outer corners; 0 where they meet.
        width: between the corners of the mouth, over the same distance.
        unevenness: how much further back the left corner is drawn than the right one, in coefficients.
        jaw_side: how far the jaw is to its own left, in coefficients.
    """

    aperture: Floats
    width: Floats
    unevenness: Floats
    jaw_side: Floats


class DrawnMouth:
    """Works out what one portrait's mouth does under a motion, without drawing it.

    Args:
        portrait: any; real and made mouths are compared on the same one.
    """

    def __init__(self, portrait: Portrait) -> None:
        self._lips = LipGeometry(portrait)
        outer = portrait.landmarks[[lm.EYE_CORNERS["Right"][0], lm.EYE_CORNERS["Left"][1]], :2]
        self._eyes_px = float(np.linalg.norm(outer[1] - outer[0]))

    def __call__(self, values: Floats) -> MouthCurves:
        """Float32 [T, 60] to the mouth's curves."""
        lips = self._lips(values)
        left, right = (values[:, [_INDEX[stem + side] for stem in _CORNER]].sum(axis=1) for side in lm.SIDES)
        return MouthCurves(
            np.clip(lips.gap_px / self._eyes_px, 0.0, None),
            lips.width_px / np.float32(self._eyes_px),
            left - right,
            values[:, _INDEX["jawLeft"]] - values[:, _INDEX["jawRight"]],
        )
