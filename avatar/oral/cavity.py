"""What lies behind tongue and teeth: the insides of the cheeks, the palate above, the throat in the depth."""

from __future__ import annotations

import numpy as np

from avatar.geometry.warp import smoothstep
from avatar.motion import Doubles
from avatar.oral.canvas import canvas
from avatar.oral.palette import Palette

# Of the flesh's light: what little gets that far.
_CHEEK, _PALATE, _THROAT = 0.80, 0.32, 0.09
HALF_OPENING = 0.10
"""Half the height, eye distances, of the opening that it is painted for."""


def paint_cavity(colours: Palette, scale: float) -> Doubles:
    """Half of it, the opening's middle at the canvas's: float64 [H, W / 2, 4] RGBA."""
    a, b = canvas()
    # The cheeks' insides are lightest where they begin, and go back into the dark beside the teeth.
    beside = smoothstep(a, 0.10 * scale, 0.21 * scale) * (1.0 - 0.6 * smoothstep(a, 0.20 * scale, 0.30 * scale))
    above = smoothstep(b, 0.0, HALF_OPENING)
    middle = _THROAT + (_PALATE - _THROAT) * above
    light = middle + (_CHEEK - middle) * beside
    return np.dstack([colours.flesh * light[..., None], np.full(a.shape, 255.0)])
