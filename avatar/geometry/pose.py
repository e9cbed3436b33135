"""Where the head is and how it is turned, and the face as seen from straight ahead.

Every picture's landmarks are laid over one model of this person's head by a similarity (Umeyama 1991, least squares
over rotation, scale and shift, in closed form). MediaPipe's depth takes part: compared on drawn faces whose pose was
known, this was steadier than PnP on the picture's coordinates alone (`cv2.solvePnP`), which turned the head for faces
that only spoke or moved sideways.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar.geometry import landmarks as lm
from avatar.geometry.points import RIGID, Flags, kept_rows
from avatar.motion import Doubles, Floats

_RIGID, _CHIN = kept_rows(RIGID), kept_rows((lm.CHIN,))[0]
_CORNERS = kept_rows((33, 263))
_FOREHEAD = kept_rows((lm.FOREHEAD_TOP,))[0]
_EARS = kept_rows((234, 454))
_LIMB = kept_rows((234, 454, 127, 356))
_ROUNDS = 4

# The points that angles leave in place, as the decoder has them (eye distances): it turns and nods about a point
# between the ears, tilts about one in the neck, and grows or shrinks about one at the shoulders.
_NOD_BELOW_EYES, _NOD_BEHIND_EARS, _TILT_BELOW_CHIN, _GROW_BELOW_EYES = 0.55, 0.12, 0.10, 1.4
# It shows an angle by moving the face further than a solid of that angle would: eye distances a radian, measured on
# six portraits (pitch 0.51 to 0.61, yaw 0.02 to 0.16).
_PITCH_LIFTS, _YAW_SHIFTS = 0.58, 0.09


@dataclass(frozen=True, slots=True)
class HeadPoses:
    """The head in T pictures.

    Attributes:
        head: float32 [T, 6], the first six numbers of MotionLayout, relative to the reference pose.
        frontal: float64 [T, P, 3], the landmarks as seen from straight ahead: x right, y down, z away, origin between
            the eyes' outer corners, in eye distances.
        yaw: float64 [T], how far the head is turned away from the camera, radians.
        residual: float64 [T], how badly the rigid landmarks fit the head's model, eye distances.
        eye_px: float64 [T], distance between the eyes' outer corners, pixels.
    """

    head: Floats
    frontal: Doubles
    yaw: Doubles
    residual: Doubles
    eye_px: Doubles


def estimate_poses(landmarks: Floats, trusted: Flags) -> HeadPoses:
    """Poses of one person's head.

    Args:
        landmarks: float32 [T, len(KEPT), 3], pixels, as `points.KEPT`.
        trusted: bool [T], pictures that may shape the model and the reference pose; at least one.
    """
    points = landmarks.astype(np.float64)
    units = np.linalg.norm(points[:, _CORNERS[1]] - points[:, _CORNERS[0]], axis=1)
    rigid = points[:, _RIGID]
    chosen = np.flatnonzero(trusted)
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(len(chosen), 500)).astype(int)]
    # Generalised Procrustes: the model is the median of all pictures laid over it.
    middle = chosen[len(chosen) // 2]
    model = rigid[middle] / units[middle]
    for _ in range(_ROUNDS):
        scale, turn, shift = _similarity(model, rigid[chosen])
        model = np.median(_inverse_similarity(rigid[chosen], scale, turn, shift), axis=0)
    scale, turn, shift = _similarity(model, rigid[chosen])
    upright, size, origin = _frontal_frame(np.median(_inverse_similarity(points[chosen], scale, turn, shift), axis=0))
    model = (model - origin) @ upright.T / size
    scale, turn, shift = _similarity(model, rigid)
    frontal = _inverse_similarity(points, scale, turn, shift)
    error = np.linalg.norm(frontal[:, _RIGID] - model, axis=2)
    reference = _mean_rotation(turn[chosen])
    relative = turn @ reference.T
    pitch, yaw, roll = euler_angles(relative)
    shape = np.median(frontal[chosen], axis=0)
    x, y, distance = _place(shape, scale, turn, shift, roll, reference, chosen)
    x, y = x - _YAW_SHIFTS * yaw, y - _PITCH_LIFTS * pitch
    head = np.stack([pitch, yaw, roll, x, y, distance], axis=1)
    return HeadPoses(head.astype(np.float32), frontal, euler_angles(turn)[1], np.sqrt((error**2).mean(axis=1)), scale)


def _similarity(model: Doubles, seen: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Scale [T], rotation [T, 3, 3] and shift [T, 3] that lay a model [P, 3] over each of T pictures [T, P, 3]."""
    middle, middles = model.mean(axis=0), seen.mean(axis=1)
    centred = model - middle
    u, s, vt = np.linalg.svd((seen - middles[:, None]).transpose(0, 2, 1) @ centred)
    sign = np.ones((len(seen), 3))
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    turn = (u * sign[:, None, :]) @ vt
    scale = (s * sign).sum(axis=1) / (centred**2).sum()
    return scale, turn, middles - scale[:, None] * (turn @ middle)


def _inverse_similarity(points: Doubles, scale: Doubles, turn: Doubles, shift: Doubles) -> Doubles:
    """Points [T, P, 3] under the inverse of similarities."""
    return np.asarray((points - shift[:, None]) @ turn / scale[:, None, None])


def _frontal_frame(shape: Doubles) -> tuple[Doubles, float, Doubles]:
    """Rotation, size and origin of the frame in which a face of all kept landmarks is frontal."""
    across = shape[_CORNERS[1]] - shape[_CORNERS[0]]
    size = float(np.linalg.norm(across))
    across /= size
    down = shape[_CHIN] - shape[_FOREHEAD]
    down -= across * (down @ across)
    down /= np.linalg.norm(down)
    return np.stack([across, down, np.cross(across, down)]), size, shape[_CORNERS].mean(axis=0)


def _mean_rotation(turns: Doubles) -> Doubles:
    """The rotation nearest to the element-wise median of several."""
    u, _, vt = np.linalg.svd(np.median(turns, axis=0))
    u[:, 2] *= np.sign(np.linalg.det(u @ vt))
    return np.asarray(u @ vt)


def euler_angles(turn: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Pitch (up), yaw (to its own left) and roll (to its own left shoulder) of rotations [T, 3, 3], radians."""
    yaw = np.arctan2(turn[:, 2, 0], np.hypot(turn[:, 2, 1], turn[:, 2, 2]))
    return np.arctan2(-turn[:, 2, 1], turn[:, 2, 2]), yaw, np.arctan2(turn[:, 1, 0], turn[:, 0, 0])


def _place(
    shape: Doubles, scale: Doubles, turn: Doubles, shift: Doubles, roll: Doubles, reference: Doubles, chosen: Doubles
) -> tuple[Doubles, Doubles, Doubles]:
    """headX, headY and headDistance: what is left of the head's movement when its angles have been taken away."""
    usual = float(np.median(scale[chosen]))
    distance = usual / scale
    posed = shape @ reference.T
    pivot = np.array([posed[_EARS, 0].mean(), _NOD_BELOW_EYES, posed[_LIMB, 2].mean() + _NOD_BEHIND_EARS])
    at = (scale[:, None] * (turn @ (reference.T @ pivot)) + shift)[:, :2]
    rest = np.median(at[chosen], axis=0)
    tilt = np.array([(posed[_CHIN, 0] + pivot[0]) / 2.0, posed[_CHIN, 1] + _TILT_BELOW_CHIN])
    grow = np.array([tilt[0], _GROW_BELOW_EYES])
    # Backwards through what the decoder does: tilt, shift, distance.
    moved = ((at - rest) / usual + pivot[:2] - grow) * distance[:, None] + grow
    arm = pivot[:2] - tilt
    cos, sin = np.cos(roll), np.sin(roll)
    tilted = tilt + np.stack([cos * arm[0] - sin * arm[1], sin * arm[0] + cos * arm[1]], axis=1)
    x, y = (moved - tilted).T
    return x - np.median(x[chosen]), np.median(y[chosen]) - y, distance
