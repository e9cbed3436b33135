"""Turning the head: one photo's pixels, given a depth, moved as a solid that bends at the neck."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from avatar.geometry import landmarks as lm
from avatar.geometry.frame_edges import FrameEdges
from avatar.geometry.warp import Grid, smoothstep
from avatar.motion import FARTHEST_HEAD, NEAREST_HEAD, Doubles, Floats
from avatar.secondary_motion import NO_LAG, roots

# The camera stands this many eye distances (90 mm) away: a portrait taken at about one metre.
CAMERA_DISTANCE = 11.0
"""From the face, eye distances."""
# Pivots, in eye distances below the eyes and behind the eyes' depth: the skull turns and nods on the top of the spine,
# between the ears; it tilts lower, in the neck.
_NOD_PIVOT_DOWN, _TILT_PIVOT_BELOW_CHIN = 0.55, 0.10
# The head's motion fades into the shoulders over this stretch below the chin.
_NECK_FROM, _NECK_TO = -0.10, 0.95
# Below the chin only the neck follows, not what lies beside it; shifts carry the shoulders along by this
# share. Distance scales about this share of the frame's height.
_NECK_WIDE, _NECK_NARROW = 1.05, 0.45
_BODY_SHARE = 0.5
_DISTANCE_PIVOT = 0.78
# Angles beyond these would tear any single photo: they are clipped (radians).
_MOST_YAW, _MOST_PITCH, _MOST_ROLL = 0.38, 0.32, 0.31
_MOST_SHIFT = 0.5
# Steepest depth, pixels of depth a pixel, that the widest turns together leave unfolded, hypot(sin 0.38, sin 0.32)
# times 1.7 being less than 1; and the same under the chin, where the head's motion also fades.
_STEEPEST, _STEEPEST_CHIN = 1.7, 1.1

# A breath lifts the chest so far, eye distances, and widens it by this share; the chest begins and is whole so far
# below the chin; the head takes this share.
_CHEST_RISES, _CHEST_WIDENS, _CHEST, _HEAD_CARRIED = 0.030, 0.008, (0.15, 0.80), 0.30

# Beside the neck, hair goes this share of the way that its roots go, where nothing else takes it along.
_HANGS_AFTER = 0.6

# From a fixed side inwards, shares of the frame: still up to the first, free from the second on.
_STILL, _FREE = 0.03, 0.24

# Widths of the blurs that take steepness away, eye distances.
_BLURS = (0.03, 0.05, 0.06, 0.08, 0.10, 0.12, 0.15, 0.18)

# Depth around the face: at these multiples of its outline, this share of the way to the plane through the ears.
_BEYOND_THE_FACE = ((1.06, 0.15), (1.15, 0.45), (1.3, 0.75), (1.65, 1.0), (2.3, 1.0), (3.2, 1.0))
# Above the forehead the skull recedes later than beside the cheeks, by this share.
_CROWN_KEEPS = 0.5
# Around no turn at all, which way it goes makes the gain; over this angle (radians) it goes from one to the other.
_GAIN_OVER = 0.08


@dataclass(frozen=True, slots=True)
class HeadGains:
    """By how much more than commanded the solid is turned, so that the picture looks turned as commanded.

    A photo keeps its outline, its light and what its cheeks hide when its inside turns, and looks turned less than its
    points are. By how much depends on the portrait: `avatar.portrait.head_gains` measures it.

    Attributes:
        up: pitch upwards.
        down: pitch downwards.
        left: yaw to its own left.
        right: yaw to its own right.
    """

    up: float = 1.5
    down: float = 1.5
    left: float = 1.1
    right: float = 1.1

    def pitch(self, asked: float) -> float:
        """The pitch by which the solid is turned for a commanded pitch, radians."""
        return _interpolated_gain(asked, self.up, self.down)

    def yaw(self, asked: float) -> float:
        """The yaw by which the solid is turned for a commanded yaw, radians."""
        return _interpolated_gain(asked, self.left, self.right)


def _node_freedom(nodes: Doubles, grid: Grid, fixed: FixedSides) -> Floats | None:
    """How freely each node moves, 0 at fixed sides: float32 [rows, columns]; None where none is fixed."""
    x, y = (nodes[..., 0] - grid.left) / grid.width, (nodes[..., 1] - grid.top) / grid.height
    free = None
    for is_fixed, from_side in ((fixed.left, x), (fixed.top, y), (fixed.right, 1.0 - x), (fixed.bottom, 1.0 - y)):
        if is_fixed:
            own = smoothstep(from_side, _STILL, _FREE)
            free = own if free is None else np.minimum(free, own)
    return None if free is None else free.astype(np.float32)


def _interpolated_gain(angle: float, positive: float, negative: float) -> float:
    return angle * ((positive + negative) / 2.0 + (positive - negative) / 2.0 * float(np.tanh(angle / _GAIN_OVER)))


@dataclass(frozen=True, slots=True)
class FixedSides:
    """At which of its sides the frame must stay as it is, because the photo goes on there."""

    left: bool = False
    top: bool = False
    right: bool = False
    bottom: bool = False


NONE_FIXED = FixedSides()


class HeadMotion:
    """Forward displacement of every grid node for a head pose.

    Args:
        grid: nodes over the whole frame.
        landmarks: float32 [478, 3], pixels.
        plane: of the face.
        gains: of this portrait.
        fixed: sides of the frame at which nothing moves.
        edges: of the frame, which hold what they cut off.
        hangs: float32 [rows, columns] in [0, 1], how freely something hangs from the head at each node.
    """

    def __init__(
        self,
        grid: Grid,
        landmarks: Floats,
        plane: lm.FacePlane,
        gains: HeadGains,
        fixed: FixedSides = NONE_FIXED,
        edges: FrameEdges | None = None,
        hangs: Floats | None = None,
    ) -> None:
        self._gains = gains
        self._edges = edges
        self._farthest = FARTHEST_HEAD if edges is None else edges.farthest
        # The camera looks at the middle of the picture.
        self._centre = grid.width / 2.0
        unit = plane.eye_distance_px
        nodes = grid.nodes().astype(np.float64)
        eyes_depth = float(landmarks[[33, 133, 362, 263], 2].mean())
        limb = float(landmarks[[234, 454, 127, 356], 2].mean()) + 0.12 * unit
        depth = _depth(nodes, landmarks, limb, unit)
        self.depth = depth.astype(np.float32)
        """Of each node, away from the viewer, pixels: float32 [rows, columns]."""
        origin = plane.origin
        self._unit = unit
        self._focal = CAMERA_DISTANCE * unit
        self._nod_pivot = np.array([_head_axis_column(landmarks), origin[1] + _NOD_PIVOT_DOWN * unit, limb])
        chin = landmarks[lm.CHIN].astype(np.float64)
        self._tilt_pivot = np.array([(chin[0] + self._nod_pivot[0]) / 2, chin[1] + _TILT_PIVOT_BELOW_CHIN * unit])
        below_chin = (nodes[..., 1] - chin[1]) / unit
        beside = np.abs(nodes[..., 0] - self._tilt_pivot[0]) / unit
        # The further out, the higher this begins: a tilt moves the outside most, and must not fold it.
        from_height = -0.25 - 1.3 * np.clip(beside - 0.6, 0.0, None)
        under = smoothstep((below_chin - from_height) / (0.35 - from_height), 0.0, 1.0)
        head = 1.0 - smoothstep(below_chin, _NECK_FROM, _NECK_TO)
        head *= 1.0 - under * smoothstep(beside, _NECK_NARROW, _NECK_WIDE)
        self._head = head.astype(np.float32)
        self._body = (_BODY_SHARE + (1.0 - _BODY_SHARE) * head).astype(np.float32)
        # What hangs is not held by the shoulders as they are: it goes after its roots, and is late as far as it goes.
        self._goes_after = None if hangs is None else (_HANGS_AFTER * unit * hangs * (1.0 - head)).astype(np.float32)
        self._lags = None if hangs is None else (self._goes_after + unit * hangs * head).astype(np.float32)
        # Nearer or farther, the whole person grows or shrinks, mostly upwards.
        from_bottom = nodes - np.array([self._tilt_pivot[0], _DISTANCE_PIVOT * grid.height])
        self._from_bottom = np.ascontiguousarray(from_bottom.transpose(2, 0, 1), np.float32)
        # Seen from the camera: a pixel at depth z stands for a point that is (1 + z / focal) further out.
        spread = 1.0 + (depth - eyes_depth) / self._focal
        solid = np.dstack([(nodes - self._centre) * spread[..., None] + self._centre, depth]) - self._nod_pivot
        # Planes of x, y (and z) from here on: numpy is slow on pairs.
        self._solid = solid.transpose(2, 0, 1).reshape(3, -1).astype(np.float32)
        self._nodes = np.ascontiguousarray(nodes.transpose(2, 0, 1), np.float32)
        self._node_freedom = _node_freedom(nodes, grid, fixed)
        # The chest rises and widens, the shoulders with it; neck and head are carried along a little.
        chest = smoothstep(below_chin, *_CHEST)
        widens = _CHEST_WIDENS * unit * np.clip((nodes[..., 0] - self._tilt_pivot[0]) / unit, -1.5, 1.5) * chest
        rises = -_CHEST_RISES * unit * (_HEAD_CARRIED + (1.0 - _HEAD_CARRIED) * chest)
        self._breath = np.stack([widens, rises]).astype(np.float32)
        self._eyes_depth = eyes_depth

    def __call__(self, head: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> Floats:
        """Displacements in pixels, float32 [rows, columns, 2].

        Args:
            head: headPitch … headDistance, float32 [6].
            breath: how far the chest has risen, 0 to 1 and a little more.
            lag: of what hangs, as `avatar.secondary_motion.DampedFollow` gives it.
        """
        pitch = float(np.clip(self._gains.pitch(float(head[0])), -_MOST_PITCH, _MOST_PITCH))
        yaw = float(np.clip(self._gains.yaw(float(head[1])), -_MOST_YAW, _MOST_YAW))
        roll = float(np.clip(head[2], -_MOST_ROLL, _MOST_ROLL))
        shift = np.clip(np.array([head[3], -head[4]]), -_MOST_SHIFT, _MOST_SHIFT) * self._unit
        distance = float(np.clip(head[5], NEAREST_HEAD, self._farthest))
        pivot = self._nod_pivot.astype(np.float32)
        turned = (_rotation(pitch, yaw) @ self._solid).reshape(3, *self._head.shape)
        scale = 1.0 / (1.0 + (turned[2] + np.float32(pivot[2] - self._eyes_depth)) * np.float32(1.0 / self._focal))
        # Around the pivot of the tilt, which is where it turns.
        tilt, middle = self._tilt_pivot.astype(np.float32), np.float32(self._centre)
        x, y = ((turned[i] + (pivot[i] - middle)) * scale + (middle - tilt[i]) for i in (0, 1))
        cos, sin = np.float32(np.cos(roll)), np.float32(np.sin(roll))
        moved = np.stack([cos * x - sin * y + tilt[0], sin * x + cos * y + tilt[1]])
        moved -= self._nodes
        moved *= self._head
        for plane, by in zip(moved, shift.astype(np.float32), strict=True):
            plane += by * self._body
        if breath:
            moved += np.float32(breath) * self._breath
        if self._goes_after is not None and self._lags is not None:
            # The widest turns stretch what is beside the neck as far as it may be.
            eased = np.float32(1.0 - ((yaw / _MOST_YAW) ** 2 + (roll / _MOST_ROLL) ** 2) / 2.0)
            for plane, by, late in zip(moved, roots(head) * eased, lag * eased, strict=True):
                plane += by * self._goes_after + late * self._lags
        moved += (self._from_bottom + moved) * np.float32(1.0 / distance - 1.0)
        if self._edges is not None:
            self._edges.hold(moved)
        if self._node_freedom is not None:
            moved *= self._node_freedom
        return np.asarray(cv2.merge([moved[0], moved[1]]), np.float32)


def _rotation(pitch: float, yaw: float) -> Floats:
    """Rotation of (x right, y down, z away): positive pitch looks up, positive yaw towards the viewer's right."""
    cos_p, sin_p, cos_y, sin_y = np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)
    nod = np.array([[1, 0, 0], [0, cos_p, sin_p], [0, -sin_p, cos_p]])
    swing = np.array([[cos_y, 0, -sin_y], [0, 1, 0], [sin_y, 0, cos_y]])
    return np.asarray(swing @ nod, np.float32)


def _head_axis_column(landmarks: Floats) -> float:
    """Column of the head's axis: between the ears."""
    return float(landmarks[234, 0] + landmarks[454, 0]) / 2.0


def _depth(nodes: Doubles, landmarks: Floats, limb: float, unit: float) -> Doubles:
    """A smooth depth for every node: the mesh on the face, the plane between the ears around it, pixels."""
    oval = landmarks[list(lm.FACE_OVAL)].astype(np.float64)
    centre = oval[:, :2].mean(axis=0)
    crown = smoothstep(landmarks[[33, 263], 1].mean() - oval[:, 1], 0.0, 0.6 * unit)
    rings = []
    for factor, share in _BEYOND_THE_FACE:
        around = centre + (oval[:, :2] - centre) * factor
        recede = share * np.where(share < 1.0, 1.0 - _CROWN_KEEPS * crown, 1.0)
        rings.append(np.column_stack([around, oval[:, 2] + recede * (limb - oval[:, 2])]))
    known = np.vstack([landmarks[:468].astype(np.float64), *rings])
    flat = nodes.reshape(-1, 2)
    # Column by column, and without a power: numpy is slow on pairs and on powers.
    softened = (flat[:, :1] - known[:, 0]) ** 2 + (flat[:, 1:] - known[:, 1]) ** 2 + (0.05 * unit) ** 2
    weights = 1.0 / (softened * softened * softened)
    depth = (weights @ known[:, 2] / weights.sum(axis=1)).reshape(nodes.shape[:2])
    cell = float(nodes[0, 1, 0] - nodes[0, 0, 0])
    under = smoothstep((nodes[..., 1] - landmarks[lm.CHIN, 1]) / unit, -0.30, -0.08)
    limit = _STEEPEST + (_STEEPEST_CHIN - _STEEPEST) * under
    return _limit_slope(limit * cell, depth, unit / cell)


def _limit_slope(limit: Doubles, depth: Doubles, unit: float) -> Doubles:
    """A depth blurred where its slope exceeds the limit: the sides of the face give way, the nose stays high.

    Args:
        limit: float64 [rows, columns], of the difference between neighbours.
        depth: likewise.
        unit: cells an eye distance.
    """
    smooth = cv2.GaussianBlur(depth, (0, 0), _BLURS[0] * unit, borderType=cv2.BORDER_REPLICATE)
    for width in _BLURS:
        reach = width * unit
        steep = (_slope(smooth) > limit).astype(np.uint8)
        if not steep.any():
            break
        around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * int(1.5 * reach) + 1,) * 2)
        share = cv2.GaussianBlur(cv2.dilate(steep, around).astype(np.float64), (0, 0), reach)
        blurred = cv2.GaussianBlur(smooth, (0, 0), reach, borderType=cv2.BORDER_REPLICATE)
        smooth = smooth + share * (blurred - smooth)
    return np.asarray(smooth, np.float64)


def _slope(depth: npt.NDArray[Any]) -> Doubles:
    """Magnitude of the gradient at every node."""
    along_x, along_y = np.zeros_like(depth), np.zeros_like(depth)
    along_x[:, 1:] = np.abs(np.diff(depth, axis=1))
    along_y[1:] = np.abs(np.diff(depth, axis=0))
    return np.asarray(np.hypot(along_x, along_y))
