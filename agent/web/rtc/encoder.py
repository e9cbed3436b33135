"""The face's pictures as VP8: our own settings of libvpx, made for a face that moves before a background that doesn't.

aiortc would encode the frames that it is given; it takes packets as well, which are encoded here.
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
LEAST_BITRATE, FIRST_BITRATE, MOST_BITRATE = 250_000, 1_000_000, 1_500_000
"""Bits a second. Above the last a talking face gets no better that anybody could see."""

# A codec with another bitrate begins with a key frame, which is ten times as large: not for every little change, and
# upwards not often.
_RATE_CHANGE, _RISES_EVERY_S = 0.15, 5.0

# For drawn pictures: no filter against a camera's noise, and blocks that differ by less than anybody sees stay as they
# were. At the same bitrate a picture is as near to the original as with the settings that aiortc has, in two fifths of
# the time (benchmarks/encoding.py).
_SPEED, _NOISE_FILTER, _STILL_BELOW = -8, 0, 400
_MOST_BETWEEN_KEY_FRAMES = 3000


class FaceEncoder:
    """Encodes one stream of pictures; belongs to one thread at a time.

    Attributes:
        bitrate: bits a second that the network takes; may be set at any time, from any thread.
    """

    def __init__(self) -> None:
        self.bitrate = FIRST_BITRATE
        self._codec: VideoCodecContext | None = None
        self._bitrate, self._since_pts = FIRST_BITRATE, 0

    def encode(self, frame: VideoFrame, key_frame: bool = False) -> av.Packet[Stream]:
        """One picture as one packet, with its place on the video clock.

        Args:
            frame: uint8 [H, W, 3] RGB, both even; always the same size.
            key_frame: can be decoded without those before it.
        """
        picture = av.VideoFrame.from_ndarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2YUV_I420), format="yuv420p")
        picture.pts = frame.pts_samples * VIDEO_CLOCK_HZ // OUTPUT_RATE_HZ
        picture.time_base = Fraction(1, VIDEO_CLOCK_HZ)
        if key_frame:
            picture.pict_type = PictureType.I
        if self._codec is None or self._is_other_rate(picture.pts):
            self._bitrate, self._since_pts = self._wanted(), picture.pts
            self._codec = _codec(picture.width, picture.height, self._bitrate)
        (packet,) = self._codec.encode(picture)
        return packet

    def _wanted(self) -> int:
        return min(max(self.bitrate, LEAST_BITRATE), MOST_BITRATE)

    def _is_other_rate(self, pts: int) -> bool:
        change = self._wanted() / self._bitrate - 1.0
        if change > 0.0 and pts - self._since_pts < _RISES_EVERY_S * VIDEO_CLOCK_HZ:
            return False
        return abs(change) > _RATE_CHANGE


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
        "static-thresh": str(_STILL_BELOW),
        # A constant bitrate: the least and the most are the same.
        "minrate": str(bitrate),
        "maxrate": str(bitrate),
        "bufsize": str(bitrate),
        "undershoot-pct": "100",
        "overshoot-pct": "15",
    }
    return codec
