"""Output to an MP4 file: H.264 yuv420p and AAC, sound and picture aligned to the sample."""

from __future__ import annotations

import fractions
import os
import queue
import threading
from pathlib import Path

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream

from avatar.decoder import FRAME_SIZE, Image, VideoFrame
from avatar.motion import FRAME_RATE_HZ, Floats
from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.errors import InputError

# Frames that wait for the encoder. When it is behind, writing blocks: nothing is lost.
QUEUE_FRAMES = 16

AUDIO_BIT_RATE = 128_000


class Mp4Output:
    """Encodes on a thread of its own into a hidden file beside the target, which gets its name when all is done.

    Args:
        path: where the video goes; its folder must exist.
        crf: x264's constant rate factor, 0 (lossless) to 51.
        preset: x264's preset, `ultrafast` to `veryslow`.

    Raises:
        InputError: the file can't be written there.
    """

    def __init__(self, path: Path, *, crf: int = 20, preset: str = "superfast") -> None:
        self._path = path
        self._partial = path.with_name(f".{path.name}.partial.mp4")
        try:
            self._partial.touch()  # FFmpeg itself would open it only with the first packet
            self._container = av.open(str(self._partial), "w", format="mp4", options={"movflags": "+faststart"})
        except (OSError, av.FFmpegError) as error:
            raise InputError(f"{path}: expected a place to write a video, could not open it: {error}") from None
        video = self._container.add_stream("libx264", rate=FRAME_RATE_HZ)
        assert isinstance(video, VideoStream)
        video.width = video.height = FRAME_SIZE
        video.pix_fmt = "yuv420p"
        video.options = {"crf": str(crf), "preset": preset, "threads": "1"}
        # Stated, so that browsers need not guess: limited range, BT.601's matrix (OpenCV's), the rest BT.709's.
        video.codec_context.color_range = ColorRange.MPEG
        video.codec_context.colorspace = Colorspace.ITU601
        video.codec_context.color_primaries = ColorPrimaries.BT709
        video.codec_context.color_trc = ColorTrc.BT709
        audio = self._container.add_stream("aac", rate=OUTPUT_RATE_HZ, layout="mono")
        assert isinstance(audio, AudioStream)
        audio.bit_rate = AUDIO_BIT_RATE
        self._video, self._audio = video, audio
        self._frames = 0
        self._samples = 0
        self._failure: BaseException | None = None
        self._queue: queue.Queue[tuple[Image | None, Samples] | None] = queue.Queue(QUEUE_FRAMES)
        self._thread = threading.Thread(target=self._encode_all, name=f"encode {path.name}", daemon=True)
        self._thread.start()

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        """Queues one frame time; waits while the encoder is behind."""
        self._put((None if frame is None else frame.image, sound))

    def finish(self) -> None:
        """Flushes the encoders and gives the file its name."""
        self._put(None)
        self._thread.join()
        self._raise_failure()
        os.replace(self._partial, self._path)

    def abandon(self) -> None:
        """Stops encoding and removes the unfinished file."""
        self._failure = self._failure or InputError("abandoned")
        while self._thread.is_alive():  # the encoder may sit in get(): wake it, and empty what it will not take
            try:
                self._queue.put_nowait(None)
            except queue.Full:
                self._queue.get_nowait()
            self._thread.join(timeout=0.1)
        self._partial.unlink(missing_ok=True)

    def _put(self, item: tuple[Image | None, Samples] | None) -> None:
        self._raise_failure()
        self._queue.put(item)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise InputError(f"{self._path}: could not write the video: {self._failure}") from self._failure

    def _encode_all(self) -> None:
        last: Image = np.zeros((FRAME_SIZE, FRAME_SIZE, 3), np.uint8)
        try:
            while (item := self._queue.get()) is not None:
                if self._failure is None:
                    last = last if item[0] is None else item[0]
                    self._encode(last, item[1])
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
        # OpenCV converts in 0.1 ms; FFmpeg's scaler takes 3 ms, as long as the encoding itself.
        picture = av.VideoFrame.from_ndarray(cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420), format="yuv420p")
        picture.pts = self._frames
        picture.time_base = fractions.Fraction(1, FRAME_RATE_HZ)
        self._container.mux(self._video.encode(picture))
        self._frames += 1
        piece = av.AudioFrame.from_ndarray(np.clip(sound, -1, 1)[None, :], format="fltp", layout="mono")
        piece.sample_rate = OUTPUT_RATE_HZ
        piece.pts = self._samples
        piece.time_base = fractions.Fraction(1, OUTPUT_RATE_HZ)
        self._container.mux(self._audio.encode(piece))
        self._samples += len(sound)
