"""The square that is cut out of a picture around a face: where it lies, what it shows beyond the picture's edges."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import FRAME_SIZE, Image
from avatar.motion import Floats

# The face (ear to ear) takes this share of the frame's width (up to the second where the picture is tight), the eyes
# sit at this share of its height.
_FACE_SHARE, _FACE_SHARE_TIGHT = 0.38, 0.44
# Faces that are placed by hand may be wider than people's: up to this share, rather than to make up half a picture.
FACE_SHARE_BY_HAND = 0.66
_EYES_AT = 0.45

Placement = tuple[float, float, float]
"""Left, top and side of a square, pixels of the picture."""


def head_and_shoulders_square(image: Image, face: Floats, tightest: float = _FACE_SHARE_TIGHT) -> Placement:
    """The square with head and shoulders.

    Args:
        image: uint8 [H, W, 3].
        face: float32 [478, 3], pixels.
        tightest: the largest share of the square's width that the face may take.
    """
    width = _face_width(face)
    height_px, width_px = image.shape[:2]
    # A tighter frame where the picture ends early, rather than much that has to be made up.
    side = float(np.clip(min(width_px, height_px), width / tightest, width / _FACE_SHARE))
    eyes = face[[33, 133, 362, 263], :2].mean(axis=0)
    centre_x = (face[234, 0] + face[454, 0] + 2.0 * eyes[0]) / 4.0
    left = _shifted_inside(float(centre_x - side / 2), side, width_px, 0.06 * side)
    top = _shifted_inside(float(eyes[1] - _EYES_AT * side), side, height_px, 0.07 * side)
    return left, top, side


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


def _shifted_inside(start: float, side: float, length: int, most: float) -> float:
    """Moves a stretch towards lying inside 0 … length, by at most so many pixels."""
    wanted = min(max(start, 0.0), length - side) if side <= length else (length - side) / 2.0
    return start + float(np.clip(wanted - start, -most, most))


def _face_width(face: Floats) -> float:
    """Ear to ear with depth; a tall narrow face counts by its height, so that the head always fits. Pixels."""
    width = float(np.linalg.norm(face[234] - face[454]))
    height = float(np.linalg.norm(face[10] - face[152]))
    return max(width, 0.78 * height)
