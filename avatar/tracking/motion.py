"""Landmarks become motion: one shot at a time, each against its own neutral face and its own usual pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar.geometry.points import Flags, kept_rows
from avatar.geometry.pose import HeadPoses, estimate_poses
from avatar.geometry.warp import smoothstep
from avatar.motion import Doubles, Floats, MotionLayout, neutral
from avatar.tracking.expression import coefficients, neutral_face
from avatar.tracking.eyes import estimate_eyes
from avatar.tracking.smoothing import interpolate_gaps, savitzky_golay

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
_LIPS, _CORNERS = kept_rows((13, 14)), kept_rows((33, 263))
# Frames: ten minutes. A shot of up to twice that is one; what is longer would need gigabytes at once.
_LONGEST_SHOT = 15_000
# Eyes closed further than this don't belong to the neutral face.
_AWAKE = 0.5
# What a pose wrongly adds to the face is learnt from the clip and taken away, the more surely the more the head moves
# (radians) and the longer the clip is (frames).
_SURE_ANGLE, _SURE_FRAMES = 0.04, 250


@dataclass(frozen=True, slots=True)
class ShotMotion:
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


class MotionReader:
    """Turns landmarks into motion, shot by shot: what is kept in memory is the shot that is being read.

    A shot that grows very long is cut in pieces, each against its own neutral face and usual pose.
    """

    def __init__(self) -> None:
        self._frames = 0
        self._rows: list[Floats] = []
        self._seen: list[int] = []  # the frames of the rows
        self._shots: list[_Shot] = []

    def add(self, face: Floats | None) -> None:
        """Takes the next frame: float32 [len(KEPT), 3], pixels; None where there is no face."""
        if face is not None:
            if self._seen and self._is_cut(face):
                self._close(len(self._rows))
            self._rows.append(face)
            self._seen.append(self._frames)
            if len(self._rows) >= 2 * _LONGEST_SHOT:
                self._close(_LONGEST_SHOT)
        self._frames += 1

    def motion(self) -> ShotMotion:
        """The motion of all frames added; call it once, at the end."""
        self._close(len(self._rows))
        values, confidence = neutral(self._frames), np.zeros(self._frames, np.float32)
        gap, known = np.zeros(self._frames, np.float32), np.zeros(self._frames, bool)
        for shot in self._shots:
            at = slice(shot.first, shot.first + len(shot.values))
            values[at], confidence[at], gap[at], known[at] = shot.values, shot.confidence, shot.gap, True
        # Between shots, and before the first and after the last.
        for column in values.T:
            column[:] = interpolate_gaps(column.astype(np.float64), known)
        found = tuple((shot.first, shot.first + len(shot.values)) for shot in self._shots)
        return ShotMotion(values, confidence, gap, found)

    def _is_cut(self, face: Floats) -> bool:
        """Whether a face can't be the last one in motion."""
        (before, unit), (now, size) = (_middle_and_size(rows) for rows in (self._rows[-1], face))
        away = self._frames - self._seen[-1]
        far = float(np.linalg.norm(now - before)) > _ELSEWHERE * away**0.5 * unit
        ratio = size / max(unit, 1e-6)
        return away > _AWAY_FRAMES or far or not 1.0 / _RESIZED < ratio < _RESIZED

    def _close(self, count: int) -> None:
        """Makes a shot of the first so many faces, and forgets them."""
        faces, frames = self._rows[:count], self._seen[:count]
        self._rows, self._seen = self._rows[count:], self._seen[count:]
        if len(faces) < SHOT_FRAMES:
            return
        at = np.array(frames) - frames[0]
        landmarks = np.zeros((at[-1] + 1, *faces[0].shape), np.float32)
        landmarks[at] = faces
        seen = np.zeros(len(landmarks), bool)
        seen[at] = True
        shot = _shot(frames[0], landmarks, seen)
        if shot is not None:
            self._shots.append(shot)


@dataclass(frozen=True, slots=True)
class _Shot:
    """One shot: as ShotMotion, from frame `first` on."""

    first: int
    values: Floats
    confidence: Floats
    gap: Floats


def _shot(first: int, landmarks: Floats, seen: Flags) -> _Shot | None:
    """The motion of one shot; None with fewer than SHOT_FRAMES trusted frames."""
    landmarks = interpolate_gaps(landmarks.astype(np.float64), seen).astype(np.float32)
    posed = estimate_poses(landmarks, seen)
    sure = _confidence(posed) * seen
    if (sure > TRUSTED).sum() < SHOT_FRAMES:
        return None
    posed = estimate_poses(landmarks, sure > TRUSTED)
    values, gap = _face(posed, sure > TRUSTED)
    return _Shot(first, values, sure.astype(np.float32), gap)


def _middle_and_size(face: Floats) -> tuple[Doubles, float]:
    corners = face[_CORNERS].astype(np.float64)
    return corners[:, :2].mean(axis=0), float(np.linalg.norm(corners[1] - corners[0]))


def _confidence(posed: HeadPoses) -> Doubles:
    def good(value: Doubles, limits: tuple[float, float]) -> Doubles:
        return 1.0 - smoothstep(value, *limits)

    step = np.abs(np.diff(posed.head.astype(np.float64), axis=0, prepend=posed.head[:1])).max(axis=1)
    jump = np.maximum(step, np.append(step[1:], 0.0))
    small = smoothstep(posed.eye_px, *_SMALL_PX)
    return np.asarray(
        good(np.abs(posed.yaw), _TURNED) * good(posed.residual, _UNLIKE) * good(jump, _MOVED) * small, np.float64
    )


def _face(posed: HeadPoses, trusted: Flags) -> tuple[Floats, Floats]:
    """All 60 numbers of a shot, and the lips' distance."""
    looking = estimate_eyes(posed.frontal, trusted)
    head = interpolate_gaps(posed.head.astype(np.float64), trusted)
    frontal = without_pose(posed.frontal, head, trusted)
    gap = frontal[:, _LIPS[1], 1] - frontal[:, _LIPS[0], 1]
    awake = trusted & (looking.closure < _AWAKE) if (trusted & (looking.closure < _AWAKE)).any() else trusted
    values = coefficients(frontal, neutral_face(frontal[awake], gap[awake]))
    values[:, _BROWS] = np.clip(savitzky_golay(values[:, _BROWS].astype(np.float64), _BROW_REACH), 0.0, 1.0)
    values += looking.values
    values[:, MotionLayout.HEAD] = savitzky_golay(head, _HEAD_REACH)
    return interpolate_gaps(values.astype(np.float64), trusted).astype(np.float32), gap.astype(np.float32)


def without_pose(frontal: Doubles, head: Doubles, trusted: Flags) -> Doubles:
    """The landmarks less what follows from pitch and yaw alone: a mesh that turns keeps some of its old outline.

    Args:
        frontal: float64 [T, len(KEPT), 3] of `HeadPoses`.
        head: float64 [T, 6], the head's motion.
        trusted: bool [T], frames from which it is learnt.

    Returns:
        float64 [T, len(KEPT), 3].
    """
    pitch, yaw = head[:, 0], head[:, 1]
    causes = np.stack([pitch, yaw, 4.0 * yaw**2], axis=1)
    causes = causes - causes[trusted].mean(axis=0)
    sample, faces = causes[trusted], frontal[trusted].reshape(int(trusted.sum()), -1)
    doubt = len(sample) * _SURE_ANGLE**2 * max(1.0, _SURE_FRAMES / len(sample))
    slopes = np.linalg.solve(sample.T @ sample + doubt * np.eye(causes.shape[1]), sample.T @ (faces - faces.mean(0)))
    return np.asarray(frontal - (causes @ slopes).reshape(frontal.shape), np.float64)
