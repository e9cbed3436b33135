"""Spectacles: found by the thin line of their bridge, and kept rigid while the face moves behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.geometry.warp import smoothstep
from avatar.motion import Doubles, Floats
from avatar.picture.filling import pull_push

# The picture is looked at so large, texels an eye distance, and a frame is at most so wide.
_TEXELS, _THIN = 160, 15
# A bridge is a thin dark line from eye to eye: so many grey levels darker than what is around it all along, and so many
# times what lines of skin, hair and brushwork reach on the cheeks. Measured on 17 portraits: with spectacles 10.8 and
# 17.8 grey levels, 3.6 and 4.4 times the cheeks'; without at most 9.8, and at most 1.5 times where above 3.
_DARKER, _STRONGER = 8.0, 2.0
# A thick frame is no thin line: it is looked for so wide, and is darker than this share of the skin's light.
_THICK, _MUCH_DARKER = 41, 0.5
# Frame is what hangs together with the bridge and is this share as dark, so many grey levels at least. What is less
# than this share frame shows what is behind.
_AS_DARK, _SURELY, _BARE = 0.45, 22.0, 0.05
# Eyes are not: so far out, of their half width, and so far up and down. Thin rims may touch the lid, thick ones leave
# room for its lashes.
_EYE_ACROSS, _THIN_AROUND, _THICK_AROUND = 1.0, 0.022, 0.060
# Only at a corner, beyond this of its half width and away from the iris (radii), may a rim cross an eye, and only where
# there surely is one so close to the corner; metal glints between dark edges that are at most twice the last apart.
_CORNER, _OFF_IRIS, _GOES_ON, _GLINT = 0.60, 1.15, 0.02, 0.014
# Around the lenses and along the temples, eye distances; how softly the rigid part ends.
_BESIDE_IN, _BESIDE_OUT, _AROUND, _SOFT = 0.14, 0.20, 0.03, 0.10
# Where the rims are looked for: above the upper lid and below the lower one.
_RIM_ABOVE, _RIM_BELOW = (0.03, 0.26), (0.07, 0.32)
# Columns and rows of the face plane as it is looked at.
_A, _B = np.arange(-0.8, 0.8, 1.0 / _TEXELS), np.arange(0.40, -0.85, -1.0 / _TEXELS)


@dataclass(frozen=True, slots=True)
class Glasses:
    """Where somebody's spectacles are, in the face plane.

    Attributes:
        lenses: side → (inner a, outer a, upper b, lower b), eye distances.
        bridge: height of the bridge.
        frame: float32 [h, w], how much each place of a picture of the face plane is frame (`_A` by `_B`).
    """

    lenses: Mapping[str, tuple[float, float, float, float]]
    bridge: float
    frame: Floats

    def rigidity(self, at: Doubles) -> Doubles:
        """1 where nothing may move but with the head, falling to 0 around: points [..., 2] to [...]."""
        a, b = at[..., 0], at[..., 1]
        found = np.zeros(a.shape)
        inner = []
        for side, (inside, outside, upper, lower) in self.lenses.items():
            out = lm.OUTWARDS[side]
            inner.append(inside)
            found = np.maximum(found, _box(out * a, b, (out * inside, out * outside), (lower, upper)))
            # The temple goes on to the ear at the height of the hinge.
            hinge = upper - 0.06
            found = np.maximum(
                found, _box(out * a, b, (out * outside, out * outside + 0.5), (hinge - 0.05, hinge + 0.03))
            )
        between = _box(a, b, (min(inner), max(inner)), (self.bridge - 0.04, self.bridge + 0.04))
        return np.asarray(np.maximum(found, between))

    def taken_off(self, texture: Image, plane: lm.FacePlane, scale: int) -> tuple[Image, Floats]:
        """A portrait without their frame, what was behind it filled in from around.

        Args:
            texture: uint8 [h, w, 3], the portrait enlarged.
            plane: of the face, in pixels of the portrait.
            scale: times which it is enlarged.

        Returns:
            uint8 [h, w, 3], and where the frame was, float32 [h, w] in [0, 1].
        """
        ends = np.array([[_A[0], _B[0]], [_A[-1], _B[0]], [_A[0], _B[-1]]])
        there = (plane.to_pixels(ends) * scale + (scale - 1) / 2.0).astype(np.float32)
        rows, columns = self.frame.shape
        here = np.array([[0, 0], [columns - 1, 0], [0, rows - 1]], np.float32)
        size = (texture.shape[1], texture.shape[0])
        frame = np.asarray(cv2.warpAffine(self.frame, cv2.getAffineTransform(here, there), size), np.float32)
        x, y, width, height = cv2.boundingRect((frame > 0.0).astype(np.uint8))
        if not width:
            return texture, frame
        at = (slice(y, y + height), slice(x, x + width))
        bare = texture.copy()
        filled = pull_push(texture[at].astype(np.float32), (frame[at] < _BARE).astype(np.float32))
        bare[at] = np.rint(np.clip(filled, 0.0, 255.0))
        return bare, frame


def find_glasses(image: Image, landmarks: Floats, plane: lm.FacePlane) -> Glasses | None:
    """Looks for spectacles.

    Args:
        image: uint8 [S, S, 3].
        landmarks: float32 [478, 3], pixels.
        plane: of the face.
    """
    points = plane.to_plane(landmarks)
    a, b = _A, _B
    at = plane.to_pixels(np.stack(np.meshgrid(a, b), axis=-1)).astype(np.float32)
    flat = cv2.remap(image, at, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    grey = np.asarray(cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY), np.uint8)
    right, left = points[lm.EYE_CORNERS["Right"][1]], points[lm.EYE_CORNERS["Left"][0]]
    width = left[0] - right[0]
    middle = (left[1] + right[1]) / 2.0
    rows = _between(b, middle - 0.18, middle + 0.15)
    columns = _between(a, right[0] + 0.3 * width, left[0] - 0.3 * width)
    lines = _dark_lines(grey, _THIN)
    darkness, row = _line(lines[rows][:, columns])
    cheeks = []
    for side in lm.SIDES:
        x, y = points[lm.CHEEK[side]]
        cheeks.append(_line(lines[_between(b, y - 0.13, y + 0.10)][:, _between(a, x - 0.08, x + 0.08)])[0])
    is_thin = darkness >= max(_DARKER, _STRONGER * max(cheeks))
    if not is_thin:
        lines = _dark_lines(grey, _THICK)
        darkness, row = _line(lines[rows][:, columns])
        forehead = grey[_between(b, middle + 0.20, middle + 0.30)][:, columns]
        if darkness < _MUCH_DARKER * float(np.median(forehead)):
            return None
    bridge = float(b[rows][row])
    between_eyes = np.outer(rows, columns)
    lenses = {}
    for side in lm.SIDES:
        corners = points[list(lm.EYE_CORNERS[side]), 0]
        inside, outside = corners if side == "Left" else corners[::-1]
        columns = _between(a, corners.min() + 0.03, corners.max() - 0.03)
        top = float(points[list(lm.EYE_UPPER[side]), 1].max())
        bottom = float(points[list(lm.EYE_LOWER[side]), 1].min())
        brow = float(points[list(lm.BROW_LOWER[side]), 1].mean())
        above, below = (
            _between(b, top + _RIM_ABOVE[0], max(min(top + _RIM_ABOVE[1], brow), top + 0.06)),
            _between(b, bottom - _RIM_BELOW[1], bottom - _RIM_BELOW[0]),
        )
        upper = float(b[above][_line(lines[above][:, columns])[1]])
        lower = float(b[below][_line(lines[below][:, columns])[1]])
        out = lm.OUTWARDS[side]
        lenses[side] = (inside - out * _BESIDE_IN, outside + out * _BESIDE_OUT, upper + _AROUND, lower - _AROUND)
    return Glasses(lenses, bridge, _frame(lines, darkness, points, between_eyes, is_thin=is_thin))


def _dark_lines(grey: Image, wide: int) -> Floats:
    """How much darker than what is around it each place is, in lines at most so wide: float32 [h, w], grey levels."""
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide))
    return np.asarray(cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, around), np.float32)


def _frame(lines: Floats, darkness: float, points: Doubles, bridge: npt.NDArray[np.bool_], *, is_thin: bool) -> Floats:
    """Where the frame is that hangs together with its bridge, and is about as dark: float32 [h, w] in [0, 1]."""
    dark = (lines > max(_AS_DARK * darkness, _SURELY)).astype(np.uint8)
    found = dark.copy()
    a, b = np.meshgrid(_A, _B)
    around = _THIN_AROUND if is_thin else _THICK_AROUND
    corners = []
    for side in lm.SIDES:
        upper, lower = (points[list(curve[side])] for curve in (lm.EYE_UPPER, lm.EYE_LOWER))
        above, below = (np.interp(a, *line[np.argsort(line[:, 0])].T) for line in (upper, lower))
        x = points[list(lm.EYE_CORNERS[side]), 0]
        across = np.abs(a - x.mean()) / (abs(x[1] - x[0]) / 2.0)
        eye = (across < _EYE_ACROSS) & (b < above + around) & (b > below - around)
        found[eye] = 0
        iris = points[list(lm.IRIS[side])]
        radius = np.linalg.norm(iris[1:] - iris[0], axis=1).mean()
        away = eye & (across > _CORNER) & (np.hypot(a - iris[0, 0], b - iris[0, 1]) > _OFF_IRIS * radius)
        for corner in points[list(lm.EYE_CORNERS[side]), :2]:
            distance = np.hypot(a - corner[0], b - corner[1])
            corners.append((distance < _GOES_ON, away & ((a - x.mean()) * (corner[0] - x.mean()) > 0.0)))
    _, labels = cv2.connectedComponents(found)
    frame = np.isin(labels, [label for label in np.unique(labels[bridge]) if label])
    # A thin rim in front of an eye's corner goes on there.
    for close, corner in corners:
        if is_thin and (frame & close).any():
            frame |= (dark > 0) & corner
    # Metal glints between its dark edges.
    frame = cv2.morphologyEx(frame.astype(np.float32), cv2.MORPH_CLOSE, _disc(_GLINT))
    frame = cv2.dilate(frame, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), 0.8), np.float32)


def _disc(radius: float) -> npt.NDArray[np.uint8]:
    """Within a radius, eye distances, of a texel."""
    side = 2 * round(radius * _TEXELS) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _between(values: Doubles, low: float, high: float) -> npt.NDArray[np.bool_]:
    return np.asarray((values > low) & (values < high))


def _line(lines: Floats) -> tuple[float, int]:
    """How dark the strongest line from side to side is nearly all along, grey levels, and in which row."""
    if not lines.size:
        return 0.0, 0
    # It may rise or fall by a few texels on its way.
    wide = cv2.dilate(np.ascontiguousarray(lines), np.ones((5, 1), np.uint8))
    along = np.percentile(wide, 15, axis=1)
    return float(along.max()), int(along.argmax())


def _box(a: Doubles, b: Doubles, across: tuple[float, float], up: tuple[float, float]) -> Doubles:
    """1 in a rectangle, falling softly outside."""
    beyond_a = np.maximum(np.maximum(across[0] - a, a - across[1]), 0.0)
    beyond_b = np.maximum(np.maximum(up[0] - b, b - up[1]), 0.0)
    return 1.0 - smoothstep(np.hypot(beyond_a, beyond_b), 0.0, _SOFT)
