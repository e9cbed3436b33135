"""What lies behind tongue and teeth: the insides of the cheeks, the palate above, the throat in the depth."""

from __future__ import annotations

import numpy as np

from avatar.geometry.warp import smoothstep
from avatar.motion import Doubles
from avatar.oral.canvas import canvas
from avatar.oral.palette import Palette

# Of the flesh's light: what little gets that far.
_CHEEK, _PALATE, _THROAT = 0.72, 0.36, 0.13
# Across, the throat's dark goes over into the cheeks, and these into the dark of the corners (scaled with the mouth).
_TO_CHEEK, _TO_CORNER, _CORNER = (0.05, 0.18), (0.16, 0.28), 0.75
HALF_OPENING = 0.10
"""Half the height, eye distances, of the opening that it is painted for."""


def paint_cavity(colours: Palette, scale: float) -> Doubles:
    """Half of it, the opening's middle at the canvas's: float64 [H, W / 2, 4] RGBA."""
    a, b = canvas()
    x = a / scale
    # The cheeks' insides are lightest below, beside the tongue; towards the corners they lie in the lips' shadow.
    beside = smoothstep(x, *_TO_CHEEK) * (1.0 - _CORNER * smoothstep(x, *_TO_CORNER))
    beside *= 1.0 - 0.45 * smoothstep(b, -0.3 * HALF_OPENING, HALF_OPENING)
    # The palate is an arch: highest in the middle, where it is seen.
    above = smoothstep(b + 1.2 * x**2, 0.0, HALF_OPENING) * (1.0 - smoothstep(x, 0.12, 0.25))
    middle = _THROAT + (_PALATE - _THROAT) * above
    light = middle + (_CHEEK - middle) * beside
    return np.dstack([colours.flesh * light[..., None], np.full(a.shape, 255.0)])
