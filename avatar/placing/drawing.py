"""What the window for placing points shows: the picture with points and mesh, and beside it where a point sits."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.motion import Doubles
from avatar.placing.editor import Editor, Step
from avatar.placing.mean_face import mean_face, mesh_triangles
from avatar.placing.points import BY_NAME, IRIS_OF, NAMES, points_from_mesh

PANEL_PX = 280
"""Width of the part of the window beside the picture."""

_Colour = tuple[int, int, int]
_SURROUND: _Colour = (28, 28, 32)
_PAPER: _Colour = (245, 242, 236)
_INK: _Colour = (95, 90, 84)
_TEXT: _Colour = (225, 225, 225)
_QUIET: _Colour = (150, 150, 150)
_POINT: _Colour = (255, 210, 60)
_SELECTED: _Colour = (255, 70, 50)
_MESH: _Colour = (120, 230, 170)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
# Fractions of a pixel, as OpenCV takes them.
_SHIFT = 4

_NOSE: lm.Indices = (193, 122, 196, 236, 198, 129, 98, 97, 2, 326, 327, 358, 420, 456, 419, 351, 417)

_ASKED = {
    Step.RIGHT_EYE: ("Click the middle of the eye", "on the left of the picture."),
    Step.LEFT_EYE: ("Click the middle of the eye", "on the right of the picture."),
    Step.MOUTH: ("Click the middle of the mouth.", ""),
    Step.LEAVE: ("The points are not saved.", "S: save   Esc: leave   N: stay"),
}
_KEYS = (
    "drag, click: move a point",
    "wheel: zoom   right drag: pan",
    "Tab: next   Shift+Tab: back",
    "arrows: one pixel (Shift: ten)",
    "Ctrl+Z, U: undo",
    "M: mesh   0: whole picture",
    "R: start over",
    "S: save   Esc: leave",
)


def image_pyramid(picture: Image) -> list[Image]:
    """The picture, and again and again at half its size: a large one is drawn quickly, and without jagged lines."""
    pictures = [picture]
    while min(pictures[-1].shape[:2]) >= 256:
        height, width = pictures[-1].shape[:2]
        smaller = cv2.resize(pictures[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        pictures.append(np.asarray(smaller, np.uint8))
    return pictures


def draw_editor(editor: Editor, pictures: list[Image], size: tuple[int, int]) -> Image:
    """The whole window: uint8 [height, width, 3].

    Args:
        editor: what to show.
        pictures: the picture at several sizes, see `image_pyramid`.
        size: width and height of the window; the panel is on its right.
    """
    width, height = size
    screen = np.empty((height, width, 3), np.uint8)
    left = screen[:, : max(width - PANEL_PX, 1)]
    _draw_picture(left, editor, pictures)
    if editor.placed:
        _draw_points(left, editor)
    _draw_panel(screen[:, max(width - PANEL_PX, 1) :], editor)
    return screen


def draw_face_diagram(side: int, selected: str | None, *, paper: _Colour = _PAPER) -> tuple[Image, Doubles]:
    """A drawn face with all points on it, one of them marked.

    Args:
        side: width and height, pixels.
        selected: the name of the point that is marked, if any.
        paper: the background's colour.

    Returns:
        uint8 [side, side, 3], and where the points are: float64 [N, 2], pixels, in the order of NAMES.
    """
    image = np.full((side, side, 3), paper, np.uint8)
    face = mean_face()
    low, high = face[:468, :2].min(axis=0), face[:468, :2].max(axis=0)
    scale = 0.9 * side / float((high - low).max())
    pixels = face.copy()
    pixels[:, :2] = (face[:, :2] - (low + high) / 2.0) * scale + side / 2.0

    def line(points: lm.Indices, closed: bool = True) -> None:
        _polyline(image, pixels[list(points), :2], closed, _INK)

    line(lm.FACE_OVAL)
    line(_NOSE, closed=False)
    line(lm.LIP_OUTLINE)
    line(lm.LIP_UPPER_INNER, closed=False)
    line(lm.LIP_LOWER_INNER, closed=False)
    for name in lm.SIDES:
        line(lm.EYE_OUTLINE[name])
        line((*lm.BROW[name], *lm.BROW_LOWER[name][::-1]))
    for iris in IRIS_OF.values():
        radius = float(np.linalg.norm(pixels[iris[1], :2] - pixels[iris[0], :2]))
        _circle(image, pixels[iris[0], :2], radius, _INK, 1)
    placed = points_from_mesh(pixels.astype(np.float32))
    dot = max(side / 110.0, 1.5)
    for name in NAMES:
        _circle(image, placed[name], dot, _POINT if selected else _SELECTED, -1)
        _circle(image, placed[name], dot, _INK, 1)
    if selected:
        _circle(image, placed[selected], 2.2 * dot, _SELECTED, -1)
        _circle(image, placed[selected], 4.0 * dot, _SELECTED, 2)
    return image, np.array([placed[name] for name in NAMES])


def _draw_picture(screen: Image, editor: Editor, pictures: list[Image]) -> None:
    view = editor.view
    level = int(np.clip(np.floor(-np.log2(max(view.scale, 1e-6))), 0, len(pictures) - 1))
    picture = pictures[level]
    scale = view.scale * editor.picture[0] / picture.shape[1]
    matrix = np.array([[scale, 0.0, -view.left * view.scale], [0.0, scale, -view.top * view.scale]])
    # Pixels of the picture are shown as such when they are large, so that one of them can be aimed at.
    method = cv2.INTER_NEAREST if view.scale > 6.0 else cv2.INTER_LINEAR
    shape = (screen.shape[1], screen.shape[0])
    screen[:] = cv2.warpAffine(
        picture, matrix, shape, flags=method, borderMode=cv2.BORDER_CONSTANT, borderValue=_SURROUND
    )


def _draw_points(screen: Image, editor: Editor) -> None:
    mesh = editor.mesh if editor.is_mesh_shown else None
    if mesh is not None:
        seen = editor.view.to_screen(mesh[:, :2])
        lines = np.array(screen)
        triangles = np.round(seen[mesh_triangles()] * 2**_SHIFT).astype(np.int32)
        cv2.polylines(lines, list(triangles), True, _MESH, 1, cv2.LINE_AA, _SHIFT)
        for iris in IRIS_OF.values():
            _circle(lines, seen[iris[0]], float(np.linalg.norm(seen[iris[1]] - seen[iris[0]])), _MESH, 1)
        cv2.addWeighted(lines, 0.45, screen, 0.55, 0.0, dst=screen)
    for point in editor.placed.values():
        at = editor.view.to_screen(point)
        _circle(screen, at, 4.0, (0, 0, 0), -1)
        _circle(screen, at, 3.0, _POINT, -1)
    at = editor.view.to_screen(editor.placed[editor.selected])
    _circle(screen, at, 5.0, _SELECTED, -1)
    _circle(screen, at, 10.0, _SELECTED, 2)
    right = at[0] < screen.shape[1] * 0.7
    _text(screen, editor.selected, (at[0] + 14.0 if right else at[0] - 14.0 - 8.0 * len(editor.selected), at[1] - 10.0))


def _draw_panel(screen: Image, editor: Editor) -> None:
    screen[:] = _SURROUND
    width = screen.shape[1]
    side = min(width - 20, max(screen.shape[0] - 330, 60))
    asked = _ASKED.get(editor.step)
    marked = {Step.RIGHT_EYE: "right_iris", Step.LEFT_EYE: "left_iris", Step.MOUTH: "lip_top_inner"}
    name = marked.get(editor.step, editor.selected)
    inset, _ = draw_face_diagram(side, name)
    if screen.shape[0] >= side + 10:
        screen[10 : 10 + side, 10 : 10 + side] = inset
    y = side + 36.0
    if asked is None:
        where = BY_NAME[editor.selected].where
        head, _, rest = where.partition(": ")
        asked = (f"{head}:", rest) if rest else (head, "")
        _text(screen, f"{NAMES.index(editor.selected) + 1} of {len(NAMES)}", (10.0, y), _QUIET)
        y += 22.0
    for words in (*asked, "", *_KEYS):
        for part in _wrapped(words, (width - 20) // 8):
            _text(screen, part, (10.0, y), _QUIET if words in _KEYS else _TEXT)
            y += 20.0
    changed = "not saved yet" if editor.is_changed else ""
    for part in _wrapped(editor.message or changed, (width - 20) // 8):
        _text(screen, part, (10.0, y + 12.0), _POINT)
        y += 20.0


def _wrapped(words: str, columns: int) -> list[str]:
    import textwrap

    return textwrap.wrap(words, max(columns, 8)) or [""]


def _text(image: Image, words: str, at: tuple[float, float], colour: _Colour = _TEXT) -> None:
    place = (round(at[0]), round(at[1]))
    cv2.putText(image, words, place, _FONT, 0.45, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, words, place, _FONT, 0.45, colour, 1, cv2.LINE_AA)


def _polyline(image: Image, points: Doubles, closed: bool, colour: _Colour) -> None:
    scaled = np.round(points * 2**_SHIFT).astype(np.int32)
    cv2.polylines(image, [scaled], closed, colour, 1, cv2.LINE_AA, _SHIFT)


def _circle(image: Image, at: Doubles, radius: float, colour: _Colour, thickness: int) -> None:
    if not (np.abs(at) < 30_000.0).all():  # far outside a picture that is much enlarged
        return
    centre = (round(float(at[0]) * 2**_SHIFT), round(float(at[1]) * 2**_SHIFT))
    cv2.circle(image, centre, round(min(radius, 30_000.0) * 2**_SHIFT), colour, thickness, cv2.LINE_AA, _SHIFT)
