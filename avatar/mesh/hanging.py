"""What hangs from a head: hair, a veil or the end of a scarf beside face and neck, found by colour from the crown down.

What covers the head above the ears shows its colours, the face those of skin, and the middle of the chest those of
cloth. What has the first rather than the others, and goes on without a gap down from there, hangs. Where hair and cloth
look alike nothing does: a collar that swings is seen, hair that stays is not.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.geometry.warp import Grid, smoothstep
from avatar.motion import Floats

# Colours are compared on a picture of this size, blurred by so much, in so many steps of each of Lab's channels, as
# bytes; these are blurred again. What nobody has shown is not known to be hair.
_WORK_SIZE, _BLUR_PX, _BINS, _BIN_BLUR = 256, 1.0, 32, 1.2
_UNKNOWN = 2e-5
_ROUNDS = 3
# All in eye distances. The crown's sample lies so far outside the face's outline; the chest's so far below the chin,
# and within so much of its middle.
_CROWN, _CHEST_BELOW, _CHEST_WITHIN = (0.10, 1.20), 0.85, 0.55
# From the face's outline outwards hair is held by what it lies on; gaps up to this are none, and a strand is thicker.
_CLEAR, _GAP = (0.05, 0.40), 0.04
# It swings the more the further below the ears, and is held by shoulders and chest.
_LENGTH, _HELD = (0.0, 1.2), (0.15, 0.95)
_SOFT = 0.11


def hanging(image: Image, landmarks: Floats, alpha: Floats, grid: Grid) -> Floats | None:
    """How freely things hang from the head at each node, float32 [rows, columns] in [0, 1]; None where nothing does.

    Args:
        image: uint8 [S, S, 3], the portrait.
        landmarks: float32 [478, 3], pixels.
        alpha: float32 [S, S], the person's.
        grid: over the whole frame.
    """
    hair, away, unit = _hair(image, landmarks, alpha)
    rows = np.arange(_WORK_SIZE)[:, None] / unit
    points = landmarks * np.float32(_WORK_SIZE / image.shape[0])
    ears, chin = points[[234, 454], 1].mean() / unit, points[lm.CHIN, 1] / unit
    free = smoothstep(rows - ears, *_LENGTH) * (1.0 - smoothstep(rows - chin, *_HELD))
    share = cv2.GaussianBlur(
        (hair * free).astype(np.float32), (0, 0), _SOFT * unit, borderType=cv2.BORDER_REPLICATE
    ) * smoothstep(away / unit, *_CLEAR)
    if float(share.max()) < 0.02:
        return None
    return np.asarray(cv2.resize(share, (grid.columns, grid.rows), interpolation=cv2.INTER_AREA), np.float32)


def _hair(image: Image, landmarks: Floats, alpha: Floats) -> tuple[npt.NDArray[np.bool_], Floats, float]:
    """Where hair is, bool [_WORK_SIZE, _WORK_SIZE]; how far outside the face each pixel lies; and the eye distance."""
    size = (_WORK_SIZE, _WORK_SIZE)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    somebody = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) > 0.9
    points = landmarks * np.float32(_WORK_SIZE / image.shape[0])
    unit = float(np.linalg.norm(points[33] - points[263]))
    face = np.zeros(size, np.uint8)
    cv2.fillConvexPoly(face, cv2.convexHull(np.rint(points[:, :2]).astype(np.int32)), 1)
    away = np.asarray(cv2.distanceTransform(1 - face, cv2.DIST_L2, 5), np.float32)
    rows, columns = np.mgrid[:_WORK_SIZE, :_WORK_SIZE]
    ears, chin = points[[234, 454], 1].mean(), points[lm.CHIN]
    crown = somebody & (rows < ears) & (away > _CROWN[0] * unit) & (away < _CROWN[1] * unit)
    chest = somebody & (rows > chin[1] + _CHEST_BELOW * unit) & (np.abs(columns - chin[0]) < _CHEST_WITHIN * unit)
    colours = _bins(small)
    not_hair = _likelihood(colours, face > 0) + _likelihood(colours, chest) + _UNKNOWN
    beside = somebody & (away > 0.0)
    gap = max(round(_GAP * unit), 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * gap + 1, 2 * gap + 1))
    hair = crown
    for _ in range(_ROUNDS):  # tips have other colours than crowns, and shade goes over from one to the other
        likely = beside & (_likelihood(colours, hair) > not_hair)
        closed = cv2.morphologyEx(likely.astype(np.uint8), cv2.MORPH_CLOSE, disc)
        solid = cv2.morphologyEx(closed, cv2.MORPH_OPEN, disc)
        _, parts = cv2.connectedComponents(solid, connectivity=4)
        kept = np.unique(parts[crown & (solid > 0)])
        hair = np.isin(parts, kept[kept > 0])
    return np.asarray(hair, np.bool_), away, unit


def _bins(image: Image) -> npt.NDArray[np.intp]:
    """Each pixel's colour as the number of its bin."""
    lab = cv2.cvtColor(cv2.GaussianBlur(image, (0, 0), _BLUR_PX), cv2.COLOR_RGB2LAB).astype(np.intp)
    # Most pictures use a quarter of the two channels of hue: they are told twice as finely as lightness.
    hue = np.clip((lab[..., 1:] - 128) * 2 + 128, 0, 255)
    step = 256 // _BINS
    return np.asarray((lab[..., 0] // step * _BINS + hue[..., 0] // step) * _BINS + hue[..., 1] // step, np.intp)


def _likelihood(colours: npt.NDArray[np.intp], where: npt.NDArray[np.bool_]) -> Floats:
    """How usual each pixel's colour is in a part of the picture, float32 of its shape; 0 where that part is empty."""
    if not where.any():
        return np.zeros(colours.shape, np.float32)
    counted = np.bincount(colours[where], minlength=_BINS**3).astype(np.float32) / np.float32(where.sum())
    cube = counted.reshape(_BINS, _BINS, _BINS)
    for axis in range(3):
        flat = np.ascontiguousarray(np.moveaxis(cube, axis, 0)).reshape(_BINS, -1)
        blurred = cv2.GaussianBlur(flat, (1, 9), sigmaX=0.0, sigmaY=_BIN_BLUR)
        cube = np.moveaxis(blurred.reshape(_BINS, _BINS, _BINS), 0, axis)
    return np.asarray(cube.reshape(-1)[colours], np.float32)
