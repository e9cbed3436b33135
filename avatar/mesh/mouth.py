"""The mouth: lips over teeth over tongue over a dark cavity, all sized and lit after the person."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.geometry.opening import Slit
from avatar.geometry.warp import FieldInverter, Grid, scale_and_shift
from avatar.mesh.blendshapes import CLOSED_GAP, FaceFields
from avatar.mesh.controls import FACE_CONTROLS, INDEX, MOUTH_CONTROLS, control_rows
from avatar.mesh.eyes import sclera_colour
from avatar.mesh.oral import (
    ABOVE,
    BELOW,
    HALF_WIDTH,
    LOWER_MM,
    TYPICAL_MOUTH,
    UPPER_MM,
    enamel_colour,
    mirrored,
    mouth_brightness,
    paint_cavity,
    paint_teeth,
    paint_tongue,
    paint_tongue_tip,
    skin_colour,
)
from avatar.mesh.slit import PoseFields, SlitPatch, Window, composite_sides, edge_table, paste, uncovered
from avatar.motion import Doubles, Floats, MotionLayout
from avatar.picture.blending import blend, shade

# The lower teeth drop with the jaw.
_LOWER_DROP = 0.30
ROUNDING_HIDES = 0.04
# Put out further than this, the tongue lies over the lower teeth.
_TONGUE_OVER_TEETH = 0.15
# From here on it is put out over the lower lip; in full its tip hangs this far below the lip's edge, eye distances.
_TONGUE_OVER_LIP, _TIP_BELOW_LIP = 0.55, 0.16
# A picture enlarged by a pixel's width more is blurred by this.
_ENLARGED_BLUR = 0.40
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
        visible: bool [rows, columns], where it moves anything that can be seen.
    """

    field: Floats
    cell: int
    visible: npt.NDArray[np.bool_]


class Mouth:
    """Draws the mouth of one portrait into its window.

    Args:
        patch: the lips.
        fields: of the face.
        plane: of the face.
        slit: the lips' opening in the photo.
        landmarks: float32 [478, 3], pixels.
        image: uint8 [S, S, 3], the portrait.
        enlarged: pixels of it for a pixel of the picture that it was cut from.
    """

    def __init__(
        self,
        patch: SlitPatch,
        fields: FaceFields,
        plane: lm.FacePlane,
        slit: Slit,
        landmarks: Floats,
        image: Image,
        enlarged: float,
    ) -> None:
        self._patch = patch
        self._rows = control_rows(_CONTROLS)
        nodes = patch.grid.nodes()
        sides = [fields.basis(nodes, _CONTROLS, sheet).reshape(len(_CONTROLS), -1) for sheet in ("upper", "lower")]
        self._basis = np.concatenate(sides, axis=1)
        self._invert = FieldInverter(patch.grid, _STEPS, steep=True)
        at = plane.to_plane(nodes)
        self._is_upper = at[..., 1] > (slit.upper_at(at[..., 0]) + slit.lower_at(at[..., 0])) / 2.0
        scale = float(np.clip((slit.a[-1] - slit.a[0]) / TYPICAL_MOUTH, 0.8, 1.2))
        skin = skin_colour(image, landmarks)
        white = sclera_colour(image, landmarks)
        # Closed lips share a line, under which the lower one goes on; open ones end before the photo's own teeth.
        edges_px = (INSIDE_PX, INSIDE_PX) if fields.photo_gap > CLOSED_GAP else (0.0, -OVERLAP_PX)
        self._edges = (edge_table(edges_px[0], _SOFT_PX), edge_table(edges_px[1], _SOFT_PX))
        self._resolution = 2.0 * plane.eye_distance_px
        enamel, light = enamel_colour(skin, white), mouth_brightness(skin, white)
        # As soft as a picture is that was enlarged so much.
        self._blur = _ENLARGED_BLUR * 2.0 * max(enlarged - 1.0, 0.0)
        self._upper = self._texture(paint_teeth(UPPER_MM, scale, skin, enamel, light, upper=True))
        self._lower = self._texture(paint_teeth(LOWER_MM, scale, skin, enamel, light, upper=False))
        self._tongue = self._texture(paint_tongue(scale, skin, light))
        self._tip = self._texture(paint_tongue_tip(scale, skin, light))
        cavity = self._texture(paint_cavity(skin, light))
        self._cavity = np.ascontiguousarray(cavity[:, :, :3])
        # From pixels of the portrait to texels of the interior.
        inverse = np.linalg.inv(plane.axes)
        to_texel = np.array([[self._resolution, 0.0], [0.0, -self._resolution]]) @ inverse
        middle = plane.to_pixels(np.array([slit.centre, fields.seam_b]))
        corner = np.array([HALF_WIDTH, ABOVE]) * self._resolution
        self._to_texel = np.column_stack([to_texel, corner - to_texel @ middle]).astype(np.float32)
        # The middle of the lower lip's edge, one eye distance down from it, and the middle of the interior's textures.
        edge = plane.to_pixels(np.array([slit.centre, float(slit.lower_at(np.array(slit.centre)))]))
        self._lip = edge[None, None].astype(np.float32)
        self._down = -plane.axes[:, 1].astype(np.float32)
        self._middle_texel = corner.astype(np.float32)
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
        """The grid of the window that is drawn over the portrait."""
        return self._patch.grid

    def draw(self, frame: Image, values: Floats, controls: Floats, pose: PoseFields) -> None:
        """Draws the mouth into a frame that has everything else."""
        forward = self._forward(controls)
        window = self._patch.draw((self._invert(forward[0]), self._invert(forward[1])), pose)
        upper_alpha, lower_alpha = window.alphas(*self._edges)
        at = uncovered(window, upper_alpha, lower_alpha)
        inside = None if at is None else self._interior(window, at, values, controls, upper_alpha)
        skin = composite_sides(inside, at, window, upper_alpha, lower_alpha)
        out = (float(values[self._tongue_at]) - _TONGUE_OVER_LIP) / (1.0 - _TONGUE_OVER_LIP)
        if out > 0.0 and at is not None:
            self._draw_tongue_out(skin, window, min(out, 1.0), forward[1], upper_alpha)
        paste(frame, window, skin)

    def _draw_tongue_out(self, skin: Image, window: Window, out: float, lower: Floats, upper_alpha: Image) -> None:
        """Lays the tongue over teeth and lower lip, as far out as `out` in (0, 1]; its shadow falls on the chin."""
        lip = self._patch.grid.sample(lower, self._lip)[0, 0] + self._lip[0, 0]
        tip = lip + self._down * (out * _TIP_BELOW_LIP)
        moved = self._to_texel @ np.array([*tip, 1.0], np.float32) - self._middle_texel
        whole = (slice(0, skin.shape[0]), slice(0, skin.shape[1]))
        texel = np.asarray(cv2.transform(window.portrait_coordinates(whole), self._to_texel), np.float32)
        over = cv2.remap(
            self._tip,
            scale_and_shift(texel, 1.0, -moved[0], -moved[1]),
            None,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
        )
        alpha = cv2.multiply(cv2.extractChannel(over, 3), cv2.bitwise_not(upper_alpha), scale=1.0 / 255.0)
        size = self._shade_px
        shadow = cv2.blur(np.roll(alpha, size // 2, axis=0), (size, size), borderType=cv2.BORDER_CONSTANT)
        skin[:] = blend(cv2.cvtColor(over, cv2.COLOR_RGBA2RGB), shade(skin, np.asarray(shadow, np.uint8), 0.3), alpha)

    def _interior(
        self, window: Window, at: tuple[slice, slice], values: Floats, controls: Floats, upper_alpha: Image
    ) -> Image:
        """Cavity, tongue and teeth in the part of the window where they can be seen."""
        texel = np.asarray(cv2.transform(window.portrait_coordinates(at), self._to_texel), np.float32)
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
            there = scale_and_shift(texel, 1.0, moved[0] * self._resolution, moved[1] * self._resolution)
            over = cv2.remap(texture, there, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
            drawn = blend(cv2.cvtColor(over, cv2.COLOR_RGBA2RGB), drawn, cv2.extractChannel(over, 3))
        # The upper lip and the corners keep the light out, all the more when the lips are pushed forward.
        shadow = cv2.blur(upper_alpha, (self._shade_px, self._shade_px), borderType=cv2.BORDER_REPLICATE)[at]
        return shade(drawn, np.asarray(shadow, np.uint8), 0.5 + 0.25 * rounding)

    def _texture(self, painted: Doubles) -> Image:
        size = (int(2 * HALF_WIDTH * self._resolution), int((ABOVE + BELOW) * self._resolution))
        small = cv2.resize(mirrored(painted), size, interpolation=cv2.INTER_AREA)
        if self._blur > 0.0:  # colours times alpha, so that the edges keep their colours
            alpha = small[:, :, 3:] / 255.0
            soft = cv2.GaussianBlur(np.dstack([small[:, :, :3] * alpha, small[:, :, 3:]]), (0, 0), self._blur)
            small = np.dstack([soft[:, :, :3] / np.maximum(soft[:, :, 3:] / 255.0, 1e-3), soft[:, :, 3:]])
        return np.asarray(np.rint(np.clip(small, 0.0, 255.0)), np.uint8)
