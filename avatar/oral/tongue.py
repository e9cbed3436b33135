"""The tongue: lying in the mouth as seen from the front, and put out over the lip."""

from __future__ import annotations

import numpy as np

from avatar.geometry.warp import smoothstep
from avatar.motion import Doubles
from avatar.oral.canvas import canvas
from avatar.oral.palette import Palette

HALF_TONGUE = 0.262
"""Half of its width, eye distances, in a mouth of the typical width."""
_BACK_LIGHT, _WET = 0.55, 0.03
"""Light where it goes back into the throat, by what its front has; the sheen of its back, by the teeth's colour."""
_TIP_LIGHT = 1.22
"""Put out of the mouth it is lit as the lips are."""


def paint_tongue(colours: Palette, scale: float) -> Doubles:
    """Half a tongue, its back's highest point in the middle at b = 0: float64 [H, W / 2, 4] RGBA.

    Its back lies deep in the mouth, out of the light, and comes forward as it comes down.
    """
    a, b = canvas()
    half = HALF_TONGUE * scale
    x = a / half
    inside = -0.050 * scale * x**2 - 0.05 * scale * x**6 - b
    body = smoothstep(inside, -0.020, 0.022) * (1.0 - smoothstep(x, 0.88, 1.06))
    forward = smoothstep(inside, -0.02, 0.13)
    # A shallow furrow, not a line: the back is a little higher on both sides of it.
    groove = 1.0 - 0.09 * np.exp(-((a / 0.028) ** 2) - ((inside - 0.08) / 0.06) ** 2)
    sides = 1.0 - 0.42 * smoothstep(x, 0.45, 1.0)
    light = (_BACK_LIGHT + (1.0 - _BACK_LIGHT) * forward) * groove * sides
    wet = np.exp(-(((a - 0.055 * scale) / 0.05) ** 2) - ((inside - 0.105) / 0.022) ** 2)
    colour = colours.flesh * light[..., None] + colours.enamel * (_WET * wet)[..., None]
    return np.dstack([colour, 255.0 * body])


def paint_raised_tip(colours: Palette, scale: float) -> Doubles:
    """Half the tongue's tip as it rises to the upper teeth, its highest point in the middle at b = 0, RGBA.

    What is seen under its edge is its lower side.
    """
    a, b = canvas()
    x = a / (0.165 * scale)
    inside = -0.020 * scale * x**2 - 0.065 * scale * x**4 - b
    body = smoothstep(inside, -0.008, 0.010) * (1.0 - smoothstep(x, 0.95, 1.12))
    edge = 1.06 - 0.22 * smoothstep(inside, 0.015, 0.06)
    fold = 1.0 - 0.12 * np.exp(-((a / 0.012) ** 2)) * smoothstep(inside, 0.03, 0.07)
    sides = 1.0 - 0.30 * smoothstep(x, 0.35, 1.0)
    return np.dstack([colours.flesh * (edge * fold * sides)[..., None], 255.0 * body])


def paint_tongue_tip(colours: Palette, scale: float) -> Doubles:
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
    colour = colours.flesh * _TIP_LIGHT
    return np.dstack([colour * (groove * back * sides)[..., None], 255.0 * body])
