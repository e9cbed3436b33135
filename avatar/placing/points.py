"""The points of a face that a person can place: what they are called, where they sit, which landmark each one is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar.geometry.landmarks import IRIS
from avatar.motion import Doubles, Floats

Point = Doubles
"""float64 [2], x and y in pixels."""
PlacedPoints = dict[str, Point]
"""Every named point of a face."""


@dataclass(frozen=True, slots=True)
class NamedPoint:
    """One point to place.

    Attributes:
        name: in files.
        landmark: its number on MediaPipe's mesh.
        where: a few words for the person who places it.
        is_outline: it may be hidden by hair, or lie outside the picture.
    """

    name: str
    landmark: int
    where: str
    is_outline: bool = False


def _both(name: str, right: int, left: int, where: str, is_outline: bool = False) -> tuple[NamedPoint, NamedPoint]:
    return (
        NamedPoint(f"right_{name}", right, f"right {where}", is_outline),
        NamedPoint(f"left_{name}", left, f"left {where}", is_outline),
    )


POINTS: tuple[NamedPoint, ...] = (
    *_both("eye_outer", 33, 263, "eye: the outer corner"),
    *_both("eye_inner", 133, 362, "eye: the inner corner, at the nose"),
    *_both("eye_top", 159, 386, "eye: middle of the upper lid's edge"),
    *_both("eye_bottom", 145, 374, "eye: middle of the lower lid's edge"),
    *_both("iris", 468, 473, "iris: its centre"),
    *_both("iris_edge", 469, 476, "iris: any place on its rim"),
    *_both("brow_inner", 107, 336, "brow: upper edge, end at the nose"),
    *_both("brow_middle", 105, 334, "brow: upper edge, middle"),
    *_both("brow_outer", 70, 300, "brow: upper edge, outer end"),
    NamedPoint("nose_bridge", 6, "nose: bridge, between the eyes"),
    NamedPoint("nose_tip", 4, "nose: the tip"),
    *_both("nose_wing", 129, 358, "nostril: outermost edge of the nose"),
    NamedPoint("nose_base", 2, "nose: where it meets the upper lip"),
    *_both("mouth_corner", 61, 291, "corner of the mouth"),
    NamedPoint("lip_top", 0, "upper lip: upper edge, middle"),
    NamedPoint("lip_top_inner", 13, "upper lip: where the mouth opens"),
    NamedPoint("lip_bottom_inner", 14, "lower lip: where the mouth opens"),
    NamedPoint("lip_bottom", 17, "lower lip: lower edge, middle"),
    *_both("lip_line", 81, 311, "lips: where they meet, halfway to the corner"),
    NamedPoint("chin", 152, "chin: the lowest point", True),
    *_both("jaw", 172, 397, "jaw: edge of the face, level with the mouth", True),
    *_both("ear", 234, 454, "cheek: edge of the face, before the ear", True),
    *_both("temple", 54, 284, "temple: edge of the face, above the brow", True),
    NamedPoint("forehead_top", 10, "forehead: the hairline, middle", True),
)
"""All of them, in the order in which they are best placed. "Right" is the person's own: the viewer's left."""

NAMES: tuple[str, ...] = tuple(point.name for point in POINTS)
BY_NAME: dict[str, NamedPoint] = {point.name: point for point in POINTS}

LIP_LINE_PAIRS: dict[str, tuple[int, int]] = {"right_lip_line": (81, 178), "left_lip_line": (311, 402)}
"""A point where the lips meet stands for one landmark on each of them."""

IRIS_OF: dict[str, tuple[int, ...]] = {"right": IRIS["Right"], "left": IRIS["Left"]}


def iris_radius(placed: PlacedPoints, side: str) -> float:
    """Radius of one iris, "right" or "left", pixels."""
    return float(np.linalg.norm(placed[f"{side}_iris_edge"] - placed[f"{side}_iris"]))


def points_from_mesh(mesh: Floats) -> PlacedPoints:
    """The named points of a mesh: float32 [478, 3], pixels."""
    placed = {point.name: mesh[point.landmark, :2].astype(np.float64) for point in POINTS}
    for name, pair in LIP_LINE_PAIRS.items():
        placed[name] = mesh[list(pair), :2].astype(np.float64).mean(axis=0)
    return placed
