"""Pictures of a video file, one after the other, with the times at which they are seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.container import InputContainer
from av.video.stream import VideoStream

from avatar.decoder import Image
from avatar.tracking.decoding import StreamDecoder, sound_stream
from avatar.tracking.frame_converter import FrameConverter
from avatar.tracking.timeline import LONGEST_PAUSE_S, PAUSE_S, USUAL_S, Timeline
from speech.errors import InputError
from speech.files.media import lacks_moov_box, open_media

LONGEST_S = 12 * 3600.0
"""What is longer is read up to here."""

SMALLEST_SIDE = 16
"""Pixels; no face can be made out in less."""

MOST_PIXELS = 8192 * 8192
"""Of a picture that is decoded at all: a header of a few bytes can ask for gigabytes."""

# A damaged file's picture that comes later than so many usual ones has lost some before it.
_LOST_BEFORE = 1.9
# Pictures whose sides differ by less are of one shape: those of another size are brought to that of the first.
_ONE_SHAPE = 0.02
# A file that ends so much before the time that it states, was cut.
_CUT_S, _CUT_SHARE = 1.0, 0.05

Notice = Callable[[str], None]
"""Called with what the owner of a video should know: one sentence each."""


@dataclass(frozen=True, slots=True)
class TimedFrame:
    """One picture of a video.

    Attributes:
        image: uint8 [H, W, 3] RGB, upright, of square pixels.
        time_s: the middle of its showing, seconds since the sound's start (since the first picture without sound).
        share: of the file that has been read, [0, 1]; 0 where the file does not say how long it is.
        follows: whether it says, with the one before, what was seen in between: False where pictures are lost, or
            where none came for over a second.
    """

    image: Image
    time_s: float
    share: float
    follows: bool


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Opens a video.

    Raises:
        InputError: the file is missing, empty, damaged, or has no picture.
    """
    try:
        with open_media(path, "a video file") as container:
            # The cover of a song is a "video stream" of one picture.
            streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
            if not streams:
                raise InputError(f"{path}: expected a video, found no moving picture in it")
            if streams[0].codec_context is None:
                raise InputError(f"{path}: expected a video (MP4, WebM, MOV, MPEG …), its coding is not known")
            yield container, streams[0]
    except (av.FFmpegError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error)
        if lacks_moov_box(path):
            reason = "its table of contents (moov) is missing: it was cut off, or never finished"
        raise InputError(f"{path}: expected a video (MP4, WebM, MOV, MPEG …), could not decode it: {reason}") from None


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A picture of which is not known yet until when it is shown; `starts` by the file's clock, seconds."""

    image: Image
    starts: float
    follows: bool

    def picture(self, ends: float, zero: float, share: float) -> TimedFrame:
        shown_s = min(ends - self.starts, 0.2)  # a picture that stands for longer was taken at its beginning
        return TimedFrame(self.image, self.starts + shown_s / 2.0 - zero, share, self.follows)


def read_frames(path: Path, notice: Notice = lambda sentence: None) -> Iterator[TimedFrame]:
    """Decodes a video picture by picture; only one is in memory at a time.

    Times follow the file's time stamps, so any frame rate does, also one that changes, as long as they can be believed:
    see `avatar.tracking.timeline`. Pictures are as they are meant to be seen: see `avatar.tracking.frame_converter`.
    What is damaged is left out.

    Args:
        path: the file.
        notice: called at the end with what was lost, and what was wrong with the times.

    Raises:
        InputError: as `open_video`, no picture can be decoded, or they are too small.
    """
    with open_video(path) as (container, stream):
        _prepare(path, stream)
        decoder, upright = StreamDecoder(container, stream), FrameConverter(stream)
        rate = float(stream.guessed_rate or 0)
        timeline = Timeline(1.0 / rate if rate else USUAL_S, decoder.sound)
        zero = _sound_starts(container)
        waiting: _Waiting | None = None
        kept, unconverted, too_long = -1.0, 0, False
        damaged_s = paused_s = 0.0
        shape: tuple[int, ...] = ()
        for frame in decoder.frames():
            before = timeline.now
            now = timeline.place(None if frame.time is None else float(frame.time))
            if now is None:
                continue
            if before is None and (zero is None or abs(now - zero) > LONGEST_PAUSE_S):
                zero = now  # no sound, or one whose clock has nothing to do with the pictures'
            if now - (zero or 0.0) > LONGEST_S:
                too_long = True
                break
            apart = now - (now if before is None else before)
            lost = decoder.lost + unconverted > 0 and apart > _LOST_BEFORE * timeline.step_s
            follows = not lost and apart <= PAUSE_S
            damaged_s += apart - timeline.step_s if lost else 0.0
            paused_s += apart if not lost and not follows else 0.0
            if waiting is not None:
                shown_until = now if follows else waiting.starts + timeline.step_s
                yield waiting.picture(shown_until, zero or 0.0, decoder.share)
                kept = shown_until - waiting.starts
                waiting = None
            try:
                image = upright(frame)
            except (av.FFmpegError, ValueError, MemoryError):
                unconverted += 1
                continue
            if min(image.shape[:2]) < SMALLEST_SIDE:
                raise InputError(
                    f"{path}: expected pictures of at least {SMALLEST_SIDE} pixels a side, got {image.shape[1]} x "
                    f"{image.shape[0]}"
                )
            shape = shape or image.shape
            waiting = _Waiting(_same_size(image, shape), now, follows)
        if waiting is not None:
            yield waiting.picture(waiting.starts + (kept if kept > 0.0 else USUAL_S), zero or 0.0, 1.0)
        if not shape:
            raise InputError(f"{path}: expected a video (MP4, WebM, MOV, MPEG …), none of its pictures can be decoded")
        if lost_count := decoder.lost + unconverted:
            damaged_s = max(damaged_s, lost_count * timeline.step_s)
            amount = f"about {damaged_s:.1f} s" if damaged_s >= 0.05 else "less than 0.1 s"
            notice(f"damaged: {amount} of its pictures could not be decoded, and are left out")
        for sentence in _notices(decoder, timeline, paused_s, too_long, _stated_end(stream)):
            notice(sentence)


def _prepare(path: Path, stream: VideoStream) -> None:
    codec = stream.codec_context
    if codec.width * codec.height > MOST_PIXELS:
        raise InputError(
            f"{path}: expected pictures of at most {MOST_PIXELS / 1e6:.0f} megapixels, got {codec.width} x "
            f"{codec.height}; make it smaller"
        )
    stream.thread_type = "AUTO"
    codec.options = {"max_pixels": str(MOST_PIXELS)}
    codec.flags |= Flags.unaligned  # else hidden columns on the left are shown where that is faster


def has_sound(path: Path) -> bool:
    """Whether a video has a sound track.

    Raises:
        InputError: as `open_video`.
    """
    with open_video(path) as (container, _):
        return bool(container.streams.audio)


def _sound_starts(container: InputContainer) -> float | None:
    sound = sound_stream(container)
    if sound is None or sound.start_time is None or sound.time_base is None:
        return None
    return float(sound.start_time * sound.time_base)


def _stated_end(stream: VideoStream) -> float | None:
    if stream.duration is None or stream.time_base is None:
        return None
    return float((stream.duration + (stream.start_time or 0)) * stream.time_base)


def _same_size(image: Image, shape: tuple[int, ...]) -> Image:
    """A picture in the size of the first, if it is of the same shape: a stream that changed its resolution."""
    height, width = shape[:2]
    if image.shape == shape or abs(image.shape[1] * height / (image.shape[0] * width) - 1.0) > _ONE_SHAPE:
        return image
    how = cv2.INTER_AREA if image.shape[0] > height else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)


def _notices(
    decoder: StreamDecoder, timeline: Timeline, paused_s: float, too_long: bool, stated_end: float | None
) -> Iterator[str]:
    if decoder.cut:
        yield f"damaged: nothing could be read after {timeline.now or 0.0:.1f} s"
    elif too_long:
        yield f"longer than {LONGEST_S / 3600:g} hours: what comes later is left out"
    elif stated_end is not None and timeline.now is not None and not timeline.closed:
        short = stated_end - timeline.now
        if short > max(_CUT_S, _CUT_SHARE * stated_end):
            yield f"its pictures end {short:.1f} s before the time that it states: it is damaged, or cut off"
    if timeline.closed:
        times = "once" if timeline.closed == 1 else f"{timeline.closed} times"
        yield f"its clock leaps {times} (joined recordings?): what follows is put right behind"
    if paused_s:
        yield f"{paused_s:.1f} s without new pictures: nothing is known of the face there"
