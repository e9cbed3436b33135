"""Background inpainting: what the person covers is filled from its surroundings."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.geometry.warp import Grid, smoothstep
from avatar.motion import Floats

# All pixels here are those of a picture of 512.
# The background under the person is invented from what lies at least this far outside the matte.
_CLEAR_PX = 4
# Below the first alpha the background keeps to the picture, above the second to what is around.
_MOSTLY_BACKGROUND = (0.05, 0.25)
# What goes on into the hole is averaged over this much before its rim, fades with this power of the distance, and comes
# from above with this weight against left and right: rooms and landscapes go on sideways.
_RIM_PX, _FADES, _FROM_ABOVE = 3.0, 1.6, 0.6
# How soft it is near the rim and far inside it, and from where to where one becomes the other.
_SOFT_PX, _SOFTER_PX, _INSIDE_PX = 2.0, 7.0, (6.0, 50.0)
# Detail, finer than the first, is mirrored into the hole: whole up to the one depth, not at all from the other on.
_DETAIL_PX, _MIRROR_PX = 14.0, (6.0, 28.0)
# The hole's outline is smoothed by so much.
_OUTLINE_PX = 4.0
# Where the detail is strong, grey levels, coarse things are mirrored too; plain walls with their shadows go on softly.
_STRUCTURED = (5.0, 14.0)
# Where detail is stronger than so many grey levels, and than so many times what is usual in the picture, there is a
# thing, which would be seen twice: that much less of it is mirrored.
_USUAL = (8.0, 1.5)
# Finer than this is grain; from so far away it is borrowed.
_GRAIN_PX = 2.5
_BORROW_PX = (61, 97, 149, 211)


def inpaint_background(image: Image, alpha: Floats, scale: float) -> Image:
    """The picture with the person painted over from its surroundings, uint8 [S, S, 3].

    Args:
        image: uint8 [S, S, 3].
        alpha: float32 [S, S], the person's.
        scale: pixels here for a pixel of a picture of 512.
    """
    covered = np.asarray(cv2.dilate((alpha > 0.02).astype(np.uint8), disc(_CLEAR_PX * scale)), np.uint8)
    known = (1 - covered).astype(np.float32)
    if known.sum() < 100.0:  # the person fills the frame: nothing to fill from, and nothing to see
        return image.copy()
    depth = cv2.distanceTransform(covered, cv2.DIST_L2, 3) / scale
    filled = _continued(image, depth, known, scale) + _grain(image, known, scale) * (1.0 - known[:, :, None])
    beside = _mirrored(image, covered, known, filled, scale)
    filled += (beside - filled) * (1.0 - smoothstep(depth, *_MIRROR_PX))[:, :, None]
    soft = cv2.GaussianBlur(known, (0, 0), 2.0 * scale)[:, :, None] * known[:, :, None]
    out = image * soft + filled * (1.0 - soft)
    # Where hardly anybody is, only backgrounds count from which somebody makes the picture again: there, the picture.
    share = alpha[:, :, None]
    clear = 1.0 - np.minimum(share, 0.9)
    possible = np.clip(out, (image - 255.0 * share) / clear, image / clear)
    weight = smoothstep(share, *_MOSTLY_BACKGROUND)
    return np.asarray(np.rint(np.clip(possible * (1.0 - weight) + out * weight, 0.0, 255.0)), np.uint8)


def _mirrored(image: Image, covered: npt.NDArray[np.uint8], known: Floats, filled: Floats, scale: float) -> Floats:
    """The surroundings folded into the hole at its rim, where a moving head uncovers it: float32 [S, S, 3].

    There the picture goes on as sharp as it is. What the fold can't show is as it is filled.
    """
    outline = (cv2.GaussianBlur(covered.astype(np.float32), (0, 0), _OUTLINE_PX * scale) > 0.5).astype(np.uint8)
    outline = np.maximum(outline, covered)
    _, labels = cv2.distanceTransformWithLabels(outline, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    rows, columns = np.nonzero(outline == 0)
    places = np.zeros((int(labels.max()) + 1, 2), np.float32)
    places[labels[rows, columns]] = np.column_stack([columns, rows])
    nearest = cv2.GaussianBlur(places[labels], (0, 0), _OUTLINE_PX * scale)
    height, width = covered.shape
    at = 2.0 * nearest - Grid(0, 0, width, height, 1).nodes()
    seen = cv2.GaussianBlur(known, (0, 0), scale) * known
    around = np.maximum(cv2.GaussianBlur(seen, (0, 0), _DETAIL_PX * scale), 1e-3)

    def mean(values: Floats) -> Floats:
        return np.asarray(cv2.GaussianBlur(values * seen[:, :, None], (0, 0), _DETAIL_PX * scale) / around[:, :, None])

    def folded(values: Floats) -> Floats:
        return np.asarray(cv2.remap(values * seen[:, :, None], at, None, cv2.INTER_LINEAR), np.float32)

    coarse = mean(image.astype(np.float32))
    fine = image - coarse
    strength = np.sqrt(mean(fine * fine).mean(axis=2, keepdims=True))
    strong = folded(strength)[:, :, None]
    structured = smoothstep(strong, *_STRUCTURED)
    there = cv2.remap(seen, at, None, cv2.INTER_LINEAR)[:, :, None]
    differs = folded(fine) + structured * (folded(coarse) - filled * there)
    usual = max(_USUAL[0], _USUAL[1] * float(np.median(strength[known > 0])))
    like_the_rest = np.minimum(np.float32(usual) / np.maximum(strong, 1.0), 1.0)
    return np.asarray(filled + like_the_rest * differs, np.float32)


def _continued(image: Image, depth: Floats, known: Floats, scale: float) -> Floats:
    """Left, right and upper rim of the hole drawn on into it, nearer ones more; ever softer: float32 [S, S, 3]."""
    weight = cv2.GaussianBlur(known, (0, 0), _RIM_PX * scale)
    rim = cv2.GaussianBlur(image * known[:, :, None], (0, 0), _RIM_PX * scale) / np.maximum(weight, 1e-3)[:, :, None]
    total, sum_of_weights = np.zeros_like(rim), np.zeros_like(known)
    for turns, share in ((0, 1.0), (2, 1.0), (1, _FROM_ABOVE)):  # every side becomes the left one
        values, near = _from_left(np.rot90(rim, turns), np.rot90(known, turns))
        near = share * np.rot90(near, -turns)
        total += np.rot90(values, -turns) * near[:, :, None]
        sum_of_weights += near
    filled = total / np.maximum(sum_of_weights, 1e-9)[:, :, None]
    near_rim, inside = (cv2.GaussianBlur(filled, (0, 0), soft * scale) for soft in (_SOFT_PX, _SOFTER_PX))
    return np.asarray(near_rim + smoothstep(depth, *_INSIDE_PX)[:, :, None] * (inside - near_rim), np.float32)


def _from_left(values: Floats, known: Floats) -> tuple[Floats, Floats]:
    """For every pixel the nearest known value to its left, [H, W, 3], and its weight, [H, W]; 0 where there is none."""
    columns = np.arange(known.shape[1])
    nearest = np.maximum.accumulate(np.where(known > 0.0, columns, -1), axis=1)
    away = np.maximum(columns - nearest, 1).astype(np.float32)
    weight = np.where(nearest >= 0, away**-_FADES, 0.0).astype(np.float32)
    return np.take_along_axis(values, np.maximum(nearest, 0)[:, :, None], axis=1), weight


def _grain(image: Image, known: Floats, scale: float) -> Floats:
    """Texture (film grain, brushwork) for what is filled in, copied from known places: float32 [H, W, 3]."""
    blurred = cv2.GaussianBlur(image.astype(np.float32) * known[:, :, None], (0, 0), _GRAIN_PX * scale)
    weight = cv2.GaussianBlur(known, (0, 0), _GRAIN_PX * scale)
    fine = (image - blurred / np.maximum(weight, 1e-3)[:, :, None]) * known[:, :, None]
    # Grain, not the edges of things.
    most = 3.0 * float(np.median(np.abs(fine[known > 0])))
    fine = np.clip(fine, -most, most)
    grain, missing = np.zeros_like(fine), np.ones_like(known)
    for shift in (round(far * scale) for far in _BORROW_PX):
        for axis in (1, 0):
            for step in (shift, -shift):
                take = missing * np.roll(known, step, axis)
                grain += np.roll(fine, step, axis) * take[:, :, None]
                missing -= take
    return np.asarray(grain, np.float32)


def disc(radius_px: float) -> npt.NDArray[np.uint8]:
    """A round structuring element for erosion and dilation."""
    side = 2 * round(radius_px) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
