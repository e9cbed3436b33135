"""What each control does to the skin: displacement fields in the plane of the face, in eye distances (about 90 mm).

A field is a sum of soft bumps and profiles placed by the person's own landmarks. The mouth is a slit: points on
either side of it move apart, so a field is asked for on a sheet. "upper" and "lower" are the two sides, each going on
smoothly beyond the slit; "face" is both, joined along the slit's prolongation. A jaw drops in front of its neck: under
the chin these go along with the jaw, and only "neck", which is otherwise the face, takes the motion up there.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from avatar.geometry import landmarks as lm
from avatar.geometry.opening import Slit
from avatar.geometry.warp import smoothstep
from avatar.motion import Doubles, Floats

Sheet = Literal["face", "neck", "upper", "lower"]

# Full jaw drop (jawOpen = 1), eye distances: chin, lower lip, and the share by which closed lips follow the jaw.
_CHIN_DROP, _LIP_DROP, _LIPS_FOLLOW = 0.26, 0.34, 0.42
# Lips parted by less than this in the photo count as closed: the mesh is no more exact than that.
CLOSED_GAP = 0.022
# Corners that are this much higher than the middle of the lips, eye distances, don't smile yet.
_CORNERS_UP = 0.02
# By how much further than the lips' line says corners must come down: their outlines are bent as well.
_UNSMILES = 1.3
# How far a raised brow moves the forehead, and how far along the brow its inner end goes over into the rest.
_INTO_FOREHEAD, _BROW_INNER = 0.30, 0.19
# A breath in at rest widens each wing of the nose by so much, and lifts it; and how wide a wing is.
_FLARES, _FLARES_UP, _NOSTRIL = 0.010, 0.0025, 0.075
# Lips part from the middle: so much of the mouth's half width opens before the rest does.
_PARTS_WITHIN = 0.80
# 1 over the largest value of t (1 - t²)².
_PEAK = 3.494
# Of a photo's open mouth: the share that the upper lip closes, more where it is drawn up into an arch higher than
# closed lips have; what lips alone part; the share of the rest that the chin moves.
_CLOSE_EXTRA = 0.025  # eye distances by which the lips' rims overlap then
_UPPER_CLOSES, _ARCH, _GAP_BY_LIPS, _JAW_SHARE = (0.3, 0.6), 0.01, 0.10, 0.75


def _bump(a: Doubles, b: Doubles, centre: Doubles, width: float, height: float) -> Doubles:
    return np.asarray(np.exp(-(((a - centre[0]) / width) ** 2) - ((b - centre[1]) / height) ** 2))


def _brow(a: Doubles, b: Doubles, rims: Doubles, width: float, below: float) -> Doubles:
    """A part of a brow moved as one piece, which fades into the forehead slowly.

    Args:
        a: of the points asked for.
        b: likewise.
        rims: float64 [2, 2], middle of its upper rim and of its lower one.
        width: how far it fades along the brow.
        below: how far it fades towards the eye.
    """
    (_, upper), (_, lower) = rims
    beyond = np.where(b > upper, (b - upper) / _INTO_FOREHEAD, np.clip(lower - b, 0.0, None) / below)
    beyond = np.where((b > lower) & (b <= upper), 0.0, beyond)
    along = (a - rims[:, 0].mean()) / width
    return np.asarray(np.exp(-(along**2) - beyond**2))


class FaceFields:
    """The fields of one face.

    Args:
        plane: of the portrait.
        landmarks: float32 [478, 3], pixels.
        mouth: the mouth's slit.
    """

    def __init__(self, plane: lm.FacePlane, landmarks: Floats, mouth: Slit) -> None:
        self._plane = plane
        self._mouth = mouth
        self._points = plane.to_plane(landmarks)
        centre = len(mouth.a) // 2
        self.photo_gap = float(mouth.upper[centre] - mouth.lower[centre])
        arch = float(mouth.upper[centre] - mouth.upper[[0, -1]].mean())
        self._upper_closes = float(np.clip((arch - _ARCH) / max(self.photo_gap, CLOSED_GAP), *_UPPER_CLOSES))
        # Where the closed lips meet: nearer the upper lip, since an open jaw has carried the lower one away.
        self.seam_b = float(mouth.upper[centre] - self._upper_closes * self.photo_gap)
        middle = (mouth.upper + mouth.lower) / 2.0
        corners_up = float(middle[[0, -1]].mean() - middle[centre])
        self.photo_smile = float(np.clip((corners_up - _CORNERS_UP) / 0.10, 0.0, 1.0))
        # What a frown takes back of a smile in the photo: the height of the closed lips' line over its middle.
        line = mouth.upper - self._upper_closes * np.clip(mouth.upper - mouth.lower, 0.0, None)
        beyond = max(corners_up - _CORNERS_UP, 0.0) / max(corners_up, _CORNERS_UP)
        self._smile_line = np.asarray(_UNSMILES * beyond * (line - line[centre]))
        self._lip_upper = max(float(self._points[0, 1] - self._points[13, 1]), 0.04)
        self._lip_lower = max(float(self._points[14, 1] - self._points[17, 1]), 0.05)
        self._mouth_half = float(mouth.a[-1] - mouth.a[0]) / 2.0

    def basis(self, pixels: Floats, controls: tuple[str, ...], sheet: Sheet) -> Floats:
        """Displacements of given points under given controls.

        Args:
            pixels: float32 [rows, columns, 2].
            controls: names of `avatar.mesh.controls.CONTROLS`; lids have no field (see `avatar.mesh.eyes`).
            sheet: on which side of the lips, in front of the neck or of it.

        Returns:
            float32 [len(controls), rows, columns, 2], pixels (x right, y down).
        """
        plane = self._plane.to_plane(pixels)
        a, b = plane[..., 0], plane[..., 1]
        fields = self._face(a, b)
        upper, lower = (self._mouth_sheet(a, b, is_upper, sheet == "neck") for is_upper in (True, False))
        join = self._mouth_join(a, b)
        # Beyond the corners both sides are one again.
        apart = 1.0 - smoothstep(np.abs(self._mouth.across(a)), 1.0, 1.18)
        for name, up in upper.items():
            own = tuple(join * u + (1.0 - join) * v for u, v in zip(up, lower[name], strict=True))
            if sheet in ("upper", "lower"):
                side = up if sheet == "upper" else lower[name]
                own = tuple(j + apart * (s - j) for j, s in zip(own, side, strict=True))
            fields[name] = (own[0], own[1])
        moved = [np.stack(fields[name], axis=-1) @ self._plane.axes.T for name in controls]
        return np.asarray(moved, np.float32)

    def _face(self, a: Doubles, b: Doubles) -> dict[str, tuple[Doubles, Doubles]]:
        """Brows, cheeks and nose."""
        zero = np.zeros_like(a)
        fields = {}
        # Upper and lower rim, inner end to outer end: [2, 5, 2].
        brows = {side: self._points[[lm.BROW[side], lm.BROW_LOWER[side]]] for side in lm.SIDES}
        inner, nostrils = np.zeros_like(a), np.zeros((2, *a.shape))
        for side in lm.SIDES:
            out = lm.OUTWARDS[side]
            brow, room = brows[side], self._room_under_brow(side)
            # Skin that is stretched leaves the lid alone; squeezed, it needs more room, and makes the lid heavy.
            stretched, squeezed = max(0.65 * room, 0.085), max(0.80 * room, 0.095)
            inner = inner + _brow(a, b, brow[:, :2].mean(axis=1), _BROW_INNER, stretched)
            down = _brow(a, b, brow[:, :3].mean(axis=1), 0.24, squeezed)
            fields["browDown" + side] = (-0.035 * out * down, -0.082 * down)
            fields["browOuter" + side] = (zero, 0.095 * _brow(a, b, brow[:, 3:].mean(axis=1), 0.22, stretched))
            wing = self._points[lm.NOSE_WING[side]]
            sneer = _bump(a, b, wing, 0.13, 0.16)
            fields["sneer" + side] = (0.008 * out * sneer, 0.062 * sneer)
            # A raised cheek draws the wing of the nose out.
            lift = _bump(a, b, self._points[lm.CHEEK[side]], 0.24, 0.16)
            flare = _bump(a, b, wing, _NOSTRIL, _NOSTRIL)
            nostrils = nostrils + np.stack([out * _FLARES * flare, _FLARES_UP * flare])
            fields["cheek" + side] = (out * (0.016 * lift + 0.014 * sneer), 0.075 * lift)
        fields["browInner"] = (zero, 0.088 * inner)
        fields["nostrils"] = (nostrils[0], nostrils[1])
        return fields

    def _room_under_brow(self, side: str) -> float:
        """From the upper lid's rim to the brow's lower rim, eye distances."""
        lid = self._points[list(lm.EYE_UPPER[side])][2:-2, 1].mean()
        return max(float(self._points[list(lm.BROW_LOWER[side])][:, 1].mean() - lid), 0.08)

    def _mouth_join(self, a: Doubles, b: Doubles) -> Doubles:
        """1 above the slit and its prolongation, 0 below; the further from the slit's ends, the softer."""
        beyond = np.clip(np.abs(self._mouth.across(a)) - 1.0, 0.0, None) * self._mouth_half
        width = 0.012 + 0.7 * beyond
        middle = (self._mouth.upper_at(a) + self._mouth.lower_at(a)) / 2.0
        return smoothstep((b - middle) / width, -1.0, 1.0)

    def _mouth_sheet(self, a: Doubles, b: Doubles, is_upper: bool, neck: bool) -> dict[str, tuple[Doubles, Doubles]]:
        """Everything that the mouth's muscles and the jaw do, on one side of the lips."""
        mouth = self._mouth
        t = mouth.across(a)
        x = a - mouth.centre
        edge = mouth.upper_at(a) if is_upper else mouth.lower_at(a)
        v = b - edge
        zero = np.zeros_like(a)
        away = np.clip(v if is_upper else -v, 0.0, None)
        thickness = self._lip_upper if is_upper else self._lip_lower
        # How wide the slit opens along its length; a lens with full, not pointed, corners.
        opening = np.clip(1.0 - t**2, 0.0, None) ** 0.72
        # The lower lip hangs rounder than the upper one rises.
        droop = np.clip(1.0 - np.abs(t) ** 2.6, 0.0, None) ** 0.76
        # A lip moves as one piece: its displacement only fades beyond its outer rim.
        lip = 1.0 - smoothstep(away, thickness * 0.9, thickness * 0.9 + (0.20 if is_upper else 0.26))
        rim = np.exp(-(((away - thickness) / (0.8 * thickness)) ** 2)) * smoothstep(away, 0.0, 0.7 * thickness)
        inside = np.exp(-((t / 0.85) ** 2))
        shift = np.exp(-((x / 0.45) ** 2) - (v / 0.34) ** 2)
        fields: dict[str, tuple[Doubles, Doubles]] = {}

        jaw = self._jaw_weight(x, v, is_upper, neck)
        fields["jaw"] = (-0.05 * x * self._near_corner(x, v), -_CHIN_DROP * jaw)
        follow = _CHIN_DROP * _LIPS_FOLLOW
        gap = follow * opening * lip if is_upper else -(_LIP_DROP - follow) * droop * self._lower_lip(away, thickness)
        # The lower lip is drawn out flat: it opens as a bowl, not as a wedge, and its red goes round it.
        flat = zero if is_upper else 0.022 * _PEAK * t * np.clip(1.0 - t**2, 0.0, None) ** 2
        drawn = flat * self._lower_lip(away, thickness) - 0.14 * x * self._near_corner(x, v)
        fields["gap"] = (drawn, gap)
        # What a gap does as long as it is small, instead: the sides still touch.
        narrow = np.clip(1.0 - (t / _PARTS_WITHIN) ** 2, 0.0, None)
        if is_upper:
            middle = follow * (narrow - opening) * lip
        else:
            middle = -(_LIP_DROP - follow) * (narrow - droop) * self._lower_lip(away, thickness)
        fields["gapMiddle"] = (zero, middle)
        forward = 0.0 if is_upper else 1.0
        # Nearer to the viewer it is larger, too.
        fields["jawForward"] = (0.07 * forward * x * jaw, -0.045 * forward * jaw)
        side_shift = jaw if not is_upper else 0.5 * jaw
        fields["jawSide"] = (0.125 * side_shift, zero)
        fields["mouthSide"] = (0.11 * shift, zero)

        # The corners come in by the most: the lips' middle, which is their red, is hardly made narrower by it.
        clipped = np.clip(t, -1.0, 1.0)
        beyond = np.clip(np.abs(t) - 1.0, 0.0, None) * self._mouth_half
        gather = np.exp(-((beyond / 0.30) ** 2) - (v / 0.34) ** 2) * self._mouth_half
        sign = 1.0 if is_upper else -1.0
        # They become fuller, by what a thin lip can give.
        fuller = sign * rim * inside
        fields["pucker"] = (-(0.28 * clipped + 0.12 * clipped**3) * gather, min(0.050, 0.75 * thickness) * fuller)
        fields["funnel"] = (-(0.18 * clipped + 0.08 * clipped**3) * gather, min(0.042, 0.62 * thickness) * fuller)
        fields["funnelGap"] = (zero, (0.035 * opening if is_upper else -0.055 * droop) * lip)
        fields["puff"] = (0.21 * x * np.exp(-(((np.abs(x) - 0.44) / 0.24) ** 2) - ((v - 0.04) / 0.34) ** 2), zero)

        tuck = np.exp(-((away / (1.6 * thickness)) ** 2)) * inside
        fields["rollLower"] = (zero, zero if is_upper else 0.055 * tuck)
        fields["rollUpper"] = (zero, -0.048 * tuck if is_upper else zero)
        boss = _bump(x, v, np.array([0.0, -0.32]), 0.26, 0.20)
        raise_both = np.exp(-((t / 0.9) ** 2)) * (np.exp(-((away / 0.14) ** 2)) if is_upper else lip)
        fields["shrugLower"] = (zero, zero if is_upper else 0.045 * (raise_both + boss))
        fields["shrugPush"] = (zero, 0.045 * raise_both if is_upper else zero)
        fields["shrugUpper"] = (zero, 0.050 * np.exp(-((t / 0.9) ** 2)) * np.exp(-((away / 0.16) ** 2)))

        # A photo that smiles already has less of a smile left to add.
        smile = 1.0 - 0.45 * self.photo_smile
        for side in lm.SIDES:
            out = lm.OUTWARDS[side]
            corner = np.array([out * self._mouth_half, 0.0])
            half = smoothstep(out * t, -0.35, 0.35)
            pull = _bump(x, v, corner, 0.24, 0.24)
            # The corners bend the line of the lips, instead of carrying its middle and the tip of the nose along.
            bend = _bump(x, v, corner, *((0.19, 0.20) if is_upper else (0.21, 0.24)))
            tight = _bump(x, v, corner, 0.14, 0.14)
            middle_up = _bump(x, v, corner * 1.5 + [0.0, 0.16], 0.22, 0.16)
            # Lips that are drawn out become thinner.
            drawn_out = -sign * 0.016 * rim * inside * half
            fields["smile" + side] = (smile * 0.078 * out * pull, smile * (0.100 * bend + 0.03 * middle_up + drawn_out))
            fields["frown" + side] = (0.014 * out * pull, -0.080 * _bump(x, v, corner, 0.22, 0.24))
            # The line of a smiling photo's lips is made straight, as one piece, and its cheeks come down.
            beside = np.clip(np.abs(t) - 1.0, 0.0, None) * self._mouth_half
            around = half * np.exp(-((v / 0.26) ** 2) - (beside / 0.20) ** 2)
            sunk = np.interp(a, mouth.a, self._smile_line) * around + 0.03 * self.photo_smile * middle_up
            fields["unsmile" + side] = (-0.06 * self.photo_smile * out * pull, -sunk)
            fields["dimple" + side] = (0.055 * out * tight, 0.012 * tight)
            fields["stretch" + side] = (0.10 * out * pull, -0.025 * pull)
            thin = -sign * 0.042 * rim * inside * half
            fields["press" + side] = (0.01 * out * tight, thin)
            local = opening * half
            fields["upper" + side] = (zero, 0.095 * local * lip if is_upper else zero)
            fields["lower" + side] = (zero, zero if is_upper else -0.105 * local * lip)
        fields["rest"] = self._closing(t, away, jaw, lip, is_upper)
        return fields

    def _closing(
        self, t: Doubles, away: Doubles, jaw: Doubles, lip: Doubles, is_upper: bool
    ) -> tuple[Doubles, Doubles]:
        """Brings the photo's open mouth to closed lips; nothing where they are closed already."""
        zero = np.zeros_like(t)
        if self.photo_gap < CLOSED_GAP:
            return zero, zero
        a = self._mouth.centre + np.clip(t, -1.0, 1.0) * self._mouth_half
        gap = self._mouth.upper_at(a) - self._mouth.lower_at(a)
        gap = np.where(gap > 0.0, gap + _CLOSE_EXTRA * np.clip(8.0 * (1.0 - t**2), 0.0, 1.0), 0.0)
        if is_upper:
            return zero, -self._upper_closes * gap * np.exp(-((away / 0.22) ** 2))
        # A gap wider than lips make is a dropped jaw: the chin goes up with it.
        chin = _JAW_SHARE * max(self.photo_gap - _GAP_BY_LIPS, 0.0) * jaw
        return zero, chin + ((1.0 - self._upper_closes) * gap - chin) * lip

    def _near_corner(self, x: Doubles, v: Doubles) -> Doubles:
        return np.asarray(np.exp(-((x / 0.40) ** 2) - (v / 0.26) ** 2))

    def _lower_lip(self, away: Doubles, thickness: float) -> Doubles:
        """The lower lip and the skin under it down to the chin, which the jaw itself moves."""
        return 1.0 - smoothstep(away, thickness * 0.9, thickness * 0.9 + 0.40)

    def _jaw_weight(self, x: Doubles, v: Doubles, is_upper: bool, neck: bool) -> Doubles:
        """How much a point follows the jaw with the lips together: 1 at the chin, less at the lips, 0 at the ears."""
        chin_v = float(self._points[lm.CHIN, 1]) - self.seam_b
        if is_upper:
            across = 1.0 - smoothstep(np.abs(x), 0.10, 0.72)
            return np.asarray(_LIPS_FOLLOW * np.exp(-((np.clip(v, 0, None) / 0.24) ** 2)) * across)
        across = 1.0 - smoothstep(np.abs(x), 0.26, 0.84)
        down = _LIPS_FOLLOW + (1.0 - _LIPS_FOLLOW) * smoothstep(-v, 0.0, 0.30)
        if not neck:
            return np.asarray(across * down * (1.0 - smoothstep(-v, -chin_v + 0.40, -chin_v + 0.92)))
        # Below the chin the neck takes it up; slowly enough not to fold.
        below = 1.0 - smoothstep(-v, -chin_v + 0.03, -chin_v + 0.60)
        # The throat gives way, the collar beside it does not.
        beside = smoothstep(np.abs(x), 0.20, 0.52) * smoothstep(-v, -chin_v - 0.06, -chin_v + 0.16)
        return np.asarray(across * down * below * (1.0 - beside))
