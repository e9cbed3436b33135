"""What is measured on a drawn face: fixed distances between landmarks that MediaPipe finds in the picture again.

No measure here knows how the decoder moves anything. The pose is found by PnP over bony landmarks, with the face at
rest as the model; what the landmarks do beyond that pose is expression, measured in the plane of the portrait's own
face and in eye distances (33 to 263).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.motion import Doubles, Floats
from avatar.portrait.head_pnp import HeadPnp

# Radius of the circle on which an iris turns: an eyeball's 12 mm, in eye distances of 90 mm.
_EYEBALL = 12.0 / 90.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One drawn picture.

    Attributes:
        values: measure → eye distances.
        angles: float64 [3], pitch, yaw, roll against the picture at rest, degrees (PnP).
        shape: float64 [468, 2], all landmarks in the face plane without the pose.
    """

    values: dict[str, float]
    angles: Doubles
    shape: Doubles


class Ruler:
    """Measures pictures of one portrait against the one at rest.

    Args:
        picture: uint8 [S, S, 3], drawn at rest.
        rest: float32 [478, 3], landmarks found in it, pixels.
    """

    def __init__(self, picture: Image, rest: Floats) -> None:
        self._rest = rest.astype(np.float64)
        self._plane = lm.FacePlane.of(rest)
        self._pnp = HeadPnp(rest)
        self._irises = [IrisTemplate(picture, self._rest, side) for side in lm.SIDES]

    def __call__(self, found: Floats) -> Measured:
        """Measures one picture by its landmarks, float32 [478, 3], pixels."""
        at = self._plane.to_plane(self._rest[:, :2] + self._pnp.beyond(found))
        return Measured(_values(at), np.degrees(self._pnp.angles(found)), at[:468])

    def gaze(self, picture: Image, found: Floats) -> Doubles:
        """Yaw to its own left and pitch upwards against the picture at rest, degrees [2]; the head must be at rest.

        Args:
            picture: uint8 [S, S, 3].
            found: float32 [478, 3], its landmarks, pixels.
        """
        gone = np.mean([iris.moved(picture, found.astype(np.float64)) for iris in self._irises], axis=0)
        in_plane = np.linalg.solve(self._plane.axes, gone) / _EYEBALL
        return np.asarray(np.degrees(np.arcsin(np.clip(in_plane, -1.0, 1.0))))


class IrisTemplate:
    """One eye's iris as it looks at rest, to be found again where the lids leave it to be seen.

    Args:
        picture: uint8 [S, S, 3], at rest.
        points: float64 [478, 3], pixels.
        side: "Left" or "Right".
    """

    def __init__(self, picture: Image, points: Doubles, side: str) -> None:
        self._side = side
        iris = points[list(lm.IRIS[side]), :2]
        self._centre = iris[0]
        self._radius = max(float(np.linalg.norm(iris[1:] - iris[0], axis=1).mean()), 3.0)
        around = np.arange(-1.3, 1.31, 1.0 / 9.0) * self._radius
        disc = np.stack(np.meshgrid(around, around), axis=-1).reshape(-1, 2)
        self._disc = disc[np.linalg.norm(disc, axis=1) <= 1.3 * self._radius]
        steps = np.arange(-1.7, 1.71, 0.1) * self._radius
        self._shifts = np.stack(np.meshgrid(steps, 0.7 * steps), axis=-1).reshape(-1, 2)
        self._colour = _sampled(picture, self._centre + self._disc)
        # Catch-lights are reflections and stay where the light is.
        grey = self._colour.mean(axis=-1)
        self._seen = _sampled(self._opening(picture, points), self._centre + self._disc) / 255.0
        self._seen = self._seen * (grey < np.percentile(grey, 97))

    def moved(self, picture: Image, points: Doubles) -> Doubles:
        """How far it has gone, pixels [2]; zero where it can't be told."""
        at = self._centre + self._shifts[:, None] + self._disc
        there = _sampled(picture, at)
        seen = self._seen * _sampled(self._opening(picture, points), at) / 255.0
        differs = np.abs(there - self._colour).mean(axis=-1)
        total = seen.sum(axis=1)
        cost = (seen * np.minimum(differs, 60.0)).sum(axis=1) / np.maximum(total, 1e-6)
        cost[total < 0.3 * self._seen.sum()] = np.inf
        if not np.isfinite(cost).any():
            return np.zeros(2)
        best = int(cost.argmin())
        # Between the steps: the mean of what fits nearly as well close by.
        near = np.linalg.norm(self._shifts - self._shifts[best], axis=1) < 0.25 * self._radius
        weight = np.where(near & np.isfinite(cost), np.clip(1.3 * cost[best] + 0.3 - cost, 0.0, None), 0.0)
        return np.asarray((weight[:, None] * self._shifts).sum(axis=0) / weight.sum())

    def _opening(self, picture: Image, points: Doubles) -> Image:
        """255 between the lids, a little away from them: uint8 [S, S]."""
        lids = points[list(lm.EYE_OUTLINE[self._side]), :2]
        opening = np.zeros(picture.shape[:2], np.uint8)
        cv2.fillPoly(opening, [np.rint(lids * 16.0).astype(np.int32)], (255,), cv2.LINE_8, 4)
        return np.asarray(cv2.erode(opening, np.ones((3, 3), np.uint8)), np.uint8)


def _sampled(picture: Image, at: Doubles) -> Doubles:
    """A picture at pixel coordinates [..., 2]: float64 [..., C]."""
    flat = np.ascontiguousarray(at.reshape(1, -1, 2) if at.ndim == 2 else at, np.float32)
    found = cv2.remap(picture, flat, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found[0] if at.ndim == 2 else found, np.float64)


def _values(at: Doubles) -> dict[str, float]:
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
