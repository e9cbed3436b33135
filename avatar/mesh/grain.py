"""Skin that a dropping jaw stretches keeps its grain: pores, film grain and brushwork don't get longer with it.

Stretched pixels turn grain into streaks. Where skin is stretched, the portrait's own grain is laid over it once more,
as it lies there with the face at rest: it keeps its size, and moves with the head.
"""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.geometry.warp import Grid, pixel_slices, smoothstep, visible_cells
from avatar.mesh.controls import control_rows
from avatar.mesh.slit import PoseFields
from avatar.motion import Floats

STRETCHING: tuple[str, ...] = ("jaw", "gap")
"""The controls that stretch skin by more than a trifle."""
# From which stretch to which grain is brought back: lengths gained a length.
_FROM, _TO = 0.15, 0.70
# Finer than this is grain, eye distances; what is this many times stronger than its median is a thing, not grain.
_FINE, _MOST = 0.02, 3.0
# The streaks have some grain left: less than all of it is added.
_SHARE = 0.8
# Around the lips, which keep their texture, eye distances.
_LIPS = 0.04


class Grain:
    """Brings back the grain of one portrait's stretched skin.

    Args:
        image: uint8 [S, S, 3], the portrait.
        landmarks: float32 [478, 3], pixels.
        plane: of the face.
        box: the part of the portrait that expressions move.
        fields: float32 [len(STRETCHING), rows, columns, 2] on the box, pixels.
        grid: over the frame, of the backward map.
    """

    def __init__(
        self, image: Image, landmarks: Floats, plane: lm.FacePlane, box: Grid, fields: Floats, grid: Grid
    ) -> None:
        self._grid = grid
        self._nodes = grid.nodes()
        self._box = box
        self._rows = control_rows(STRETCHING)
        longer = np.clip(np.gradient(fields[..., 1], box.cell, axis=1), 0.0, None)
        self._stretch = (longer * _lip_exclusion_mask(landmarks, plane, box)).astype(np.float32)
        left, top, width, height = cv2.boundingRect((self._stretch.max(axis=0) > _FROM).astype(np.uint8))
        self._where = (left, top, width, height)
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        fine = grey - cv2.GaussianBlur(grey, (0, 0), _FINE * plane.eye_distance_px)
        x, y = box.left + box.cell * left, box.top + box.cell * top
        around = np.abs(fine[y : y + box.cell * height, x : x + box.cell * width])
        most = _MOST * float(np.median(around)) if around.size else 0.0
        self._grain = np.clip(fine, -most, most) * np.float32(_SHARE)

    def draw(self, frame: Image, controls: Floats, back: Floats, pose: PoseFields) -> None:
        """Adds grain to a frame in place.

        Args:
            frame: uint8 [S, S, 3], the person drawn.
            controls: float32 [len(CONTROLS)].
            back: float32 [rows, columns, 2] on the grid, pixels from the frame to the portrait.
            pose: the head's motion.
        """
        stretch = np.tensordot(controls[self._rows], self._stretch, 1)
        if float(stretch.max()) <= _FROM:
            return
        source = self._box.index(self._nodes + back)
        cells = visible_cells(source, self._where)
        if cells is None:
            return
        share = smoothstep(stretch, _FROM, _TO).astype(np.float32)
        weight = cv2.remap(share, source[cells], None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        still = self._nodes[cells] + pose.back[cells]
        cell = self._grid.cell
        size = (weight.shape[1] * cell, weight.shape[0] * cell)
        grain = cv2.remap(self._grain, cv2.resize(still, size), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        grain *= cv2.resize(weight, size)
        part = frame[pixel_slices(cells, cell)]
        cv2.add(part, cv2.cvtColor(grain, cv2.COLOR_GRAY2RGB), dst=part, dtype=cv2.CV_8U)


def _lip_exclusion_mask(landmarks: Floats, plane: lm.FacePlane, box: Grid) -> Floats:
    """0 on the lips and close by, 1 away from them: float32 [rows, columns]."""
    lips = np.zeros((box.height, box.width), np.uint8)
    outline = landmarks[list(lm.LIP_OUTLINE), :2] - np.array([box.left, box.top], np.float32)
    cv2.fillPoly(lips, [np.rint(outline).astype(np.int32)], (1,))
    away = cv2.distanceTransform(1 - lips, cv2.DIST_L2, 5) / plane.eye_distance_px
    small = cv2.resize(away, (box.columns, box.rows), interpolation=cv2.INTER_AREA)
    return smoothstep(small, _LIPS, 2.5 * _LIPS).astype(np.float32)
