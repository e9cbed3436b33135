"""A talking face as MediaPipe sees it, in a video or in pictures that a decoder draws: landmarks, nothing fitted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avatar.decoder import FaceDecoder
from avatar.geometry.points import KEPT, kept_rows
from avatar.motion import FRAME_RATE_HZ, Doubles, Floats
from avatar.progress import ShareDone
from speech.errors import InputError

_LEAST_SHARE = 0.7  # of the pictures must show a face
_MOST_UNKNOWN_S = 1.0  # without pictures, or with lost ones
_LIPS, _CORNERS, _EYES = kept_rows((13, 14)), kept_rows((78, 308)), kept_rows((33, 263))


@dataclass(frozen=True, slots=True)
class TrackedFace:
    """A tracked face at 25 Hz.

    Attributes:
        landmarks: float32 [T, len(KEPT), 3], pixels; rows as `avatar.geometry.points.KEPT`.
    """

    landmarks: Floats

    @property
    def gap(self) -> Floats:
        """Between the inner edges of the lips (13 and 14) over the eyes' distance (33 and 263): float32 [T]."""
        return self._over_eyes(_LIPS)

    @property
    def width(self) -> Floats:
        """Between the corners of the mouth (78 and 308) over the eyes' distance: float32 [T]."""
        return self._over_eyes(_CORNERS)

    def _over_eyes(self, rows: list[int]) -> Floats:
        return np.asarray(self._distance(rows) / self._distance(_EYES), np.float32)

    def _distance(self, rows: list[int]) -> Floats:
        one, other = rows
        apart = self.landmarks[:, other, :2] - self.landmarks[:, one, :2]
        return np.asarray(np.linalg.norm(apart, axis=1), np.float32)


def track_face(path: Path, progress: ShareDone = lambda done: None) -> TrackedFace:
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
    found: list[Floats] = []
    seen, unknown_s, before_s = 0, 0.0, 0.0
    with FaceTracker() as faces:
        for picture in read_frames(path):
            seen += 1
            unknown_s += 0.0 if picture.follows else picture.time_s - before_s
            before_s = picture.time_s
            points = faces(picture.image)
            progress(picture.share)
            if points is not None:
                times.append(picture.time_s)
                found.append(points[list(KEPT)])
    _check_seen(str(path), len(found), seen)
    if unknown_s > _MOST_UNKNOWN_S:
        raise InputError(f"{path}: expected a mouth that is seen all the time, {unknown_s:.1f} s are without pictures")
    frames = int(times[-1] * FRAME_RATE_HZ) + 1
    return TrackedFace(_at((np.arange(frames) + 0.5) / FRAME_RATE_HZ, times, found))


def track_drawn(
    decoder: FaceDecoder, values: Floats, name: str, progress: ShareDone = lambda done: None
) -> TrackedFace:
    """Tracks the face of a motion as it is drawn.

    Args:
        decoder: of the portrait.
        values: float32 [T, 60].
        name: of the motion, for error messages.
        progress: called with the share done.

    Raises:
        InputError: MediaPipe finds no face in too many of the drawn pictures.
    """
    from avatar.tracking.faces import FaceTracker

    shown: list[float] = []
    found: list[Floats] = []
    with FaceTracker() as faces:
        for frame, row in enumerate(values):
            points = faces(np.ascontiguousarray(decoder.decode(row)[:, :, :3]))
            progress((frame + 1) / len(values))
            if points is not None:
                shown.append(frame)
                found.append(points[list(KEPT)])
    _check_seen(f"{name}, drawn", len(found), len(values))
    return TrackedFace(_at(np.arange(len(values), dtype=np.float64), shown, found))


def _check_seen(name: str, found: int, seen: int) -> None:
    if found < max(_LEAST_SHARE * seen, 2):
        raise InputError(f"{name}: expected a face in most pictures, found one in {found} of {seen}")


def _at(wanted: Doubles, times: list[float], found: list[Floats]) -> Floats:
    """Landmarks at the wanted times, in straight lines between those that were found."""
    flat = np.stack(found).reshape(len(found), -1)
    columns = [np.interp(wanted, times, column) for column in flat.T]
    return np.stack(columns, axis=1).reshape(len(wanted), *found[0].shape).astype(np.float32)
