"""The state of placing points: which one is held, where the view is, what can be undone. No window, no drawing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

import numpy as np

from avatar.motion import Floats
from avatar.placing.mean_face import mesh_from_points, mesh_from_three_points
from avatar.placing.points import NAMES, PlacedPoints, Point, points_from_mesh

# A click this near takes hold of a point, screen pixels.
REACH = 14.0
_ZOOM_STEP, _MAX_ZOOM = 1.25, 24.0
_MAX_UNDO = 200


class Step(Enum):
    """The step at which the user is."""

    RIGHT_EYE = auto()
    LEFT_EYE = auto()
    MOUTH = auto()
    POINTS = auto()
    LEAVE = auto()


@dataclass(slots=True)
class View:
    """What part of the picture is seen: `scale` screen pixels for a pixel of it, its corner at `left` and `top`."""

    scale: float
    left: float
    top: float

    def to_screen(self, points: Floats | Point) -> Point:
        """Picture pixels [..., 2] to screen pixels."""
        return np.asarray((points - (self.left, self.top)) * self.scale, np.float64)

    def to_picture(self, x: float, y: float) -> Point:
        """A place on the screen to one in the picture."""
        return np.array([x / self.scale + self.left, y / self.scale + self.top])


class Editor:
    """Points over a picture, moved by clicks and keys.

    Args:
        picture: its width and height, pixels.
        screen: width and height of the part of the window that shows it, pixels.
        placed: points to begin with; None asks for the eyes and the mouth first.

    Attributes:
        step: what is asked of the user.
        placed: the points; empty until eyes and mouth are known.
        selected: the name of the point that keys move.
        view: what part of the picture is seen.
        is_changed: whether something would be lost.
        is_mesh_shown: whether the whole mesh is drawn.
        message: what happened last, one line.
    """

    def __init__(self, picture: tuple[int, int], screen: tuple[int, int], placed: PlacedPoints | None) -> None:
        self.picture, self._screen = picture, screen
        self.placed: PlacedPoints = {} if placed is None else {name: point.copy() for name, point in placed.items()}
        self.step = Step.RIGHT_EYE if placed is None else Step.POINTS
        self.selected = NAMES[0]
        self.is_changed = False
        self.is_mesh_shown = True
        self.message = ""
        self._clicked: list[Point] = []
        self._undo: list[tuple[str, PlacedPoints]] = []
        self._held: str | None = None
        self._panned_from: tuple[float, float] | None = None
        self._before_leaving = self.step
        self.view = View(1.0, 0.0, 0.0)
        self.fit()

    @property
    def mesh(self) -> Floats | None:
        """The mesh that the points make, float32 [478, 3] in picture pixels; None before there are any."""
        return mesh_from_points(self.placed) if self.placed else None

    def fit(self) -> None:
        """Shows the whole picture."""
        width, height = self.picture
        scale = min(self._screen[0] / width, self._screen[1] / height)
        self.view = View(scale, (width - self._screen[0] / scale) / 2.0, (height - self._screen[1] / scale) / 2.0)

    def resize(self, screen: tuple[int, int]) -> None:
        """Takes the new size of the window, width and height in pixels."""
        self._screen = screen
        self.fit()

    def press(self, x: float, y: float) -> None:
        """The left button goes down: takes hold of the nearest point, else moves the selected one here."""
        if self.step is Step.LEAVE:
            return
        at = self.view.to_picture(x, y)
        if self.step is not Step.POINTS:
            self._set_first(at)
            return
        distances = {name: float(np.hypot(*(self.view.to_screen(p) - (x, y)))) for name, p in self.placed.items()}
        nearest = min(distances, key=lambda name: (distances[name], name != self.selected))
        self._remember("")
        if distances[nearest] <= REACH:
            self.selected = nearest
        self._held = self.selected
        if distances[nearest] > REACH:
            self._move(self.selected, at)

    def drag(self, x: float, y: float) -> None:
        """The pointer moves while a button is down."""
        if self._held is not None:
            self._move(self._held, self.view.to_picture(x, y))
        elif self._panned_from is not None:
            self.view.left -= (x - self._panned_from[0]) / self.view.scale
            self.view.top -= (y - self._panned_from[1]) / self.view.scale
            self._panned_from = (x, y)

    def release(self) -> None:
        """Ends a drag: the mouse buttons are up again."""
        if self._held is not None and self._undo and self._same(self._undo[-1][1]):
            self._undo.pop()  # only selected
        self._held = self._panned_from = None

    def hold_picture(self, x: float, y: float) -> None:
        """The middle or right button goes down: the picture is moved."""
        self._panned_from = (x, y)

    def zoom(self, steps: float, x: float, y: float) -> None:
        """The wheel turns; what is under the pointer stays there."""
        whole = min(self._screen[0] / self.picture[0], self._screen[1] / self.picture[1])
        under = self.view.to_picture(x, y)
        self.view.scale = float(np.clip(self.view.scale * _ZOOM_STEP**steps, 0.5 * whole, max(_MAX_ZOOM, whole)))
        self.view.left, self.view.top = (float(v) for v in under - np.array([x, y]) / self.view.scale)

    def nudge(self, right: float, down: float) -> None:
        """Moves the selected point by so many pixels of the picture."""
        if self.step is Step.POINTS:
            self._remember(self.selected)
            self._move(self.selected, self.placed[self.selected] + (right, down))

    def select_next(self, forwards: bool = True) -> None:
        """Selects the next point, or the one before."""
        if self.step is Step.POINTS:
            at = NAMES.index(self.selected) + (1 if forwards else -1)
            self.selected = NAMES[at % len(NAMES)]

    def undo(self) -> None:
        """Undoes the last change."""
        if self.step in (Step.LEFT_EYE, Step.MOUTH):
            self._clicked.pop()
            self.step = Step(self.step.value - 1)
        elif self.step is Step.POINTS and self._undo:
            _, self.placed = self._undo.pop()
            self.is_changed = True

    def start_over(self) -> None:
        """Drops all points and asks for eyes and mouth again."""
        if self.step is Step.POINTS:
            self._remember("")
            self._clicked.clear()
            self.step = Step.RIGHT_EYE

    def mark_saved(self, message: str) -> None:
        """Notes that the points were written to the file, and what to show about it."""
        self.is_changed = False
        self.message = message

    def leave(self) -> bool:
        """Whether the window may close now; else it asks first, and a second call says that it may."""
        if self.step is Step.LEAVE or not self.is_changed:
            return True
        self._before_leaving, self.step = self.step, Step.LEAVE
        return False

    def stay(self) -> None:
        """Cancels leaving."""
        if self.step is Step.LEAVE:
            self.step = self._before_leaving

    def _set_first(self, at: Point) -> None:
        self._clicked.append(at)
        self.step = Step(self.step.value + 1)
        if self.step is Step.POINTS:
            right, left, mouth = self._clicked
            self._clicked = []
            if np.hypot(*(left - right)) < 4.0:
                self.message, self.step = "the eyes are too near to each other: click them again", Step.RIGHT_EYE
                return
            if right[0] > left[0]:  # clicked the other way about: what is meant is plain
                right, left = left, right
            self.placed = points_from_mesh(mesh_from_three_points(right, left, mouth))
            self.is_changed = True

    def _move(self, name: str, to: Point) -> None:
        moved = to - self.placed[name]
        if not moved.any():
            return
        self.placed[name] = to
        if name.endswith("_iris"):  # its rim goes with it
            self.placed[f"{name}_edge"] = self.placed[f"{name}_edge"] + moved
        self.is_changed = True
        self.message = ""

    def _remember(self, what: str) -> None:
        """Keeps the points for `undo`; nudges of one point are one change."""
        if what and self._undo and self._undo[-1][0] == what:
            return
        self._undo.append((what, {name: point.copy() for name, point in self.placed.items()}))
        del self._undo[:-_MAX_UNDO]

    def _same(self, points: PlacedPoints) -> bool:
        return all(np.array_equal(points[name], self.placed[name]) for name in NAMES)
