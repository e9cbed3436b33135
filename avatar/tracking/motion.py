"""Landmarks become motion: one shot at a time, each against its own neutral face and its own usual pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar.mesh.warp import smoothstep
from avatar.motion import Floats, MotionLayout, neutral
from avatar.tracking.expression import coefficients, neutral_face
from avatar.tracking.eyes import eyes
from avatar.tracking.points import Array, Flags, rows
from avatar.tracking.pose import Poses, poses
from avatar.tracking.smoothing import bridged, steadied

SHOT_FRAMES = 25
"""A shorter stretch of one face says too little about the person."""

TRUSTED = 0.5
"""Confidence from which a frame may tell what this person looks like."""

# A shot ends where the face is away for longer, or is suddenly elsewhere (eye distances) or of another size.
_AWAY_FRAMES, _ELSEWHERE, _RESIZED = 12, 0.6, 1.25
# Full confidence up to the first, none from the second: turned by (radians), unlike the head's model (eye
# distances), moved in one frame (eye distances, radians); and the eyes' distance that is too small, and large enough.
_TURNED, _UNLIKE, _MOVED, _SMALL_PX = (0.45, 0.95), (0.02, 0.06), (0.12, 0.35), (12.0, 32.0)
_HEAD_REACH, _BROW_REACH = 4, 3
_BROWS = [i for i, name in enumerate(MotionLayout.NAMES) if name.startswith("brow")]
_LIPS = rows((13, 14))
# Eyes closed further than this don't belong to the neutral face.
_AWAKE = 0.5
# What a pose wrongly adds to the face is learnt from the clip and taken away, the more surely the more the head moves
# (radians) and the longer the clip is (frames).
_SURE_ANGLE, _SURE_FRAMES = 0.04, 250


@dataclass(frozen=True, slots=True)
class Shots:
    """The motion of T frames.

    Attributes:
        values: float32 [T, 60]; where no face was trusted, a straight line between what was before and after.
        confidence: float32 [T] in [0, 1]; 0 where there was no face.
        gap: float32 [T], inner lips' distance as measured, eye distances.
        shots: (first, behind the last) frame of each stretch that has its own reference pose.
    """

    values: Floats
    confidence: Floats
    gap: Floats
    shots: tuple[tuple[int, int], ...]


def motion_of(landmarks: Floats, seen: Flags) -> Shots:
    """Motion from landmarks.

    Args:
        landmarks: float32 [T, len(KEPT), 3], pixels; whatever where not seen.
        seen: bool [T], whether there is a face.
    """
    frames = len(landmarks)
    values, confidence = neutral(frames), np.zeros(frames, np.float32)
    gap = np.zeros(frames, np.float32)
    found = []
    for first, stop in _shots(landmarks, seen):
        inside = seen[first:stop]
        shot = bridged(landmarks[first:stop].astype(np.float64), inside).astype(np.float32)
        posed = poses(shot, inside)
        sure = _confidence(posed) * inside
        if (sure > TRUSTED).sum() < SHOT_FRAMES:
            continue
        posed = poses(shot, sure > TRUSTED)
        values[first:stop], gap[first:stop] = _face(posed, sure > TRUSTED)
        confidence[first:stop] = sure
        found.append((first, stop))
    # Between shots, and before the first and after the last.
    known = np.zeros(frames, bool)
    for first, stop in found:
        known[first:stop] = True
    return Shots(bridged(values.astype(np.float64), known).astype(np.float32), confidence, gap, tuple(found))


def _shots(landmarks: Floats, seen: Flags) -> list[tuple[int, int]]:
    """Stretches of one face without cuts, of at least SHOT_FRAMES."""
    corners = landmarks[:, rows((33, 263))].astype(np.float64)
    unit = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1)
    middle = corners[:, :, :2].mean(axis=1)
    cuts, last = [0], -1
    for frame in np.flatnonzero(seen):
        if last >= 0:
            far = float(np.linalg.norm(middle[frame] - middle[last])) > _ELSEWHERE * (frame - last) ** 0.5 * unit[last]
            ratio = float(unit[frame] / max(unit[last], 1e-6))
            if frame - last > _AWAY_FRAMES or far or not 1.0 / _RESIZED < ratio < _RESIZED:
                cuts.append(int(frame))
        last = int(frame)
    out = []
    for first, stop in zip(cuts, [*cuts[1:], len(seen)], strict=True):
        inside = np.flatnonzero(seen[first:stop])
        if len(inside) >= SHOT_FRAMES:
            out.append((first + int(inside[0]), first + int(inside[-1]) + 1))
    return out


def _confidence(posed: Poses) -> Array:
    def good(value: Array, limits: tuple[float, float]) -> Array:
        return 1.0 - smoothstep(value, *limits)

    step = np.abs(np.diff(posed.head.astype(np.float64), axis=0, prepend=posed.head[:1])).max(axis=1)
    jump = np.maximum(step, np.append(step[1:], 0.0))
    small = smoothstep(posed.eye_px, *_SMALL_PX)
    return np.asarray(
        good(np.abs(posed.yaw), _TURNED) * good(posed.misfit, _UNLIKE) * good(jump, _MOVED) * small, np.float64
    )


def _face(posed: Poses, trusted: Flags) -> tuple[Floats, Floats]:
    """All 60 numbers of a shot, and the lips' distance."""
    looking = eyes(posed.frontal, trusted)
    head = bridged(posed.head.astype(np.float64), trusted)
    frontal = _without_pose(posed.frontal, head, trusted)
    gap = frontal[:, _LIPS[1], 1] - frontal[:, _LIPS[0], 1]
    awake = trusted & (looking.closure < _AWAKE) if (trusted & (looking.closure < _AWAKE)).any() else trusted
    values = coefficients(frontal, neutral_face(frontal[awake], gap[awake]))
    values[:, _BROWS] = np.clip(steadied(values[:, _BROWS].astype(np.float64), _BROW_REACH), 0.0, 1.0)
    values += looking.values
    values[:, MotionLayout.HEAD] = steadied(head, _HEAD_REACH)
    return bridged(values.astype(np.float64), trusted).astype(np.float32), gap.astype(np.float32)


def _without_pose(frontal: Array, head: Array, trusted: Flags) -> Array:
    """The landmarks less what follows from pitch and yaw alone: a mesh that turns keeps some of its old outline."""
    pitch, yaw = head[:, 0], head[:, 1]
    causes = np.stack([pitch, yaw, 4.0 * yaw**2], axis=1)
    causes = causes - causes[trusted].mean(axis=0)
    sample, faces = causes[trusted], frontal[trusted].reshape(int(trusted.sum()), -1)
    doubt = len(sample) * _SURE_ANGLE**2 * max(1.0, _SURE_FRAMES / len(sample))
    slopes = np.linalg.solve(sample.T @ sample + doubt * np.eye(causes.shape[1]), sample.T @ (faces - faces.mean(0)))
    return np.asarray(frontal - (causes @ slopes).reshape(frontal.shape), np.float64)
