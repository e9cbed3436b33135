"""Contact sheets of one portrait: at rest, at its extremes, speaking, turning; mouths and eyes enlarged."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from avatar.decoder import FaceDecoder, Image
from avatar.evaluation.decoder.evaluation import vector
from avatar.geometry import landmarks as lm
from avatar.motion import Floats, MotionLayout
from avatar.picture.sheets import (
    CELL_PX,
    GAP_PX,
    SHEET_PX,
    Box,
    around,
    banner,
    caption,
    cut,
    face_box,
    stacked,
    tiled,
)
from avatar.portrait.detection import eye_distance

Pose = Mapping[str, float]

_STRIP_PX = 128
_ZOOM = 3.0

EXPRESSIONS: Mapping[str, Pose] = {
    "rest": {},
    "jaw 1": {"jawOpen": 1.0},
    "jaw 1, lips closed": {"jawOpen": 1.0, "mouthClose": 1.0},
    "smile": {"mouthSmile": 1.0},
    "laugh": {"mouthSmile": 0.9, "jawOpen": 0.45, "cheekSquint": 0.9, "eyeSquint": 0.5},
    "frown": {"mouthFrown": 1.0, "browInnerUp": 0.8},
    "funnel": {"mouthFunnel": 1.0, "jawOpen": 0.2},
    "pucker": {"mouthPucker": 1.0},
    "puff": {"cheekPuff": 1.0},
    "stretch, teeth": {"mouthStretch": 0.8, "mouthLowerDown": 0.8, "mouthUpperUp": 0.5},
    "press, rolled in": {"mouthPress": 0.8, "mouthRollLower": 0.8, "mouthRollUpper": 0.8},
    "chin raised": {"mouthShrugLower": 1.0, "mouthShrugUpper": 0.6},
    "sneer": {"noseSneer": 1.0, "mouthUpperUp": 0.4},
    "brows down": {"browDown": 1.0, "eyeSquint": 0.4},
    "brows up, wide": {"browInnerUp": 1.0, "browOuterUp": 1.0, "eyeWide": 1.0},
    "blink": {"eyeBlink": 1.0},
}
PHONEMES: Mapping[str, Pose] = {
    "AA": {"jawOpen": 0.55},
    "EE": {"jawOpen": 0.12, "mouthSmile": 0.45, "mouthStretch": 0.35, "mouthLowerDown": 0.3, "mouthUpperUp": 0.2},
    "IH": {"jawOpen": 0.2, "mouthStretch": 0.25, "mouthLowerDown": 0.25},
    "OH": {"jawOpen": 0.35, "mouthFunnel": 0.6, "mouthPucker": 0.2},
    "OO": {"jawOpen": 0.1, "mouthFunnel": 0.4, "mouthPucker": 0.8},
    "F V": {"jawOpen": 0.08, "mouthRollLower": 0.75, "mouthUpperUp": 0.35},
    "M B P": {"jawOpen": 0.08, "mouthClose": 0.08, "mouthPress": 0.4},
    "TH": {"jawOpen": 0.15, "tongueOut": 0.45, "mouthLowerDown": 0.2},
    "L": {"jawOpen": 0.25, "tongueOut": 0.3, "mouthUpperUp": 0.1},
    "S": {"jawOpen": 0.04, "mouthStretch": 0.3, "mouthLowerDown": 0.35, "mouthUpperUp": 0.2},
    "SH": {"jawOpen": 0.06, "mouthFunnel": 0.8, "mouthLowerDown": 0.2, "mouthUpperUp": 0.2},
    "W": {"mouthPucker": 1.0, "mouthFunnel": 0.2, "jawOpen": 0.05},
}
HEADS: Mapping[str, Pose] = {
    "yaw -15°": {"headYaw": -0.262},
    "yaw 15°": {"headYaw": 0.262},
    "pitch -10°": {"headPitch": -0.175},
    "pitch 10°": {"headPitch": 0.175},
    "roll -15°": {"headRoll": -0.262},
    "roll 15°": {"headRoll": 0.262},
    "farther 1.25": {"headDistance": 1.25},
    "nearer 0.85": {"headDistance": 0.85},
    "up, left": {"headPitch": 0.15, "headYaw": 0.22, "headRoll": 0.1},
    "down, right": {"headPitch": -0.15, "headYaw": -0.22, "headRoll": -0.1},
    "shifted": {"headX": 0.2, "headY": -0.1},
    "all at once": {"headPitch": 0.12, "headYaw": -0.2, "headRoll": 0.15, "jawOpen": 0.5, "eyeBlink": 0.5},
}
EYES: Mapping[str, Pose] = {
    "rest": {},
    "blink 0.5": {"eyeBlink": 0.5},
    "blink 1": {"eyeBlink": 1.0},
    "wink, its left": {"eyeBlinkLeft": 1.0},
    "squint": {"eyeSquint": 1.0, "cheekSquint": 0.6},
    "wide": {"eyeWide": 1.0},
    "look left": {"gazeYaw": 0.45},
    "look right": {"gazeYaw": -0.45},
    "look up": {"gazePitch": 0.3},
    "look down": {"gazePitch": -0.35},
    "blink, squint, down": {"eyeBlink": 0.6, "eyeSquint": 0.8, "gazePitch": -0.3},
    "brows apart": {"browDownLeft": 1.0, "browOuterUpRight": 1.0},
}


def contact_sheet(decoder: FaceDecoder, landmarks: Floats, title: str) -> Image:
    """Everything on one sheet: uint8 [H, 1600, 3] or so.

    Args:
        decoder: of one portrait.
        landmarks: float32 [478, 3], of the portrait, pixels.
        title: written above.
    """
    face = face_box(landmarks, eye_distance(landmarks))
    rows: list[Image] = [banner(title)]
    height, width = decoder.decode(vector()).shape[:2]
    whole = (0, 0, width, height)
    for name, poses, box in (
        ("expressions", EXPRESSIONS, face),
        ("phonemes", PHONEMES, face),
        ("head", HEADS, whole),
    ):
        rows += [banner(name), _grid(decoder, poses, box, CELL_PX, SHEET_PX // (CELL_PX + GAP_PX))]
    for name, poses, box in (
        ("mouth, 3 x", {**PHONEMES, **_with_mouth(EXPRESSIONS)}, _mouth_box(landmarks)),
        ("eyes, 3 x", EYES, _eyes_box(landmarks)),
    ):
        width = int(_ZOOM * (box[2] - box[0]))
        columns = max(1, SHEET_PX // (width + GAP_PX))
        rows += [banner(name), _grid(decoder, poses, box, width, columns)]
    return stacked(rows)


def coefficient_strips(decoder: FaceDecoder, landmarks: Floats, columns: int = 4) -> Image:
    """All 60 numbers, three pictures each: at 0, at half and in full; uint8 [H, W, 3].

    Args:
        decoder: of one portrait.
        landmarks: float32 [478, 3], of the portrait, pixels.
        columns: strips beside one another.
    """
    boxes = {
        "face": face_box(landmarks, eye_distance(landmarks)),
        "eyes": _eyes_box(landmarks),
        "mouth": _lower_box(landmarks),
    }
    parts = []
    for region, box in boxes.items():
        cells = []
        for name in MotionLayout.NAMES:
            if _region(name) == region:
                frames = [decoder.decode(vector(**_alone(name, share))) for share in (0.0, 0.5, 1.0)]
                strip = np.hstack([cut(frame, box, _STRIP_PX) for frame in frames])
                cells.append(np.vstack([caption(name, strip.shape[1]), strip]))
        parts.append(tiled(cells, columns))
    return stacked(parts)


def _alone(name: str, share: float) -> dict[str, float]:
    """One number by itself, or with what it needs to be seen; distances from 1."""
    if name == "headDistance":
        return {name: 1.0 + 0.25 * share}
    if name in ("headX", "headY"):
        return {name: 0.2 * share}
    if name.startswith("head"):
        return {name: 0.26 * share}
    if name.startswith("gaze"):
        return {name: 0.5 * share}
    if name.startswith("eyeLook"):  # filled in from the gaze, which is what turns the eyes
        left = name.endswith("Left")
        towards = {"Down": ("gazePitch", -1.0), "Up": ("gazePitch", 1.0)}
        towards |= {"In": ("gazeYaw", -1.0 if left else 1.0), "Out": ("gazeYaw", 1.0 if left else -1.0)}
        column, sign = towards[name.removeprefix("eyeLook").removesuffix("Left").removesuffix("Right")]
        return {column: 0.5 * sign * share}
    opened = {"tongueOut": 0.3, "mouthClose": 1.0}.get(name)
    return {name: share} if opened is None else {"jawOpen": opened, name: share}


def _region(name: str) -> str:
    if name.startswith(("head", "cheekSquint", "noseSneer")):
        return "face"
    return "eyes" if name.startswith(("eye", "brow", "gaze")) else "mouth"


def _with_mouth(poses: Mapping[str, Pose]) -> dict[str, Pose]:
    return {
        name: pose for name, pose in poses.items() if any(k.startswith(("jaw", "mouth", "cheekPuff")) for k in pose)
    }


def _grid(decoder: FaceDecoder, poses: Mapping[str, Pose], box: Box, width: int, columns: int) -> Image:
    cells = []
    for name, pose in poses.items():
        picture = cut(decoder.decode(vector(**pose)), box, width)
        cells.append(np.vstack([picture, caption(name, width)]))
    return tiled(cells, columns)


def _lower_box(landmarks: Floats) -> Box:
    unit = eye_distance(landmarks)
    return around(landmarks[[4, 152, 172, 397]], 0.05 * unit, 0.05 * unit, 0.3 * unit)


def _mouth_box(landmarks: Floats) -> Box:
    unit = eye_distance(landmarks)
    return around(landmarks[list(lm.LIP_UPPER_INNER + lm.LIP_LOWER_INNER)], 0.22 * unit, 0.22 * unit, 0.5 * unit)


def _eyes_box(landmarks: Floats) -> Box:
    unit = eye_distance(landmarks)
    corners = [*lm.EYE_CORNERS["Left"], *lm.EYE_CORNERS["Right"]]
    return around(landmarks[corners], 0.12 * unit, 0.42 * unit, 0.24 * unit)
