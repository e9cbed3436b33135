"""The square that is cut out of a picture around a face: where it lies, what it shows beyond the picture's edges."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import FRAME_SIZE, Image
from avatar.motion import Floats

# The face (ear to ear) takes this share of the frame's width, and up to the second where the picture ends close to it;
# the eyes are at this share of its height.
_FACE_SHARE, _TIGHTEST_FACE_SHARE = 0.38, 0.66
_EYES_AT = 0.45
# Where the picture ends early, the face may be so far from its place, shares of the frame, before a tighter square is
# better than one to the side.
_OFF_CENTRE, _OFF_HEIGHT = 0.10, 0.12

Placement = tuple[float, float, float]
"""Left, top and side of a square, pixels of the picture."""


def head_and_shoulders_square(image: Image, face: Floats) -> Placement:
    """The square with head and shoulders: all of it from the picture where a tighter or a shifted one allows that.

    Args:
        image: uint8 [H, W, 3].
        face: float32 [478, 3], pixels.
    """
    width = _face_width(face)
    eyes = face[[33, 133, 362, 263], :2].mean(axis=0)
    x, y = float(face[234, 0] + face[454, 0] + 2.0 * eyes[0]) / 4.0, float(eyes[1])
    (face_left, face_top), (face_right, face_bottom) = (
        face[:, :2].min(axis=0).tolist(),
        face[:, :2].max(axis=0).tolist(),
    )
    # The picture, and what it lacks of the face.
    left, top = min(0.0, face_left), min(0.0, face_top)
    right, bottom = max(float(image.shape[1]), face_right), max(float(image.shape[0]), face_bottom)
    room = min(
        right - left,
        bottom - top,
        min(x - left, right - x) / (0.5 - _OFF_CENTRE),
        (y - top) / (_EYES_AT - _OFF_HEIGHT),
        (bottom - y) / (1.0 - _EYES_AT - _OFF_HEIGHT),
    )
    side = float(np.clip(room, width / _TIGHTEST_FACE_SHARE, width / _FACE_SHARE))
    start_x, start_y = (
        _shifted_inside(float(np.clip(start, least, most)), side, low, high)
        for start, least, most, low, high in (
            (x - side / 2, face_right - side, face_left, left, right),
            (y - _EYES_AT * side, face_bottom - side, face_top, top, bottom),
        )
    )
    return start_x, start_y, side


def padded_share(image: Image, placement: Placement) -> float:
    """How much of a square lies beyond the picture, 0 to 1.

    Args:
        image: uint8 [H, W, 3].
        placement: of the square.
    """
    left, top, side = placement
    height, width = image.shape[:2]
    across, down = min(left + side, width) - max(left, 0.0), min(top + side, height) - max(top, 0.0)
    return 1.0 - max(across, 0.0) * max(down, 0.0) / side**2


def to_square(face: Floats, placement: Placement) -> Floats:
    """The landmarks of a face of the whole picture as they lie in its square of 512."""
    left, top, side = placement
    return (face - np.array([left, top, 0.0], np.float32)) * np.float32(FRAME_SIZE / side)


def crop_square(image: Image, placement: Placement, size: int) -> Image:
    """A square of the picture at a size; beyond its edges the picture goes on, ever more blurred."""
    left, top, side = placement
    scale = size / side
    height, width = image.shape[:2]
    if scale < 1.0:  # area-average first: a single cubic step would alias
        small = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8)
        left, top, scale = left * scale, top * scale, 1.0
        height, width = image.shape[:2]
    matrix = np.array([[scale, 0.0, -left * scale], [0.0, scale, -top * scale]])
    crop = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones((height, width), np.float32), matrix, (size, size), flags=cv2.INTER_LINEAR)
    if inside.min() >= 1.0:
        return np.asarray(crop, np.uint8)
    # Replicated rows and columns are streaks, and a mirror shows things twice: beyond each border the mirrored picture
    # with its texture, ever more of the blurred streaks the farther it is.
    mirrored = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    outside = cv2.distanceTransform((inside < 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    blur = 12.0 * size / FRAME_SIZE
    extended = mirrored.astype(np.float32)
    for wider in (1.0, 4.0):
        blurred = cv2.GaussianBlur(crop, (0, 0), wider * blur, borderType=cv2.BORDER_REPLICATE)
        weight = np.clip(outside / (wider * blur), 0.0, 1.0)[:, :, None]
        extended += (blurred - extended) * weight
    return np.asarray(np.rint(extended), np.uint8)


def _shifted_inside(start: float, side: float, low: float, high: float) -> float:
    """Moves a stretch inside two limits; where it is longer than they are apart, into their middle."""
    return float(np.clip(start, low, high - side)) if side <= high - low else (low + high - side) / 2.0


def _face_width(face: Floats) -> float:
    """Ear to ear with depth; a tall narrow face counts by its height, so that the head always fits. Pixels."""
    width = float(np.linalg.norm(face[234] - face[454]))
    height = float(np.linalg.norm(face[10] - face[152]))
    return max(width, 0.78 * height)
