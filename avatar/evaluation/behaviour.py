"""How a person behaves: blinks, gaze, head, as statistics of a motion at 25 Hz."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout

INDEX = MotionLayout.INDEX
DIRECT_GAZE_DEG = 5.0
INCOMPLETE_BLINK = 0.85
"""A blink that closes less of the eye is incomplete."""

_BLINK_LEAST, _BLINK_ENDS = 0.3, 0.1  # of closure above what the lids do for other reasons; of the blink's own peak
_RISES = 0.05  # lids that close again by so much close for the next blink
_BASELINE_FRAMES = 25
_SACCADE_DEG_S = 30.0
_MINUTE = 60 * FRAME_RATE_HZ


@dataclass(frozen=True, slots=True)
class Blink:
    """One blink.

    Attributes:
        start_s: seconds, where its closure passes a tenth of its peak.
        length_s: seconds until it does so again.
        peak: closure of the lids in [0, 1].
        closing: share of its length until the peak.
    """

    start_s: float
    length_s: float
    peak: float
    closing: float


def blinks(values: Floats) -> list[Blink]:
    """Finds the blinks in float32 [T, 60]: short closures above what the lids do for gaze and feelings."""
    closure = (values[:, INDEX["eyeBlinkLeft"]] + values[:, INDEX["eyeBlinkRight"]]).astype(np.float64) / 2.0
    above = closure - _running_median(closure, _BASELINE_FRAMES)
    found: list[Blink] = []
    for first, stop in _runs(above > _BLINK_LEAST):
        top = first + int(np.argmax(above[first:stop]))
        ends = _BLINK_ENDS * above[top]
        start, end = _crossing(above, top, ends, -1), _crossing(above, top, ends, 1)
        length = max(end - start, 1e-3)
        found.append(
            Blink(start / FRAME_RATE_HZ, length / FRAME_RATE_HZ, float(closure[top]), float(top - start) / length)
        )
    return found


def _running_median(curve: npt.NDArray[np.float64], reach: int) -> npt.NDArray[np.float64]:
    padded = np.pad(curve, reach, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    return np.asarray(np.median(windows, axis=1), np.float64)


def _runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Stretches [first, stop) of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _crossing(curve: npt.NDArray[np.float64], top: int, level: float, direction: int) -> float:
    """Where the curve falls under the level, walking away from its top, between frames; or the next top begins."""
    at = top
    while 0 <= at + direction < len(curve) and level < curve[at + direction] < curve[at] + _RISES:
        at += direction
    beyond = at + direction
    if not 0 <= beyond < len(curve) or curve[beyond] > level:
        return float(at)
    return at + direction * float((curve[at] - level) / max(curve[at] - curve[beyond], 1e-9))


def gaze_direction_deg(values: Floats) -> Floats:
    """Where the person looks, head and eyes together: float32 [T, 60] to float32 [T, 2], yaw and pitch in degrees."""
    yaw = values[:, INDEX["headYaw"]] + values[:, INDEX["gazeYaw"]]
    pitch = values[:, INDEX["headPitch"]] + values[:, INDEX["gazePitch"]]
    return np.asarray(np.degrees(np.stack([yaw, pitch], axis=1)), np.float32)


def gaze_distance_deg(values: Floats, partner: tuple[float, float] = (0.0, 0.0)) -> Floats:
    """Angle between the gaze and the partner (yaw, pitch, radians), degrees, float32 [T]."""
    away = gaze_direction_deg(values) - np.degrees(np.array(partner, np.float32))
    return np.asarray(np.hypot(away[:, 0], away[:, 1]), np.float32)


def direct_gaze_share(values: Floats, partner: tuple[float, float] = (0.0, 0.0)) -> float:
    """Share of the frames in which head and eyes together point within 5° of the partner (yaw, pitch, radians)."""
    return float((gaze_distance_deg(values, partner) <= DIRECT_GAZE_DEG).mean())


def saccades(values: Floats) -> int:
    """How often the gaze jumps: runs of frames in which eye and gaze both turn faster than 30 °/s.

    A head that turns with the eyes held on something moves the eye alone, and one that turns with the eyes held still
    in it moves the gaze alone; neither is a saccade.
    """
    eye = np.degrees(np.diff(values[:, MotionLayout.GAZE], axis=0)) * FRAME_RATE_HZ
    gaze = np.diff(gaze_direction_deg(values), axis=0) * FRAME_RATE_HZ
    fast = (np.hypot(eye[:, 0], eye[:, 1]) > _SACCADE_DEG_S) & (np.hypot(gaze[:, 0], gaze[:, 1]) > _SACCADE_DEG_S)
    return len(_runs(fast))


def head_velocity(values: Floats) -> Floats:
    """Degrees a second of pitch, yaw and roll: float32 [T, 60] to float32 [T - 1, 3]."""
    return np.asarray(np.degrees(np.diff(values[:, MotionLayout.ROTATION], axis=0)) * FRAME_RATE_HZ, np.float32)


def head_speed_rms(values: Floats) -> float:
    """Root mean square of the head's angular speed, °/s, all three axes together."""
    return float(np.sqrt(np.square(head_velocity(values)).sum(axis=1).mean()))


def pose_variation_deg(values: Floats) -> float:
    """Pose variation intensity ΔP, degrees: mean |difference| of adjacent frames over pitch, yaw and roll.

    VASA-1 (section 4.1) names it as the average of the pose angle differences between adjacent frames. Frames here are
    1/25 s apart; whether its authors add up or average the three angles they don't say: they are averaged here.
    """
    return float(np.abs(np.degrees(np.diff(values[:, MotionLayout.ROTATION], axis=0))).mean())


def head_jerk_rms(values: Floats) -> float | None:
    """Root mean square of the third derivative of the head's angles, °/s³; None for fewer than four frames."""
    if len(values) < 4:
        return None
    third = np.degrees(np.diff(values[:, MotionLayout.ROTATION].astype(np.float64), 3, axis=0)) * FRAME_RATE_HZ**3
    return float(np.sqrt(np.square(third).sum(axis=1).mean()))


def boundary_ratio(curves: Floats, block_frames: int) -> float | None:
    """Speed (rms) across the edges of blocks over the speed elsewhere: 1 where blocks leave no trace.

    Args:
        curves: float32 [T] or [T, C], from the first frame of a block on.
        block_frames: frames of a block.

    Returns:
        None where there are no edges, or nothing moves.
    """
    speed = np.square(np.diff(curves.reshape(len(curves), -1), axis=0)).sum(axis=1)
    edge = np.arange(len(speed)) % block_frames == block_frames - 1
    if not edge.any() or edge.all() or float(speed[~edge].mean()) <= 0.0:
        return None
    return float(np.sqrt(speed[edge].mean() / speed[~edge].mean()))


def drift_deg(values: Floats) -> float | None:
    """How far the head's mean angles drift in ten minutes: the largest trend of the minutes' means, degrees.

    None for less than three minutes.
    """
    minutes = len(values) // _MINUTE
    if minutes < 3:
        return None
    angles = np.degrees(values[: minutes * _MINUTE, MotionLayout.ROTATION])
    means = angles.reshape(minutes, _MINUTE, 3).mean(axis=1)
    slopes = np.polyfit(np.arange(minutes), means, 1)[0]
    return float(np.abs(slopes).max()) * 10.0


def silent_share(curve: Floats, speech: npt.NDArray[np.bool_], silence: npt.NDArray[np.bool_]) -> float | None:
    """Standard deviation of a curve in silence over that in speech; None for less than half a second of either."""
    if min(np.count_nonzero(speech), np.count_nonzero(silence)) < FRAME_RATE_HZ // 2:
        return None
    moving = float(curve[speech].std())
    return float(curve[silence].std()) / moving if moving > 1e-9 else None
