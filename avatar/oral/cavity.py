"""What lies behind tongue and teeth: the insides of the cheeks, the palate above, the throat in the depth."""

from __future__ import annotations

import numpy as np

from avatar.geometry.warp import smoothstep
from avatar.motion import Doubles
from avatar.oral.canvas import canvas
from avatar.oral.palette import Palette

# Of the flesh's light: what little gets that far.
_CHEEK, _PALATE, _THROAT = 0.50, 0.26, 0.10
HALF_OPENING = 0.10
"""Half the height, eye distances, of the opening that it is painted for."""


def paint_cavity(colours: Palette, scale: float) -> Doubles:
    """Half of it, the opening's middle at the canvas's: float64 [H, W / 2, 4] RGBA."""
    a, b = canvas()
    beside = smoothstep(np.abs(a), 0.10 * scale, 0.25 * scale)
    above = smoothstep(b, 0.0, HALF_OPENING)
    middle = _THROAT + (_PALATE - _THROAT) * above
    light = middle + (_CHEEK - middle) * beside
    return np.dstack([_darkened(colours.flesh, light), np.full(a.shape, 255.0)])


def _darkened(colour: Doubles, light: Doubles) -> Doubles:
    """Flesh in less light: light that has been thrown to and fro between red walls is redder."""
    red = colour / max(float(colour.max()), 1.0)
    return np.asarray(colour * light[..., None] * red ** (0.35 * (1.0 - light[..., None])))
