"""The openings of a face in the photo, mouth and eyes: their edges, and where the picture shows them more exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from avatar.decoder import FRAME_SIZE, Image
from avatar.geometry import landmarks as lm
from avatar.motion import Doubles, Floats

# A lid's edge is looked for this far inside and outside the mesh's line, in steps (eye distances).
_INSIDE, _OUTSIDE, _STEP = 0.015, 0.050, 0.0025
# Contrast is measured across this; the mesh counts as right within this; another place must be this much stronger.
_ACROSS, _NEAR_MESH, _CLEARLY = 0.006, 0.012, 1.25


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


def refine_slit(slit: Slit, image: Image, plane: lm.FacePlane) -> Slit:
    """An eye's opening with its edges moved out to where the picture has its contrast, if that is clearly elsewhere.

    Painted and drawn eyes are often larger than the mesh believes; what it leaves out would look like skin. Each edge
    keeps its corners and its shape, and is only bent further.

    Args:
        slit: from the mesh.
        image: uint8 [S, S, 3].
        plane: of the face.
    """
    smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.8 * image.shape[0] / FRAME_SIZE)
    bow = np.sqrt(np.clip(1.0 - slit.across(slit.a) ** 2, 0.0, 1.0))
    upper = slit.upper + bow * _bend(slit, slit.upper, bow, 1.0, smooth, plane)
    lower = slit.lower - bow * _bend(slit, slit.lower, bow, -1.0, smooth, plane)
    return replace(slit, upper=upper, lower=lower)


def _bend(slit: Slit, line: Doubles, bow: Doubles, outwards: float, image: Floats, plane: lm.FacePlane) -> float:
    """By how much to bend an edge outwards, eye distances; 0 where the mesh's line is about as good as any."""
    bends = np.arange(-_INSIDE, _OUTSIDE, _STEP)
    middle = bow > 0.5

    def colours(shift: float) -> Floats:
        b = line[None, :] + outwards * (bends[:, None] * bow[None, :] + shift)
        at = plane.to_pixels(np.stack(np.broadcast_arrays(slit.a[None, :], b), axis=-1)).astype(np.float32)
        return np.asarray(cv2.remap(image, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)

    inside, outside = colours(-_ACROSS), colours(_ACROSS)
    if outwards > 0.0:  # upwards the eye ends at something darker: lashes, or the shadow of the lid
        contrast = np.clip((inside - outside).mean(axis=2), 0.0, None)
    else:
        contrast = np.linalg.norm(outside - inside, axis=2)
    strength = contrast[:, middle].mean(axis=1)
    at_mesh = strength[np.abs(bends) < _NEAR_MESH].max()
    best = int(strength.argmax())
    if bends[best] < _NEAR_MESH or strength[best] < _CLEARLY * max(at_mesh, 1.0):
        return 0.0
    return float(bends[best])
