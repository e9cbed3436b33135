"""The mouth: lips over teeth over tongue over a dark cavity, all sized and lit after the person."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar.decoder import Image
from avatar.geometry import landmarks as lm
from avatar.geometry.opening import Slit
from avatar.geometry.warp import FieldInverter, Grid, scale_and_shift, smoothstep
from avatar.mesh.blendshapes import CLOSED_GAP, FaceFields
from avatar.mesh.controls import FACE_CONTROLS, INDEX, MOUTH_CONTROLS, control_rows
from avatar.mesh.layers import TEXTURE_SCALE
from avatar.mesh.slit import (
    EDGE_PER_PX,
    EDGE_ZERO,
    PoseFields,
    SlitPatch,
    Window,
    composite_sides,
    edge_table,
    paste,
    uncovered,
)
from avatar.motion import Doubles, Floats, MotionLayout
from avatar.oral.canvas import ABOVE, HALF_WIDTH, texture
from avatar.oral.interior import Interior, OralPose, mouth_scale
from avatar.oral.lip_rims import joint_px, web_px, wet_rim
from avatar.oral.palette import Palette, palette
from avatar.oral.tongue import paint_tongue_tip
from avatar.picture.blending import blend, shade
from avatar.picture.sharpness import edge_blur_px

# From here on the tongue is put out over the lower lip; in full its tip hangs this far below the lip's edge, eye
# distances.
_TONGUE_OVER_LIP, _TIP_BELOW_LIP = 0.55, 0.16
# The interior is never more blurred than this, pixels at 512; and what its paintings' edges have already.
_MOST_BLUR_PX, _PAINTED_PX = 2.5, 0.3
# Between these heights of the opening, pixels at 512, the rims of the lips come to light.
_PARTED_PX = (1.5, 6.0)
# The jaw moves aside by this many eye distances.
_JAW_ASIDE = 0.10
# Soft edge of the lips, pixels; and how far the lower lip reaches under the upper one, so that no gap shines through.
_SOFT_PX, OVERLAP_PX, INSIDE_PX = 1.3, 1.2, 1.2
# A ramp that is so many times as wide as a blur's standard deviation is as soft.
_RAMP_OF_BLUR = 12.0**0.5

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
    """

    def __init__(
        self,
        patch: SlitPatch,
        fields: FaceFields,
        plane: lm.FacePlane,
        slit: Slit,
        landmarks: Floats,
        image: Image,
    ) -> None:
        self._patch = patch
        self._rows = control_rows(_CONTROLS)
        nodes = patch.grid.nodes()
        sides = [fields.basis(nodes, _CONTROLS, sheet).reshape(len(_CONTROLS), -1) for sheet in ("upper", "lower")]
        self._basis = np.concatenate(sides, axis=1)
        self._invert = FieldInverter(patch.grid, _STEPS, steep=True)
        at = plane.to_plane(nodes)
        self._is_upper = at[..., 1] > (slit.upper_at(at[..., 0]) + slit.lower_at(at[..., 0])) / 2.0
        # Closed lips share a line, under which the lower one goes on; open ones end before the photo's own teeth.
        was_open = fields.photo_gap > CLOSED_GAP
        edges_px = (INSIDE_PX, INSIDE_PX) if was_open else (0.0, -OVERLAP_PX)
        resolution = 2.0 * plane.eye_distance_px
        softness = edge_blur_px(image, landmarks[list(lm.FACE_OVAL), :2]) / patch.scale
        # Lips that have parted end as softly as everything in the picture does.
        ramps_px = (_SOFT_PX, max(_SOFT_PX, _RAMP_OF_BLUR * min(softness, _MOST_BLUR_PX)))
        self._edges, self._parted_edges = (
            (edge_table(edges_px[0], ramp), edge_table(edges_px[1], ramp)) for ramp in ramps_px
        )
        blur = 2.0 * patch.scale * float(np.sqrt(max(min(softness, _MOST_BLUR_PX) ** 2 - _PAINTED_PX**2, 0.0)))
        colours = palette(image, landmarks)
        across = slit.across(plane.to_plane(patch.texels())[..., 0])
        # What ends before a photo's own teeth must still meet in the corners.
        self._closed = _with_web(patch.textures, joint_px(across)) if was_open else patch.textures
        self._parted = _parted(patch, self._closed, plane, across, colours, softness)
        # From pixels of the portrait to eye distances from the closed lips' middle, and to texels of the tongue's tip.
        inverse = np.linalg.inv(plane.axes)
        middle = np.array([slit.centre, fields.seam_b])
        to_plane = np.column_stack([inverse, -inverse @ plane.to_pixels(middle)])
        width = float(slit.a[-1] - slit.a[0])
        self._interior = Interior(colours, width, resolution, blur, to_plane, plane.eye_distance_px)
        self._tip = texture(paint_tongue_tip(colours, mouth_scale(width)), resolution, blur)
        corner = np.array([HALF_WIDTH, ABOVE]) * resolution
        to_texel = np.diag([resolution, -resolution]) @ to_plane
        self._to_texel = np.column_stack([to_texel[:, :2], to_texel[:, 2] + corner]).astype(np.float32)
        self._middle_texel = corner.astype(np.float32)
        # The middle of each lip's edge: its height over the closed lips' middle and what each control does to it, eye
        # distances; and one eye distance down, pixels.
        heights = [float(edge(np.array(slit.centre))) for edge in (slit.upper_at, slit.lower_at)]
        lips = np.array([[plane.to_pixels(np.array([slit.centre, b]))] for b in heights], np.float32)
        moves = [fields.basis(lips[:1], _CONTROLS, "upper"), fields.basis(lips[1:], _CONTROLS, "lower")]
        self._lips_b = np.array(heights) - fields.seam_b
        self._lip_moves = (np.stack(moves)[:, :, 0, 0] @ inverse.T)[..., 1].astype(np.float32)
        self._lower_lip = lips[1:]
        self._down = -plane.axes[:, 1].astype(np.float32)
        self._b_px = float(np.linalg.norm(plane.axes[:, 1])) / patch.scale
        self._on_jaw = np.array([name in ("jaw", "gap") for name in _CONTROLS], np.float32)
        self._soft_across = 2 * round(patch.scale) + 1
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
        lips = self._lips_b + self._lip_moves @ controls[self._rows]
        parted = float(smoothstep(float(lips[0] - lips[1]) * self._b_px, *_PARTED_PX))
        textures = _between(self._closed, self._parted, parted)
        window = self._patch.draw((self._invert(forward[0]), self._invert(forward[1])), pose, textures)
        upper_alpha, lower_alpha = window.alphas(*_between(self._edges, self._parted_edges, parted))
        if parted > 0.0:
            # How far a pixel is inside is measured upwards: where open lips end steeply, their edges are too sharp.
            upper_alpha, lower_alpha = self._softened(upper_alpha), self._softened(lower_alpha)
        at = uncovered(window, upper_alpha, lower_alpha)
        inside = None
        if at is not None:
            opening = cv2.multiply(
                cv2.bitwise_not(upper_alpha[at]), cv2.bitwise_not(lower_alpha[at]), scale=1.0 / 255.0
            )
            inside_pose = self._oral_pose(values, controls, float(lips[1]))
            inside = self._interior.draw(window.portrait_coordinates(at), np.asarray(opening, np.uint8), inside_pose)
        skin = composite_sides(inside, at, window, upper_alpha, lower_alpha)
        out = (float(values[self._tongue_at]) - _TONGUE_OVER_LIP) / (1.0 - _TONGUE_OVER_LIP)
        if out > 0.0 and at is not None:
            self._draw_tongue_out(skin, window, min(out, 1.0), forward[1], upper_alpha)
        paste(frame, window, skin)

    def _draw_tongue_out(self, skin: Image, window: Window, out: float, lower: Floats, upper_alpha: Image) -> None:
        """Lays the tongue over teeth and lower lip, as far out as `out` in (0, 1]; its shadow falls on the chin."""
        lip = self._patch.grid.sample(lower, self._lower_lip)[0, 0] + self._lower_lip[0, 0]
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

    def _softened(self, alpha: Image) -> Image:
        return np.asarray(cv2.blur(alpha, (self._soft_across, 1), borderType=cv2.BORDER_REPLICATE), np.uint8)

    def _oral_pose(self, values: Floats, controls: Floats, lower_lip: float) -> OralPose:
        on_jaw = self._lip_moves[1] * self._on_jaw
        funnel, pucker = float(controls[INDEX["funnel"]]), float(controls[INDEX["pucker"]])
        spread = sum(float(controls[INDEX[stem + side]]) for stem in ("smile", "stretch") for side in lm.SIDES)
        pitch, yaw = (float(values[MotionLayout.INDEX[name]]) for name in ("headPitch", "headYaw"))
        return OralPose(
            lower_lip=lower_lip,
            lip_on_jaw=float(on_jaw @ controls[self._rows]),
            jaw=float(controls[INDEX["jaw"]]),
            aside=_JAW_ASIDE * float(controls[INDEX["jawSide"]]),
            rounding=max(funnel, pucker),
            spread=min(spread / 2.0, 1.0),
            tongue_out=float(np.clip(values[self._tongue_at], 0.0, 1.0)),
            yaw=yaw,
            pitch=pitch,
        )


def _parted(
    patch: SlitPatch,
    closed: tuple[Image, Image],
    plane: lm.FacePlane,
    across: Doubles,
    colours: Palette,
    softness_px: float,
) -> tuple[Image, Image]:
    """The textures of both lips once they have parted."""
    down = -plane.axes[:, 1] / np.linalg.norm(plane.axes[:, 1]) * patch.scale * TEXTURE_SCALE
    made = []
    for photo, upper in zip(patch.textures, (True, False), strict=True):
        edge_px = (photo[:, :, 3].astype(np.float32) - np.float32(EDGE_ZERO)) / np.float32(EDGE_PER_PX)
        made.append(wet_rim(photo, edge_px, across, -down if upper else down, colours, softness_px, upper=upper))
    made[1][:, :, 3] = closed[1][:, :, 3]
    return _with_web((made[0], made[1]), web_px(across))


def _between(closed: tuple[Image, Image], parted: tuple[Image, Image], share: float) -> tuple[Image, Image]:
    """What the two lips have when closed and when parted, while they part."""
    if share <= 0.0:
        return closed
    if share >= 1.0:
        return parted
    upper, lower = (
        np.asarray(cv2.addWeighted(open_, share, shut, 1.0 - share, 0.0), np.uint8)
        for open_, shut in zip(parted, closed, strict=True)
    )
    return upper, lower


def _with_web(textures: tuple[Image, Image], reach_px: Doubles) -> tuple[Image, Image]:
    """The lower lip's texture reaches further under the upper one, by pixels at 512 (float64 [h, w])."""
    upper, lower = textures
    reached = np.rint(np.clip(lower[:, :, 3] + EDGE_PER_PX * reach_px, 0.0, 255.0)).astype(np.uint8)
    return upper, np.dstack([lower[:, :, :3], reached])
