"""What stands behind a face: the photo's own background, nothing, a colour, or a picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.picture.files import decode_picture, read_picture
from speech.errors import InputError

PHOTO, TRANSPARENT = "photo", "transparent"

CHROMA_KEY = (0, 177, 64)
"""The green that meeting programs and OBS key out, RGB."""


def backdrop(wanted: str, width: int, height: int, *, key: str) -> Image:
    """A background uint8 [height, width, 3].

    Args:
        wanted: a colour "#rrggbb", or the path of a picture, which is scaled and cut to fill everything.
        width: pixels.
        height: pixels.
        key: the setting that asks for it, named in errors.

    Raises:
        InputError: no such colour, or the picture can't be read.
    """
    if wanted.startswith("#"):
        return np.full((height, width, 3), _colour(wanted, key), np.uint8)
    path = Path(wanted).expanduser()
    try:
        return _filling(decode_picture(path, read_picture(path)).image, width, height)
    except InputError as error:
        raise InputError(f'{key}: expected a colour such as "#203040", or a picture; {error}') from None


def flatten(image: Image, colour: tuple[int, int, int]) -> Image:
    """A picture with alpha, uint8 [H, W, 4], over a colour: uint8 [H, W, 3]; one without alpha as it is."""
    if image.shape[2] == 3:
        return image
    alpha = image[:, :, 3:].astype(np.uint16)
    behind = np.array(colour, np.uint16)
    return ((image[:, :, :3] * alpha + behind * (255 - alpha) + 127) // 255).astype(np.uint8)


def _filling(picture: Image, width: int, height: int) -> Image:
    """A picture scaled to cover everything, its middle cut out."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    scaled_width = max(round(picture.shape[1] * scale), width)
    scaled_height = max(round(picture.shape[0] * scale), height)
    method = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
    scaled = cv2.resize(picture, (scaled_width, scaled_height), interpolation=method)
    x, y = (scaled_width - width) // 2, (scaled_height - height) // 2
    return np.ascontiguousarray(scaled[y : y + height, x : x + width])


def _colour(text: str, key: str) -> tuple[int, int, int]:
    digits = text[1:]
    if len(digits) != 6 or any(digit not in "0123456789abcdefABCDEF" for digit in digits):
        raise InputError(f'{key}: expected a colour such as "#203040", got {text!r}')
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue
