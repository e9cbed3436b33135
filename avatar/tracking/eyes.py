"""Gaze and eyelids from landmarks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar.geometry import landmarks as lm
from avatar.geometry.points import Flags, kept_rows
from avatar.motion import GAZE_AT_FULL_LOOK_RAD, Doubles, Floats, MotionLayout
from avatar.tracking.smoothing import interpolate_gaps

_INDEX = MotionLayout.INDEX
_LIDS: dict[str, tuple[list[int], list[int]]] = {
    "Right": (kept_rows((160, 159, 158)), kept_rows((144, 145, 153))),
    "Left": (kept_rows((385, 386, 387)), kept_rows((380, 374, 373))),
}
_CORNERS = {side: kept_rows(lm.EYE_CORNERS[side]) for side in lm.SIDES}
_IRIS = {side: kept_rows(lm.IRIS[side])[0] for side in lm.SIDES}

# How far the tracked iris moves, eye distances for the sine of the gaze. An eyeball's 12 mm would make it 0.133; six
# drawn portraits showed 0.04 to 0.09 sideways and 0.01 to 0.05 upwards, a real speaker's eyes that stay on the camera
# while the head turns 0.093 and 0.065.
_YAW_GAIN, _PITCH_GAIN = 0.088, 0.050
_MOST_GAZE = 0.55
# Lids' distance over the eye's width: the person's open eye is this quantile; closed eyes measure about so much.
_OPEN_QUANTILE, _CLOSED = 0.75, 0.05
# Less than this closure is how eyes are held; the iris is hidden from here on.
_HELD, _HIDDEN = 0.08, 0.45
# The upper lid follows the look, as in the decoder (shares of the opening at a full look), and wide eyes are so much
# wider.
_FOLLOWS_DOWN, _FOLLOWS_UP = 0.72, 0.42
_WIDE_FROM, _WIDE = 0.10, 0.26


@dataclass(frozen=True, slots=True)
class EyeMotion:
    """Gaze and eyelids of T frames.

    Attributes:
        values: float32 [T, 60], gaze and lids filled in.
        closure: float64 [T], how far the eyes are closed, gaze included; the mean of both.
    """

    values: Floats
    closure: Doubles


def estimate_eyes(frontal: Doubles, trusted: Flags) -> EyeMotion:
    """Estimates gaze and eyelids of T frames from frontal landmarks.

    Args:
        frontal: float64 [T, len(KEPT), 3] of `HeadPoses`.
        trusted: bool [T], pictures from which the person's usual eyes are learnt.
    """
    out = np.zeros((len(frontal), MotionLayout.SIZE), np.float32)
    closures, moved = {}, []
    for side in lm.SIDES:
        upper, lower = _LIDS[side]
        corners = frontal[:, _CORNERS[side]]
        width = float(np.median(np.linalg.norm(corners[trusted, 1, :2] - corners[trusted, 0, :2], axis=1)))
        opening = (frontal[:, lower, 1] - frontal[:, upper, 1]).mean(axis=1) / width
        usual = float(np.quantile(opening[trusted], _OPEN_QUANTILE))
        closed = min(_CLOSED, 0.5 * usual)
        closures[side] = (usual - opening) / (usual - closed)
        moved.append(frontal[:, _IRIS[side], :2] - corners[:, :, :2].mean(axis=1))
    closure = np.clip(np.mean([closures[side] for side in lm.SIDES], axis=0), 0.0, 1.0)
    visible = closure < _HIDDEN
    # The first and last frames of a blink already pull the iris down with the lid.
    visible &= np.convolve(~visible, np.ones(3), mode="same") == 0
    iris = interpolate_gaps(np.mean(moved, axis=0), visible)
    base = np.median(iris[trusted & visible] if (trusted & visible).any() else iris, axis=0)
    yaw = np.arcsin(np.clip((iris[:, 0] - base[0]) / _YAW_GAIN, -0.9, 0.9))
    pitch = np.arcsin(np.clip((base[1] - iris[:, 1]) / _PITCH_GAIN, -0.9, 0.9))
    yaw, pitch = (np.clip(_median_of_three(angle), -_MOST_GAZE, _MOST_GAZE) for angle in (yaw, pitch))
    out[:, _INDEX["gazeYaw"]], out[:, _INDEX["gazePitch"]] = yaw, pitch
    look = np.clip(pitch / GAZE_AT_FULL_LOOK_RAD, -1.0, 1.0)
    follows, lifts = _FOLLOWS_DOWN * np.maximum(-look, 0.0), _FOLLOWS_UP * np.maximum(look, 0.0)
    for side in lm.SIDES:
        beyond = (np.maximum(closures[side], follows) - follows) / (1.0 - follows)
        out[:, _INDEX["eyeBlink" + side]] = np.clip((beyond - _HELD) / (1.0 - _HELD), 0.0, 1.0)
        wide = (-closures[side] - lifts - _WIDE_FROM) / (_WIDE - _WIDE_FROM)
        out[:, _INDEX["eyeWide" + side]] = np.clip(wide, 0.0, 1.0)
    return EyeMotion(out, closure)


def _median_of_three(values: Doubles) -> Doubles:
    """Median filter over three frames."""
    padded = np.pad(values, 1, mode="edge")
    return np.asarray(np.median([padded[:-2], padded[1:-1], padded[2:]], axis=0), np.float64)
