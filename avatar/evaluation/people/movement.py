"""What a tracked face does: curves of mouth, jaw, brows and head, and the figures by which people's movement is told.

Lengths are over the distance of the eyes' outer corners. Opening and width of the mouth are taken from the picture as
they are; what a turned head would feign (a lower corner of the mouth, a chin aside, a higher brow) from the face as
seen from straight ahead. A range is from the 2.5th to the 97.5th percentile, so that one bad picture does not make it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar.evaluation.people.tracked_face import TrackedFace
from avatar.geometry import landmarks as lm
from avatar.geometry.points import kept_rows
from avatar.geometry.pose import estimate_poses
from avatar.motion import FRAME_RATE_HZ, Floats
from avatar.tracking.eyes import estimate_eyes
from avatar.tracking.motion import without_pose
from avatar.tracking.smoothing import savitzky_golay

JUMP = 0.08
"""Eye distances: who opens or closes the mouth by more from one frame to the next, jumps."""
OPENING = 0.03
"""Eye distances: a mouth that opens by so much and closes by so much again has opened once."""
SHUT, PARTED = 0.02, 0.04
"""Eye distances: lips up to the first are seen as closed, from the second on as open."""

_RANGE = (2.5, 97.5)
_HEAD_REACH = 4  # frames, as in `avatar.tracking.motion`: what is faster than 4.6 Hz is the tracker's own tremor
_CHIN = kept_rows((152, 148, 377, 176, 400))
_NOSE = kept_rows((168, 6, 197, 195, 5, 4))
_LEFT_CORNER, _RIGHT_CORNER = kept_rows((308, 291)), kept_rows((78, 61))
_BROWS = kept_rows(tuple(index for side in lm.SIDES for index in lm.BROW[side] + lm.BROW_LOWER[side]))


@dataclass(frozen=True, slots=True)
class FaceCurves:
    """Curves of one tracked face at 25 Hz.

    Attributes:
        gap: float32 [T], between the inner edges of the lips.
        width: float32 [T], between the corners of the mouth.
        lean: float32 [T], how much higher the left corner of the mouth stands than the right one.
        jaw: float32 [T], how far the chin is to the person's left of the nose.
        brow: float32 [T], how high the brows are above the eyes.
        head: float32 [T, 3], pitch, yaw and roll, degrees.
        lids: float32 [T, 60], a motion with nothing but gaze and lids in it.
    """

    gap: Floats
    width: Floats
    lean: Floats
    jaw: Floats
    brow: Floats
    head: Floats
    lids: Floats

    def first(self, frames: int) -> FaceCurves:
        """Only so many frames."""
        return FaceCurves(*(getattr(self, name)[:frames] for name in self.__slots__))


def face_curves(face: TrackedFace) -> FaceCurves:
    """The curves of a tracked face."""
    seen = np.ones(len(face.landmarks), bool)
    posed = estimate_poses(face.landmarks, seen)
    head = posed.head.astype(np.float64)
    lids = estimate_eyes(posed.frontal, seen).values
    frontal = without_pose(posed.frontal, head, seen)
    return FaceCurves(
        gap=face.gap,
        width=face.width,
        lean=(frontal[:, _RIGHT_CORNER, 1].mean(axis=1) - frontal[:, _LEFT_CORNER, 1].mean(axis=1)).astype(np.float32),
        jaw=(frontal[:, _CHIN, 0].mean(axis=1) - frontal[:, _NOSE, 0].mean(axis=1)).astype(np.float32),
        brow=-frontal[:, _BROWS, 1].mean(axis=1).astype(np.float32),
        head=np.degrees(savitzky_golay(head[:, :3], _HEAD_REACH)).astype(np.float32),
        lids=lids,
    )


def range_95(curve: Floats) -> float:
    """Between the 2.5th and the 97.5th percentile of float32 [T]."""
    low, high = np.percentile(curve, _RANGE)
    return float(high - low)


def lip_speed(gap: Floats) -> float:
    """The 95th percentile of the speed at which lips part or close, per second: float32 [T], T > 1."""
    return float(np.percentile(np.abs(np.diff(gap)), 95.0)) * FRAME_RATE_HZ


def openings(gap: Floats) -> int:
    """How often the mouth opens by OPENING or more and closes by as much again; the last time without closing."""
    count, opening = 0, False
    low = high = float(gap[0])
    for value in map(float, gap):
        if opening:
            high = max(high, value)
            if value <= high - OPENING:
                opening, low = False, value
        else:
            low = min(low, value)
            if value >= low + OPENING:
                opening, high, count = True, value, count + 1
    return count


def jumps(gap: Floats) -> int:
    """How often the opening changes by more than JUMP in one frame."""
    return int((np.abs(np.diff(gap)) > JUMP).sum())


def flashes(gap: Floats) -> int:
    """How often lips are closed for one frame alone, open before and after it."""
    before, now, after = gap[:-2], gap[1:-1], gap[2:]
    return int(((now <= SHUT) & (before >= PARTED) & (after >= PARTED)).sum())


def head_speed(head: Floats) -> float:
    """Median of the head's angular speed, degrees a second: float32 [T, 3] in degrees, T > 1."""
    return float(np.median(np.linalg.norm(np.diff(head, axis=0), axis=1))) * FRAME_RATE_HZ


def relative_opening(curves: FaceCurves) -> Floats:
    """The lips' gap over the mouth's own width (its median): who has a wide mouth opens it farther; float32 [T]."""
    return np.asarray(curves.gap / np.median(curves.width), np.float32)
