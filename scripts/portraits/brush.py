"""Brushes: coordinates, smooth curves, soft masks, noise and strands.

Everything is described in face units: the distance between the pupils is 1, the point between the eyes is (0, 0),
x grows to the viewer's right and y grows downwards. A picture can so be drawn at any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Points = Sequence[tuple[float, float]] | npt.NDArray[np.float64]

UNIT_OF_SIZE = 0.173
"""Face unit over picture width: a face 2.14 units wide then takes 37 % of the picture."""
EYE_LINE_OF_SIZE = 0.445
"""Height of the eye line over picture height, so that head and shoulders both fit."""
_SUBPIXEL_BITS = 4


@dataclass(frozen=True, slots=True)
class Canvas:
    """A square picture and the face coordinates of its pixels.

    Attributes:
        size: width and height, pixels.
        unit: pixels per face unit.
        x: float32 [size, size], face units.
        y: float32 [size, size], face units.
    """

    size: int
    unit: float
    x: Floats
    y: Floats

    @classmethod
    def of_size(cls, size: int) -> Canvas:
        """A canvas of `size` x `size` pixels."""
        unit = size * UNIT_OF_SIZE
        steps = np.arange(size, dtype=np.float32) + 0.5
        x, y = np.meshgrid((steps - size * 0.5) / unit, (steps - size * EYE_LINE_OF_SIZE) / unit)
        return cls(size, unit, x.astype(np.float32), y.astype(np.float32))

    def fixed_point(self, points: Points) -> npt.NDArray[np.int32]:
        """Face coordinates [N, 2] to OpenCV's sub-pixel integers."""
        offset = np.array([0.5, EYE_LINE_OF_SIZE]) * self.size - 0.5
        pixels = np.asarray(points, np.float64) * self.unit + offset
        return np.asarray(np.round(pixels * (1 << _SUBPIXEL_BITS)), np.int32)

    def fill(self, points: Points, softness: float = 0.0) -> Floats:
        """Mask of a closed outline in [0, 1], its edge blurred by `softness` face units."""
        mask = np.zeros((self.size, self.size), np.uint8)
        cv2.fillPoly(mask, [self.fixed_point(points)], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        return self.blur(mask.astype(np.float32) / 255, softness)

    def stroke(self, points: Points, widths: Sequence[float], softness: float = 0.0) -> Floats:
        """Mask of a line through `points` whose full width goes through `widths` along its length."""
        return self.fill(ribbon(curve(points), widths), softness)

    def strands(self, outlines: Sequence[npt.NDArray[np.float64]], values: Sequence[float]) -> Floats:
        """One mask of many thin shapes, each with its own value in [0, 1]; later ones lie on top."""
        mask = np.zeros((self.size, self.size), np.uint8)
        for outline, value in zip(outlines, values, strict=True):
            cv2.fillPoly(mask, [self.fixed_point(outline)], int(255 * value), cv2.LINE_AA, _SUBPIXEL_BITS)
        return mask.astype(np.float32) / 255

    def blur(self, image: Floats, sigma: float) -> Floats:
        """Gaussian blur by `sigma` face units; wide ones are done on a smaller picture, which looks the same."""
        pixels = sigma * self.unit
        if pixels < 0.3:
            return image
        shrink = int(pixels // 4)
        if shrink < 2:
            return np.asarray(cv2.GaussianBlur(image, (0, 0), pixels), np.float32)
        small = cv2.resize(image, (-(-self.size // shrink),) * 2, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), pixels * small.shape[0] / self.size)
        large = cv2.resize(small, (self.size, self.size), interpolation=cv2.INTER_CUBIC)
        # Without this the grid of the small picture shows in slopes, and so in light.
        return np.asarray(cv2.GaussianBlur(large, (0, 0), 0.6 * shrink), np.float32)

    def noise(self, cell: float, rng: np.random.Generator) -> Floats:
        """Smooth noise, standard deviation 0.5, whose spots are `cell` face units wide (any canvas: the same)."""
        count = int(2.5 / (UNIT_OF_SIZE * cell)) + 4
        grid = cv2.GaussianBlur(rng.normal(0, 1, (count, count)).astype(np.float32), (0, 0), 1.0)
        grid *= 0.5 / grid.std()
        return np.asarray(cv2.resize(grid, (self.size, self.size), interpolation=cv2.INTER_LINEAR), np.float32)


def curve(points: Points, closed: bool = False, steps: int = 16) -> npt.NDArray[np.float64]:
    """Catmull-Rom spline through `points` [N, 2]: `steps` points between every two of them."""
    p = np.asarray(points, np.float64)
    p = np.vstack([p[-1], p, p[:2]]) if closed else np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    a, b, c, d = (p[i : len(p) - 3 + i, None, :] for i in range(4))
    pieces = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    dense = pieces.reshape(-1, 2)
    return np.asarray(dense if closed else np.vstack([dense, p[-2]]), np.float64)


def along(points: Points, at: Floats) -> Floats:
    """The curve through `points` as a function: second coordinate where the first, ascending, is `at`."""
    dense = curve(points)
    return np.interp(at, dense[:, 0], dense[:, 1]).astype(np.float32)


def mirrored(points: Points, side: float) -> npt.NDArray[np.float64]:
    """`points` drawn for the viewer's right, moved to the side: 1 right, -1 left."""
    return np.asarray(np.asarray(points, np.float64) * np.array([side, 1.0]), np.float64)


def ribbon(path: npt.NDArray[np.float64], widths: Sequence[float]) -> npt.NDArray[np.float64]:
    """Outline of a line along `path` [N, 2] whose full width goes through `widths`."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    width = np.interp(np.linspace(0, 1, len(path)), np.linspace(0, 1, len(widths)), widths)
    sideways = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) * width[:, None] / 2
    return np.vstack([path + sideways, (path - sideways)[::-1]])


def bump(x: Floats, y: Floats, width: float, height: float) -> Floats:
    """A round hill of height 1 at x = y = 0."""
    return np.exp(-((x / width) ** 2) - (y / height) ** 2)


def pair(x: Floats, y: Floats, middle: float, width: float, height: float) -> Floats:
    """Two such hills at x = -middle and x = middle, smooth where they meet."""
    return bump(x - middle, y, width, height) + bump(x + middle, y, width, height)


def ramp(value: Floats, low: float, high: float) -> Floats:
    """0 below `low`, 1 above `high`, smooth between; `low` may be the larger."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def mix(below: Floats, above: Floats | Sequence[float], mask: Floats) -> Floats:
    """Lays `above` (picture or colour) over `below` [H, W, 3] where `mask` [H, W] is 1."""
    return np.asarray(below + (np.asarray(above, np.float32) - below) * mask[..., None], np.float32)


def rgb(code: str) -> Floats:
    """'#c89270' to float32 [3] in [0, 1]."""
    return np.array([int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)], np.float32)


def shade_of(color: Floats, factor: float) -> Floats:
    """`color` darker (factor < 1) or lighter, kept in [0, 1]."""
    return np.clip(color * factor, 0, 1).astype(np.float32)
