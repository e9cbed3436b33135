"""A decoded picture as it is meant to be seen: of square pixels, upright, of one field, not larger than needed."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.reformatter import ColorTrc, Interpolation
from av.video.stream import VideoStream

from avatar.decoder import Image
from avatar.motion import Doubles

LARGEST_SIDE = 4096
"""Pixels; what is larger is made smaller: there is nothing more to see of a face."""

# What is wider or taller than this is no format of pixels but a mistake, and left as it is.
_OBLONG = 4.0
# A matrix this near to a quarter turn is one: turned without resampling.
_QUARTER = 0.02
# Nits: what is white in a usual picture. What is brighter in HDR is pressed into the rest above this share.
_WHITE, _KNEE = 203.0, 0.75


class FrameConverter:
    """Makes RGB pictures of a stream's frames.

    Followed are the sample aspect ratio of the container, or else of the stream (also where it changes), and the
    display matrix: turned by any angle, mirrored. The codec's own cropping is FFmpeg's work. Of interlaced pictures the
    first field is taken: in the two together, whatever moves is torn to a comb. HDR10, which would be grey, is brought
    to the range of a usual picture (HLG is made to be looked at as it is).

    Args:
        stream: where the frames come from.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._codec = stream.codec_context
        stated = stream.sample_aspect_ratio
        self._container_states = stated if stated != self._codec.sample_aspect_ratio else None

    def __call__(self, frame: VideoFrame) -> Image:
        """Converts one frame to uint8 [H, W, 3] RGB.

        Raises:
            av.FFmpegError, ValueError: a pixel format that can't be converted.
        """
        width, height = self._size(frame)
        scaled = None if (width, height) == (frame.width, frame.height) else (width, height)
        if scaled is None or frame.interlaced_frame:
            image = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
        else:
            how = Interpolation.AREA if width * height < frame.width * frame.height else Interpolation.BICUBIC
            converted = frame.to_ndarray(format="rgb24", width=width, height=height, interpolation=how)
            image = np.asarray(converted, np.uint8)
        if frame.interlaced_frame:
            field = np.ascontiguousarray(image[::2])
            image = np.asarray(cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        if frame.color_trc == ColorTrc.SMPTE2084:
            image = np.asarray(cv2.LUT(image, _hdr_to_gamma_table()), np.uint8)
        return _shown(image, _matrix(frame))

    def _size(self, frame: VideoFrame) -> tuple[int, int]:
        """Width and height with square pixels, nothing of the finer side lost."""
        ratio = float(self._container_states or self._codec.sample_aspect_ratio or 1)
        if not 1.0 / _OBLONG <= ratio <= _OBLONG:
            ratio = 1.0
        width, height = frame.width * max(ratio, 1.0), frame.height / min(ratio, 1.0)
        smaller = min(1.0, LARGEST_SIDE / max(width, height))
        return max(1, round(width * smaller)), max(1, round(height * smaller))


@cache
def _hdr_to_gamma_table() -> npt.NDArray[np.uint8]:
    """uint8 [256]: what HDR10 codes as absolute light (SMPTE ST 2084), in a usual picture's gamma."""
    power = np.linspace(0.0, 1.0, 256) ** (32.0 / 2523.0)
    light = np.maximum(power - 0.8359375, 0.0) / (18.8515625 - 18.6875 * power)
    level = (10_000.0 / _WHITE) * light ** (16_384.0 / 2610.0)
    above = np.maximum(level - _KNEE, 0.0) / (1.0 - _KNEE)
    level = np.minimum(level, _KNEE) + (1.0 - _KNEE) * above / (1.0 + above)
    return np.asarray(np.round(255.0 * level ** (1.0 / 2.2)), np.uint8)


def _matrix(frame: VideoFrame) -> Doubles | None:
    """The directions in which a picture's right and down are shown, as the columns of [2, 2]; None: as they are."""
    side_data: Any = frame.side_data  # PyAV's type names three of its keys
    stored = side_data.get(Type.DISPLAYMATRIX)
    entries = np.frombuffer(b"" if stored is None else bytes(stored), np.int32)
    if len(entries) != 9:
        return None
    matrix = np.array([[entries[0], entries[3]], [entries[1], entries[4]]], np.float64)
    lengths = np.linalg.norm(matrix, axis=0)
    if not (lengths > 0.0).all():
        return None
    matrix /= lengths
    return None if abs(np.linalg.det(matrix)) < 0.5 else matrix


def _shown(image: Image, matrix: Doubles | None) -> Image:
    if matrix is None:
        return image
    if np.abs(matrix - np.round(matrix)).max() < _QUARTER:
        (right_x, down_x), (right_y, down_y) = np.round(matrix).astype(int)
        if right_x == 0:  # what was across is now upright
            image = image.swapaxes(0, 1)
            right_x, down_y = down_x, right_y
        return np.ascontiguousarray(image[:: int(down_y), :: int(right_x)])
    height, width = image.shape[:2]
    corners = matrix @ np.array([[0.0, width, 0.0, width], [0.0, 0.0, height, height]])
    low, high = corners.min(axis=1), corners.max(axis=1)
    size = np.ceil(high - low).astype(int)
    placed = np.column_stack([matrix, -low])
    return np.asarray(cv2.warpAffine(image, placed, (int(size[0]), int(size[1])), flags=cv2.INTER_LINEAR), np.uint8)
