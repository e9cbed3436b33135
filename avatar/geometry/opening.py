"""The openings of a face in the photo, mouth and eyes: their edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar.geometry import landmarks as lm
from avatar.motion import Doubles, Floats


@dataclass(frozen=True, slots=True)
class Slit:
    """The mouth's or an eye's opening in the photo, in the face plane.

    Attributes:
        a: float64 [N], increasing, from corner to corner.
        upper: float64 [N], b of the upper edge.
        lower: float64 [N], b of the lower edge (equal to `upper` where closed).
    """

    a: Doubles
    upper: Doubles
    lower: Doubles

    @property
    def centre(self) -> float:
        """The middle between the corners, along a, eye distances."""
        return float(self.a[0] + self.a[-1]) / 2.0

    def across(self, a: Doubles) -> Doubles:
        """Position along the slit: -1 and 1 at the corners."""
        return np.asarray((a - self.centre) / ((self.a[-1] - self.a[0]) / 2.0))

    def upper_at(self, a: Doubles) -> Doubles:
        """Height (b) of the upper edge, going on level beyond the corners."""
        return np.asarray(np.interp(a, self.a, self.upper))

    def lower_at(self, a: Doubles) -> Doubles:
        """Height (b) of the lower edge, going on level beyond the corners."""
        return np.asarray(np.interp(a, self.a, self.lower))


def slit_between(
    plane: lm.FacePlane, points: Floats, upper: lm.Indices, lower: lm.Indices, ends: lm.Indices, samples: int = 65
) -> Slit:
    """The opening between two curves of landmarks that share their ends, drawn out to the middle of their `ends`."""
    top, bottom = plane.to_plane(points[list(upper)]), plane.to_plane(points[list(lower)])
    corners = (plane.to_plane(points[list(ends)]) + top[[0, -1]]) / 2.0
    top, bottom = (np.vstack([corners[:1], curve[1:-1], corners[1:]]) for curve in (top, bottom))
    a = np.linspace(corners[0, 0], corners[1, 0], samples)
    return Slit(a, _smooth_curve(a, top), _smooth_curve(a, bottom))


def _smooth_curve(a: Doubles, points: Doubles) -> Doubles:
    """Through sorted points by interpolation, its kinks rounded off; the ends stay."""
    order = np.argsort(points[:, 0])
    b = np.interp(a, points[order, 0], points[order, 1])
    padded = np.concatenate([2 * b[0] - b[4:0:-1], b, 2 * b[-1] - b[-2:-6:-1]])
    kernel = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 4.0, 3.0, 2.0, 1.0])
    return np.asarray(np.convolve(padded, kernel / kernel.sum(), mode="valid"))
