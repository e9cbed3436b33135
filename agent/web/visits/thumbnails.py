"""Small pictures of the faces that can be chosen."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from agent.personas import PERSONAS, portrait_path
from avatar.decoder import Image
from avatar.picture.files import decode_picture, read_picture

THUMBNAIL_PX = 256
_QUALITY = 85


def thumbnail(image: Image) -> bytes:
    """A JPEG of THUMBNAIL_PX a side.

    Args:
        image: uint8 [S, S, 3] RGB.
    """
    small = cv2.resize(image, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", np.ascontiguousarray(small[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return encoded.tobytes()


@cache
def person_thumbnail(name: str) -> bytes:
    """The same of somebody who comes with the program, one of PERSONAS."""
    assert name in PERSONAS
    path = portrait_path(name)
    return thumbnail(decode_picture(path, read_picture(path)).image)
