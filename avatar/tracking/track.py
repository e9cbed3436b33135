"""A whole video through the tracker: pictures in, 60 numbers a frame out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avatar.geometry.points import KEPT
from avatar.motion import FRAME_RATE_HZ, Floats
from avatar.progress import ShareDone
from avatar.tracking.faces import FaceTracker
from avatar.tracking.motion import SHOT_FRAMES, TRUSTED, MotionReader
from avatar.tracking.video import Notice, read_frames
from speech.errors import InputError

# A frame between two pictures is interpolated; a picture this near (seconds) stands for it alone.
_NEAR_S = 0.03
# Two faces this far apart (eye distances) are not one in motion, and nothing lies between them.
_APART = 1.0


@dataclass(frozen=True, slots=True)
class TrackedMotion:
    """Motion read off a video.

    Attributes:
        values: float32 [T, 60] at 25 Hz, relative to the person's neutral face and usual pose; frame 0 begins with
            the file's sound. Where no face was trusted: a straight line between what was before and after.
        confidence: float32 [T] in [0, 1]; 0 where there was no face.
        gap: float32 [T], distance of the inner lips as measured, over the distance of the eyes' outer corners.
        shots: (first, behind the last) frame of every stretch with a reference pose of its own.
        notices: what the owner should know, one sentence each.
    """

    values: Floats
    confidence: Floats
    gap: Floats
    shots: tuple[tuple[int, int], ...]
    notices: tuple[str, ...]


def track_video(path: Path, *, progress: ShareDone | None = None) -> TrackedMotion:
    """Tracks the largest face of a video.

    Pictures are decoded and looked at one after the other; what is kept of each is 2 kB of landmarks.

    Args:
        path: any video that FFmpeg reads, of any frame rate.
        progress: called with the share of the file that has been read.

    Raises:
        InputError: not a video, shorter than a second, or no face that can be followed for a second.
    """
    reader = MotionReader()
    frames = seen = 0
    notices: list[str] = []
    with FaceTracker() as tracker:
        for face in _at_frame_rate(path, tracker, progress, notices.append):
            reader.add(face)
            frames += 1
            seen += face is not None
        most_faces = tracker.most_faces
    if frames < SHOT_FRAMES:
        raise InputError(
            f"{path}: expected a video of at least {SHOT_FRAMES / FRAME_RATE_HZ:g} s, got {frames / FRAME_RATE_HZ:g}"
        )
    if not seen:
        raise InputError(f"{path}: expected a video of a person's face, found no face in it")
    found = reader.motion()
    if not found.shots:
        raise InputError(
            f"{path}: expected a face that can be followed for at least {SHOT_FRAMES / FRAME_RATE_HZ:g} s, seen from "
            "the front and at least 20 pixels between the eyes; found none"
        )
    if most_faces > 1:
        notices.append(f"{most_faces} faces seen at once: the largest is followed")
    if len(found.shots) > 1:
        notices.append(f"{len(found.shots)} shots, each relative to its own usual pose")
    doubtful = float((found.confidence <= TRUSTED).mean())
    if doubtful > 0.02:
        notices.append(
            f"{doubtful:.0%} of the frames are filled in: no face there, or one turned away, small or jumping"
        )
    return TrackedMotion(found.values, found.confidence, found.gap, found.shots, tuple(notices))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one picture shows: the kept landmarks or None, when (seconds), and whether it follows the one before."""

    face: Floats | None
    time_s: float
    follows: bool


def _at_frame_rate(
    path: Path, tracker: FaceTracker, progress: ShareDone | None, notice: Notice
) -> Iterator[Floats | None]:
    """The kept landmarks at the middle of every frame at 25 Hz; None where there is no face."""
    kept = list(KEPT)
    frame = 0
    before: _Seen | None = None
    for picture in read_frames(path, notice):
        face = tracker(picture.image)
        now = _Seen(None if face is None else face[kept], picture.time_s, picture.follows)
        while (time_s := (frame + 0.5) / FRAME_RATE_HZ) <= now.time_s + 1e-4:
            yield _between(before, now, time_s)
            frame += 1
        before = now
        if progress:
            progress(picture.share)
    if before is not None and (frame + 0.5) / FRAME_RATE_HZ <= before.time_s + _NEAR_S:
        yield before.face


def _between(before: _Seen | None, after: _Seen, time_s: float) -> Floats | None:
    if before is None or abs(after.time_s - time_s) < 1e-3:
        return after.face if after.time_s - time_s < _NEAR_S else None
    nearest = before if time_s - before.time_s < after.time_s - time_s else after
    first, second = before.face, after.face
    if not after.follows or first is None or second is None or _distance(first, second) > _APART:
        return nearest.face if abs(nearest.time_s - time_s) < _NEAR_S else None
    share = np.float32((time_s - before.time_s) / (after.time_s - before.time_s))
    return first + share * (second - first)


def _distance(first: Floats, second: Floats) -> float:
    corners = [KEPT.index(33), KEPT.index(263)]
    unit = float(np.linalg.norm(first[corners[1]] - first[corners[0]]))
    return float(np.linalg.norm(second[corners, :2].mean(axis=0) - first[corners, :2].mean(axis=0))) / max(unit, 1e-6)
