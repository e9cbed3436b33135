"""What is measured on a drawn face: fixed distances between landmarks that MediaPipe finds in the picture again.

No measure here knows how the decoder moves anything. All are taken after the head's pose has been undone by a
similarity over bony landmarks, in the plane of the portrait's own face, and in eye distances (33 to 263).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avatar.mesh import landmarks as lm
from avatar.motion import Floats
from avatar.tracking.points import RIGID, Array
from avatar.tracking.pose import angles_of, similarity

# How far a tracked iris goes for the sine of an angle, eye distances, sideways and upwards: MediaPipe's landmarks damp
# an eyeball's 12 mm (0.133), and this is what they show of a real speaker's eyes that stay on the camera while the head
# turns.
IRIS_SHOWS = (0.093, 0.065)
# The camera that angles are measured with stands so many eye distances away: about one metre.
_CAMERA_DISTANCE = 11.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One drawn picture.

    Attributes:
        values: measure → eye distances.
        angles: float64 [3], pitch, yaw, roll against the picture at rest, degrees (PnP).
        gaze: float64 [2], iris between the corners of the eyes against the picture at rest: to its own left, and up,
            eye distances.
        shape: float64 [468, 2], all landmarks in the face plane without the pose.
    """

    values: dict[str, float]
    angles: Array
    gaze: Array
    shape: Array


class Ruler:
    """Measures pictures of one portrait against the one at rest.

    Args:
        rest: float32 [478, 3], landmarks found in the drawn picture at rest, pixels.
    """

    def __init__(self, rest: Floats) -> None:
        self._rest = rest.astype(np.float64)
        self._plane = lm.FacePlane.of(rest)
        self._iris = self._iris_at(self._plane.to_plane(self._rest))

    def __call__(self, found: Floats) -> Measured:
        """Measures landmarks of one picture, float32 [478, 3], pixels."""
        points = found.astype(np.float64)
        rigid = list(RIGID)
        scale, turn, shift = similarity(self._rest[rigid], points[rigid][None])
        upright = (points - shift[0]) @ turn[0] / scale[0]
        at = self._plane.to_plane(upright)
        return Measured(_values(at), self._angles(points), self._iris_at(at) - self._iris, at[:468])

    def _iris_at(self, at: Array) -> Array:
        moved = [at[lm.IRIS[side][0]] - at[list(lm.EYE_CORNERS[side])].mean(axis=0) for side in lm.SIDES]
        return np.asarray(np.mean(moved, axis=0))

    def _angles(self, points: Array) -> Array:
        """Pitch, yaw and roll by PnP on the picture's coordinates; the face at rest is the model."""
        rigid = list(RIGID)
        unit = self._plane.eye_distance_px
        focal = _CAMERA_DISTANCE * unit
        middle = self._rest[rigid].mean(axis=0)
        model = self._rest[rigid] - middle
        camera = np.array([[focal, 0.0, middle[0]], [0.0, focal, middle[1]], [0.0, 0.0, 1.0]])
        # From the camera, points further back are seen nearer to the middle: put them where the picture shows them.
        model[:, :2] *= 1.0 + model[:, 2:] / focal
        start = np.zeros((3, 1)), np.array([[0.0], [0.0], [focal]])
        _, turn, _ = cv2.solvePnP(
            model, points[rigid, :2].copy(), camera, None, start[0], start[1], True, cv2.SOLVEPNP_ITERATIVE
        )
        matrix, _ = cv2.Rodrigues(turn)
        return np.degrees(np.concatenate(angles_of(np.asarray(matrix)[None])))


def _values(at: Array) -> dict[str, float]:
    """Distances and heights in the face plane."""

    def height(*indices: int) -> float:
        return float(at[list(indices), 1].mean())

    lids = {"Right": (159, 145), "Left": (386, 374)}
    found = {
        "lip gap": height(13) - height(14),
        "mouth width": float(np.linalg.norm(at[308] - at[78])),
        "mouth corners": height(61, 291),
    }
    for side in lm.SIDES:
        upper, lower = lids[side]
        found["lid gap " + side] = height(upper) - height(lower)
        found["brow inner " + side] = height(*lm.BROW[side][:2], *lm.BROW_LOWER[side][:2])
        found["brow outer " + side] = height(*lm.BROW[side][2:], *lm.BROW_LOWER[side][2:])
    return found
