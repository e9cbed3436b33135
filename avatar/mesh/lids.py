"""Eyelids: the upper one comes down over the eye from under its fold, the lower one lifts."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.eyes.canvas import LidCanvas
from avatar.eyes.closed_lid import paint_closed_lid
from avatar.eyes.skin import SkinSample
from avatar.geometry import landmarks as lm
from avatar.geometry.opening import Slit
from avatar.geometry.warp import smoothstep
from avatar.mesh.controls import INDEX
from avatar.mesh.slit import ExpressionField, SlitPatch, Window
from avatar.motion import Doubles, Floats
from avatar.picture.blending import GREY, blend

# The upper lid closes this share of the opening (plus a little, so that no crack stays), the lower one lifts by this
# share at most; the rim with its lashes is this wide and never stretched (eye distances).
_CLOSE, _CLOSE_EXTRA, _LIFT, _LASH = 0.82, 0.006, 0.30, np.float32(0.014)
# A raised brow lifts the upper lid's rim by no more than this.
_RIM_RISES = 0.030
# The photo's own lid gives way to the closed one between these shares.
_CLOSED_FROM, _CLOSED_TO = 0.04, 0.25
# How softly the lid goes under at its fold, as shares of the fold's height; and how far beyond it the skin follows.
_FOLD_SOFT, _FOLD_PULL = (0.70, 1.15), 1.6
# The white along the lower rim is gone between these shares.
_WHITE_FROM, _WHITE_TO = 0.10, 0.70
# So far below the lower rim there is skin, eye distances; a rim is at least so much darker than it.
_UNDER_RIM, _RIM_TONE = 0.05, 0.72


@dataclass(frozen=True, slots=True)
class LidFields:
    """Where the skin of one eye's lids comes from, on the patch's grid; float32 [rows, columns, 2] pixels.

    Attributes:
        upper: the photo's own upper lid.
        lower: the lower lid.
        closed: the picture of the closed upper lid, and how much of it is to be seen, float32 [rows, columns]; None
            while it is not.
    """

    upper: Floats
    lower: Floats
    closed: tuple[Floats, Floats] | None


class Lids:
    """The lids of one eye.

    The upper lid's rim slides down over the eye. A little way, the photo's own skin follows it; further down it is the
    closed lid, painted once, that comes out from under the fold. Written backwards and in closed form, since a lid that
    more than doubles its height is beyond what a few steps of inversion reach.

    Args:
        patch: of the eye.
        plane: of the face.
        slit: the lids' opening in the photo.
        side: "Left" or "Right".
        landmarks: float32 [478, 3], pixels.
        texture: uint8 [2 S, 2 S, 3], the portrait enlarged.
        skin: under the eye.
    """

    def __init__(
        self,
        patch: SlitPatch,
        plane: lm.FacePlane,
        slit: Slit,
        side: str,
        landmarks: Floats,
        texture: Image,
        skin: SkinSample,
    ) -> None:
        self._patch = patch
        self._nodes = patch.grid.nodes()
        at = plane.to_plane(self._nodes)
        a, self._b = at[..., 0], at[..., 1].astype(np.float32)
        self._upper, self._lower = slit.upper_at(a).astype(np.float32), slit.lower_at(a).astype(np.float32)
        self._down = _closing(slit, a).astype(np.float32)
        near = 1.0 - smoothstep(np.abs(slit.across(a)), 1.0, 1.25)
        self._up = (near * _LIFT * np.clip(slit.upper_at(a) - slit.lower_at(a), 0.0, None)).astype(np.float32)
        tallest = float((slit.upper - slit.lower).max())
        # Down the middle of the eye: the heights of the nodes, upwards, and that of the rim.
        self._middle = int(np.abs(slit.across(a)).mean(axis=0).argmin())
        self._heights = self._b[::-1, self._middle].astype(np.float64)
        self._rim_b = float(slit.upper_at(np.array(slit.centre)))
        self._opening = float(_closing(slit, np.array([slit.centre]))[0])
        brow = plane.to_plane(landmarks[list(lm.BROW_LOWER[side])])[:, 1].min()
        room = float(brow - slit.upper.mean())
        canvas = LidCanvas(texture, patch.texels(), plane, slit, lambda a: _closing(slit, a), lm.OUTWARDS[side])
        self._picture, shape = paint_closed_lid(canvas, skin, room)
        # Linear in b: 1 below the fold, 0 above it.
        fold = np.maximum(shape.fold_at(a), 1e-4)
        self._per_b = (1.0 / (fold * (_FOLD_SOFT[1] - _FOLD_SOFT[0]))).astype(np.float32)
        self._top = ((slit.upper_at(a) + _FOLD_SOFT[1] * fold) * self._per_b).astype(np.float32)
        self._above = np.float32(_FOLD_PULL * shape.measures.fold)
        self._below = np.float32(0.05 + 0.8 * tallest)
        # One step along b in pixels.
        self._b_axis = plane.axes[:, 1:].astype(np.float32)
        self._to_b = np.linalg.inv(plane.axes)[1:].astype(np.float32)
        self._lower_skin = patch.textures[1], _without_white(patch, plane, slit)
        self._rows = (INDEX["lidUpper" + side], INDEX["lidLower" + side])

    def skin(self, closed: float) -> tuple[Image, Image]:
        """Textures of both lids, uint8 [h, w, 4] each: no white is left along the lower one of a closed eye."""
        weight = float(smoothstep(closed, _WHITE_FROM, _WHITE_TO))
        opened, shut = self._lower_skin
        if weight == 0.0:
            return self._patch.textures[0], opened
        return self._patch.textures[0], np.asarray(cv2.addWeighted(opened, 1.0 - weight, shut, weight, 0.0), np.uint8)

    def closed(self, controls: Floats) -> float:
        """How far the upper lid is closed: 0 as in the photo, 1 shut, negative wide open."""
        return float(controls[self._rows[0]])

    def __call__(self, controls: Floats, face: ExpressionField) -> LidFields:
        """The lids as the controls have them, on the face as its expression has moved it."""
        moved = face.grid.sample(face.back, self._nodes, cv2.BORDER_CONSTANT)
        b = self._b + np.asarray(cv2.transform(moved, self._to_b), np.float32)
        share = controls[self._rows[0]]
        share += np.float32(self._held_back(b)) * np.clip(1.0 - share, 0.0, 1.0)
        closed, lifted = share * self._down, controls[self._rows[1]] * self._up
        above = b - (self._upper - closed)
        upper = self._upper + _unroll(above, closed, self._above) - b
        below = (self._lower + lifted) - b
        lower = self._lower - _unroll(below, lifted, self._below) - b
        return LidFields(
            moved + cv2.transform(upper, self._b_axis),
            moved + cv2.transform(lower, self._b_axis),
            None if share <= _CLOSED_FROM else self._closed(b, moved, float(share)),
        )

    def _held_back(self, b: Floats) -> float:
        """The share of closing that keeps the rim from going up all the way with a brow; b is where nodes come from."""
        source = b[::-1, self._middle]
        lifted = float(np.interp(self._rim_b, source, self._heights)) - self._rim_b
        if lifted <= 0.0:
            return 0.0
        rises = _RIM_RISES * np.tanh(lifted / _RIM_RISES)
        return (self._rim_b - float(np.interp(self._rim_b + rises, self._heights, source))) / self._opening

    def _closed(self, b: Floats, moved: Floats, share: float) -> tuple[Floats, Floats]:
        """The closed lid's field, and how much of it is to be seen."""
        under_fold = np.clip(self._top - b * self._per_b, 0.0, 1.0)
        under_fold *= np.float32(smoothstep(share, _CLOSED_FROM, _CLOSED_TO))
        return moved + cv2.transform(np.float32(share - 1.0) * self._down, self._b_axis), under_fold

    def cover(self, skin: Image, window: Window, fields: LidFields) -> None:
        """Draws the closed upper lid over a window's picture, as far as it has come down."""
        if fields.closed is None:
            return
        field, cover = fields.closed
        found = self._patch.share(window, cover)
        if found is None:
            return
        share, at = found
        lid = self._patch.sampled(window, at, field, self._picture)
        alpha = cv2.multiply(cv2.extractChannel(lid, 3), share, scale=1.0 / 255.0)
        skin[at] = blend(cv2.cvtColor(lid, cv2.COLOR_RGBA2RGB), skin[at], np.asarray(alpha, np.uint8))


def _closing(slit: Slit, a: Doubles) -> Doubles:
    """How far the upper rim comes down in a closed eye at given places along it, eye distances."""
    near = 1.0 - smoothstep(np.abs(slit.across(a)), 1.0, 1.25)
    return np.asarray(near * (_CLOSE * np.clip(slit.upper_at(a) - slit.lower_at(a), 0.0, None) + _CLOSE_EXTRA))


def _unroll(from_rim: Floats, advanced: Floats, reach: np.float32) -> Floats:
    """Distance from the rim in the photo, of skin now at `from_rim` after the rim advanced by `advanced`."""
    length = reach + advanced - _LASH
    s = np.clip((from_rim - _LASH) / length, 0.0, 1.0)
    return np.asarray(from_rim - advanced * (s * s * (3.0 - 2.0 * s)), np.float32)


def _without_white(patch: SlitPatch, plane: lm.FacePlane, slit: Slit) -> Image:
    """The lower side's texture with what is lighter than the skin below it, along its rim, in that skin's colour.

    Drawn eyes are often larger than the mesh believes: their white would be lifted as if it were skin.
    """
    texture = patch.textures[1]
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
    # White is lighter than skin, or, in a shadow, at least less red: skin's red is more of its own grey.
    paler = colour[..., 0] / np.maximum(colour @ GREY, 1.0) - skin[..., 0] / np.maximum(skin @ GREY, 1.0)
    lighter = np.clip(((colour - skin) @ GREY - 8.0) / 20.0, 0.0, 1.0)
    lighter = np.maximum(lighter, np.clip((-paler - 0.06) / 0.08, 0.0, 1.0)) * rim
    clean = colour + lighter[..., None] * (_RIM_TONE * skin - colour)
    return np.dstack([np.rint(np.clip(clean, 0.0, 255.0)).astype(np.uint8), texture[:, :, 3]])
