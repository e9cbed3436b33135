"""How a head is turned in a picture: PnP over bony landmarks, with the same face in another picture as the model."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.geometry.head import CAMERA_DISTANCE
from avatar.geometry.points import RIGID
from avatar.geometry.pose import euler_angles
from avatar.motion import Doubles, Floats
from avatar.portrait.detection import eye_distance


class HeadPnp:
    """Poses of a face against the one that it was built from.

    Args:
        rest: float32 [478, 3], pixels; z takes part.
    """

    def __init__(self, rest: Floats) -> None:
        points = rest.astype(np.float64)
        self._focal = CAMERA_DISTANCE * eye_distance(rest)
        self._middle = points[list(RIGID)].mean(axis=0)
        # From the camera, what lies further back is seen nearer to the middle: put it where the picture shows it.
        self._model = points - self._middle
        self._model[:, :2] *= 1.0 + self._model[:, 2:] / self._focal

    def angles(self, found: Floats) -> Doubles:
        """Pitch (up), yaw (to its own left) and roll (to its own left shoulder), radians [3].

        Args:
            found: float32 [478, 3], landmarks, pixels; z is not used.
        """
        turn, _ = self._pose(found)
        return np.concatenate(euler_angles(turn[None]))

    def beyond(self, found: Floats) -> Doubles:
        """What the landmarks do that no pose explains, pixels [478, 2] at the model's size, its tilt taken out.

        Args:
            found: float32 [478, 3], landmarks, pixels; z is not used.
        """
        turn, shift = self._pose(found)
        seen = self._model @ turn.T + shift
        expected = seen[:, :2] * (self._focal / seen[:, 2:]) + self._middle[:2]
        left = (found[:, :2] - expected) * (seen[:, 2:] / self._focal)
        roll = float(euler_angles(turn[None])[2][0])
        cos, sin = np.cos(roll), np.sin(roll)
        return np.asarray(left @ np.array([[cos, -sin], [sin, cos]]))

    def _pose(self, found: Floats) -> tuple[Doubles, Doubles]:
        rigid = list(RIGID)
        camera = np.array([[self._focal, 0.0, self._middle[0]], [0.0, self._focal, self._middle[1]], [0.0, 0.0, 1.0]])
        seen = np.ascontiguousarray(found[rigid, :2], np.float64)
        start = np.zeros((3, 1)), np.array([[0.0], [0.0], [self._focal]])
        model = self._model[rigid]
        _, turn, shift = cv2.solvePnP(model, seen, camera, None, start[0], start[1], True, cv2.SOLVEPNP_ITERATIVE)
        return np.asarray(cv2.Rodrigues(turn)[0]), np.asarray(shift).ravel()
