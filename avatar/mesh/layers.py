"""A portrait as two layers: the person with an alpha matte, and the inpainted background."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.motion import Floats
from avatar.picture.filling import pull_push
from avatar.picture.inpainting import disc, inpaint_background
from avatar.picture.matting import edge_alpha
from avatar.portrait.portrait import Portrait

TEXTURE_SCALE = 2
"""Textures are enlarged once (Lanczos), so that the quick linear sampling of every frame stays sharp."""
# All pixels here are those of a picture of 512.
_RIM_PX, _RIM_SOFT_PX = 1.5, 1.0
_EDGE_EPS = 1e-4
# Grey levels that nobody misses.
_NEARLY = 4.0
# The middle of another's head is so many widths of the face away; so far below it, what is under it goes with it.
_ASIDE, _BESIDE_PX = 0.75, 8
# From here on the segmentation does not rule out that somebody is there.
_UNSURE = 0.2
# Above the ears there may be hair so far outside of it.
_HAIR_PX = 14
# Cut out to stand before something else: alpha below the first is nobody, above the second surely the person.
_THIN, _SURE = 0.2, 0.97
# Its edge is looked for so far inside the segmentation's and so far outside.
_CUT_BAND_PX, _CUT_ROUNDS = (14, 5), 3


@dataclass(frozen=True, slots=True)
class Layers:
    """A portrait as two layers whose sum is the portrait.

    Attributes:
        person: uint8 [2 S, 2 S, 4], RGB times alpha, and alpha.
        background: uint8 [S, S, 3].
        alpha: float32 [S, S].
    """

    person: Image
    background: Image
    alpha: Floats


def split_layers(portrait: Portrait, backdrop: Image | None = None) -> Layers:
    """Cuts the person out of the portrait and fills the hole, or puts something else behind.

    Args:
        portrait: whom.
        backdrop: uint8 [S, S, 3], what is to be seen behind; None for the portrait's own background.
    """
    image = portrait.image
    if backdrop is not None:
        alpha = _refine_mask(image, _person(portrait), portrait.scale)
        person = np.dstack([_foreground_colours(image, alpha) * alpha[:, :, None], 255.0 * alpha])
        return Layers(upscale(np.rint(np.clip(person, 0.0, 255.0)).astype(np.uint8)), backdrop, alpha)
    alpha = _alpha(portrait, _person(portrait))
    background = inpaint_background(image, alpha, portrait.scale)
    alpha = np.where(alpha > 0.0, np.maximum(alpha, _minimum_alpha(image, background)), 0.0)
    over = image.astype(np.float32) - (1.0 - alpha[:, :, None]) * background
    person = np.dstack([np.clip(over, 0.0, 255.0 * alpha[:, :, None]), 255.0 * alpha])
    return Layers(upscale(np.rint(person).astype(np.uint8)), background, alpha)


def upscale(image: Image) -> Image:
    """A picture at TEXTURE_SCALE times its size (Lanczos)."""
    size = (image.shape[1] * TEXTURE_SCALE, image.shape[0] * TEXTURE_SCALE)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LANCZOS4), np.uint8)


def _refine_mask(image: Image, person: npt.NDArray[np.uint8], scale: float) -> Floats:
    """The person's own edge, looked for around the segmentation's by colour (GrabCut, Rother et al. 2004)."""
    inner, outer = (disc(radius * scale) for radius in _CUT_BAND_PX)
    labels = np.where(person > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[cv2.erode(person, inner) > 0] = cv2.GC_FGD
    labels[cv2.dilate(person, outer) == 0] = cv2.GC_BGD
    cv2.setRNGSeed(0)  # its clusters start at random
    with contextlib.suppress(cv2.error):  # a picture of a single colour, or nobody but the person
        cv2.grabCut(image, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), _CUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    cut = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    # Single pixels on the wrong side, then an edge as soft as pictures have.
    cut = cv2.medianBlur(cut * np.uint8(255), 2 * round(2 * scale) + 1)
    soft = cv2.GaussianBlur(cut.astype(np.float32) / 255.0, (0, 0), 1.2 * scale)
    fine = cv2.ximgproc.guidedFilter(image.astype(np.float32) / 255.0, soft, round(4 * scale), _EDGE_EPS)
    return np.asarray(np.clip((fine - _THIN) / (1.0 - 2.0 * _THIN), 0.0, 1.0), np.float32)


def _foreground_colours(image: Image, alpha: Floats) -> Floats:
    """The person's own colours where the background shines through: those of the person close by, float32 [S, S, 3]."""
    sure = (alpha > _SURE).astype(np.float32)
    if sure.sum() < 100.0:
        return image.astype(np.float32)
    filled = pull_push(image.astype(np.float32), sure)
    return np.where(sure[:, :, None] > 0.0, image, filled).astype(np.float32)


def _person(portrait: Portrait) -> npt.NDArray[np.uint8]:
    """Where the person with this face is, and nobody else: uint8 [S, S], 0 or 1."""
    matte = portrait.matte
    count, labels = cv2.connectedComponents((matte > 0.5).astype(np.uint8))
    points = np.clip(portrait.landmarks[:, :2].astype(int), 0, matte.shape[0] - 1)
    own = np.bincount(labels[points[:, 1], points[:, 0]], minlength=count)
    own[0] = 0
    person = (labels == int(own.argmax())).astype(np.uint8)
    # Another person close by: the segmentation is less sure there, and it is far from this face.
    width = float(np.linalg.norm(portrait.landmarks[234] - portrait.landmarks[454]))
    columns = np.abs(np.arange(matte.shape[1]) - portrait.landmarks[:, 0].mean())[None, :]
    rows = np.arange(matte.shape[0])[:, None] - portrait.landmarks[152, 1]
    stranger = (columns > 0.75 * width) & (rows < 0.35 * width) & (matte < 0.97)
    person[stranger] = 0
    person[_beside(person, portrait, width)] = 0
    _, labels = cv2.connectedComponents(person)
    return np.asarray(labels == labels[int(points[4, 1]), int(points[4, 0])], np.uint8)


def _beside(person: npt.NDArray[np.uint8], portrait: Portrait, width: float) -> npt.NDArray[np.bool_]:
    """Another head, which a segmentation is as sure of: it meets this person below the chin only, bool [S, S].

    Args:
        person: uint8 [S, S], 0 or 1.
        portrait: whose.
        width: of the face, pixels.
    """
    size = portrait.size
    chin = int(np.clip(portrait.landmarks[lm.CHIN, 1], 1, size))
    across, nose = (int(pixel) for pixel in np.clip(portrait.landmarks[4, :2], 0, (size - 1, chin - 1)))
    _, labels, boxes, centres = cv2.connectedComponentsWithStats(person[:chin])
    aside = np.abs(centres[:, 0] - portrait.landmarks[:, 0].mean()) > _ASIDE * width
    heads = aside & (boxes[:, cv2.CC_STAT_TOP] < nose)
    heads[[0, labels[nose, across]]] = False
    found = np.zeros_like(person)
    found[:chin] = np.isin(labels, np.flatnonzero(heads))
    wide = cv2.dilate(found, disc(_BESIDE_PX * portrait.scale))
    wide[:chin] = found[:chin]
    return np.asarray(wide > 0, np.bool_)


def _alpha(portrait: Portrait, person: npt.NDArray[np.uint8]) -> Floats:
    """The person's edge as it is in the picture, and a thin rim of background."""
    unsure = portrait.matte > _UNSURE
    ears = int(np.clip(portrait.landmarks[[234, 454], 1].mean(), 0, portrait.size))
    unsure[:ears] |= cv2.dilate(person[:ears], disc(_HAIR_PX * portrait.scale)) > 0
    fine = edge_alpha(portrait.image, person, portrait.scale, unsure)
    # A rim of background that moves with the head is seen less than a rim of hair that stays behind.
    wide = cv2.GaussianBlur(cv2.dilate(fine, disc(_RIM_PX * portrait.scale)), (0, 0), _RIM_SOFT_PX * portrait.scale)
    return np.asarray(np.maximum(wide, fine), np.float32)


def _minimum_alpha(image: Image, background: Image) -> Floats:
    """The least alpha with which a person over the background nearly makes the picture, float32 [H, W]."""
    picture, behind = image.astype(np.float32), background.astype(np.float32)
    darker = 1.0 - (picture + _NEARLY) / np.maximum(behind, 1.0)
    lighter = (picture - _NEARLY - behind) / np.maximum(255.0 - behind, 1.0)
    return np.asarray(np.clip(np.maximum(darker, lighter), 0.0, 1.0).max(axis=2), np.float32)
