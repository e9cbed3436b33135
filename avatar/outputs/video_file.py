"""Output to a video file, sound and picture aligned to the sample: MP4, or WebM and MOV, which keep transparency."""

from __future__ import annotations

import fractions
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream

from avatar.decoder import FRAME_SIZE, Image, VideoFrame
from avatar.motion import FRAME_RATE_HZ, Floats
from avatar.outputs.base import VIDEO_SUFFIXES
from avatar.outputs.unfinished import Unfinished
from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.errors import InputError, VisavisError
from speech.files.draft import Draft
from speech.worker.priority import let_others_first

# Frames that wait for the encoder. When it is behind, writing blocks: nothing is lost.
QUEUE_FRAMES = 16

# While a conversation goes on nothing may wait: pictures beyond those are left out, and sound goes on to this length.
LIVE_QUEUE_FRAMES = 250

AUDIO_BIT_RATE = 128_000

# What a live recording has written can be played, whatever comes next: so often, in microseconds, a piece is complete.
_FRAGMENT_US = 1_000_000
_LIVE_OPTIONS = {
    "movflags": "+empty_moov+delay_moov+default_base_moof",
    "frag_duration": str(_FRAGMENT_US),
    "flush_packets": "1",
}
_LIVE_WEBM_OPTIONS = {"cluster_time_limit": str(_FRAGMENT_US // 1000), "flush_packets": "1"}


@dataclass(frozen=True, slots=True)
class _Format:
    """How a kind of file is encoded.

    Attributes:
        container: FFmpeg's name.
        container_options: of the muxer.
        video: the encoder.
        pixels: its pixel format.
        audio: the encoder.
        audio_format: its sample format.
    """

    container: str
    container_options: Mapping[str, str]
    video: str
    pixels: str
    audio: str
    audio_format: str


_MP4 = _Format("mp4", {"movflags": "+faststart"}, "libx264", "yuv420p", "aac", "fltp")
_FORMATS = {
    ".mp4": _MP4,
    ".webm": _Format("webm", {}, "libvpx-vp9", "yuva420p", "libopus", "flt"),
    ".mov": _Format("mov", {"movflags": "+faststart"}, "prores_ks", "yuva444p10le", "pcm_s16le", "s16"),
}
assert tuple(_FORMATS) == VIDEO_SUFFIXES


class VideoFileOutput:
    """Encodes on a thread of its own into a hidden file beside the target, which gets its name when all is done.

    While a conversation goes on, into a visible one that can always be played (see `Unfinished`): a program that is
    killed, or a full disk, costs its last second.

    Args:
        path: where the video goes; its folder must exist, its suffix says what it becomes (.mp4 where unknown). Frames
            with alpha need .webm (VP9) or .mov (ProRes 4444).
        crf: x264's constant rate factor, 0 (lossless) to 51.
        preset: x264's preset, `ultrafast` to `veryslow`.
        live: never make anybody wait, and keep what was written so far.

    Attributes:
        is_finished: whether the file has its name.
    """

    def __init__(self, path: Path, *, crf: int = 20, preset: str = "superfast", live: bool = False) -> None:
        self._path = path
        self._format = _FORMATS.get(path.suffix.lower(), _MP4)
        self._crf, self._preset, self._live = crf, preset, live
        self.is_finished = False
        self._is_open = False
        self._frames = 0
        self._samples = 0
        self._failure: BaseException | None = None
        self._queue: queue.Queue[tuple[Image | None, Samples] | None] = queue.Queue(
            LIVE_QUEUE_FRAMES if live else QUEUE_FRAMES
        )

    def __enter__(self) -> Self:
        """Opens the file and starts encoding.

        Raises:
            InputError: the file can't be written there.
        """
        path, form, live = self._path, self._format, self._live
        self._draft = Unfinished(path) if live else Draft(path)
        options = form.container_options
        if live:
            options = _LIVE_WEBM_OPTIONS if form.container == "webm" else _LIVE_OPTIONS
        try:
            sink = self._draft.sink() if isinstance(self._draft, Unfinished) else str(self._draft.path)
            self._container = av.open(sink, "w", format=form.container, options=dict(options))
        except (OSError, av.FFmpegError) as error:
            self._draft.discard()
            raise InputError(f"{path}: expected a place to write a video, could not open it: {error}") from None
        video = self._container.add_stream(form.video, rate=FRAME_RATE_HZ)
        assert isinstance(video, VideoStream)
        video.width = video.height = FRAME_SIZE  # until the first frame says otherwise
        video.pix_fmt = form.pixels
        video.options = {**_video_options(form, self._crf, self._preset)}
        # Stated, so that browsers need not guess: limited range, BT.601's matrix (OpenCV's), the rest BT.709's.
        video.codec_context.color_range = ColorRange.MPEG
        video.codec_context.colorspace = Colorspace.ITU601
        video.codec_context.color_primaries = ColorPrimaries.BT709
        video.codec_context.color_trc = ColorTrc.BT709
        audio = self._container.add_stream(form.audio, rate=OUTPUT_RATE_HZ, layout="mono")
        assert isinstance(audio, AudioStream)
        if form.audio != "pcm_s16le":
            audio.bit_rate = AUDIO_BIT_RATE
        self._video, self._audio = video, audio
        self._thread = threading.Thread(target=self._encode_all, name=f"encode {path.name}", daemon=True)
        self._thread.start()
        self._is_open = True
        return self

    @property
    def written_to(self) -> Path:
        """Where the video is, once it is open, until it is finished."""
        return self._draft.path

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        """Queues one frame time. While the encoder is behind, waits; a live one repeats the last picture instead."""
        behind = self._live and self._queue.qsize() >= QUEUE_FRAMES
        self._put((None if frame is None or behind else frame.image, sound))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Flushes the encoders and gives the file its name.

        After an exception it is removed unfinished; of a live one, what can be played stays.
        """
        was_open, self._is_open = self._is_open, False
        if was_open and error is None:
            self._finish()
        elif was_open:
            self._abandon()

    def _finish(self) -> None:
        try:
            self._put(None)
            self._thread.join()
            self._raise_failure()
        except VisavisError:
            self._abandon()
            raise
        self._draft.keep()
        self.is_finished = True

    def _abandon(self) -> None:
        self._failure = self._failure or RuntimeError("abandoned")
        while self._thread.is_alive():  # the encoder may sit in get(): wake it, and empty what it will not take
            try:
                self._queue.put_nowait(None)
            except queue.Full:
                self._queue.get_nowait()
            self._thread.join(timeout=0.1)
        self._draft.discard()

    def _put(self, item: tuple[Image | None, Samples] | None) -> None:
        self._raise_failure()
        self._queue.put(item)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            reason = getattr(self._failure, "strerror", None) or self._failure
            kept = f"; what was recorded until then is in {self._draft.path.name}" if self._live else ""
            raise InputError(f"{self._path}: could not write the video: {reason}{kept}") from self._failure

    def _encode_all(self) -> None:
        last: Image | None = None
        if self._live:
            let_others_first()
        try:
            while (item := self._queue.get()) is not None:
                if self._failure is None:
                    if last is None and item[0] is not None:
                        self._video.height, self._video.width = item[0].shape[:2]
                    last = last if item[0] is None else item[0]
                    self._encode(np.zeros((FRAME_SIZE, FRAME_SIZE, 3), np.uint8) if last is None else last, item[1])
            for stream in (self._video, self._audio):
                if self._failure is None:
                    self._container.mux(stream.encode(None))
        except (OSError, av.FFmpegError) as error:
            self._failure = error
            while self._queue.get() is not None:  # so that nobody waits for room that never comes
                pass
        finally:
            try:
                self._container.close()
            except (OSError, av.FFmpegError) as error:
                self._failure = self._failure or error

    def _encode(self, image: Image, sound: Samples) -> None:
        picture = self._picture(image)
        picture.pts = self._frames
        picture.time_base = fractions.Fraction(1, FRAME_RATE_HZ)
        self._container.mux(self._video.encode(picture))
        self._frames += 1
        clipped = np.clip(sound, -1, 1)[None, :]
        if self._format.audio_format == "s16":
            clipped = np.rint(clipped * 32767.0).astype(np.int16)
        piece = av.AudioFrame.from_ndarray(clipped, format=self._format.audio_format, layout="mono")
        piece.sample_rate = OUTPUT_RATE_HZ
        piece.pts = self._samples
        piece.time_base = fractions.Fraction(1, OUTPUT_RATE_HZ)
        self._container.mux(self._audio.encode(piece))
        self._samples += len(sound)

    def _picture(self, image: Image) -> av.VideoFrame:
        if self._format is _MP4:
            # OpenCV converts in 0.1 ms; FFmpeg's scaler takes 3 ms, as long as the encoding itself.
            return av.VideoFrame.from_ndarray(cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420), format="yuv420p")
        rgba = image if image.shape[2] == 4 else np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgba), format="rgba")
        return frame.reformat(format=self._format.pixels, dst_colorspace=Colorspace.ITU601)


def _video_options(form: _Format, crf: int, preset: str) -> Mapping[str, str]:
    if form.video == "libx264":
        return {"crf": str(crf), "preset": preset, "threads": "1"}
    if form.video == "libvpx-vp9":  # its scale reaches to 63, where x264's ends at 51
        return {
            "crf": str(min(round(1.2 * crf), 63)),
            "b": "0",
            "deadline": "realtime",
            "cpu-used": "8",
            "threads": "1",
        }
    return {"profile": "4444", "alpha_bits": "16", "threads": "1"}
