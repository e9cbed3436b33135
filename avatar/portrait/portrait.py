"""A picture file becomes a portrait: decoded, its face found, cut to head and shoulders, and remembered."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from avatar.decoder import FRAME_SIZE, SIZES, Image
from avatar.geometry.head import HeadGains
from avatar.motion import Floats
from avatar.picture.files import Picture, decode_picture, picture_size, read_picture
from avatar.portrait.cache import read_entry, write_entry
from avatar.portrait.head_and_shoulders import (
    Placement,
    crop_square,
    head_and_shoulders_square,
    padded_share,
    to_square,
)
from speech.errors import InputError
from speech.user_folders import cache_folder

if TYPE_CHECKING:
    from avatar.placing.landmarks_file import PlacedFace

# Raise this whenever a change below, or in what it calls, changes what an analysis holds: old cache entries then no
# longer match.
_ANALYSIS_VERSION = 11
_MIN_SIDE_PX = 96
_MIN_EYE_DISTANCE_PX = 12.0
_BLURRY_EYE_DISTANCE_PX = 40.0
# Nose tip against the cheeks: 0 is frontal, 1 a full profile. Measured: Vermeer's three-quarter view 0.6.
_TURNED, _PROFILE = 0.5, 1.1
# Degrees that the eyes are from level; a head held aslant has 20.
_TILTED = 35.0
# So much of the face may lie beyond the picture's edges before it is said: chins and hair often do a little.
_CUT_OFF = 0.08
# Nor need it be said that a frame shows a hair's breadth more than there is.
_PADDED = 0.005


@dataclass(frozen=True, slots=True)
class Portrait:
    """One person, ready to be animated.

    Attributes:
        path: the file it came from.
        image: uint8 [S, S, 3] RGB, head and shoulders; S is one of `avatar.decoder.SIZES`.
        landmarks: float32 [478, 3], MediaPipe's face mesh, pixels of `image`; z in pixels, negative towards the viewer.
        matte: float32 [S, S] in [0, 1], 1 where the person is.
        placement: left, top and side of the square that `image` is, in pixels of what `decode_picture` gives, turned.
        head_gains: how far the head must be turned to look turned as asked.
        turns: quarters of a turn clockwise that the picture was given to be upright.
        mouth_is_covered: by a mask or a veil: it moves, but can't be opened.
        notices: what the owner should know about this picture, one sentence each.
        in_front: float32 [S, S] in [0, 1], a hand and what it holds before the chin; None where there is none.
    """

    path: Path
    image: Image
    landmarks: Floats
    matte: Floats
    placement: Placement
    head_gains: HeadGains
    turns: int
    mouth_is_covered: bool
    notices: tuple[str, ...]
    in_front: Floats | None = None

    @property
    def size(self) -> int:
        """Side of the square image, pixels."""
        return self.image.shape[0]

    @property
    def scale(self) -> float:
        """Pixels of this portrait for a pixel of a 512-pixel one, in which many measures are given."""
        return self.size / FRAME_SIZE

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem


def load_portrait(
    path: Path, *, landmarks: Path | None = None, size: int = FRAME_SIZE, cache_dir: Path | None = None
) -> Portrait:
    """Reads a picture, finds the largest face in it, and cuts out head and shoulders.

    The analysis is kept under the contents' hash, so that a known picture opens in milliseconds.

    Args:
        path: a picture; PNG, JPEG, HEIC, WebP, TIFF, BMP and what else `decode_picture` reads.
        landmarks: a file of points placed by hand, for a face that is not found (docs/landmarks.md).
        size: pixels a side, one of `avatar.decoder.SIZES`.
        cache_dir: where analyses are kept; None means the user's own cache folder.

    Raises:
        InputError: no such file, not a picture, damaged, too small, no usable face in it, or no such size;
            landmarks that can't be this picture's.
    """
    if size not in SIZES:
        raise ValueError(f"size: expected one of {', '.join(map(str, SIZES))} pixels, got {size}")
    content = read_picture(path)
    placed, placed_content = None, b""
    if landmarks is not None:
        from avatar.placing.landmarks_file import read_landmarks

        placed, placed_content = read_landmarks(landmarks, picture_size(path, content))
    digest = hashlib.sha256(content + placed_content).hexdigest()[:32]
    entry = (cache_dir or cache_folder()) / f"portrait-v{_ANALYSIS_VERSION}-{size}-{digest}.npz"
    known = read_entry(entry, size)
    if known is not None:
        return Portrait(path=path, **known)
    picture = decode_picture(path, content)
    height, width = picture.image.shape[:2]
    if min(width, height) < _MIN_SIDE_PX:
        raise InputError(
            f"{path}: expected a picture of at least {_MIN_SIDE_PX} pixels on its shorter side, got {width}x{height}"
        )
    portrait = _found(path, picture, size) if placed is None else _by_hand(path, picture, size, placed)
    write_entry(entry, portrait)
    return portrait


def _found(path: Path, picture: Picture, size: int) -> Portrait:
    """A portrait of the face that is found."""
    from avatar.portrait.covered import mouth_is_covered
    from avatar.portrait.detection import FaceFinder
    from avatar.portrait.head_gains import measure_head_gains
    from avatar.portrait.in_front import hand_in_front, held_in_front
    from avatar.portrait.landmark_checks import check_landmarks
    from avatar.portrait.matte import complete_matte
    from avatar.portrait.upright import contradicts_detector, upright

    with FaceFinder() as finder:
        held = upright(picture.image, finder)
        if held is None:
            raise InputError(
                f"{path}: expected a person's face seen from the front, found none; use a brighter, closer "
                f"picture, or place its landmarks by hand: visavis landmarks {path.name}"
            )
        face = held.faces[0]
        notices = [*picture.notices]
        if held.turns:
            notices.append(f"{path.name} was turned by {(0, 90, 180, 90)[held.turns]}° to be upright")
        if len(held.faces) > 1:
            notices.append(f"{len(held.faces)} faces found: the largest is animated")
        notices += _size_notices(face, path)
        if missing := _missing(face, held.image):
            raise InputError(
                f"{path}: expected a whole face, got one that the picture's edge cuts off: {missing} not in it; "
                "use another picture"
            )
        crop, landmarks = held.crop, held.landmarks
        if landmarks is None or (not held.is_understood and contradicts_detector(held, finder)):
            raise InputError(
                f"{path}: expected a clear face, the one found did not hold on a closer look; use another picture"
            )
        matte = complete_matte(finder.matte(crop), landmarks, crop)
        gains = measure_head_gains(crop, landmarks, finder)
        beyond = _beyond_edges(face, held.image)
        is_covered = beyond <= _CUT_OFF and mouth_is_covered(crop, landmarks)
        notices += check_landmarks(crop, landmarks, held.mirror_distances, mouth_is_covered=is_covered)
        hands, in_front = finder.hands(crop), None
        if hand_in_front(hands, landmarks):
            in_front = held_in_front(crop, hands, landmarks)
            what = "moves with the head" if in_front is None else "hides a part of it, which is made up"
            notices.append(f"a hand at the face {what}: a picture without it would move better")
    notices += _edge_notices(beyond, held.image, held.placement)
    if abs(held.tilt) > _TILTED:
        notices.append(f"the head is tilted by {abs(held.tilt):.0f}°: an upright picture would move better")
    turned = _turn(landmarks)
    if turned > _PROFILE:
        raise InputError(f"{path}: expected a face seen from the front, got a profile; use another picture")
    if turned > _TURNED:
        notices.append("the head is turned far: a frontal picture would move better")
    crop, landmarks, matte = _sized(held.image, held.placement, size, crop, landmarks, matte)
    return Portrait(
        path,
        crop,
        landmarks,
        matte,
        held.placement,
        gains,
        held.turns,
        is_covered,
        notices=tuple(notices),
        in_front=None if in_front is None else _mask_sized(in_front, size),
    )


def _by_hand(path: Path, picture: Picture, size: int, placed: PlacedFace) -> Portrait:
    """A portrait of a face whose points were placed by hand: who did that has seen what there is to be said of it."""
    from avatar.placing.mean_face import mesh_from_points
    from avatar.portrait.detection import FaceFinder
    from avatar.portrait.matte import complete_matte, matte_by_colour

    image = np.ascontiguousarray(np.rot90(picture.image, -placed.turns))
    scale = picture.image.shape[1] / picture.size[0]
    face = mesh_from_points({name: point * scale for name, point in placed.points.items()})
    notices = [*picture.notices, *_size_notices(face, path)]
    placement = head_and_shoulders_square(image, face)
    notices += _edge_notices(_beyond_edges(face, image), image, placement)
    crop = crop_square(image, placement, FRAME_SIZE)
    landmarks = to_square(face, placement)
    with FaceFinder() as finder:  # it may know what it sees all the same
        segmented = finder.matte(crop)
    matte = complete_matte(matte_by_colour(crop, landmarks, segmented), landmarks, crop)
    if _turn(landmarks) > _TURNED:
        notices.append("the head is turned far: a frontal picture would move better")
    crop, landmarks, matte = _sized(image, placement, size, crop, landmarks, matte)
    return Portrait(path, crop, landmarks, matte, placement, HeadGains(), placed.turns, False, notices=tuple(notices))


def _sized(
    image: Image, placement: Placement, size: int, crop: Image, landmarks: Floats, matte: Floats
) -> tuple[Image, Floats, Floats]:
    """Crop, landmarks and matte, found where the finder sees best, as large as is asked for."""
    if size != FRAME_SIZE:
        crop, landmarks = crop_square(image, placement, size), landmarks * np.float32(size / FRAME_SIZE)
    return crop, landmarks, _mask_sized(matte, size)


def _mask_sized(mask: Floats, size: int) -> Floats:
    """A mask, float32 [FRAME_SIZE, FRAME_SIZE], at another size."""
    if size != FRAME_SIZE:
        mask = np.asarray(cv2.resize(mask, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)
    # In steps of 1/255, as the cache keeps it: the first time draws the same pictures as every later one.
    return np.asarray(np.rint(np.clip(mask, 0.0, 1.0) * 255.0) / 255.0, np.float32)


def _missing(face: Floats, image: Image) -> str:
    """What a face can't do without and lies beyond the picture's edges: "the mouth is", "both eyes are", or ""."""
    height, width = image.shape[:2]
    is_inside = ((face[:, :2] >= 0.0) & (face[:, :2] < (width, height))).all(axis=1)
    if not is_inside[[13, 14]].any():
        return "the mouth is"
    return "" if is_inside[[468, 473]].any() else "both eyes are"


def _beyond_edges(face: Floats, image: Image) -> float:
    """The share of a face, float32 [478, 3] in pixels of the picture, that lies beyond its edges."""
    height, width = image.shape[:2]
    hull = cv2.convexHull(np.ascontiguousarray(face[:, :2]))
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inside, _ = cv2.intersectConvexConvex(hull, corners)
    return 1.0 - inside / max(float(cv2.contourArea(hull)), 1e-6)


def _edge_notices(beyond: float, image: Image, placement: Placement) -> list[str]:
    """What is to be said of a square that shows more than there is in the picture.

    Args:
        beyond: the share of the face that the picture lacks.
        image: uint8 [H, W, 3].
        placement: of the square.
    """
    if beyond > _CUT_OFF:
        return ["the picture cuts off part of the face: what is missing is made up"]
    padded = padded_share(image, placement)
    if padded > _PADDED:
        return [f"the picture ends too close to the face: {padded:.0%} of the frame, at its edges, is made up"]
    return []


def _size_notices(face: Floats, path: Path) -> list[str]:
    """What is to be said of the face's size.

    Raises:
        InputError: it is too small to be animated.
    """
    eyes_px = float(np.linalg.norm(face[33] - face[263]))
    if eyes_px < _MIN_EYE_DISTANCE_PX:
        raise InputError(
            f"{path}: expected a face with at least {_MIN_EYE_DISTANCE_PX:.0f} pixels between the eyes, "
            f"got {eyes_px:.0f}; use a closer or larger picture"
        )
    if eyes_px < _BLURRY_EYE_DISTANCE_PX:
        return [f"the face is small ({eyes_px:.0f} pixels between the eyes): it will look blurred"]
    return []


def _turn(landmarks: Floats) -> float:
    """How far the head is turned: 0 frontal, 1 the nose over the edge of the face."""
    left, right, nose = landmarks[[234, 454, 4], :2]
    # Across as the eyes lie: a tilted head is not turned.
    across = landmarks[263, :2] - landmarks[33, :2]
    across = across / max(float(np.linalg.norm(across)), 1e-3)
    half = max(abs(float((right - left) @ across)) / 2.0, 1e-3)
    return abs(float((nose - (left + right) / 2.0) @ across)) / half
