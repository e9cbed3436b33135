"""Parts of contact sheets: pieces cut out of pictures, captions under them, and the JPEG file of a whole sheet."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from avatar.decoder import Image

Box = tuple[int, int, int, int]
"""Left, top, right, bottom; pixels of the picture that a piece is cut out of."""

CAPTION_PX = 18
"""Height of a caption."""

INK = "#24303c"
"""What captions are written in."""


def cut(image: Image, box: Box, width: int) -> Image:
    """A part of a picture, enlarged or reduced to a width; what lies beyond the picture is white."""
    height, across = image.shape[:2]
    left, top, right, bottom = box
    beyond = max(0, -left, -top, right - across, bottom - height)
    padded = cv2.copyMakeBorder(image, beyond, beyond, beyond, beyond, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    part = padded[top + beyond : bottom + beyond, left + beyond : right + beyond]
    size = width, round((bottom - top) * width / (right - left))
    way = cv2.INTER_AREA if width < right - left else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, size, interpolation=way), np.uint8)


def caption(text: str, width: int) -> Image:
    """A line of text on white: uint8 [CAPTION_PX, width, 3]."""
    strip = Pillow.new("RGB", (width, CAPTION_PX), "white")
    ImageDraw.Draw(strip).text((3, 2), text, INK, ImageFont.load_default(12))
    return np.asarray(strip, np.uint8)


def jpeg(picture: Image) -> bytes:
    """A picture as a JPEG file's bytes."""
    file = io.BytesIO()
    Pillow.fromarray(picture).save(file, "JPEG", quality=85)
    return file.getvalue()
