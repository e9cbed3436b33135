"""The file of placed points: reading it, saying what is wrong with it, writing it. docs/landmarks.md describes it."""

from __future__ import annotations

import difflib
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avatar.placing.points import BY_NAME, NAMES, PlacedPoints, iris_radius
from speech.errors import InputError
from speech.files.draft import Draft
from speech.files.input_file import read_input_file

VERSION = 1
_MAX_BYTES = 200_000
# Points of the face's outline may lie this far outside the picture, as a share of its longer side.
_OUTSIDE = 0.25
# Of the distance between the eyes: lips that touch may cross by so little.
_TOUCHING = 0.03
_IRIS_TO_EYE = (0.08, 0.75)

# The first is to lie above the second, seen with the eyes level.
_ABOVE = (
    *((f"{side}_eye_top", f"{side}_eye_bottom") for side in ("right", "left")),
    *((f"{side}_brow_middle", f"{side}_eye_bottom") for side in ("right", "left")),
    ("forehead_top", "nose_bridge"),
    ("nose_bridge", "nose_base"),
    ("nose_tip", "lip_top_inner"),
    ("lip_top", "lip_top_inner"),
    ("lip_top_inner", "lip_bottom_inner"),
    ("lip_bottom_inner", "lip_bottom"),
    ("lip_bottom", "chin"),
)
_MAY_TOUCH = {"lip_top_inner", "lip_bottom_inner", "lip_top"}
# The first is to lie nearer to the viewer's left than the second.
_LEFT_OF = (
    ("right_eye_outer", "right_eye_inner"),
    ("right_eye_inner", "left_eye_inner"),
    ("left_eye_inner", "left_eye_outer"),
    *(
        (f"right_{name}", f"left_{name}")
        for name in ("brow_inner", "nose_wing", "mouth_corner", "jaw", "ear", "temple")
    ),
    ("right_brow_outer", "right_brow_inner"),
    ("left_brow_inner", "left_brow_outer"),
)


@dataclass(frozen=True, slots=True)
class PlacedFace:
    """The points of a face and how its picture is held.

    Attributes:
        points: pixels of the picture as it is held.
        turns: by how many quarters of a turn clockwise the picture is held from how its file has it.
    """

    points: PlacedPoints
    turns: int = 0


def read_landmarks(path: Path, size: tuple[int, int]) -> tuple[PlacedFace, bytes]:
    """The placed points of a picture, and the file's bytes.

    Args:
        path: of the file.
        size: the picture's width and height in pixels, as its file has it.

    Raises:
        InputError: no such file, not such a file, made for another picture, or points that can't be a face's.
    """
    content = read_input_file(path, "a file of landmarks", most_bytes=_MAX_BYTES)
    return parse_landmarks(content, size, path), content


def parse_landmarks(content: bytes, size: tuple[int, int], path: Path) -> PlacedFace:
    """As `read_landmarks`, from the file's bytes; the path is only named in errors."""
    if len(content) > _MAX_BYTES:
        raise InputError(f"{path}: expected a file of landmarks, a few kilobytes, got more than {_MAX_BYTES} bytes")
    try:
        fields = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: expected landmarks as JSON, got something else: {error}; see {_TOOL}") from None
    if not isinstance(fields, dict) or not {"version", "picture", "points"} <= set(fields):
        raise InputError(f"{path}: expected the keys version, picture and points; {_TOOL} writes such a file")
    if unknown := sorted(set(fields) - {"version", "picture", "points"}):
        raise InputError(f"{path}: expected the keys version, picture and points, got {_quoted(unknown[0])} too")
    if type(fields["version"]) is not int or fields["version"] != VERSION:
        raise InputError(f"{path}: expected version {VERSION}, got {_quoted(fields['version'])}; make it anew: {_TOOL}")
    turns = _turns(fields["picture"], path)
    size = _held(size, turns)
    _check_picture(fields["picture"], size, path)
    placed = _points(fields["points"], path)
    check_placed(placed, size, path)
    return PlacedFace(placed, turns)


def write_landmarks(path: Path, face: PlacedFace, size: tuple[int, int]) -> None:
    """Writes a file of landmarks, a point a line, or leaves the old one as it was.

    Args:
        path: of the file.
        face: the points.
        size: the picture's width and height in pixels, as its file has it.

    Raises:
        InputError: it can't be written.
    """
    width, height = _held(size, face.turns)
    turned = f', "turned": {90 * face.turns}' if face.turns else ""
    lines = [f'    "{name}": [{face.points[name][0]:.1f}, {face.points[name][1]:.1f}]' for name in NAMES]
    points = ",\n".join(lines)
    text = (
        f'{{\n  "version": {VERSION},\n  "picture": {{"width": {width}, "height": {height}{turned}}},\n'
        f'  "points": {{\n{points}\n  }}\n}}\n'
    )
    with Draft(path) as draft:
        draft.path.write_text(text, encoding="utf-8")


def check_placed(placed: PlacedPoints, size: tuple[int, int], path: Path) -> None:
    """Refuses points that can't be a face's in a picture of this size (width, height).

    Raises:
        InputError: which point, what was expected of it, and where it is.
    """
    width, height = size
    for name in NAMES:
        x, y = placed[name]
        margin = _OUTSIDE * max(width, height) if BY_NAME[name].is_outline else 0.0
        if not (-margin <= x <= width + margin and -margin <= y <= height + margin):
            raise InputError(
                f"{path}: {name}: expected a place in the picture of {width}x{height} pixels, got {_at(placed, name)}"
            )
    across = placed["left_eye_outer"] - placed["right_eye_outer"]
    distance = float(np.linalg.norm(across))
    if distance < 4.0:
        raise InputError(f"{path}: expected two eyes apart from each other, got {distance:.1f} pixels between them")
    if across[0] <= 0.0:
        raise InputError(
            f"{path}: expected right_eye_outer on the viewer's left, got {_at(placed, 'right_eye_outer')} and "
            f"left_eye_outer at {_at(placed, 'left_eye_outer')}; right and left are the person's own: swap them"
        )
    level = across / distance
    down = np.array([-level[1], level[0]])
    for upper, lower in _ABOVE:
        gap = float((placed[lower] - placed[upper]) @ down)
        if gap < -_TOUCHING * distance or (gap <= 0.0 and upper not in _MAY_TOUCH):
            raise InputError(
                f"{path}: expected {upper} above {lower}, got {_at(placed, upper)} and {_at(placed, lower)}"
            )
    for right, left in _LEFT_OF:
        if float((placed[left] - placed[right]) @ level) <= 0.0:
            raise InputError(
                f"{path}: expected {right} on the viewer's left of {left}, got {_at(placed, right)} and "
                f"{_at(placed, left)}"
            )
    for side in ("right", "left"):
        eye = float(np.linalg.norm(placed[f"{side}_eye_outer"] - placed[f"{side}_eye_inner"]))
        middle = (placed[f"{side}_eye_outer"] + placed[f"{side}_eye_inner"]) / 2.0
        away = float(np.linalg.norm(placed[f"{side}_iris"] - middle))
        if away > eye:
            raise InputError(
                f"{path}: expected {side}_iris between the corners of that eye, got {_at(placed, f'{side}_iris')}"
            )
        radius = iris_radius(placed, side)
        if not _IRIS_TO_EYE[0] * eye <= radius <= _IRIS_TO_EYE[1] * eye:
            raise InputError(
                f"{path}: {side}_iris_edge: expected a place on the iris' rim, "
                f"{_IRIS_TO_EYE[0] * eye:.0f} to {_IRIS_TO_EYE[1] * eye:.0f} pixels from {side}_iris, got {radius:.1f}"
            )


_TOOL = "`visavis landmarks PICTURE`"


def _held(size: tuple[int, int], turns: int) -> tuple[int, int]:
    """Width and height of a picture when it is held another way."""
    return size[::-1] if turns % 2 else size


def _turns(fields: object, path: Path) -> int:
    """Quarters of a turn clockwise, of "turned" in degrees; usually there is none."""
    turned = fields.get("turned", 0) if isinstance(fields, dict) else 0
    if type(turned) is not int or turned not in (0, 90, 180, 270):
        raise InputError(f"{path}: picture: turned: expected 0, 90, 180 or 270 (degrees), got {_quoted(turned)}")
    return turned // 90


def _check_picture(fields: object, size: tuple[int, int], path: Path) -> None:
    wanted = f'{{"width": {size[0]}, "height": {size[1]}}}'
    if not isinstance(fields, dict) or set(fields) - {"turned"} != {"width", "height"}:
        raise InputError(f"{path}: picture: expected {wanted}, got {_quoted(fields)}")
    if (fields["width"], fields["height"]) != size:
        raise InputError(
            f"{path}: expected landmarks of a picture of {size[0]}x{size[1]} pixels, got some of "
            f"{_quoted(fields['width'])}x{_quoted(fields['height'])}; place them on this picture: {_TOOL}"
        )


def _points(fields: object, path: Path) -> PlacedPoints:
    if not isinstance(fields, dict):
        raise InputError(f"{path}: points: expected a place for each of {len(NAMES)} names, got {_quoted(fields)}")
    for name in fields:
        if name not in BY_NAME:
            near = difflib.get_close_matches(str(name), NAMES, 1)
            hint = f"; did you mean {near[0]}?" if near else "; docs/landmarks.md lists them"
            raise InputError(f"{path}: points: expected known names, got {_quoted(name)}{hint}")
    if missing := [name for name in NAMES if name not in fields]:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise InputError(
            f"{path}: points: expected all {len(NAMES)} points, {', '.join(missing[:3])}{more} missing; "
            f"{_TOOL} adds them"
        )
    return {name: _point(name, fields[name], path) for name in NAMES}


def _point(name: str, value: object, path: Path) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    numbers = value if isinstance(value, list) else []
    # Booleans are integers to Python; integers may be too long for a float.
    if len(numbers) != 2 or not all(type(n) in (int, float) and abs(n) < 1e6 and math.isfinite(n) for n in numbers):
        raise InputError(f"{path}: {name}: expected [x, y] in pixels, got {_quoted(value)}")
    return np.array([float(n) for n in numbers])


def _at(placed: PlacedPoints, name: str) -> str:
    x, y = placed[name]
    return f"({x:.0f}, {y:.0f})"


def _quoted(value: object) -> str:
    text = str(value) if isinstance(value, int) and abs(value) < 10**12 else ascii(value)[:60]
    return text.strip("'") if len(text) < 60 else f"{text[:40]}…"
