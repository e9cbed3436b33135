"""Eyelids: the upper one slides down over the eye and unrolls smooth skin behind its lashes, the lower one lifts."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.geometry.warp import smoothstep
from avatar.mesh.controls import INDEX
from avatar.mesh.glasses import Glasses
from avatar.mesh.opening import Slit
from avatar.mesh.slit import ExpressionField, SlitPatch
from avatar.motion import Floats
from avatar.picture.blending import GREY

# The upper lid closes this share of the opening (plus a little, so that no crack stays), the lower one lifts by this
# share at most; the rim with its lashes is this wide and never stretched (eye distances).
_CLOSE, _CLOSE_EXTRA, _LIFT, _LASH = 0.80, 0.006, 0.30, np.float32(0.014)
# A closing lid turns from the photo's folded skin to smooth skin between these shares.
_SMOOTH_FROM, _SMOOTH_TO = 0.10, 0.70
# How far the smooth skin is averaged, and how much the line of the closed lashes is darkened.
_SKIN_BLUR, _LASH_DARKER = 0.030, 0.25
# The lid is at least a little darker than the skin under the eye, which counts this much where no lid skin is seen;
# what is darker than it by more than so many grey levels doesn't count as skin.
_LID_TONE, _UNDER_WEIGHT, _SHADE = 0.92, 0.06, 30.0
# So far below the lower rim there is skin, eye distances.
_UNDER_RIM = 0.05
# The closed rim is at least this much darker than the lid.
_RIM_TONE = 0.72
# Fur is skin whose fine detail under the eye has so many grey levels (a cat's 18 to 24, people's 1 to 13); it stays.
_FUR_FROM, _FUR_TO = 13.5, 17.5


class Lids:
    """The lids of one eye: where the skin of each place in the picture comes from.

    The upper lid's rim slides down over the eye; the skin between it and the brow unrolls behind it. Written backwards
    and in closed form, since a lid that more than doubles its height is beyond what a few steps of inversion reach.

    Args:
        patch: of the eye.
        plane: of the face.
        slit: the lids' opening in the photo.
        side: "Left" or "Right".
        landmarks: float32 [478, 3], pixels.
        glasses: whose frame the lid must leave alone.
    """

    def __init__(
        self,
        patch: SlitPatch,
        plane: lm.FacePlane,
        slit: Slit,
        side: str,
        landmarks: Floats,
        glasses: Glasses | None,
    ) -> None:
        self._nodes = patch.grid.nodes()
        at = plane.to_plane(self._nodes)
        a, self._b = at[..., 0], at[..., 1].astype(np.float32)
        near = 1.0 - smoothstep(np.abs(slit.across(a)), 1.0, 1.25)
        height = np.clip(slit.upper_at(a) - slit.lower_at(a), 0.0, None)
        self._upper, self._lower = slit.upper_at(a).astype(np.float32), slit.lower_at(a).astype(np.float32)
        self._down = (near * (_CLOSE * height + _CLOSE_EXTRA)).astype(np.float32)
        self._up = (near * _LIFT * height).astype(np.float32)
        tallest = float((slit.upper - slit.lower).max())
        brow = plane.to_plane(landmarks[list(lm.BROW_LOWER[side])])[:, 1].min()
        room = float(brow - slit.upper.mean())
        above = float(np.clip(0.9 * room, 0.7 * tallest + _LASH, 0.26))
        if glasses is not None:
            above = min(above, glasses.room_above(side, float(slit.upper.max())))
        self._above = np.float32(above)
        self._below = np.float32(0.05 + 0.8 * tallest)
        # One step along b in pixels.
        self._b_axis = plane.axes[:, 1:].astype(np.float32)
        self._to_b = np.linalg.inv(plane.axes)[1:].astype(np.float32)
        self._open_skin = patch.upper_texture, patch.lower_texture
        self._closed_skin = (
            _unrolled(patch, plane, slit, float(self._above)),
            _without_white(patch, plane, slit),
        )
        self._rows = (INDEX["lidUpper" + side], INDEX["lidLower" + side])

    def skin(self, closed: float) -> tuple[Image, Image]:
        """Textures of both lids, as in the photo while open: uint8 [h, w, 4] each.

        Closed, the upper one is smooth instead of folded, and no white is left along the lower one.
        """
        weight = float(smoothstep(closed, _SMOOTH_FROM, _SMOOTH_TO))
        if weight == 0.0:
            return self._open_skin
        upper, lower = (
            np.asarray(cv2.addWeighted(opened, 1.0 - weight, shut, weight, 0.0), np.uint8)
            for opened, shut in zip(self._open_skin, self._closed_skin, strict=True)
        )
        return upper, lower

    def closed(self, controls: Floats) -> float:
        """How far the upper lid is closed: 0 as in the photo, 1 shut, negative wide open."""
        return float(controls[self._rows[0]])

    def __call__(self, controls: Floats, face: ExpressionField) -> tuple[Floats, Floats]:
        """Backward fields of the upper and the lower lid on the patch's grid, float32 [rows, columns, 2] pixels."""
        moved = face.grid.sample(face.back, self._nodes, cv2.BORDER_CONSTANT)
        b = self._b + np.asarray(cv2.transform(moved, self._to_b), np.float32)
        closed, lifted = controls[self._rows[0]] * self._down, controls[self._rows[1]] * self._up
        above = b - (self._upper - closed)
        upper = self._upper + _unroll(above, closed, self._above) - b
        below = (self._lower + lifted) - b
        lower = self._lower - _unroll(below, lifted, self._below) - b
        return moved + cv2.transform(upper, self._b_axis), moved + cv2.transform(lower, self._b_axis)


def _unroll(from_rim: Floats, advanced: Floats, reach: np.float32) -> Floats:
    """Distance from the rim in the photo, of skin now at `from_rim` after the rim advanced by `advanced`."""
    length = reach + advanced - _LASH
    s = np.clip((from_rim - _LASH) / length, 0.0, 1.0)
    return np.asarray(from_rim - advanced * (s * s * (3.0 - 2.0 * s)), np.float32)


def _unrolled(patch: SlitPatch, plane: lm.FacePlane, slit: Slit, reach: float) -> Image:
    """The upper side's texture with the skin above the lashes smoothed: folds, lashes and their shadows gone."""
    texture = patch.upper_texture
    at = plane.to_plane(patch.texels())
    a, above = at[..., 0], at[..., 1] - slit.upper_at(at[..., 0])
    colour = texture[:, :, :3].astype(np.float32)
    grey = colour @ GREY
    texels_per_unit = plane.eye_distance_px * 2.0
    around = cv2.GaussianBlur(grey, (0, 0), 2.0 * _SKIN_BLUR * texels_per_unit)
    t = np.abs(slit.across(a))
    # Under the eye is plain skin, in the lid's light or nearly so: a brow or a deep shadow is much darker than it.
    below = slit.lower_at(a) - at[..., 1]
    plain = (below > 0.04) & (below < 0.11) & (t < 0.8)
    under = np.median(colour[plain], axis=0) if plain.any() else np.median(colour.reshape(-1, 3), axis=0)
    dark = np.clip(float(under @ GREY) - _SHADE - grey, 0.0, None)
    lid_zone = (above > 0.02) & (above < 0.08) & (t < 0.8)
    shaded = float(np.median(grey[lid_zone])) / max(float(under @ GREY), 1.0) if lid_zone.any() else 1.0
    tone = under * np.float32(np.clip(0.5 + 0.5 * shaded, 0.65, _LID_TONE))
    # Skin is what isn't darker than its surroundings, nor brow, lash or eye.
    skin = np.exp(-((np.clip(around - grey, 0.0, None) / 10.0) ** 2) - (dark / 25.0) ** 2)
    skin *= smoothstep(above, 0.016, 0.030)
    weight = _blur(skin, texels_per_unit)
    smooth = _blur(colour * skin[..., None], texels_per_unit) + _UNDER_WEIGHT * tone
    smooth /= (weight + _UNDER_WEIGHT)[..., None]
    detail = colour - cv2.GaussianBlur(colour, (0, 0), _SKIN_BLUR * texels_per_unit)
    if plain.any():
        smooth = smooth + np.float32(smoothstep((detail @ GREY)[plain].std(), _FUR_FROM, _FUR_TO)) * detail
    near = 1.0 - smoothstep(t, 0.75, 1.15)
    lid = smoothstep(above, 0.010, 0.024) * (1.0 - smoothstep(above, 0.6 * reach, reach)) * near
    closed = colour * (1.0 - lid[..., None]) + smooth * lid[..., None]
    # White of the eye that the mesh took for the rim must not show in the closed line.
    rim = (np.exp(-((above / 0.014) ** 4)) * (1.0 - smoothstep(t, 1.0, 1.1)))[..., None]
    closed = closed * (1.0 - rim) + np.minimum(closed, _RIM_TONE * smooth) * rim
    line = np.exp(-(((above - 0.002) / 0.008) ** 2)) * (1.0 - smoothstep(t, 0.85, 1.1))
    closed *= 1.0 - _LASH_DARKER * line[..., None]
    return np.dstack([np.rint(np.clip(closed, 0.0, 255.0)).astype(np.uint8), texture[:, :, 3]])


def _without_white(patch: SlitPatch, plane: lm.FacePlane, slit: Slit) -> Image:
    """The lower side's texture with what is lighter than the skin below it, along its rim, in that skin's colour.

    Drawn eyes are often larger than the mesh believes: their white would be lifted as if it were skin.
    """
    texture = patch.lower_texture
    at = plane.to_plane(patch.texels())
    below = slit.lower_at(at[..., 0]) - at[..., 1]
    # The skin a little further down in the same column.
    down = plane.axes[:, 1] * (np.clip(below, 0.0, None) - _UNDER_RIM)[..., None] * 2.0
    rows, columns = np.mgrid[: texture.shape[0], : texture.shape[1]]
    there = np.stack([columns + down[..., 0], rows + down[..., 1]], axis=-1).astype(np.float32)
    colour = texture[:, :, :3].astype(np.float32)
    skin = cv2.remap(
        cv2.GaussianBlur(colour, (0, 0), 2.0), there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    rim = 1.0 - smoothstep(below, 0.5 * _UNDER_RIM, 0.9 * _UNDER_RIM)
    lighter = np.clip(((colour - skin) @ GREY - 8.0) / 20.0, 0.0, 1.0) * rim
    clean = colour + lighter[..., None] * (_RIM_TONE * skin - colour)
    return np.dstack([np.rint(np.clip(clean, 0.0, 255.0)).astype(np.uint8), texture[:, :, 3]])


def _blur(values: npt.NDArray[Any], texels_per_unit: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(values.astype(np.float32), (0, 0), _SKIN_BLUR * texels_per_unit), np.float32)
