"""What a closed eye's lids look like beside the skin under them: how light, and how much texture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.evaluation.results import Band, Cell, Row, at_least
from avatar.geometry import landmarks as lm
from avatar.geometry.opening import slit_between
from avatar.motion import Floats
from avatar.picture.blending import GREY

# Lengths are eye distances.
# Where the lid is seen: the upper part of what was open, away from its corners; where there is skin under the eye.
_LID_FROM, _MIDDLE, _UNDER = 0.50, 0.60, (0.05, 0.13)
# Texture is what is finer than this.
_FINE = 0.012
_LIGHT, _TEXTURE = Band(0.75, 1.05), at_least(0.60)
CLOSED_LIDS_NOTE = (
    "With both eyes closed and the head at rest: the lid's brightness over that of the skin under the eye (recorded "
    "blinks: 0.79 to 1.02), and its fine detail over that of the same skin."
)


@dataclass(frozen=True, slots=True)
class ClosedLid:
    """One lid of a closed eye.

    Attributes:
        light: brightness of the lid over that of the skin under the eye (recorded blinks: 0.79 to 1.02).
        texture: fine detail of the lid over that of the skin under the eye.
    """

    light: float
    texture: float


def measure_closed_lid(closed: Image, rest: Floats, side: str) -> ClosedLid | None:
    """Measures one lid; None where the eye is too small in the picture to tell.

    Args:
        closed: uint8 [S, S, 3], drawn with closed eyes and the head at rest.
        rest: float32 [478, 3], where the open eyes are, pixels.
        side: "Left" or "Right".
    """
    plane = lm.FacePlane.of(rest)
    slit = slit_between(plane, rest, lm.EYE_UPPER[side], lm.EYE_LOWER[side], lm.EYE_CORNERS[side])
    rows, columns = np.mgrid[: closed.shape[0], : closed.shape[1]]
    at = plane.to_plane(np.stack([columns, rows], axis=-1))
    a, b = at[..., 0], at[..., 1]
    above, below = slit.upper_at(a), slit.lower_at(a)
    inner = np.abs(slit.across(a)) < _MIDDLE
    lid = inner & (b < above) & (b > below + _LID_FROM * (above - below))
    under = inner & (b < below - _UNDER[0]) & (b > below - _UNDER[1])
    if lid.sum() < 12 or under.sum() < 12:
        return None
    grey = closed.astype(np.float32) @ GREY
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), _FINE * plane.eye_distance_px))
    light = float(grey[lid].mean()) / max(float(grey[under].mean()), 1.0)
    # Medians: a rim, a lash or a mole is no texture.
    return ClosedLid(light, float(np.median(fine[lid])) / max(float(np.median(fine[under])), 1e-3))


def closed_lid_rows(closed: Image, rest: Floats) -> list[Row]:
    """Both lids as rows of a table; see `measure_closed_lid`."""
    rows = []
    for side in lm.SIDES:
        found = measure_closed_lid(closed, rest, side)
        light, texture = (None, None) if found is None else (found.light, found.texture)
        rows.append(Row(f"closed lid, {side.lower()}: light", (Cell(light, _LIGHT),), "", 2))
        rows.append(Row(f"closed lid, {side.lower()}: texture", (Cell(texture, _TEXTURE),), "", 2))
    return rows
