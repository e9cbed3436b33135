"""Light: a height map becomes a lit surface, with shadows, ambient occlusion and light that bleeds through skin."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from portraits.brush import Canvas, Floats, mix, ramp

KEY = np.array([-0.58, -0.52, 0.66], np.float32)
"""Towards the main light: from the upper left, before the face."""
KEY_COLOR = np.array([1.00, 0.93, 0.84], np.float32)
FILL = np.array([0.75, -0.05, 0.65], np.float32)
FILL_COLOR = np.array([0.98, 0.95, 1.00], np.float32)
SKY_COLOR = np.array([0.86, 0.93, 1.00], np.float32)
BOUNCE_COLOR = np.array([1.00, 0.80, 0.66], np.float32)
RIM_COLOR = np.array([0.72, 0.88, 1.00], np.float32)
SKIN_BLEED = (0.075, 0.032, 0.018)
"""How far red, green and blue light spread inside skin, face units (red by far the farthest: warm shadow edges)."""


@dataclass(frozen=True, slots=True)
class Surface:
    """How a material answers light.

    Attributes:
        bleed: spread of light inside it for red, green, blue; face units.
        gloss: strength of the broad highlight.
        shine: strength of the narrow highlight.
        rim: strength of the light from behind, at the right edge.
    """

    bleed: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gloss: float = 0.0
    shine: float = 0.0
    rim: float = 0.0


def to_linear(color: Floats) -> Floats:
    """Display values to amounts of light."""
    return np.power(np.maximum(color, 0), 2.2).astype(np.float32)


def to_display(light: Floats) -> Floats:
    """Amounts of light to display values, with a soft shoulder instead of clipping."""
    shoulder = np.where(light > 0.7, 0.7 + 0.3 * np.tanh((light - 0.7) / 0.3 * 0.8) / 0.95, light)
    return np.power(np.clip(shoulder, 0, 1), 1 / 2.2).astype(np.float32)


def lit(
    canvas: Canvas,
    height: Floats,
    albedo: Floats,
    mask: Floats,
    surface: Surface,
    wetness: Floats | None = None,
    dimmed: Floats | None = None,
) -> Floats:
    """Lights a surface.

    Args:
        canvas: where it lies.
        height: [H, W], towards the viewer, face units.
        albedo: [H, W, 3] display colours of the unlit material.
        mask: [H, W], where the surface is.
        surface: how it answers light.
        wetness: [H, W], multiplies the highlights; None is 1.
        dimmed: [H, W], what part of the main light something else keeps away; None is 0.

    Returns:
        float32 [H, W, 3] display colours, meaningful inside the mask.
    """
    slope_y, slope_x = np.gradient(height, 1 / canvas.unit)
    normal = np.stack([-slope_x, -slope_y, np.ones_like(height)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    inside = np.maximum(canvas.blur(mask, 0.09), 1e-3)
    hollow = canvas.blur(height * mask, 0.09) / inside - height
    inside_wide = np.maximum(canvas.blur(mask, 0.22), 1e-3)
    hollow_wide = canvas.blur(height * mask, 0.22) / inside_wide - height
    open_sky = np.exp(-4.5 * np.clip(hollow, 0, 1) - 1.6 * np.clip(hollow_wide, 0, 1))
    shadow: Floats = cast_shadow(canvas, height, mask)
    if dimmed is not None:
        shadow = np.asarray(1 - (1 - shadow) * (1 - dimmed), np.float32)
    direct = np.clip((normal @ (KEY / np.linalg.norm(KEY)) + 0.18) / 1.18, 0, 1) * (1 - 0.72 * shadow)
    fill = np.clip(normal @ (FILL / np.linalg.norm(FILL)), 0, 1)
    up = 0.5 - 0.5 * normal[..., 1]
    amount = (
        1.10 * direct[..., None] * KEY_COLOR
        + 0.12 * (fill * open_sky)[..., None] * FILL_COLOR
        + 0.23 * (up * open_sky)[..., None] * SKY_COLOR
        + 0.13 * ((1 - up) * open_sky)[..., None] * BOUNCE_COLOR
    )
    for channel, spread in enumerate(surface.bleed):
        if spread:
            weight = np.maximum(canvas.blur(mask, spread), 1e-3)
            amount[..., channel] = canvas.blur(amount[..., channel] * mask, spread) / weight
    light = to_linear(albedo) * amount * np.power(open_sky[..., None], np.array([0.25, 0.5, 0.6], np.float32))
    half = KEY / np.linalg.norm(KEY) + np.array([0, 0, 1], np.float32)
    facing = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1)
    highlight = surface.gloss * facing**14 + surface.shine * facing**60
    if wetness is not None:
        highlight = highlight * wetness
    light += (highlight * (1 - 0.8 * shadow) * open_sky)[..., None] * KEY_COLOR
    edge = np.clip(1 - normal[..., 2], 0, 1) ** 2.2 * np.clip(normal[..., 0] * 1.4 - 0.25, 0, 1)
    edge = edge * ramp(canvas.blur(mask, 0.10), 0.80, 0.5)  # the silhouette only, not the side of the nose
    light += surface.rim * edge[..., None] * RIM_COLOR
    return to_display(light.astype(np.float32))


def cast_shadow(canvas: Canvas, height: Floats, mask: Floats) -> Floats:
    """Soft shadow in [0, 1] that the height map throws on itself, away from the main light."""
    small = min(canvas.size, 384)
    terrain = cv2.resize(
        np.where(mask > 0.5, height, -2.0).astype(np.float32), (small, small), interpolation=cv2.INTER_AREA
    )
    unit = canvas.unit * small / canvas.size
    blocked = np.zeros_like(terrain)
    for step in np.linspace(0.03, 0.8, 28):
        shift = np.array([[1, 0, KEY[0] * step * unit], [0, 1, KEY[1] * step * unit]], np.float32)
        towards = cv2.warpAffine(
            terrain,
            shift,
            (small, small),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        # A wide lamp: the farther the blocker, the softer its edge.
        blocked = np.maximum(blocked, np.clip((towards - terrain - KEY[2] * step) / (0.02 + 0.28 * step), 0, 1))
    blocked = cv2.GaussianBlur(blocked, (0, 0), 0.02 * unit)
    return np.asarray(cv2.resize(blocked, (canvas.size, canvas.size), interpolation=cv2.INTER_CUBIC), np.float32)


def darken(image: Floats, color: Floats, mask: Floats) -> Floats:
    """Multiplies `image` by `color` where `mask` is 1: a tinted shadow."""
    return mix(image, image * color, mask)
