"""All 478 landmarks, with depth, from the points that somebody has placed: a mean face, turned, scaled and bent."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from avatar.geometry import landmarks as lm
from avatar.motion import Doubles, Floats
from avatar.placing.points import BY_NAME, IRIS_OF, LIP_LINE_PAIRS, NAMES, PlacedPoints, iris_radius

_MEAN_FACE = Path(__file__).parent.parent / "assets" / "mean_face.csv"
# Turns of the head that are tried, degrees; a turn costs as much as this error of the points (eye distances a radian),
# so that an unusual face seen from the front is not taken for a usual one that is turned.
_YAWS, _PITCHES = range(-50, 51, 2), range(-20, 21, 5)
_TURNING_COSTS = 0.06
# How stiff the bending is; the points stay within some thousandths of an eye distance of where they were placed.
_STIFFNESS = 1e-4
# Lids are as on the mean face up to the first ratio of opening to width, and half an ellipse from the second on.
_USUAL_EYE, _ROUND_EYE = 0.40, 0.75
_NOSE_LENGTHS, _NOSE_REACH = (0.6, 1.5), 0.28
# A mouth that is open so far, and how far below it that is felt, in eye distances.
_AJAR, _AJAR_REACH = 0.10, 0.30


@cache
def mean_face() -> Doubles:
    """Float64 [478, 3]; x to the viewer's right, y down, z away; in eye distances, zero between the eyes.

    Made by scripts/make_mean_face.py.
    """
    return np.loadtxt(_MEAN_FACE, delimiter=",", skiprows=1)


@cache
def mirror_partners() -> npt.NDArray[np.intp]:
    """Every landmark's partner on the other half of the face: intp [478]."""
    points = mean_face()
    # The irises lie on top of the eyelids' landmarks nowhere, yet near: pair each kind among itself.
    partners = np.empty(len(points), np.intp)
    for part in (np.arange(468), np.arange(468, 478)):
        apart = np.abs(points[part][:, None] - points[part][None] * [-1.0, 1.0, 1.0]).sum(axis=2)
        partners[part] = part[apart.argmin(axis=1)]
    return partners


@cache
def mesh_triangles() -> npt.NDArray[np.intp]:
    """The mean face's landmarks joined up, to be drawn: intp [N, 3]."""
    points = mean_face()[:468, :2]
    scaled = ((points - points.min(axis=0)) * 400.0 + 10.0).astype(np.float32)
    width, height = (scaled.max(axis=0) + 20.0).astype(int)
    division = cv2.Subdiv2D((0, 0, int(width), int(height)))
    division.insert([(float(x), float(y)) for x, y in scaled])
    corners = np.asarray(division.getTriangleList(), np.float64).reshape(-1, 3, 2)
    inside = ((corners >= 0) & (corners < (width, height))).all(axis=(1, 2))
    distance = np.linalg.norm(corners[inside][:, :, None] - scaled[None, None], axis=3)
    return np.asarray(distance.argmin(axis=2), np.intp)


def mesh_from_points(placed: PlacedPoints) -> Floats:
    """The 478 landmarks of a face whose named points are all placed: float32 [478, 3], pixels, as MediaPipe's.

    The mean face is turned as the points say, which gives every landmark its depth, and bent in the plane so that the
    placed points lie where they were placed. Lids and lips are then drawn in between their points.
    """
    rest = mean_face()
    landmarks = np.array([BY_NAME[name].landmark for name in NAMES if not name.endswith("iris_edge")])
    targets = np.array([placed[name] for name in NAMES if not name.endswith("iris_edge")])
    turned = _fit_pose(rest, landmarks, targets)
    landmarks, targets = _lips_apart(landmarks, targets, placed)
    moved = turned.copy()
    apart = _mouth_ajar()
    moved[:, :2] += _thin_plate_spline(apart[landmarks], targets - turned[landmarks, :2], apart)

    # The lids' and lips' edges between their points, then once more everything around them.
    edges = {**_lids(placed), **_inner_lips(moved)}
    landmarks = np.concatenate([landmarks, [point for point in edges if point not in landmarks]]).astype(int)
    targets = np.array([*targets, *(edges[point] for point in landmarks[len(targets) :])])
    moved[:, :2] = turned[:, :2] + _thin_plate_spline(apart[landmarks], targets - turned[landmarks, :2], apart)
    moved[list(edges), :2] = list(edges.values())

    _fit_nose_depth(moved, rest, placed)
    for side, points in IRIS_OF.items():
        centre = placed[f"{side}_iris"]
        rim = rest[list(points[1:]), :2] - rest[points[0], :2]
        rim *= iris_radius(placed, side) / np.linalg.norm(rim, axis=1, keepdims=True)
        moved[points[0], :2] = centre
        moved[list(points[1:]), :2] = centre + rim
    return moved.astype(np.float32)


def mesh_from_three_points(right_eye: Doubles, left_eye: Doubles, mouth: Doubles) -> Floats:
    """The mean face laid over three points, the middles of both eyes and of the mouth: float32 [478, 3], pixels."""
    rest = mean_face()
    middles = np.array([rest[[33, 133], :2].mean(0), rest[[362, 263], :2].mean(0), rest[[13, 14], :2].mean(0)])
    across = left_eye - right_eye
    scale = float(np.linalg.norm(across)) / float(np.linalg.norm(middles[1] - middles[0]))
    x_axis = across / max(float(np.linalg.norm(across)), 1e-6)
    eyes = (right_eye + left_eye) / 2.0
    # Down is where the mouth is, at whatever length; never flatter than half of a usual face.
    down = (mouth - eyes) / float(middles[2, 1] - middles[:2, 1].mean())
    if np.linalg.norm(down) < 0.5 * scale or x_axis[0] * down[1] - x_axis[1] * down[0] <= 0.0:
        down = scale * np.array([-x_axis[1], x_axis[0]])
    face = np.empty_like(rest)
    face[:, :2] = eyes + (rest[:, :1] - middles[:2, 0].mean()) * scale * x_axis
    face[:, :2] += (rest[:, 1:2] - middles[:2, 1].mean()) * down
    face[:, 2] = rest[:, 2] * scale
    return face.astype(np.float32)


def pose_error(mesh: Floats) -> float:
    """How far a mesh, float32 [478, 3] pixels, is from the mean face in its pose: root mean square, eye distances."""
    points = np.arange(468)
    targets = mesh[points, :2].astype(np.float64)
    turned = _fit_pose(mean_face(), points, targets)
    apart = np.linalg.norm(turned[points, :2] - targets, axis=1)
    return float(np.sqrt(np.mean(apart**2)) / np.linalg.norm(mesh[33] - mesh[263]))


def _fit_pose(rest: Doubles, landmarks: npt.NDArray[np.intp], targets: Doubles) -> Doubles:
    """The mean face at the pose, scale and place that bring its landmarks nearest to the targets: float64 [478, 3]."""
    rotations, costs = _poses()
    seen = rest[landmarks] @ rotations.transpose(0, 2, 1)
    # Scale and roll at once: for each pose the best complex factor.
    z = seen[..., 0] + 1.0j * seen[..., 1]
    z -= z.mean(axis=1, keepdims=True)
    goal = targets - targets.mean(axis=0)
    w = goal[:, 0] + 1.0j * goal[:, 1]
    factors = (z.conj() @ w) / (np.abs(z) ** 2).sum(axis=1)
    errors = np.sqrt(np.mean(np.abs(w - factors[:, None] * z) ** 2, axis=1)) / np.abs(factors)
    best = int(np.argmin(errors + costs))
    factor = factors[best]
    roll = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    turned = rest @ rotations[best].T
    face = np.column_stack([turned[:, :2] @ roll.T, turned[:, 2] * abs(factor)])
    face[:, :2] += targets.mean(axis=0) - face[landmarks, :2].mean(axis=0)
    return face


@cache
def _poses() -> tuple[Doubles, Doubles]:
    """The turns that are tried, float64 [P, 3, 3], and what each costs, float64 [P]."""
    angles = [(yaw, pitch) for yaw in np.radians(_YAWS) for pitch in np.radians(_PITCHES)]
    rotations = np.array([_rotation(yaw, pitch) for yaw, pitch in angles])
    return rotations, _TURNING_COSTS * np.hypot(*np.transpose(angles))


def _rotation(yaw: float, pitch: float) -> Doubles:
    cos_yaw, sin_yaw, cos_pitch, sin_pitch = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    about_y = np.array([[cos_yaw, 0.0, sin_yaw], [0.0, 1.0, 0.0], [-sin_yaw, 0.0, cos_yaw]])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cos_pitch, -sin_pitch], [0.0, sin_pitch, cos_pitch]])
    return np.asarray(about_y @ about_x)


def _thin_plate_spline(anchors: Doubles, shifts: Doubles, points: Doubles) -> Doubles:
    """A thin-plate spline through shifts [N, 2] at anchors [N, 2], at points [M, 2] (Bookstein 1989)."""
    count = len(anchors)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(anchors, anchors) + _STIFFNESS * np.eye(count)
    system[:count, count:] = np.column_stack([np.ones(count), anchors])
    system[count:, :count] = system[:count, count:].T
    weights = np.linalg.solve(system, np.vstack([shifts, np.zeros((3, 2))]))
    flat = np.column_stack([np.ones(len(points)), points])
    return np.asarray(_kernel(points, anchors) @ weights[:count] + flat @ weights[count:])


@cache
def _mouth_ajar() -> Doubles:
    """The mean face with its mouth a little open, float64 [478, 2]: lips that touch could not be bent apart."""
    rest = mean_face()
    line = rest[[*lm.LIP_UPPER_INNER], :2] + rest[[*lm.LIP_LOWER_INNER], :2]
    line /= 2.0
    middle, half = (line[0, 0] + line[-1, 0]) / 2.0, (line[-1, 0] - line[0, 0]) / 2.0
    below = rest[:, 1] - np.interp(rest[:, 0], line[:, 0], line[:, 1])
    is_lower = below > 0.0
    is_lower[list(lm.LIP_LOWER_INNER)], is_lower[list(lm.LIP_UPPER_INNER)] = True, False
    bow = np.sqrt(np.clip(1.0 - ((rest[:, 0] - middle) / half) ** 2, 0.0, 1.0))
    ajar = rest[:, :2].copy()
    ajar[:, 1] += np.where(is_lower, _AJAR * bow * np.exp(-np.clip(below, 0.0, None) / _AJAR_REACH), 0.0)
    return ajar


def _kernel(first: Doubles, second: Doubles) -> Doubles:
    squared = ((first[:, None] - second[None]) ** 2).sum(axis=2)
    return np.asarray(squared * np.log(np.maximum(squared, 1e-12)))


def _lips_apart(
    landmarks: npt.NDArray[np.intp], targets: Doubles, placed: PlacedPoints
) -> tuple[npt.NDArray[np.intp], Doubles]:
    """The points where the lips meet, once for each lip, apart in between as far as in the middle."""
    opening = placed["lip_bottom_inner"] - placed["lip_top_inner"]
    landmarks, targets = landmarks.copy(), targets.copy()
    for name, (upper, lower) in LIP_LINE_PAIRS.items():
        row = int(np.flatnonzero(landmarks == upper)[0])
        targets[row] = placed[name] - 0.4 * opening
        landmarks = np.append(landmarks, lower)
        targets = np.vstack([targets, placed[name] + 0.4 * opening])
    return landmarks, targets


def _lids(placed: PlacedPoints) -> dict[int, Doubles]:
    """Both lids' landmarks of both eyes: as on a usual eye, rounder the rounder the eye is."""
    edges: dict[int, Doubles] = {}
    rest = mean_face()
    for side, name in (("Right", "right"), ("Left", "left")):
        outer, inner = placed[f"{name}_eye_outer"], placed[f"{name}_eye_inner"]
        start, end = (outer, inner) if side == "Right" else (inner, outer)
        top, bottom = placed[f"{name}_eye_top"], placed[f"{name}_eye_bottom"]
        width = float(np.linalg.norm(end - start))
        ratio = float(np.linalg.norm(bottom - top)) / max(width, 1e-6)
        roundness = float(np.clip((ratio - _USUAL_EYE) / (_ROUND_EYE - _USUAL_EYE), 0.0, 1.0))
        for curve, middle in ((lm.EYE_UPPER[side], top), (lm.EYE_LOWER[side], bottom)):
            # Along the chord from corner to corner, and across it in units of the placed middle's distance.
            usual = _along(rest[list(curve), :2])
            middle_at = usual[_middle_of(curve)]
            placed_at = _along(np.array([start, middle, end]))[1]
            t = usual[:, 0] + (placed_at[0] - middle_at[0]) * 4.0 * usual[:, 0] * (1.0 - usual[:, 0])
            bow = usual[:, 1] / middle_at[1]
            t_round = (1.0 - np.cos(np.pi * np.linspace(0.0, 1.0, len(curve)))) / 2.0
            t_round += (placed_at[0] - 0.5) * 4.0 * t_round * (1.0 - t_round)
            t = (1.0 - roundness) * t + roundness * t_round
            ellipse = np.sqrt(np.clip(1.0 - (2.0 * t - 1.0) ** 2, 0.0, 1.0))
            ellipse /= max(float(ellipse[_middle_of(curve)]), 1e-6)
            b = placed_at[1] * ((1.0 - roundness) * bow + roundness * ellipse)
            chord = end - start
            across = np.array([-chord[1], chord[0]])
            for landmark, at, height in zip(curve, t, b, strict=True):
                edges[landmark] = start + at * chord + height * across
    return edges


def _middle_of(curve: lm.Indices) -> int:
    return next(i for i, landmark in enumerate(curve) if landmark in (159, 386, 145, 374))


def _along(points: Doubles) -> Doubles:
    """Points [N, 2] seen from the chord between the first and the last: its share, and across it likewise."""
    chord = points[-1] - points[0]
    squared = max(float(chord @ chord), 1e-12)
    offset = points - points[0]
    across = np.array([-chord[1], chord[0]])
    return np.column_stack([offset @ chord / squared, offset @ across / squared])


def _inner_lips(moved: Doubles) -> dict[int, Doubles]:
    """The lips' inner edges where they would cross: pulled apart to one line."""
    edges: dict[int, Doubles] = {}
    down = moved[lm.CHIN, :2] - moved[lm.FOREHEAD_TOP, :2]
    down = down / np.linalg.norm(down)
    for upper, lower in zip(lm.LIP_UPPER_INNER[1:-1], lm.LIP_LOWER_INNER[1:-1], strict=True):
        gap = float((moved[lower, :2] - moved[upper, :2]) @ down)
        if gap < 0.0:
            edges[upper] = moved[upper, :2] + 0.5 * gap * down
            edges[lower] = moved[lower, :2] - 0.5 * gap * down
    return edges


def _fit_nose_depth(moved: Doubles, rest: Doubles, placed: PlacedPoints) -> None:
    """A nose that is longer than usual also stands out farther, and a short one less; in place."""
    placed_length = float(np.linalg.norm(placed["nose_tip"] - placed["nose_bridge"]))
    usual = float(np.linalg.norm(rest[4, :2] - rest[6, :2]))
    unit = float(np.linalg.norm(moved[263] - moved[33]))
    ratio = float(np.clip(placed_length / (usual * unit), *_NOSE_LENGTHS))
    reach = np.linalg.norm(rest[:, :2] - rest[4, :2], axis=1) / _NOSE_REACH
    stands_out = float(moved[[129, 358], 2].mean() - moved[4, 2])
    moved[:, 2] -= (ratio - 1.0) * stands_out * np.exp(-(reach**2))
