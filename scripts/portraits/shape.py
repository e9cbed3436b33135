"""The shape of a face: its lines, and the height map that they and the average skull make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from portraits.brush import Canvas, Floats, along, bump, curve, mirrored, pair

Polygon = npt.NDArray[np.float64]
Line = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Face:
    """One person's face, in face units and display colours. Lines are of the viewer's right half.

    Attributes:
        outline: from the top of the head to the chin.
        upper_lid: edge of the upper lid, from the inner to the outer corner of the eye.
        lower_lid: the same of the lower lid.
        crease: fold above the upper lid.
        brow: middle line of the brow, from the inner end.
        brow_width: full widths along it.
        lip_top: upper edge of the upper lip, from the middle to the corner.
        lip_line: where the lips meet.
        lip_bottom: lower edge of the lower lip.
        iris_radius: of the iris.
        nose_width: factor, 1 is a nose of medium width.
        nose_height: factor on how far the nose stands out.
        cheek: factor on the height of the cheekbones.
        age: 0 young … 1 lines of a life: folds, bags, crow's feet.
        beard: 0 shaven … 1 three days of stubble.
        lash: length of the lashes.
        freckles: how many.
        makeup: darkness of the line along the lashes.
        blush: strength of the red of the cheeks.
        gloss: how much the skin shines.
        skin, lips, iris, iris_ring, hair, blush_color, eye_white: colours; hair's is the brows'.
        extra_lines: fine wrinkles, as lines.
    """

    outline: Line
    upper_lid: Line
    lower_lid: Line
    crease: Line
    brow: Line
    brow_width: tuple[float, ...]
    lip_top: Line
    lip_line: Line
    lip_bottom: Line
    skin: str
    lips: str
    iris: str
    iris_ring: str
    hair: str
    blush_color: str
    iris_radius: float = 0.108
    nose_width: float = 1.0
    nose_height: float = 1.0
    cheek: float = 1.0
    age: float = 0.0
    beard: float = 0.0
    lash: float = 0.07
    freckles: int = 0
    makeup: float = 0.6
    blush: float = 0.35
    gloss: float = 0.08
    eye_white: str = "#efe9e4"
    extra_lines: tuple[Line, ...] = ()

    def closed_outline(self) -> Polygon:
        """The whole outline as a dense polygon."""
        half = np.asarray(self.outline)
        return curve(np.vstack([half, mirrored(half[1:-1][::-1], -1)]), closed=True)


def face_height(canvas: Canvas, face: Face, mask: Floats) -> Floats:
    """Height map of the face: an egg in horizontal slices, and the hills and valleys on it."""
    x, y = canvas.x, canvas.y
    ax = np.abs(x)
    rows = np.maximum(mask.sum(axis=1, keepdims=True) / (2 * canvas.unit), 1e-3)
    middle = along(
        (
            (-1.9, -0.95),
            (-1.6, -0.5),
            (-1.3, -0.24),
            (-0.9, -0.08),
            (-0.4, 0.0),
            (0.2, 0.0),
            (0.8, 0.02),
            (1.2, 0.03),
            (1.55, 0.0),
            (1.75, -0.1),
            (1.95, -0.5),
        ),
        y,
    )
    depth = np.minimum(1.05, 0.95 * rows + 0.05)
    across = np.clip(ax / rows, 0, 0.995)
    z = middle - depth + depth * np.sqrt(1 - across**2.35)
    z = canvas.blur(z * mask, 0.03) / np.maximum(canvas.blur(mask, 0.03), 1e-3)

    z += 0.05 * pair(x, y + 0.92, 0.42, 0.40, 0.30)  # forehead
    z += 0.055 * pair(x, y + 0.36, 0.45, 0.34, 0.11)  # brow ridge
    z -= 0.13 * pair(x, y + 0.04, 0.44, 0.27, 0.19)  # eye sockets
    z -= 0.055 * pair(x, y + 0.0, 0.235, 0.09, 0.14)
    z += 0.10 * pair(x, y - 0.0, 0.50, 0.19, 0.12)  # eyeballs under the lids
    z += 0.075 * face.cheek * pair(x, y - 0.42, 0.70, 0.27, 0.22)  # cheekbones
    z += 0.055 * face.cheek * pair(x, y - 0.60, 0.55, 0.19, 0.17)  # apples of the cheeks
    z -= 0.06 * pair(x, y - 1.00, 0.80, 0.20, 0.26)  # hollow below
    z -= 0.05 * pair(x, y + 0.30, 1.00, 0.16, 0.30)  # temples
    z += 0.07 * bump(x, y - 1.10, 0.42, 0.30)  # teeth behind the lips
    z -= 0.055 * bump(x, y - 1.385, 0.24, 0.065)  # below the lower lip
    z += 0.10 * bump(x, y - 1.62, 0.26, 0.17)  # chin
    z -= 0.035 * pair(x, y - 1.12, 0.45, 0.06, 0.07)  # corners of the mouth
    z -= 0.016 * bump(x, y - 0.91, 0.045, 0.10)  # philtrum and its ridges
    z += 0.008 * pair(x, y - 0.93, 0.085, 0.04, 0.10)
    z += _nose(x, y, face)
    z += _lips(ax, y, face)
    fold = canvas.stroke(
        mirrored(((0.27, 0.70), (0.38, 0.82), (0.48, 0.96), (0.53, 1.08)), 1), (0.01, 0.05, 0.01), 0.03
    )
    fold += fold[:, ::-1]
    z -= (0.018 + 0.035 * face.age) * fold
    for line in face.extra_lines:
        for side in (1, -1):
            z -= 0.009 * canvas.stroke(mirrored(line, side), (0.0, 0.022, 0.0), 0.009)
    return np.asarray(z, np.float32)


def _nose(x: Floats, y: Floats, face: Face) -> Floats:
    ridge = along(
        (
            (-0.45, 0.0),
            (-0.3, 0.02),
            (-0.12, 0.07),
            (0.1, 0.14),
            (0.35, 0.225),
            (0.52, 0.285),
            (0.61, 0.30),
            (0.69, 0.25),
            (0.755, 0.12),
            (0.80, 0.03),
            (0.88, 0.0),
        ),
        y,
    )
    width = along(((-0.45, 0.19), (-0.1, 0.125), (0.2, 0.125), (0.45, 0.15), (0.62, 0.165), (0.9, 0.17)), y)
    z = ridge * np.exp(-((np.abs(x) / (width * face.nose_width)) ** 2.4))
    z += 0.055 * bump(x, y - 0.61, 0.115 * face.nose_width, 0.10)  # tip
    z += 0.15 * pair(x, y - 0.675, 0.195 * face.nose_width, 0.075, 0.085)  # wings
    z -= 0.04 * pair(x, y - 0.70, 0.295 * face.nose_width, 0.04, 0.08)
    return np.asarray(z * face.nose_height, np.float32)


def _lips(ax: Floats, y: Floats, face: Face) -> Floats:
    top, line, bottom = (along(edge, ax) for edge in (face.lip_top, face.lip_line, face.lip_bottom))
    corner = face.lip_line[-1][0]
    fade = np.sqrt(np.clip(1 - (ax / corner) ** 2, 0, 1))
    upper = np.clip((y - top) / np.maximum(line - top, 1e-3), 0, 1)
    lower = np.clip((y - line) / np.maximum(bottom - line, 1e-3), 0, 1)
    z = 0.055 * upper**0.8 * np.sqrt(np.clip(1 - upper**6, 0, 1))
    z += 0.085 * np.sin(np.pi * np.clip(lower, 0, 1) ** 0.62) * (lower > 0)
    return np.asarray(z * fade, np.float32)


def lip_mask(canvas: Canvas, face: Face, softness: float = 0.012) -> Floats:
    """Where the lips are coloured."""
    whole = np.vstack(
        [
            curve(face.lip_top),
            curve(face.lip_bottom)[::-1],
            mirrored(curve(face.lip_bottom), -1),
            mirrored(curve(face.lip_top)[::-1], -1),
        ]
    )
    return canvas.fill(whole, softness)
