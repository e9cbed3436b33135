"""Pictures of a video file, one after the other, with the times at which they are seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from avatar.decoder import Image
from speech.errors import InputError

# Pictures that follow another sooner than this are left out: beyond 50 a second there is nothing more to learn.
_NEAREST_S = 0.015
_USUAL_S = 0.04


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a video.

    Attributes:
        image: uint8 [H, W, 3] RGB, upright.
        time_s: the middle of its showing, seconds since the sound's start (since the first picture without sound).
        share: of the file that has been read, [0, 1]; 0 where the file does not say how long it is.
    """

    image: Image
    time_s: float
    share: float


@contextmanager
def opened(path: Path) -> Iterator[tuple[av.container.InputContainer, VideoStream]]:
    """Opens a video.

    Raises:
        InputError: the file is missing, empty, damaged, or has no picture.
    """
    if not path.is_file():
        raise InputError(f"{path}: expected a video file, found {'a folder' if path.is_dir() else 'nothing'}")
    try:
        with av.open(str(path)) as container:
            # The cover of a song is a "video stream" of one picture.
            streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
            if not streams:
                raise InputError(f"{path}: expected a video, found no moving picture in it")
            yield container, streams[0]
    except (av.FFmpegError, ValueError) as error:
        told = str(getattr(error, "strerror", None) or error)
        raise InputError(f"{path}: expected a video (MP4, WebM, MOV, MPEG …), could not decode it: {told}") from None


def pictures(path: Path) -> Iterator[Picture]:
    """Decodes a video picture by picture; only one is in memory at a time.

    Times follow the file's time stamps, so any frame rate does, also one that changes. The file's own rotation (a
    telephone held upright) is applied.

    Raises:
        InputError: as `opened`.
    """
    with opened(path) as (container, stream):
        stream.thread_type = "AUTO"
        zero = _sound_starts(container)
        length_s = float(container.duration / av.time_base) if container.duration else 0.0
        waiting: tuple[VideoFrame, float] | None = None
        first, kept = 0.0, -1.0
        for number, frame in enumerate(container.decode(stream)):
            now = float(frame.time) if frame.time is not None else number * _USUAL_S
            if number == 0:
                first = now
                zero = now if zero is None else zero
            if waiting is not None:
                if now - waiting[1] < _NEAREST_S:
                    continue
                yield _picture(*waiting, now, zero or 0.0, (waiting[1] - first) / length_s if length_s else 0.0)
                kept = now - waiting[1]
            waiting = (frame, now)
        if waiting is not None:
            frame, at = waiting
            yield _picture(frame, at, at + (kept if kept > 0.0 else _USUAL_S), zero or 0.0, 1.0)


def has_sound(path: Path) -> bool:
    """Whether a video has a sound track.

    Raises:
        InputError: as `opened`.
    """
    with opened(path) as (container, _):
        return bool(container.streams.audio)


def _sound_starts(container: av.container.InputContainer) -> float | None:
    for stream in container.streams.audio[:1]:
        if stream.start_time is not None and stream.time_base is not None:
            return float(stream.start_time * stream.time_base)
    return None


def _picture(frame: VideoFrame, start: float, end: float, zero: float, share: float) -> Picture:
    image = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    turns = round(frame.rotation / 90.0) % 4
    if turns:
        image = np.ascontiguousarray(np.rot90(image, turns))
    shown_s = min(end - start, 0.2)  # a picture that stands for longer was taken at its beginning
    return Picture(image, start + shown_s / 2.0 - zero, min(max(share, 0.0), 1.0))
