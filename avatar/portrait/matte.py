"""The matte of a portrait, also where the segmentation fails: paintings, drawings, animals."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import FRAME_SIZE, Image
from avatar.geometry import landmarks as lm
from avatar.motion import Floats
from avatar.picture.inpainting import disc

# The segmentation is believed where it covers this much of the face.
_COVERS_FACE = 0.6
# There it knows the outline better than the landmarks do: of a turned head, theirs lies beyond the cheek by so many
# widths of the face, at most.
_OUTLINE = 0.06
# Where the segmentation is believed to see a person, whatever it is.
_CERTAIN = 0.9
# GrabCut works on a picture of this size; its edges are then refined by the picture itself.
_WORK_SIZE = 256
_ROUNDS = 4
# The head with hair and ears, half its width and height in widths of the face: probably so much, at most so much.
_PROBABLY, _NOWHERE = (0.60, 0.83), (1.05, 1.60)
_NECK, _SHOULDERS = 0.30, 1.1


def complete_matte(matte: Floats, landmarks: Floats, image: Image) -> Floats:
    """The segmentation, united with the face itself; one made from landmarks and colours where it missed the head.

    Args:
        matte: float32 [S, S] in [0, 1], what the segmentation found.
        landmarks: float32 [478, 3], pixels.
        image: uint8 [S, S, 3] RGB.

    Returns:
        float32 [S, S] in [0, 1].
    """
    face = np.zeros(matte.shape, np.float32)
    cv2.fillConvexPoly(face, cv2.convexHull(landmarks[:, :2].astype(np.int32)), 1.0)
    if float(matte[face > 0].mean()) < _COVERS_FACE:
        matte = matte_by_colour(image, landmarks, matte)
    else:
        width = float(np.linalg.norm(landmarks[234] - landmarks[454]))
        face = np.asarray(cv2.erode(face, disc(_OUTLINE * width)), np.float32)
    face = np.asarray(cv2.GaussianBlur(face, (0, 0), 3.0 * matte.shape[0] / FRAME_SIZE), np.float32)
    return np.maximum(matte, face)


def matte_by_colour(image: Image, landmarks: Floats, segmented: Floats) -> Floats:
    """Head and body by colour: GrabCut (Rother, Kolmogorov, Blake 2004) from what the landmarks say of head and neck.

    Args:
        image: uint8 [S, S, 3] RGB.
        landmarks: float32 [478, 3], pixels.
        segmented: float32 [S, S] in [0, 1], what a segmentation of people found; it is believed where it is certain.

    Returns:
        float32 [S, S] in [0, 1].
    """
    size = image.shape[0]
    small = cv2.resize(image, (_WORK_SIZE, _WORK_SIZE), interpolation=cv2.INTER_AREA)
    guess = _guess(landmarks * np.float32(_WORK_SIZE / size))
    certain = cv2.resize(segmented, (_WORK_SIZE, _WORK_SIZE), interpolation=cv2.INTER_AREA) > _CERTAIN
    guess[certain & (guess != cv2.GC_BGD)] = cv2.GC_FGD
    labels = guess.copy()
    cv2.setRNGSeed(0)  # its clusters start at random
    try:
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(small, labels, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # a picture of a single colour
        labels = guess
    person = _connected(np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)), guess == cv2.GC_FGD)
    width = float(np.linalg.norm(landmarks[234] - landmarks[454])) * _WORK_SIZE / size
    soft = _without_spikes(person, width)
    matte = cv2.resize(soft, (size, size), interpolation=cv2.INTER_CUBIC)
    # The edge follows the picture's own: a guided filter (He, Sun, Tang 2010) by its grey values.
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0
    fine = _guided(grey, matte, radius=max(round(0.012 * size), 2), smallest=2e-3)
    return np.asarray(np.clip((fine - 0.1) / 0.8, 0.0, 1.0), np.float32)


def _guess(points: Floats) -> npt.NDArray[np.uint8]:
    """GrabCut's initial labels, from landmarks: surely, probably, probably not, surely not the person."""
    width = max(
        float(np.linalg.norm(points[234] - points[454])), 0.78 * float(np.linalg.norm(points[10] - points[152]))
    )
    plane = lm.FacePlane.of(points)
    up = plane.axes[:, 1] / np.linalg.norm(plane.axes[:, 1])
    tilt = float(np.degrees(np.arctan2(up[0], -up[1])))
    middle = points[list(lm.FACE_OVAL), :2].mean(axis=0)
    chin = points[lm.CHIN, :2]
    guess = np.full((_WORK_SIZE, _WORK_SIZE), cv2.GC_BGD, np.uint8)

    def ellipse(halves: tuple[float, float], value: int) -> None:
        centre = middle + 0.12 * width * up
        axes = (round(halves[0] * width), round(halves[1] * width))
        cv2.ellipse(guess, (round(centre[0]), round(centre[1])), axes, tilt, 0, 360, value, -1)

    def below_chin(half_width: float, value: int, start: float) -> None:
        top = chin + start * width * up
        foot = np.array([chin[0], _WORK_SIZE])
        half = half_width * width
        sides = np.array([[-0.6 * half, 0.0], [0.6 * half, 0.0], [half, 0.0], [-half, 0.0]])
        cv2.fillConvexPoly(guess, np.round(np.array([top, top, foot, foot]) + sides).astype(np.int32), value)

    below_chin(_SHOULDERS * 2.0, cv2.GC_PR_BGD, 0.5)
    ellipse(_NOWHERE, cv2.GC_PR_BGD)
    below_chin(_SHOULDERS, cv2.GC_PR_FGD, 0.1)
    ellipse(_PROBABLY, cv2.GC_PR_FGD)
    below_chin(_NECK, cv2.GC_FGD, 0.1)
    oval = cv2.convexHull(points[:, :2].astype(np.int32))
    cv2.fillConvexPoly(guess, oval, cv2.GC_FGD)
    return guess


def _connected(person: npt.NDArray[np.bool_], seed: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Only what hangs together with the face, its holes filled."""
    _, parts = cv2.connectedComponents(person.astype(np.uint8), connectivity=4)
    kept = np.isin(parts, np.unique(parts[seed & person])) & person
    _, outside = cv2.connectedComponents((~kept).astype(np.uint8), connectivity=4)
    border = np.unique(np.concatenate([outside[0], outside[-1], outside[:, 0], outside[:, -1]]))
    return np.asarray(kept | ~np.isin(outside, border[border > 0]) & (outside > 0), np.bool_)


def _without_spikes(person: npt.NDArray[np.bool_], width: float) -> Floats:
    """The outline rounded off: float32 in [0, 1]. Single hairs and bites of the background would flap with the head."""
    soft = cv2.GaussianBlur(person.astype(np.float32), (0, 0), max(0.03 * width, 1.0), borderType=cv2.BORDER_REPLICATE)
    sharp = np.clip((soft - 0.5) * 6.0 + 0.5, 0.0, 1.0)
    return np.asarray(cv2.GaussianBlur(sharp, (0, 0), 1.0), np.float32)


def _guided(guide: Floats, values: Floats, radius: int, smallest: float) -> Floats:
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(field: Floats) -> Floats:
        return np.asarray(cv2.blur(field, window, borderType=cv2.BORDER_REPLICATE), np.float32)

    of_guide, of_values = mean(guide), mean(values)
    slope = (mean(guide * values) - of_guide * of_values) / (mean(guide * guide) - of_guide**2 + np.float32(smallest))
    return mean(slope) * guide + mean(of_values - slope * of_guide)
