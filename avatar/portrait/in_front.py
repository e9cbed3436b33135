"""What is in front of a face and would move with it: a hand, with what it holds."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from avatar.motion import Floats
from avatar.portrait.detection import eye_distance

# A hand so near to the face moves when it does, eye distances. A beard has no fingers; what stands on its own (a
# microphone on a table) is not recognised.
_NEAR = 0.35


def hand_in_front(hands: Sequence[Floats], landmarks: Floats) -> bool:
    """Whether a hand is in front of the face, or at the chin.

    Args:
        hands: float32 [21, 2] each, pixels.
        landmarks: float32 [478, 3], pixels.
    """
    hull = cv2.convexHull(np.ascontiguousarray(landmarks[:, :2]))
    inside = -_NEAR * eye_distance(landmarks)
    return any(cv2.pointPolygonTest(hull, (float(x), float(y)), True) > inside for hand in hands for x, y in hand)
