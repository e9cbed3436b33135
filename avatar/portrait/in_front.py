"""What is in front of a face and must not move with it: a hand, with what it holds."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.eyes.skin import SkinSample
from avatar.motion import Floats
from avatar.picture.inpainting import disc
from avatar.portrait.detection import eye_distance

# Lengths are eye distances.
# A hand so near to the face moves when it does. A beard has no fingers; what stands on its own (a microphone on a
# table) is not recognised.
_NEAR = 0.35
# Landmarks: the nose's tip, and the lower lip's lower edge, above which nothing is looked for.
_NOSE, _UNDER_LIP = 1, 17
# Fingers are so thick around their bones; a thing begins so far below the lips, is less like skin than this, wider than
# twice this, and reaches so close to the hand that holds it.
_FINGER, _BELOW_LIP, _UNLIKE, _NARROW, _HELD = 0.09, 0.03, 0.30, 0.035, 0.20
# Its glints are no wider than twice this. Red is less of its colour, by so much at least, than of skin's: a shadow on
# skin, or a beard, is redder than skin (five portraits by 0.03 to 0.23).
_GLINT, _LESS_RED = 0.08, 0.04
# It hides this share of the face below the lips: what hides less is a shadow, and what hides more a beard.
_HIDES = (0.04, 0.60)
# Its edge is looked for so far around what is surely it, which ends so far inside; and how soft it is, pixels.
_AROUND, _SURE, _ROUNDS, _SOFT_PX = 0.12, 0.02, 4, 1.0

_Where = npt.NDArray[np.bool_]


def hand_in_front(hands: Sequence[Floats], landmarks: Floats) -> bool:
    """Whether a hand is in front of the face, or at the chin.

    Args:
        hands: float32 [21, 2] each, pixels.
        landmarks: float32 [478, 3], pixels.
    """
    hull = cv2.convexHull(np.ascontiguousarray(landmarks[:, :2]))
    inside = -_NEAR * eye_distance(landmarks)
    return any(cv2.pointPolygonTest(hull, (float(x), float(y)), True) > inside for hand in hands for x, y in hand)


def held_in_front(image: Image, hands: Sequence[Floats], landmarks: Floats) -> Floats | None:
    """Something in a hand before the chin that is not of the skin's colour, with that hand: a microphone, a cup.

    Args:
        image: uint8 [S, S, 3] RGB.
        hands: float32 [21, 2] each, pixels.
        landmarks: float32 [478, 3], pixels.

    Returns:
        float32 [S, S] in [0, 1], where they are; None where no hand holds anything there.
    """
    unit = eye_distance(landmarks)
    points = landmarks[:, :2]
    face = _hull(points, image)
    rows = np.arange(image.shape[0])[:, None]
    skin = SkinSample(image, face & (rows > points[_NOSE, 1]) & (rows < points[_UNDER_LIP, 1]))
    below = face & (rows > points[_UNDER_LIP, 1] + _BELOW_LIP * unit)
    unlike = below & (skin.likeness(image) < _UNLIKE)
    things = cv2.morphologyEx(unlike.astype(np.uint8), cv2.MORPH_OPEN, disc(_NARROW * unit))
    _, labels = cv2.connectedComponents(things)
    for hand in hands:
        fingers = cv2.dilate(_hull(hand, image).astype(np.uint8), disc(_FINGER * unit)) > 0
        close = cv2.dilate(fingers.astype(np.uint8), disc(_HELD * unit)) > 0
        thing = np.isin(labels, np.unique(labels[close & (things > 0)]))
        if thing.any():
            thing = _of_one_thing(image, thing, fingers, skin, unit)
        if _HIDES[0] < thing.sum() / max(below.sum(), 1) < _HIDES[1]:
            return _edge(image, thing, things > 0, fingers, face, unit)
    return None


def _of_one_thing(image: Image, found: _Where, fingers: _Where, skin: SkinSample, unit: float) -> _Where:
    """What has the colour that is found nearest to the hand, not skin's; nothing if that is skin in the shade."""
    away = cv2.distanceTransform((~fingers).astype(np.uint8), cv2.DIST_L2, 5)
    near = found & (away <= np.median(away[found]))
    colour = np.median(image[near], axis=0)
    if colour[0] / max(colour.sum(), 1.0) > skin.colour[0] / max(skin.colour.sum(), 1.0) - _LESS_RED:
        return np.zeros_like(found)
    lab = cv2.cvtColor(image.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
    own = np.median(lab[near], axis=0)
    of_skin = cv2.cvtColor((skin.colour[None, None] / 255.0).astype(np.float32), cv2.COLOR_RGB2LAB)[0, 0]
    to_own, to_skin = (np.linalg.norm(lab - middle, axis=2) for middle in (own, of_skin))
    # With the glints on it.
    solid = cv2.morphologyEx((found & (to_own < to_skin)).astype(np.uint8), cv2.MORPH_CLOSE, disc(_GLINT * unit))
    solid[~found] = 0
    return np.asarray(cv2.morphologyEx(solid, cv2.MORPH_OPEN, disc(_NARROW * unit)) > 0)


def _edge(image: Image, thing: _Where, found: _Where, fingers: _Where, face: _Where, unit: float) -> Floats:
    """The whole thing with its hand, float32 [S, S]: beyond the face it is found by its colours (GrabCut)."""
    seed = (thing | fingers).astype(np.uint8)
    labels = np.full(seed.shape, cv2.GC_BGD, np.uint8)
    labels[cv2.dilate(seed, disc(_AROUND * unit)) > 0] = cv2.GC_PR_BGD
    labels[seed > 0] = cv2.GC_PR_FGD
    labels[face & ~found & ~fingers] = cv2.GC_BGD
    labels[cv2.erode(seed, disc(_SURE * unit)) > 0] = cv2.GC_FGD
    cv2.setRNGSeed(0)  # its clusters start at random
    with contextlib.suppress(cv2.error):  # a picture of a single colour
        cv2.grabCut(image, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), _ROUNDS, cv2.GC_INIT_WITH_MASK)
    cut = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    # Only what hangs together with the hand.
    _, parts = cv2.connectedComponents(cut)
    held = cv2.dilate(fingers.astype(np.uint8), disc(_AROUND * unit)) > 0
    own = np.isin(parts, np.unique(parts[held & (cut > 0)])) & (cut > 0)
    solid = cv2.morphologyEx(own.astype(np.uint8), cv2.MORPH_CLOSE, disc(_SURE * unit))
    solid = cv2.dilate(solid, disc(_SOFT_PX))
    return np.asarray(cv2.GaussianBlur(solid.astype(np.float32), (0, 0), _SOFT_PX), np.float32)


def _hull(points: Floats, image: Image) -> _Where:
    """Within the convex hull of points [N, 2]: bool [S, S]."""
    inside = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(points).astype(np.int32)), (1,))
    return inside > 0
