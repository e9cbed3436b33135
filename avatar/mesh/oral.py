"""What is inside a mouth, painted: teeth, tongue and cavity, sized and lit after the person.

A mouth's left half mirrors its right one, which is all that is painted here; `mirrored` makes both of it.
"""

from __future__ import annotations

import numpy as np

from avatar.decoder import Image
from avatar.geometry.warp import smoothstep
from avatar.motion import Doubles, Floats
from avatar.picture.blending import colourfulness
from avatar.picture.light import exposure

# The interior's textures: this part of the face plane around the closed lips' middle, eye distances.
HALF_WIDTH, ABOVE, BELOW = 0.50, 0.30, 0.75
# Widths of the visible teeth from the middle outwards, millimetres, as seen from the front along the arch (average
# adult crowns: incisors 8.5 and 6.5, canine 7.5, premolars 7, turned away more and more).
UPPER_MM, LOWER_MM = (8.5, 6.6, 6.4, 4.9, 3.6, 2.6), (5.3, 5.8, 6.0, 5.0, 4.0, 3.0)
_MM = 1.0 / 90.0
TYPICAL_MOUTH = 0.54
# At rest the upper edge lies this far below the line of the lips, the lower teeth just behind.
UPPER_EDGE, LOWER_EDGE = 0.026, 0.010

_PAINT = 800
"""Texels an eye distance while painting; reduced to what the portrait needs."""

# Of all light, on the darkest skin in a well exposed picture.
_LEAST_LIGHT = 0.35


def canvas() -> tuple[Doubles, Doubles]:
    """Across and up at every texel painted, eye distances from the middle of the closed lips: [H, W / 2] each."""
    a = (np.arange(int(HALF_WIDTH * _PAINT)) + 0.5) / _PAINT
    b = ABOVE - (np.arange(int((ABOVE + BELOW) * _PAINT)) + 0.5) / _PAINT
    a_grid, b_grid = np.meshgrid(a, b)
    return a_grid, b_grid


def mirrored(painted: Doubles) -> Doubles:
    """A painted half, [H, W / 2, 4], and its mirror image to the left of it: [H, W, 4]."""
    return np.concatenate([painted[:, ::-1], painted], axis=1)


def skin_colour(image: Image, landmarks: Floats) -> Doubles:
    """Mean colour of both cheeks, RGB in [0, 255]."""
    samples = []
    for index in (50, 280, 101, 330, 36, 266):
        x, y = np.clip(landmarks[index, :2].astype(int), 4, image.shape[0] - 5)
        samples.append(image[y - 4 : y + 5, x - 4 : x + 5].reshape(-1, 3).astype(np.float64).mean(axis=0))
    return np.asarray(np.median(samples, axis=0))


def mouth_brightness(skin: Doubles, white: Floats) -> float:
    """How brightly the inside of the mouth is lit, 0 to 1; dark skin in good light is not taken for a dark picture."""
    luminance = float(skin @ [0.299, 0.587, 0.114]) / 255.0
    return float(np.clip(0.42 + 0.68 * luminance, _LEAST_LIGHT, 1.0)) * exposure(skin, white)


def enamel_colour(skin: Doubles, white: Floats) -> Doubles:
    """The colour of teeth in the portrait's light: mostly as the whites of the eyes take it, a little warmer."""
    by_skin = np.array([228.0, 220.0, 204.0]) * mouth_brightness(skin, white)
    dimmest = 60.0 * exposure(skin, white)
    by_eyes = np.clip(white.astype(np.float64) * 1.12, dimmest, 240.0) * np.array([1.0, 0.98, 0.925])
    colourful = colourfulness(skin)
    mixed = 0.45 * by_skin + 0.55 * by_eyes
    return np.asarray(colourful * mixed + (1.0 - colourful) * mixed.mean())


def paint_teeth(
    widths_mm: tuple[float, ...],
    scale: float,
    skin: Doubles,
    enamel: Doubles,
    light: float,
    *,
    upper: bool,
) -> Doubles:
    """Half a row of teeth with its gum, float64 [H, W / 2, 4] RGBA."""
    x, b = canvas()
    widths = np.array(widths_mm) * _MM * scale
    ends = np.concatenate([[0.0], np.cumsum(widths)])
    index = np.clip(np.searchsorted(ends, x.ravel(), side="right").reshape(x.shape) - 1, 0, len(widths) - 1)
    along = (x - ends[index]) / widths[index]
    # The biting edge: an arch that rises towards the corners (upper) or likewise (lower), with each tooth's own step.
    height = np.array([0.108, 0.096, 0.106, 0.085, 0.075, 0.07] if upper else [0.085, 0.088, 0.095, 0.08, 0.07, 0.06])
    step = np.array([0.0, 0.006, 0.002, 0.010, 0.02, 0.03] if upper else [0.0, 0.001, 0.0, 0.008, 0.014, 0.02])
    arch = 0.22 * x**2
    edge = (-UPPER_EDGE + step[index] + arch) if upper else (-LOWER_EDGE + 0.25 * arch - step[index] * 0.5)
    inwards = (b - edge) if upper else (edge - b)
    tall = height[index] * scale
    # Rounded corners at the biting edge, a scalloped gum line.
    side = np.abs(along - 0.5) * 2.0
    rounded = inwards - (0.008 if upper else 0.004) * scale * side**4
    gum_line = tall * (1.0 - 0.16 * side**2)
    soft = 0.0045
    body = smoothstep(rounded, -soft, soft)
    crown = 1.0 - smoothstep(inwards, gum_line - 0.006, gum_line + 0.006)
    gum = np.array([176.0, 98.0, 96.0]) * gum_tint(skin) * light * 0.8
    # Round towards the gaps, darker towards the back of the arch, a translucent edge.
    round_off = 1.0 - 0.16 * side**3
    gap_line = 1.0 - 0.26 * smoothstep(side, 0.88, 1.0) * smoothstep(inwards, 0.004, 0.04)
    depth = 1.0 - 0.62 * smoothstep(x, 0.10, 0.34 * scale)
    lift = 0.90 + 0.10 * smoothstep(inwards, 0.0, 0.03)
    shade = round_off * gap_line * depth * lift * (1.0 if upper else 0.78)
    colour = enamel * (shade * crown)[..., None] + gum * (depth * (1.0 - crown))[..., None]
    ends_here = 1.0 - smoothstep(x, ends[-1] - 0.03, ends[-1])
    return np.dstack([colour, 255.0 * body * ends_here])


def gum_tint(skin: Doubles) -> Doubles:
    """Red where the photo has colours, grey where it has none."""
    colourful = colourfulness(skin)
    grey = np.array([120.0 / 176.0, 120.0 / 98.0, 120.0 / 96.0])
    return grey * (1.0 - colourful) + colourful


def paint_tongue(scale: float, skin: Doubles, light: float) -> Doubles:
    """Half a tongue seen from the front, its top at the middle of the canvas, RGBA."""
    a, b = canvas()
    half = 0.205 * scale
    top = -0.01 - 0.055 * (a / half) ** 2.6
    inside = top - b
    body = smoothstep(inside, -0.006, 0.008) * (1.0 - smoothstep(a, half - 0.02, half + 0.01))
    groove = 1.0 - 0.16 * np.exp(-((a / 0.012) ** 2)) * smoothstep(inside, 0.01, 0.06)
    rounding = 0.62 + 0.38 * np.exp(-(((inside - 0.05) / 0.07) ** 2))
    sides = 1.0 - 0.45 * smoothstep(a, 0.3 * half, half)
    colour = np.array([186.0, 98.0, 96.0]) * gum_tint(skin) * light * 0.86
    return np.dstack([colour * (groove * rounding * sides)[..., None], 255.0 * body])


def paint_cavity(skin: Doubles, light: float) -> Doubles:
    """Half of the dark behind: a little red towards the front, nearly black in the depth, RGBA."""
    a, b = canvas()
    depth = np.exp(-((a / 0.30) ** 2) - ((b + 0.12) / 0.22) ** 2)
    wall = np.array([96.0, 38.0, 38.0]) * gum_tint(skin) * light
    # Light hardly matters so deep inside, unless there is less of it than well exposed pictures have.
    deep = np.array([40.0, 14.0, 15.0]) * gum_tint(skin) * min(light / _LEAST_LIGHT, 1.0)
    colour = deep * depth[..., None] + wall * (1.0 - depth)[..., None] * 0.7
    return np.dstack([colour, np.full(a.shape, 255.0)])


def paint_tongue_tip(scale: float, skin: Doubles, light: float) -> Doubles:
    """Half a tongue put out over the lip, its tip's lowest point at the middle of the canvas, RGBA."""
    a, b = canvas()
    half = 0.155 * scale
    x = a / half
    # Round at the tip, nearly straight above it.
    edge = 0.135 * scale * np.clip(x, 0.0, 1.4) ** 2.2
    inside = b - edge
    body = smoothstep(inside, -0.004, 0.006) * (1.0 - smoothstep(x, 0.94, 1.04))
    groove = 1.0 - 0.15 * np.exp(-((a / 0.016) ** 2)) * smoothstep(inside, 0.03, 0.12)
    # It bends downwards over the lip: light along its back, dark towards its sides and its tip.
    back = 0.82 + 0.24 * np.exp(-(((inside - 0.10) / 0.07) ** 2))
    sides = 1.0 - 0.38 * smoothstep(x, 0.45, 1.0)
    colour = np.array([218.0, 126.0, 122.0]) * gum_tint(skin) * light * 0.95
    return np.dstack([colour * (groove * back * sides)[..., None], 255.0 * body])
