"""The mouth: lips over teeth over tongue over a dark cavity, all sized and lit after the person."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.mesh import landmarks as lm
from avatar.mesh.blending import blend, shade
from avatar.mesh.blendshapes import CLOSED_GAP, FaceFields
from avatar.mesh.controls import FACE_CONTROLS, INDEX, MOUTH_CONTROLS, control_rows
from avatar.mesh.eyes import white_of_eyes
from avatar.mesh.opening import Slit
from avatar.mesh.slit import Pose, SlitPatch, Window, cover, edge_table, paste, uncovered
from avatar.mesh.warp import Grid, Inverter, scaled, smoothstep
from avatar.motion import Floats, MotionLayout

# The interior's textures: this part of the face plane around the closed lips' middle, eye distances.
_HALF_WIDTH, _ABOVE, _BELOW = 0.50, 0.30, 0.75
# Widths of the visible teeth from the middle outwards, millimetres, as seen from the front along the arch (average
# adult crowns: incisors 8.5 and 6.5, canine 7.5, premolars 7, turned away more and more).
_UPPER_MM, _LOWER_MM = (8.5, 6.6, 6.4, 4.9, 3.6, 2.6), (5.3, 5.8, 6.0, 5.0, 4.0, 3.0)
_MM = 1.0 / 90.0
_TYPICAL_MOUTH = 0.54
# At rest the upper edge lies this far below the line of the lips, the lower teeth just behind; they drop with the jaw.
UPPER_EDGE, _LOWER_EDGE, _LOWER_DROP = 0.026, 0.010, 0.30
ROUNDING_HIDES = 0.04
# Put out further than this, the tongue lies over the lower teeth.
_TONGUE_OVER_TEETH = 0.15
# It meets the upper teeth at tongueOut = 1 / 1.7: th and l are spoken with less than a tongue put out in full.
_TONGUE_REACHES = 1.7
# Soft edge of the lips, pixels; and how far the lower lip reaches under the upper one, so that no gap shines through.
_SOFT_PX, OVERLAP_PX, INSIDE_PX = 1.3, 1.2, 1.2

_STEPS = 4
_CONTROLS = ("rest", *MOUTH_CONTROLS, *(name for name in FACE_CONTROLS if not name.startswith("brow")))


@dataclass(frozen=True, slots=True)
class LipField:
    """How one side of the lips moves.

    Attributes:
        field: float32 [rows, columns, 2], forwards, pixels.
        cell: pixels between its nodes.
        seen: bool [rows, columns], where it moves anything that can be seen.
    """

    field: Floats
    cell: int
    seen: npt.NDArray[np.bool_]


class Mouth:
    """Draws the mouth of one portrait into its window.

    Args:
        patch: the lips.
        fields: of the face.
        plane: of the face.
        slit: the lips' opening in the photo.
        landmarks: float32 [478, 3], pixels.
        image: uint8 [S, S, 3], the portrait.
    """

    def __init__(
        self, patch: SlitPatch, fields: FaceFields, plane: lm.FacePlane, slit: Slit, landmarks: Floats, image: Image
    ) -> None:
        self._patch = patch
        self._rows = control_rows(_CONTROLS)
        nodes = patch.grid.nodes()
        sides = [fields.basis(nodes, _CONTROLS, sheet).reshape(len(_CONTROLS), -1) for sheet in ("upper", "lower")]
        self._basis = np.concatenate(sides, axis=1)
        self._invert = Inverter(patch.grid, _STEPS, steep=True)
        at = plane.to_plane(nodes)
        self._is_upper = at[..., 1] > (slit.upper_at(at[..., 0]) + slit.lower_at(at[..., 0])) / 2.0
        scale = float(np.clip((slit.a[-1] - slit.a[0]) / _TYPICAL_MOUTH, 0.8, 1.2))
        skin = _skin(image, landmarks)
        white = white_of_eyes(image, landmarks)
        # Closed lips share a line, under which the lower one goes on; open ones end before the photo's own teeth.
        edges_px = (INSIDE_PX, INSIDE_PX) if fields.photo_gap > CLOSED_GAP else (0.0, -OVERLAP_PX)
        self._edges = (edge_table(edges_px[0], _SOFT_PX), edge_table(edges_px[1], _SOFT_PX))
        self._resolution = 2.0 * plane.eye_distance_px
        enamel = _enamel(skin, white)
        self._upper = self._texture(_teeth(_UPPER_MM, scale, skin, enamel, upper=True))
        self._lower = self._texture(_teeth(_LOWER_MM, scale, skin, enamel, upper=False))
        self._tongue = self._texture(_tongue(scale, skin))
        cavity = self._texture(_cavity(skin))
        self._cavity = np.ascontiguousarray(cavity[:, :, :3])
        # From pixels of the portrait to texels of the interior.
        inverse = np.linalg.inv(plane.axes)
        to_texel = np.array([[self._resolution, 0.0], [0.0, -self._resolution]]) @ inverse
        middle = plane.to_pixels(np.array([slit.centre, fields.seam_b]))
        corner = np.array([_HALF_WIDTH, _ABOVE]) * self._resolution
        self._to_texel = np.column_stack([to_texel, corner - to_texel @ middle]).astype(np.float32)
        self._tongue_at = MotionLayout.INDEX["tongueOut"]
        self._shade_px = max(3, int(0.10 * plane.eye_distance_px)) | 1

    def lips(self, controls: Floats) -> tuple[LipField, LipField]:
        """The fields of the upper and the lower side, forwards, and where in the portrait each is seen."""
        upper, lower = self._forward(controls)
        cell = self._patch.grid.cell
        return LipField(upper, cell, self._is_upper), LipField(lower, cell, ~self._is_upper)

    def _forward(self, controls: Floats) -> Floats:
        grid = self._patch.grid
        return np.asarray((controls[self._rows] @ self._basis).reshape(2, grid.rows, grid.columns, 2), np.float32)

    @property
    def grid(self) -> Grid:
        """The window that is drawn over the portrait."""
        return self._patch.grid

    def draw(self, frame: Image, values: Floats, controls: Floats, pose: Pose) -> None:
        """Draws the mouth into a frame that has everything else."""
        forward = self._forward(controls)
        window = self._patch.draw((self._invert(forward[0]), self._invert(forward[1])), pose)
        upper_alpha, lower_alpha = window.alphas(*self._edges)
        at = uncovered(window, upper_alpha, lower_alpha)
        inside = None if at is None else self._interior(window, at, values, controls, upper_alpha)
        paste(frame, window, cover(inside, at, window, upper_alpha, lower_alpha))

    def _interior(
        self, window: Window, at: tuple[slice, slice], values: Floats, controls: Floats, upper_alpha: Image
    ) -> Image:
        """Cavity, tongue and teeth in the part of the window where they can be seen."""
        texel = np.asarray(cv2.transform(window.canonical(at), self._to_texel), np.float32)
        gap, jaw, side = (float(controls[INDEX[name]]) for name in ("gap", "jaw", "jawSide"))
        rounding = float(max(controls[INDEX["funnel"]], controls[INDEX["pucker"]]))
        tongue_out = float(np.clip(values[self._tongue_at], 0.0, 1.0))
        # Lips pushed forward cover more of the teeth.
        hidden = ROUNDING_HIDES * rounding
        rise, drop = (0.0, hidden), (-0.10 * side, -_LOWER_DROP * max(jaw, gap) - hidden)
        # The tongue lies behind the lower teeth and goes half the jaw's way; put out, it meets the upper teeth.
        behind, out = -0.045 - 0.55 * _LOWER_DROP * jaw, -0.005 - 0.25 * _LOWER_DROP * jaw
        share = min(1.0, _TONGUE_REACHES * tongue_out)
        tongue = (0.0, (1.0 - share) * behind + share * out)
        layers = [(self._tongue, tongue), (self._lower, drop), (self._upper, rise)]
        if tongue_out > _TONGUE_OVER_TEETH:
            layers = [layers[1], layers[0], layers[2]]
        drawn = np.asarray(
            cv2.remap(self._cavity, texel, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
        )
        for texture, moved in layers:
            there = scaled(texel, 1.0, moved[0] * self._resolution, moved[1] * self._resolution)
            over = cv2.remap(texture, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
            drawn = blend(cv2.cvtColor(over, cv2.COLOR_RGBA2RGB), drawn, cv2.extractChannel(over, 3))
        # The upper lip and the corners keep the light out, all the more when the lips are pushed forward.
        shadow = cv2.blur(upper_alpha, (self._shade_px, self._shade_px), borderType=cv2.BORDER_REPLICATE)[at]
        return shade(drawn, np.asarray(shadow, np.uint8), 0.5 + 0.25 * rounding)

    def _texture(self, painted: npt.NDArray[np.float64]) -> Image:
        size = (int(2 * _HALF_WIDTH * self._resolution), int((_ABOVE + _BELOW) * self._resolution))
        small = cv2.resize(painted, size, interpolation=cv2.INTER_AREA)
        return np.asarray(np.rint(np.clip(small, 0.0, 255.0)), np.uint8)


_PAINT = 800
"""Texels an eye distance while painting; reduced to what the portrait needs."""


def _canvas() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    a = (np.arange(int(2 * _HALF_WIDTH * _PAINT)) + 0.5) / _PAINT - _HALF_WIDTH
    b = _ABOVE - (np.arange(int((_ABOVE + _BELOW) * _PAINT)) + 0.5) / _PAINT
    a_grid, b_grid = np.meshgrid(a, b)
    return a_grid, b_grid


def _skin(image: Image, landmarks: Floats) -> npt.NDArray[np.float64]:
    """Mean colour of both cheeks, RGB in [0, 255]."""
    samples = []
    for index in (50, 280, 101, 330, 36, 266):
        x, y = np.clip(landmarks[index, :2].astype(int), 4, image.shape[0] - 5)
        samples.append(image[y - 4 : y + 5, x - 4 : x + 5].reshape(-1, 3).astype(np.float64).mean(axis=0))
    return np.asarray(np.median(samples, axis=0))


def _light(skin: npt.NDArray[np.float64]) -> float:
    """How brightly the face is lit, in [0.35, 1]: dark skin in good light and light skin in the dark lie close."""
    luminance = float(skin @ [0.299, 0.587, 0.114]) / 255.0
    return float(np.clip(0.42 + 0.68 * luminance, 0.35, 1.0))


def _enamel(skin: npt.NDArray[np.float64], white: Floats) -> npt.NDArray[np.float64]:
    """The colour of teeth in the portrait's light: mostly as the whites of the eyes take it, a little warmer."""
    by_skin = np.array([228.0, 220.0, 204.0]) * _light(skin)
    by_eyes = np.clip(white.astype(np.float64) * 1.12, 60.0, 240.0) * np.array([1.0, 0.98, 0.925])
    colourful = float(np.clip((skin.max() - skin.min()) / 30.0, 0.0, 1.0))
    mixed = 0.45 * by_skin + 0.55 * by_eyes
    return np.asarray(colourful * mixed + (1.0 - colourful) * mixed.mean())


def _teeth(
    widths_mm: tuple[float, ...],
    scale: float,
    skin: npt.NDArray[np.float64],
    enamel: npt.NDArray[np.float64],
    *,
    upper: bool,
) -> npt.NDArray[np.float64]:
    """A row of teeth with its gum, RGBA."""
    a, b = _canvas()
    widths = np.array(widths_mm) * _MM * scale
    ends = np.concatenate([[0.0], np.cumsum(widths)])
    x = np.abs(a)
    index = np.clip(np.searchsorted(ends, x.ravel(), side="right").reshape(x.shape) - 1, 0, len(widths) - 1)
    along = (x - ends[index]) / widths[index]
    # The biting edge: an arch that rises towards the corners (upper) or likewise (lower), with each tooth's own step.
    height = np.array([0.108, 0.096, 0.106, 0.085, 0.075, 0.07] if upper else [0.085, 0.088, 0.095, 0.08, 0.07, 0.06])
    step = np.array([0.0, 0.006, 0.002, 0.010, 0.02, 0.03] if upper else [0.0, 0.001, 0.0, 0.008, 0.014, 0.02])
    arch = 0.22 * x**2
    edge = (-UPPER_EDGE + step[index] + arch) if upper else (-_LOWER_EDGE + 0.25 * arch - step[index] * 0.5)
    inwards = (b - edge) if upper else (edge - b)
    tall = height[index] * scale
    # Rounded corners at the biting edge, a scalloped gum line.
    side = np.abs(along - 0.5) * 2.0
    rounded = inwards - (0.008 if upper else 0.004) * scale * side**4
    gum_line = tall * (1.0 - 0.16 * side**2)
    soft = 0.0045
    body = smoothstep(rounded, -soft, soft)
    crown = 1.0 - smoothstep(inwards, gum_line - 0.006, gum_line + 0.006)
    light = _light(skin)
    gum = np.array([176.0, 98.0, 96.0]) * _gum_tint(skin) * light * 0.8
    # Round towards the gaps, darker towards the back of the arch, a translucent edge.
    round_off = 1.0 - 0.16 * side**3
    gap_line = 1.0 - 0.34 * smoothstep(side, 0.88, 1.0) * smoothstep(inwards, 0.004, 0.04)
    depth = 1.0 - 0.62 * smoothstep(x, 0.10, 0.34 * scale)
    lift = 0.90 + 0.10 * smoothstep(inwards, 0.0, 0.03)
    shade = round_off * gap_line * depth * lift * (1.0 if upper else 0.78)
    colour = enamel * (shade * crown)[..., None] + gum * (depth * (1.0 - crown))[..., None]
    ends_here = 1.0 - smoothstep(x, ends[-1] - 0.03, ends[-1])
    return np.dstack([colour, 255.0 * body * ends_here])


def _gum_tint(skin: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Red where the photo has colours, grey where it has none."""
    colourful = float(np.clip((skin.max() - skin.min()) / 30.0, 0.0, 1.0))
    grey = np.array([120.0 / 176.0, 120.0 / 98.0, 120.0 / 96.0])
    return grey * (1.0 - colourful) + colourful


def _tongue(scale: float, skin: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A tongue seen from the front, its top at the middle of the canvas, RGBA."""
    a, b = _canvas()
    half = 0.205 * scale
    top = -0.01 - 0.055 * (np.abs(a) / half) ** 2.6
    inside = top - b
    body = smoothstep(inside, -0.006, 0.008) * (1.0 - smoothstep(np.abs(a), half - 0.02, half + 0.01))
    groove = 1.0 - 0.16 * np.exp(-((a / 0.012) ** 2)) * smoothstep(inside, 0.01, 0.06)
    rounding = 0.62 + 0.38 * np.exp(-(((inside - 0.05) / 0.07) ** 2))
    sides = 1.0 - 0.45 * smoothstep(np.abs(a), 0.3 * half, half)
    colour = np.array([186.0, 98.0, 96.0]) * _gum_tint(skin) * _light(skin) * 0.86
    return np.dstack([colour * (groove * rounding * sides)[..., None], 255.0 * body])


def _cavity(skin: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The dark behind: a little red towards the front, nearly black in the depth, RGBA."""
    a, b = _canvas()
    depth = np.exp(-((a / 0.30) ** 2) - ((b + 0.12) / 0.22) ** 2)
    wall = np.array([96.0, 38.0, 38.0]) * _gum_tint(skin) * _light(skin)
    deep = np.array([40.0, 14.0, 15.0]) * _gum_tint(skin)
    colour = deep * depth[..., None] + wall * (1.0 - depth)[..., None] * 0.7
    return np.dstack([colour, np.full(a.shape, 255.0)])
