"""A picture file becomes a portrait: decoded, its face found, cut to head and shoulders, and remembered."""

from __future__ import annotations

import contextlib
import hashlib
import io
import zipfile
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from avatar.decoder import FRAME_SIZE, SIZES, Image
from avatar.mesh.head import HeadGains
from avatar.motion import Floats
from avatar.picture import decode_picture
from speech.draft import Draft
from speech.errors import InputError
from speech.user_folders import cache_folder

if TYPE_CHECKING:
    from avatar.mesh.detection import FaceFinder
    from avatar.placing.points import Placed

# Raise this whenever a change below or in mesh/detection.py changes what an analysis holds: old cache entries then
# no longer match.
_ANALYSIS_VERSION = 6
_MIN_SIDE_PX = 96
_MIN_EYE_DISTANCE_PX = 12.0
_BLURRY_EYE_DISTANCE_PX = 40.0
# The face (ear to ear) takes this share of the frame's width (up to the second where the picture is tight), the eyes
# sit at this share of its height.
_FACE_SHARE, _FACE_SHARE_TIGHT = 0.38, 0.44
# Faces that are placed by hand may be wider than people's: up to this share, rather than to make up half a picture.
_FACE_SHARE_BY_HAND = 0.66
_EYES_AT = 0.45
# Nose tip against the cheeks: 0 is frontal, 1 a full profile. Measured: Vermeer's three-quarter view 0.6.
_TURNED, _PROFILE = 0.5, 1.1


@dataclass(frozen=True, slots=True)
class Portrait:
    """One person, ready to be animated.

    Attributes:
        path: the file it came from.
        image: uint8 [S, S, 3] RGB, head and shoulders; S is one of `avatar.decoder.SIZES`.
        landmarks: float32 [478, 3], MediaPipe's face mesh, pixels of `image`; z in pixels, negative towards the viewer.
        matte: float32 [S, S] in [0, 1], 1 where the person is.
        placement: left, top and side of the square that `image` is, in pixels of what `decode_picture` gives.
        head_gains: how far the head must be turned to look turned as asked.
        notices: what the owner should know about this picture, one sentence each.
    """

    path: Path
    image: Image
    landmarks: Floats
    matte: Floats
    placement: tuple[float, float, float]
    head_gains: HeadGains
    notices: tuple[str, ...]

    @property
    def size(self) -> int:
        """Pixels a side of the image."""
        return self.image.shape[0]

    @property
    def scale(self) -> float:
        """Pixels here for a pixel of a picture of 512, in which many measures are given."""
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
        path: PNG, JPEG, WebP, BMP, TIFF or anything else that Pillow reads.
        landmarks: a file of points placed by hand, for a face that is not found (docs/landmarks.md).
        size: pixels a side, one of `avatar.decoder.SIZES`.
        cache_dir: where analyses are kept; None means the user's own cache folder.

    Raises:
        InputError: no such file, not a picture, damaged, too small, no usable face in it, or no such size;
            landmarks that can't be this picture's.
    """
    if size not in SIZES:
        raise InputError(f"size: expected one of {', '.join(map(str, SIZES))} pixels, got {size}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: expected a portrait picture, could not read it: {error.strerror}") from None
    if not content:
        raise InputError(f"{path}: expected a portrait picture, got an empty file")
    placed, placed_content = None, b""
    if landmarks is not None:
        from avatar.placing.landmarks_file import picture_size, read_landmarks

        placed, placed_content = read_landmarks(landmarks, picture_size(content, path))
    digest = hashlib.sha256(content + placed_content).hexdigest()[:32]
    entry = (cache_dir or cache_folder()) / f"portrait-v{_ANALYSIS_VERSION}-{size}-{digest}.npz"
    portrait = _read_entry(entry, path, size)
    if portrait is None:
        portrait = _analyse(path, content, size, placed)
        _write_entry(entry, portrait)
    return portrait


def _read_entry(entry: Path, path: Path, size: int) -> Portrait | None:
    """The remembered analysis, or None if there is none or it is damaged (it is then made again)."""
    try:
        with entry.open("rb") as file, np.load(file, allow_pickle=False) as data:
            image, landmarks = data["image"], data["landmarks"]
            matte = data["matte"].astype(np.float32) / np.float32(255.0)
            left, top, side = (float(value) for value in data["placement"])
            gains = HeadGains(*data["head_gains"].tolist())
            notices = tuple(str(notice) for notice in data["notices"])
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    if image.shape != (size, size, 3) or matte.shape != (size, size):
        return None
    return Portrait(path, image, landmarks, matte, (left, top, side), gains, notices)


def _write_entry(entry: Path, portrait: Portrait) -> None:
    """Keeps an analysis; a full or read-only disk only costs the next start its speed."""
    content = io.BytesIO()  # on a full disk, NumPy's own writing ends in a second error that nobody can catch
    np.savez(
        content,
        image=portrait.image,
        landmarks=portrait.landmarks,
        matte=np.rint(portrait.matte * 255.0).astype(np.uint8),
        placement=np.array(portrait.placement),
        head_gains=np.array(astuple(portrait.head_gains)),
        notices=np.array(portrait.notices, dtype=np.str_),
    )
    with contextlib.suppress(OSError, InputError):
        entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with Draft(entry, private=True) as draft:
            draft.path.write_bytes(content.getbuffer())


def _analyse(path: Path, content: bytes, size: int, placed: Placed | None) -> Portrait:
    image = decode_picture(path, content)
    height, width = image.shape[:2]
    if min(width, height) < _MIN_SIDE_PX:
        raise InputError(
            f"{path}: expected a picture of at least {_MIN_SIDE_PX} pixels on its shorter side, got {width}x{height}"
        )
    from avatar.mesh.detection import FaceFinder
    from avatar.mesh.doubts import doubts_about
    from avatar.mesh.head_gains import measured_head_gains
    from avatar.mesh.matte import checked_matte, matte_by_colour

    if placed is not None:
        from avatar.placing.landmarks_file import picture_size
        from avatar.placing.mean_face import mesh_of

        scale = width / picture_size(content, path)[0]
        face = mesh_of({name: point * scale for name, point in placed.items()})
        notices = _size_notices(face, path)
        placement = _placed(image, face, _FACE_SHARE_BY_HAND)
        crop = _cut_square(image, placement, FRAME_SIZE)
        landmarks = _in_square(face, placement)
        with FaceFinder() as finder:  # it may know what it sees all the same
            segmented = finder.matte(crop)
        matte = checked_matte(matte_by_colour(crop, landmarks, segmented), landmarks, crop)
        gains = HeadGains()
    else:
        with FaceFinder() as finder:
            faces = finder.find(image)
            if not faces:
                raise InputError(
                    f"{path}: expected a person's face seen from the front, found none; use a brighter, closer "
                    f"picture, or place its landmarks by hand: visavis landmarks {path.name}"
                )
            notices = [f"{len(faces)} faces found: the largest is animated"] if len(faces) > 1 else []
            notices += _size_notices(faces[0], path)
            placement = _placed(image, faces[0])
            crop = _cut_square(image, placement, FRAME_SIZE)
            landmarks = _found_again(crop, faces[0], placement, finder, path)
            matte = checked_matte(finder.matte(crop), landmarks, crop)
            gains = measured_head_gains(crop, landmarks, finder)
            notices += doubts_about(crop, landmarks, finder)
    turned = _turn(landmarks)
    if turned > _PROFILE and placed is None:  # who places points by hand has seen it
        raise InputError(f"{path}: expected a face seen from the front, got a profile; use another picture")
    if turned > _TURNED:
        notices.append("the head is turned far: a frontal picture would move better")
    if size != FRAME_SIZE:  # found where the finder sees best, then drawn as large as is asked for
        crop = _cut_square(image, placement, size)
        landmarks = landmarks * np.float32(size / FRAME_SIZE)
        matte = np.clip(cv2.resize(matte, (size, size), interpolation=cv2.INTER_CUBIC), 0.0, 1.0)
    return Portrait(path, crop, landmarks, matte, placement, gains, tuple(notices))


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


def _placed(image: Image, face: Floats, tightest: float = _FACE_SHARE_TIGHT) -> tuple[float, float, float]:
    """Left, top and side of the square with head and shoulders, pixels."""
    width = _face_width(face)
    height_px, width_px = image.shape[:2]
    # A tighter frame where the picture ends early, rather than much that has to be made up.
    side = float(np.clip(min(width_px, height_px), width / tightest, width / _FACE_SHARE))
    eyes = face[[33, 133, 362, 263], :2].mean(axis=0)
    centre_x = (face[234, 0] + face[454, 0] + 2.0 * eyes[0]) / 4.0
    left = _moved_inside(float(centre_x - side / 2), side, width_px, 0.06 * side)
    top = _moved_inside(float(eyes[1] - _EYES_AT * side), side, height_px, 0.07 * side)
    return left, top, side


def _found_again(
    crop: Image, face: Floats, placement: tuple[float, float, float], finder: FaceFinder, path: Path
) -> Floats:
    """The landmarks of a face of the whole picture as they are found in its square of 512."""
    from avatar.mesh.detection import eye_distance

    expected = _in_square(face, placement)
    for points in finder.meshes(crop):
        if np.linalg.norm(points[:, :2] - expected[:, :2], axis=1).mean() < 0.25 * eye_distance(expected):
            return points
    raise InputError(f"{path}: expected a clear face, the one found did not hold on a closer look; use another picture")


def _in_square(face: Floats, placement: tuple[float, float, float]) -> Floats:
    """The landmarks of a face of the whole picture as they lie in its square of 512."""
    left, top, side = placement
    return (face - np.array([left, top, 0.0], np.float32)) * np.float32(FRAME_SIZE / side)


def _moved_inside(start: float, side: float, length: int, most: float) -> float:
    """Moves a stretch towards lying inside 0 … length, by at most so many pixels."""
    wanted = min(max(start, 0.0), length - side) if side <= length else (length - side) / 2.0
    return start + float(np.clip(wanted - start, -most, most))


def _face_width(face: Floats) -> float:
    """Ear to ear with depth; a tall narrow face counts by its height, so that the head always fits. Pixels."""
    width = float(np.linalg.norm(face[234] - face[454]))
    height = float(np.linalg.norm(face[10] - face[152]))
    return max(width, 0.78 * height)


def _cut_square(image: Image, placement: tuple[float, float, float], size: int) -> Image:
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


def _turn(landmarks: Floats) -> float:
    """How far the head is turned: 0 frontal, 1 the nose over the edge of the face."""
    left, right, nose = landmarks[234, 0], landmarks[454, 0], landmarks[4, 0]
    half = max(abs(float(right - left)) / 2.0, 1e-3)
    return abs(float(nose - (left + right) / 2.0)) / half
