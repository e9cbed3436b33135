"""Where things are on MediaPipe's 478-point face mesh, and the plane of the face that all deltas are given in.

"Left" is the person's own left, the viewer's right. Curves run from the viewer's left to the viewer's right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from avatar.motion import Doubles, Floats

Indices = tuple[int, ...]

LIP_UPPER_INNER: Indices = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LIP_LOWER_INNER: Indices = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
MOUTH_CORNERS: Indices = (61, 291)
LIP_OUTLINE: Indices = (
    *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    *(375, 321, 405, 314, 17, 84, 181, 91, 146),
)
"""Around both lips."""
CHIN, FOREHEAD_TOP = 152, 10

EYE_UPPER: dict[str, Indices] = {
    "Right": (33, 246, 161, 160, 159, 158, 157, 173, 133),
    "Left": (362, 398, 384, 385, 386, 387, 388, 466, 263),
}
EYE_LOWER: dict[str, Indices] = {
    "Right": (33, 7, 163, 144, 145, 153, 154, 155, 133),
    "Left": (362, 382, 381, 380, 374, 373, 390, 249, 263),
}
EYE_OUTLINE: dict[str, Indices] = {side: (*EYE_UPPER[side], *EYE_LOWER[side][::-1]) for side in EYE_UPPER}
"""Around the opening: the upper lid's edge, and back along the lower one's."""
EYE_CORNERS: dict[str, Indices] = {"Right": (33, 133), "Left": (362, 263)}
IRIS: dict[str, Indices] = {"Right": (468, 469, 470, 471, 472), "Left": (473, 474, 475, 476, 477)}
"""Centre first, then four points on the rim."""
BROW: dict[str, Indices] = {"Right": (107, 66, 105, 63, 70), "Left": (336, 296, 334, 293, 300)}
"""The upper rim from the inner end to the outer end."""
BROW_LOWER: dict[str, Indices] = {"Right": (55, 65, 52, 53, 46), "Left": (285, 295, 282, 283, 276)}
"""The lower rim likewise."""
CHEEK: dict[str, int] = {"Right": 50, "Left": 280}
NOSE_WING: dict[str, int] = {"Right": 48, "Left": 278}
FACE_OVAL: Indices = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152),
    *(148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
SIDES = ("Left", "Right")
OUTWARDS = {"Left": 1.0, "Right": -1.0}
"""Sign of the face plane's first axis away from the middle, per side."""


@dataclass(frozen=True, slots=True)
class FacePlane:
    """An affine frame on the face: a to the viewer's right, b up, both in eye distances, foreshortened as the face is.

    Attributes:
        origin: float64 [2], pixels, between the outer corners of the eyes.
        axes: float64 [2, 2], column 0 is one eye distance along a in pixels, column 1 along b.
        eye_distance_px: between the outer corners of the eyes, in space, pixels.
    """

    origin: Doubles
    axes: Doubles
    eye_distance_px: float

    @classmethod
    def of(cls, landmarks: Floats) -> FacePlane:
        """The plane of a face, from its landmarks, float32 [478, 3] pixels."""
        points = landmarks.astype(np.float64)
        across = points[263] - points[33]
        distance = float(np.linalg.norm(across))
        across /= distance
        up = points[FOREHEAD_TOP] - points[CHIN]
        up -= across * (up @ across)
        up /= np.linalg.norm(up)
        axes = np.stack([across[:2], up[:2]], axis=1) * distance
        return cls((points[33, :2] + points[263, :2]) / 2.0, axes, distance)

    def to_plane(self, pixels: npt.NDArray[np.floating[Any]]) -> Doubles:
        """Pixels [..., 2] to face-plane coordinates (a, b) [..., 2], eye distances."""
        inverse = np.linalg.inv(self.axes)
        return np.asarray((pixels[..., :2] - self.origin) @ inverse.T, np.float64)

    def to_pixels(self, plane: npt.NDArray[np.floating[Any]]) -> Doubles:
        """Face-plane coordinates (a, b) [..., 2], eye distances, to pixels [..., 2]."""
        return np.asarray(plane @ self.axes.T + self.origin, np.float64)
