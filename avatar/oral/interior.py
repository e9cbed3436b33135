"""The inside of a mouth in one frame: cavity, tongue and teeth, each where it is and in the light that reaches it.

The light comes in through the opening: a place is the lighter the more of the opening there is around it, near for
the teeth, far for what lies deep. So a mouth that opens a little is dark inside, and all mouths darken towards their
corners and under the upper lip.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.motion import Doubles, Floats
from avatar.oral.canvas import ABOVE, HALF_WIDTH, TYPICAL_MOUTH, texture
from avatar.oral.cavity import HALF_OPENING, paint_cavity
from avatar.oral.palette import Palette, in_light
from avatar.oral.teeth import paint_teeth
from avatar.oral.tongue import paint_raised_tip, paint_tongue
from avatar.picture.blending import blend

# The edge of the upper teeth lies this far below the line of the closed lips, eye distances.
UPPER_EDGE = 0.027
# Lips that are pushed forward in full hide so much more of the teeth.
ROUNDING_HIDES = 0.04
# The lower lip's edge stands so far above the lower teeth's; a jaw that is dropped in full gains so much on it.
_LOWER_COVERED, _JAW_UNCOVERS = 0.024, 0.034
# How deep they lie behind the lips, eye distances: so far they stay behind a head that turns.
_TEETH_DEEP, _TONGUE_DEEP, _CAVITY_DEEP = 0.05, 0.12, 0.35
# The tongue's back between the lower lip (0) and the upper teeth (1): at rest, in front vowels, in rounded ones, with
# the jaw dropped in full; lower where its hue hardly tells it from the skin, so that the dark behind it does.
_TONGUE_UP, _FRONT_UP, _ROUND_DOWN, _JAW_DOWN, _PALE_DOWN = 0.90, 0.12, 0.16, 0.10, 0.02
# tongueOut at which its tip has risen to the upper teeth by 1 - 1/e: t, d and n are spoken with 0.05, l with 0.16.
_RISES_AT = 0.035
# From here on, it lies between the teeth: th.
_BETWEEN_TEETH = 0.12
# A tip that rises comes from so far below the edge of the lower teeth.
_TIP_HIDDEN = 0.03
# Around a place so much of the opening lets light in (around what is far behind, so wide and so high), eye distances;
# how much of it is enough; never less light.
_NEAR, _NEAR_GAIN, _NEAR_LEAST = 0.085, 1.5, 0.30
_FAR, _FAR_HIGH, _FAR_GAIN, _FAR_LEAST = 0.20, 0.13, 1.25, 0.22
# Of the near window, the part that lies above a place: light comes from above, past the upper lip.
_FROM_ABOVE = 0.60


@dataclass(frozen=True, slots=True)
class OralPose:
    """Where lips, jaw, tongue and head are; lengths in eye distances from the closed lips' middle, b upwards.

    Attributes:
        lower_lip: b of the lower lip's edge, as jaw and its muscles have it.
        lip_on_jaw: b of the lower lip's edge, as the jaw alone has it.
        jaw: 0 to 1.
        aside: a of the lower jaw.
        rounding: how far the lips are pushed forward, 0 to 1.
        spread: how far the corners are drawn back, 0 to 1.
        tongue_out: 0 to 1, as ARKit has it; below 0.55 inside the mouth.
        yaw: radians, the head's.
        pitch: likewise.
    """

    lower_lip: float
    lip_on_jaw: float
    jaw: float
    aside: float
    rounding: float
    spread: float
    tongue_out: float
    yaw: float
    pitch: float


class Interior:
    """Draws what is seen between the lips of one portrait.

    Args:
        colours: of the portrait.
        mouth_width: between the corners, eye distances.
        resolution: texels an eye distance.
        blur: the picture's own, standard deviation in texels.
        to_plane: float64 [2, 3], pixels of the portrait (x, y, 1) to eye distances from the closed lips' middle.
        eye_distance_px: pixels of the frame.
    """

    def __init__(
        self,
        colours: Palette,
        mouth_width: float,
        resolution: float,
        blur: float,
        to_plane: Doubles,
        eye_distance_px: float,
    ) -> None:
        scale = mouth_scale(mouth_width)
        self._to_plane = to_plane
        self._tongue_up = _TONGUE_UP - _PALE_DOWN * min(2.0 * (1.0 - colours.redness), 1.0)
        self._resolution = resolution
        self._upper = texture(paint_teeth(colours, scale, upper=True), resolution, blur)
        self._lower = texture(paint_teeth(colours, scale, upper=False), resolution, blur)
        self._tongue = texture(paint_tongue(colours, scale), resolution, blur)
        self._tip = texture(paint_raised_tip(colours, scale), resolution, blur)
        cavity = texture(paint_cavity(colours, scale), resolution, blur)
        self._cavity = np.ascontiguousarray(cavity[:, :, :3])
        self._near_light = _light_table(_NEAR_GAIN, _NEAR_LEAST, colours.flesh)
        self._far_light = _light_table(_FAR_GAIN, _FAR_LEAST, colours.flesh)
        self._near_px, *far_px = (max(3, round(reach * eye_distance_px)) for reach in (_NEAR, _FAR, _FAR_HIGH))
        self._far_px = (far_px[0], far_px[1])

    def draw(self, position: Floats, opening: Image, pose: OralPose) -> Image:
        """What is behind the lips: uint8 [h, w, 3].

        Args:
            position: float32 [h, w, 2], the portrait's coordinates of each pixel, pixels.
            opening: uint8 [h, w], 255 where nothing covers it.
            pose: of the mouth.
        """
        upper_b = -UPPER_EDGE + ROUNDING_HIDES * pose.rounding
        lower_b = pose.lip_on_jaw - _LOWER_COVERED + _JAW_UNCOVERS * pose.jaw - ROUNDING_HIDES * pose.rounding
        raised = float(1.0 - np.exp(-pose.tongue_out / _RISES_AT))
        lip_b = min(pose.lower_lip, upper_b - 0.01)
        up = self._tongue_up + _FRONT_UP * pose.spread - _ROUND_DOWN * pose.rounding - _JAW_DOWN * pose.jaw
        tongue_b = max(lip_b + up * (upper_b - lip_b), lower_b + 0.004)
        tip_b = (1.0 - raised) * (lower_b - _TIP_HIDDEN) + raised * (upper_b + 0.004)
        middle, half = (upper_b + lip_b) / 2.0, max((upper_b - lip_b) / 2.0, 0.02)

        near, far = self._light(opening)
        cavity = self._texels(position, pose, _CAVITY_DEEP, (0.0, middle), half / HALF_OPENING)
        drawn: Image = np.asarray(
            cv2.remap(self._cavity, cavity, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
        )
        drawn = self._over(drawn, position, pose, (self._tongue, _TONGUE_DEEP, (0.6 * pose.aside, tongue_b)))
        drawn = _lit(drawn, far)
        tip = (self._tip, _TEETH_DEEP, (0.6 * pose.aside, tip_b))
        lower = (self._lower, _TEETH_DEEP, (pose.aside, lower_b))
        for layer in (tip, lower) if pose.tongue_out < _BETWEEN_TEETH else (lower, tip):
            drawn = self._over(drawn, position, pose, layer, near)
        return self._over(drawn, position, pose, (self._upper, _TEETH_DEEP, (0.0, upper_b)), near)

    def _light(self, opening: Image) -> tuple[Image, Image]:
        """How much light reaches what is near the lips and what is far behind them: uint8 [h, w, 3] each."""
        near, far = self._near_px, self._far_px
        from_above = (near // 2, int(_FROM_ABOVE * near))
        lit_near = cv2.blur(opening, (near, near), anchor=from_above, borderType=cv2.BORDER_CONSTANT)
        lit_far = cv2.blur(opening, far, borderType=cv2.BORDER_CONSTANT)
        to_rgb = cv2.COLOR_GRAY2RGB
        return (
            np.asarray(cv2.LUT(cv2.cvtColor(lit_near, to_rgb), self._near_light), np.uint8),
            np.asarray(cv2.LUT(cv2.cvtColor(lit_far, to_rgb), self._far_light), np.uint8),
        )

    def _over(
        self,
        under: Image,
        position: Floats,
        pose: OralPose,
        layer: tuple[Image, float, tuple[float, float]],
        light: Image | None = None,
    ) -> Image:
        painted, deep, moved = layer
        texels = self._texels(position, pose, deep, moved)
        over = cv2.remap(painted, texels, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        colour = np.asarray(cv2.cvtColor(over, cv2.COLOR_RGBA2RGB), np.uint8)
        if light is not None:
            colour = _lit(colour, light)
        return blend(colour, under, np.asarray(cv2.extractChannel(over, 3), np.uint8))

    def _texels(
        self, position: Floats, pose: OralPose, deep: float, moved: tuple[float, float], height: float = 1.0
    ) -> Floats:
        """Where a painting that is moved and made higher, so deep in the mouth, is seen at each pixel."""
        stays = np.array([np.sin(pose.yaw), np.sin(pose.pitch)]) * deep
        matrix = np.array([[self._resolution, 0.0], [0.0, -self._resolution / height]])
        shift = matrix @ (np.array(moved) - stays)
        corner = np.array([HALF_WIDTH, ABOVE]) * self._resolution
        texels = matrix @ self._to_plane
        texels[:, 2] += corner - shift
        return np.asarray(cv2.transform(position, texels.astype(np.float32)), np.float32)


def _light_table(gain: float, least: float, flesh: Doubles) -> Image:
    """Light for each share of the opening that is seen, in 255ths: uint8 [1, 256, 3]."""
    light = np.clip(least + gain * np.arange(256) / 255.0, 0.0, 1.0)
    return np.asarray(np.rint(255.0 * in_light(light, flesh)), np.uint8)[None]


def mouth_scale(width: float) -> float:
    """How large teeth and tongue are, over the average, behind lips of a width in eye distances."""
    return float(np.clip(width / TYPICAL_MOUTH, 0.8, 1.2))


def _lit(image: Image, light: Image) -> Image:
    return np.asarray(cv2.multiply(image, light, scale=1.0 / 255.0), np.uint8)
