"""Where a portrait's lips lie once drawn: the decoder's own geometry, without drawing anything.

The mesh decoder moves the two edges of the mouth's slit by the fields of `avatar.mesh.blendshapes`; the same fields,
asked for at the edges alone, give the gap between them for thousands of frames a second. Measured on the shipped
portraits: jawOpen - mouthClose parts the edges by 44 to 46 px per unit, so that 0.02 is 1 px. The lower lip goes on
under the upper one by 1.2 px, so that an opening can be seen only beyond that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar.geometry import landmarks as lm
from avatar.geometry.opening import slit_between
from avatar.mesh.blendshapes import CLOSED_GAP, FaceFields
from avatar.mesh.controls import FACE_CONTROLS, MOUTH_CONTROLS, ControlMap, control_rows
from avatar.mesh.mouth import INSIDE_PX, OVERLAP_PX
from avatar.motion import Floats, MotionLayout, neutral
from avatar.oral.interior import ROUNDING_HIDES, UPPER_EDGE
from avatar.portrait.portrait import Portrait

_CONTROLS = ("rest", *MOUTH_CONTROLS, *FACE_CONTROLS)
_INNER = 0.8  # of the mouth's half width: in the corners the lips always meet
_ROUNDING = control_rows(("funnel", "pucker"))


@dataclass(frozen=True, slots=True)
class LipPositions:
    """Where the lips are, pixels of the 512-pixel picture with the head as in the portrait; float32 [T] each.

    Attributes:
        gap_px: between the edges of the two lips, where it is widest; negative where they overlap.
        visible_px: height of the opening that is seen; 0 where none is.
        over_teeth_px: how far the lower lip's edge lies above the edge of the upper incisors, in the middle; positive
            covers them, negative leaves a gap.
        width_px: between the corners of the mouth (landmarks 78 and 308).
    """

    gap_px: Floats
    visible_px: Floats
    over_teeth_px: Floats
    width_px: Floats


class LipGeometry:
    """The lips of one portrait.

    Args:
        portrait: whose.
    """

    def __init__(self, portrait: Portrait) -> None:
        points = portrait.landmarks
        plane = lm.FacePlane.of(points)
        slit = slit_between(plane, points, lm.LIP_UPPER_INNER, lm.LIP_LOWER_INNER, lm.MOUTH_CORNERS)
        fields = FaceFields(plane, points, slit)
        self._controls = ControlMap()
        self._rows = control_rows(_CONTROLS)
        upper = plane.to_pixels(np.stack([slit.a, slit.upper], axis=-1)).astype(np.float32)
        lower = plane.to_pixels(np.stack([slit.a, slit.lower], axis=-1)).astype(np.float32)
        corners = points[[78, 308], :2].astype(np.float32)
        up = plane.axes[:, 1] / np.linalg.norm(plane.axes[:, 1])
        # Everything that is asked of the edges is along one direction: [controls, places] each.
        upper_basis = fields.basis(upper[None], _CONTROLS, "upper")[:, 0] @ up
        lower_basis = fields.basis(lower[None], _CONTROLS, "lower")[:, 0] @ up
        inner = np.abs(slit.across(slit.a)) <= _INNER
        self._gap = (((upper - lower) @ up)[inner], (upper_basis - lower_basis)[:, inner])
        middle = len(slit.a) // 2
        teeth = plane.to_pixels(np.array([slit.centre, fields.seam_b - UPPER_EDGE])) @ up
        self._over_teeth = (float(lower[middle] @ up - teeth), lower_basis[:, middle])
        self._hidden_px = ROUNDING_HIDES * float(np.linalg.norm(plane.axes[:, 1]))
        self._corners = (corners, fields.basis(corners[None], _CONTROLS, "face")[:, 0])
        # Lips that are closed in the photo overlap; open ones end before the photo's own teeth.
        self._shown = 2.0 * INSIDE_PX if fields.photo_gap > CLOSED_GAP else -OVERLAP_PX

    def __call__(self, values: Floats) -> LipPositions:
        """Float32 [T, 60] to where the lips are."""
        controls = np.stack([self._controls(row) for row in values])
        moved = controls[:, self._rows]
        gap = (self._gap[0] + moved @ self._gap[1]).max(axis=1)
        # Lips pushed forward hide more of the teeth, which the decoder draws higher up for it.
        rounding = controls[:, _ROUNDING].max(axis=1)
        over = self._over_teeth[0] + moved @ self._over_teeth[1] - self._hidden_px * rounding
        left, right = (self._corners[0][i] + moved @ self._corners[1][:, i] for i in (0, 1))
        return LipPositions(
            gap.astype(np.float32),
            np.clip(gap + self._shown, 0.0, None).astype(np.float32),
            over.astype(np.float32),
            np.linalg.norm(right - left, axis=1).astype(np.float32),
        )


def rendered_lip_gap_px(geometry: LipGeometry, values: Floats) -> Floats:
    """Gap between the drawn lips' edges at 512x512: float32 [T, 60] to float32 [T]; negative where they overlap."""
    return geometry(values).gap_px


def aperture_at_gap(geometry: LipGeometry, gap_px: float) -> float:
    """The jawOpen (with nothing else moved) at which the lips' edges are so far apart."""
    opened = np.linspace(0.0, 0.5, 251, dtype=np.float32)
    values = neutral(len(opened))
    values[:, MotionLayout.INDEX["jawOpen"]] = opened
    return float(np.interp(gap_px, geometry(values).gap_px, opened))
