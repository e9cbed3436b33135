"""Landmark checks: warnings about landmarks that can't be trusted and features that will move badly."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.motion import Doubles, Floats
from avatar.picture.light import light_warnings
from avatar.placing.mean_face import pose_error
from avatar.portrait.detection import eye_distance

# The mesh of the mirrored picture, mirrored back, against the mesh: mean distance, in eye distances. Of 21 good photos,
# paintings and drawings none was above the first figure; with half of the face or the mouth covered, four of five
# were above the limit that is its neighbour.
_MIRRORED = {"an eye": 0.040, "the mouth": 0.035, "the face": 0.034}  # good ones: 0.028, 0.024, 0.023
# Height of an eye's opening by its width: at least 0.20 in the good ones, 0.05 to 0.17 where both eyes are shut.
_SHUT = 0.17
# Light against dark in an eye (their 90th and 10th percentiles), by the skin: at least 0.20 in the good ones, 0.00 to
# 0.02 behind dark glasses, 0.05 to 0.20 where the picture is much too blurred.
_CONTRAST = 0.12
# The gap between the lips in eye distances: a broad smile with teeth 0.30, a mouth opened as far as it goes 0.42.
# From 0.10 on teeth show, which are covered and drawn anew.
_OPEN_WIDE, _OPEN = 0.34, 0.10
# How far the mesh is from the mean face in the same pose, in eye distances: at most 0.075 in the good ones.
_UNUSUAL = 0.10

_WIDE_OPEN_SAYS = "the mouth is wide open: a picture with closed lips would move better"
_OPEN_SAYS = (
    "the mouth is open: its lips are brought together and its teeth drawn anew, a smile stays; a picture with closed "
    "lips would move better"
)
_BY_HAND = "check its landmarks with `visavis landmarks`"
_GROUPS: dict[str, tuple[lm.Indices, ...]] = {
    "an eye": tuple(lm.EYE_UPPER[side] + lm.EYE_LOWER[side] for side in lm.SIDES),
    "the mouth": ((*lm.LIP_UPPER_INNER, *lm.LIP_LOWER_INNER, 0, 17, *lm.MOUTH_CORNERS),),
    "the face": (tuple(range(478)),),
}
_SKIN = (50, 280, 101, 330, 151, 9)


def check_landmarks(
    image: Image, landmarks: Floats, mirror_distances: Doubles, *, mouth_is_covered: bool = False
) -> list[str]:
    """What is doubtful about a face that was found, a sentence each; empty for a good portrait.

    Args:
        image: uint8 [S, S, 3] RGB, head and shoulders.
        landmarks: float32 [478, 3], pixels.
        mirror_distances: how far they are from where they are in the mirrored picture, [478], eye distances.
        mouth_is_covered: whether that is known, so that nobody need look for what is wrong with the mouth.
    """
    warnings = light_warnings(image, landmarks)
    where = _mirror_disagreement(mirror_distances)
    if mouth_is_covered:
        warnings.append("the mouth seems to be covered (a mask, a veil?): the cloth moves, no mouth opens")
    elif where:
        warnings.append(f"the landmarks are uncertain around {where}: covered, or blurred? {_BY_HAND}")
    elif pose_error(landmarks) > _UNUSUAL:
        warnings.append(f"the face has unusual proportions: {_BY_HAND}")
    shut = [side.lower() for side in lm.SIDES if _openness(landmarks, side) < _SHUT]
    dull = [side.lower() for side in lm.SIDES if _contrast(image, landmarks, side) < _CONTRAST]
    if shut:
        whose = "both eyes are" if len(shut) == 2 else f"the {shut[0]} eye is"
        warnings.append(f"{whose} shut or nearly so, and cannot open: use a picture with open eyes")
    elif dull:
        whose = "the eyes" if len(dull) == 2 else f"the {dull[0]} eye"
        warnings.append(f"{whose} can't be made out (dark glasses, hair, shadow?): gaze and blinks will look wrong")
    gap = float(np.linalg.norm(landmarks[13] - landmarks[14])) / max(eye_distance(landmarks), 1e-6)
    if not mouth_is_covered and gap > _OPEN:
        warnings.append(_WIDE_OPEN_SAYS if gap > _OPEN_WIDE else _OPEN_SAYS)
    return warnings


def _mirror_disagreement(mirror_distances: Doubles) -> str:
    """Where the mesh of the mirrored picture disagrees with the mesh, in words; "" if nowhere."""
    if not np.isfinite(mirror_distances).all():
        return "the whole face"
    for where, groups in _GROUPS.items():
        if max(float(mirror_distances[list(group)].mean()) for group in groups) > _MIRRORED[where]:
            return where
    return ""


def _openness(landmarks: Floats, side: str) -> float:
    """Height of an eye's opening by its width."""
    upper, lower = lm.EYE_UPPER[side][4], lm.EYE_LOWER[side][4]
    outer, inner = lm.EYE_CORNERS[side]
    height = float(np.linalg.norm(landmarks[upper] - landmarks[lower]))
    return height / max(float(np.linalg.norm(landmarks[outer] - landmarks[inner])), 1e-6)


def _contrast(image: Image, landmarks: Floats, side: str) -> float:
    """Light against dark within an eye, by the light of the skin."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    outline = landmarks[list(lm.EYE_OUTLINE[side]), :2]
    mask = np.zeros(grey.shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], (1,))
    inside = grey[mask > 0].astype(np.float32)
    places = np.clip(landmarks[list(_SKIN), :2].astype(int), 0, np.array(grey.shape[::-1]) - 1)
    skin = max(float(np.median(grey[places[:, 1], places[:, 0]])), 20.0)
    low, high = np.percentile(inside, (10, 90))
    return float(high - low) / skin
