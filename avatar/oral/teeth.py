"""Both rows of teeth with their gums, as seen from the front."""

from __future__ import annotations

import numpy as np

from avatar.geometry.warp import smoothstep
from avatar.motion import Doubles
from avatar.oral.canvas import MM, canvas
from avatar.oral.palette import Palette, in_light

# Widths of the visible teeth from the middle outwards, millimetres, as seen from the front along the arch (average
# adult crowns: incisors 8.5 and 6.5, canine 7.5, premolars 7, turned away more and more).
_UPPER_MM, _LOWER_MM = (8.5, 6.6, 6.4, 4.9, 3.6, 2.6), (5.3, 5.8, 6.0, 5.0, 4.0, 3.0)
_UPPER_TALL, _LOWER_TALL = (0.108, 0.096, 0.106, 0.085, 0.075, 0.07), (0.085, 0.088, 0.095, 0.08, 0.07, 0.06)
_UPPER_STEP, _LOWER_STEP = (0.0, 0.006, 0.002, 0.010, 0.02, 0.03), (0.0, 0.0005, 0.0, 0.004, 0.007, 0.01)
# Light of each tooth over the first's: canines are darker, the next ones turned away.
_TONE = np.array([1.0, 0.97, 0.92, 0.86, 0.80, 0.74])
# The lower row stands behind the upper one and looks up, out of the light of the sky.
_LOWER_LIGHT = 0.88
_GUM = 1.14
"""The gum's colour by the tongue's."""


def paint_teeth(colours: Palette, scale: float, *, upper: bool) -> Doubles:
    """Half a row of teeth with its gum, its biting edge in the middle at b = 0: float64 [H, W / 2, 4] RGBA."""
    x, b = canvas()
    widths = np.array(_UPPER_MM if upper else _LOWER_MM) * MM * scale
    ends = np.concatenate([[0.0], np.cumsum(widths)])
    index = np.clip(np.searchsorted(ends, x.ravel(), side="right").reshape(x.shape) - 1, 0, len(widths) - 1)
    along = (x - ends[index]) / widths[index]
    # The biting edges: an arch that rises towards the corners (upper), less so below, with each tooth's own step.
    height = np.array(_UPPER_TALL if upper else _LOWER_TALL)[index] * scale
    step = np.array(_UPPER_STEP if upper else _LOWER_STEP)[index]
    inwards = b - (step + 0.10 * x**2) if upper else (0.055 * x**2 - step) - b
    # Rounded corners at the biting edge, a scalloped gum line.
    side = np.abs(along - 0.5) * 2.0
    rounded = inwards - (0.008 if upper else 0.004) * scale * side**4
    gum_line = height * (1.0 - 0.16 * side**2)
    soft = 0.0045
    body = smoothstep(rounded, -soft, soft)
    crown = 1.0 - smoothstep(inwards, gum_line - 0.006, gum_line + 0.006)
    # Round towards the gaps, darker towards the back of the arch, a translucent edge.
    round_off = 1.0 - 0.13 * side**3
    gap_line = 1.0 - 0.14 * smoothstep(side, 0.88, 1.0) * smoothstep(inwards, 0.004, 0.04)
    depth = 1.0 - 0.70 * smoothstep(x, 0.10 * scale, 0.31 * scale)
    lift = 0.90 + 0.10 * smoothstep(inwards, 0.0, 0.03)
    light = in_light(depth * (1.0 if upper else _LOWER_LIGHT), colours.flesh)
    tooth = _TONE[index] * round_off * gap_line * lift * crown
    colour = (colours.enamel * tooth[..., None] + colours.flesh * (_GUM * (1.0 - crown))[..., None]) * light
    ends_here = 1.0 - smoothstep(x, ends[-1] - 0.03, ends[-1])
    return np.dstack([colour, 255.0 * body * ends_here])
