"""How a real mouth moves in a video: two distances between landmarks, nothing fitted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avatar.motion import FRAME_RATE_HZ, Floats
from avatar.progress import ShareDone
from speech.errors import InputError

_LEAST_SHARE = 0.7  # of the pictures must show a face
_MOST_UNKNOWN_S = 1.0  # without pictures, or with lost ones
_UPPER_LIP, _LOWER_LIP, _CORNERS, _EYES = 13, 14, (78, 308), (33, 263)


@dataclass(frozen=True, slots=True)
class TrackedMouth:
    """A tracked mouth at 25 Hz, over the distance of the eyes' outer corners; float32 [T] each.

    Attributes:
        gap: between the inner edges of the lips (landmarks 13 and 14).
        width: between the corners of the mouth (78 and 308).
    """

    gap: Floats
    width: Floats


def track_mouth(path: Path, progress: ShareDone = lambda done: None) -> TrackedMouth:
    """Tracks the largest face of a video; frame 0 begins with the video's sound.

    Args:
        path: any video that FFmpeg reads, at any frame rate.
        progress: called with the share done.

    Raises:
        InputError: not a video, too short, a face is missing in too many pictures, or too many pictures are missing.
    """
    from avatar.tracking.faces import FaceTracker
    from avatar.tracking.video import read_frames

    times: list[float] = []
    found: list[tuple[float, float]] = []
    seen, unknown_s, before_s = 0, 0.0, 0.0
    with FaceTracker() as faces:
        for picture in read_frames(path):
            seen += 1
            unknown_s += 0.0 if picture.follows else picture.time_s - before_s
            before_s = picture.time_s
            points = faces(picture.image)
            progress(picture.share)
            if points is None:
                continue
            flat = points[:, :2]
            unit = _distance(flat, *_EYES)
            times.append(picture.time_s)
            found.append((_distance(flat, _UPPER_LIP, _LOWER_LIP) / unit, _distance(flat, *_CORNERS) / unit))
    if len(found) < max(_LEAST_SHARE * seen, 2):
        raise InputError(f"{path}: expected a face in most pictures, found one in {len(found)} of {seen}")
    if unknown_s > _MOST_UNKNOWN_S:
        raise InputError(f"{path}: expected a mouth that is seen all the time, {unknown_s:.1f} s are without pictures")
    frames = int(times[-1] * FRAME_RATE_HZ) + 1
    middles = (np.arange(frames) + 0.5) / FRAME_RATE_HZ
    gap, width = (np.interp(middles, times, curve).astype(np.float32) for curve in zip(*found, strict=True))
    return TrackedMouth(gap, width)


def _distance(points: Floats, one: int, other: int) -> float:
    return float(np.linalg.norm(points[one] - points[other]))
