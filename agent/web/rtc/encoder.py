"""The face's pictures as VP8: our own settings of libvpx, made for a face that moves before a background that doesn't.

aiortc encodes the frames it is given on the event loop's threads; it takes packets as well, which are encoded here,
where the picture was drawn.
"""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from avatar.decoder import VideoFrame
from avatar.motion import FRAME_RATE_HZ
from speech.audio import OUTPUT_RATE_HZ

VIDEO_CLOCK_HZ = 90_000
LEAST_BITRATE, FIRST_BITRATE, MOST_BITRATE = 250_000, 1_000_000, 2_500_000
"""Bits a second."""

_SPEED = -8
# At the same bitrate a picture is better, and quicker to make, without libvpx's filter against a camera's noise: ours
# has none. Measured by benchmarks/encoding.py.
_NOISE_FILTER = 0
_MOST_BETWEEN_KEY_FRAMES = 3000


class FaceEncoder:
    """Encodes one stream of pictures; belongs to one thread at a time."""

    def __init__(self) -> None:
        self._codec: VideoCodecContext | None = None
        self._bitrate = self.bitrate = FIRST_BITRATE

    def encode(self, frame: VideoFrame, key_frame: bool = False) -> av.Packet[Stream]:
        """One picture as one packet, with its place on the video clock.

        Args:
            frame: uint8 [S, S, 3] RGB, S even; always the same size.
            key_frame: can be decoded without those before it.
        """
        picture = av.VideoFrame.from_ndarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2YUV_I420), format="yuv420p")
        picture.pts = frame.pts_samples * VIDEO_CLOCK_HZ // OUTPUT_RATE_HZ
        picture.time_base = Fraction(1, VIDEO_CLOCK_HZ)
        if key_frame:
            picture.pict_type = PictureType.I
        if self._codec is None:
            self._codec = _codec(picture.width, picture.height, self._bitrate)
        (packet,) = self._codec.encode(picture)
        return packet


def _codec(width: int, height: int, bitrate: int) -> VideoCodecContext:
    codec = av.CodecContext.create("libvpx", "w")
    assert isinstance(codec, VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, VIDEO_CLOCK_HZ), Fraction(FRAME_RATE_HZ)
    codec.bit_rate, codec.gop_size, codec.qmin, codec.qmax = bitrate, _MOST_BETWEEN_KEY_FRAMES, 2, 56
    codec.thread_count = 1
    codec.options = {
        "deadline": "realtime",
        "lag-in-frames": "0",
        "cpu-used": str(_SPEED),
        "noise-sensitivity": str(_NOISE_FILTER),
        "static-thresh": "1",
        # A constant bitrate: the least and the most are the same.
        "minrate": str(bitrate),
        "maxrate": str(bitrate),
        "bufsize": str(bitrate),
        "undershoot-pct": "100",
        "overshoot-pct": "15",
    }
    return codec
