"""The rims of parted lips: wet, redder than the lips outside, with a sheen on the lower one, joined in the corners.

In a photo with closed lips their rims are the dark line between them. Once they part, that line is no part of either.
"""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.geometry.warp import smoothstep
from avatar.motion import Doubles, Floats
from avatar.oral.palette import Palette
from avatar.picture.blending import GREY

# Pixels of a 512-pixel picture. From here outwards a lip's colour is its own; nearer to its edge that is carried on.
_OWN_PX, _RIM_PX = 3.4, 1.4
# The share of the wet flesh's colour at the very edge; the shadow that lies on it above and below.
_WET, _UPPER_SHADOW, _LOWER_SHADOW = 0.55, 0.34, 0.10
# The sheen of the lower rim: how far inside the edge, how wide, how light by the skin's lights.
_SHEEN_AT_PX, _SHEEN_PX, _SHEEN = 2.1, 1.0, 0.10
# From here to there along the lips, their rims end.
_TOUCH = (0.80, 0.96)
# The skin that joins the lips in the corners reaches so far over the opening.
_WEB_PX = 1.5
# Likewise over closed lips whose edges end inside them.
_JOINT_PX = 4.0


def wet_rim(
    texture: Image, edge_px: Floats, across: Doubles, inwards: Doubles, colours: Palette, soft_px: float, *, upper: bool
) -> Image:
    """One lip's texture as it is once the lips have parted: uint8 [h, w, 4].

    Args:
        texture: uint8 [h, w, 4], RGB and how far inside the lip's edge in code of its own.
        edge_px: float32 [h, w], the same in pixels of a 512-pixel picture.
        across: float64 [h, w], position along the lips, -1 and 1 at the corners.
        inwards: float64 [2], texels for such a pixel, from the edge into the lip.
        colours: of the mouth.
        soft_px: the picture's own blur, standard deviation, in such pixels.
        upper: which lip.
    """
    # The lip's colour a little inside is carried to its edge.
    carried = np.clip(_OWN_PX - edge_px, 0.0, 2.0 * _OWN_PX).astype(np.float32)
    columns, rows = np.meshgrid(
        np.arange(texture.shape[1], dtype=np.float32), np.arange(texture.shape[0], dtype=np.float32)
    )
    at = np.dstack([columns + carried * np.float32(inwards[0]), rows + carried * np.float32(inwards[1])])
    own = cv2.remap(texture[:, :, :3], at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    own = cv2.GaussianBlur(own, (0, 0), 1.5).astype(np.float32)
    near = 1.0 - smoothstep(edge_px, 0.0, _OWN_PX)
    along = np.abs(across)
    corner = smoothstep(along, 0.50, 0.95)
    grey = own @ GREY
    wet = colours.flesh * (grey / max(float(colours.flesh @ GREY), 1.0))[..., None]
    colour = own + (wet - own) * (_WET * near)[..., None]
    shadow = (_UPPER_SHADOW if upper else _LOWER_SHADOW) * near
    colour *= (1.0 - shadow - (0.66 - shadow) * corner * near)[..., None]
    if not upper:
        width = float(np.hypot(_SHEEN_PX, soft_px))
        line = np.exp(-(((edge_px - _SHEEN_AT_PX) / width) ** 2)) * (_SHEEN_PX / width)
        # It breaks off towards the corners and is stronger beside the middle, where the lip is fullest.
        line *= (1.0 - smoothstep(along, 0.45, 0.75)) * (0.55 + 0.45 * smoothstep(along, 0.02, 0.22))
        colour += colours.enamel * (_SHEEN * line)[..., None]
    # In the corners the line stays, since there the lips always touch; what joins them beyond it is not the other lip.
    touching = smoothstep(along, *_TOUCH) * smoothstep(edge_px, -1.0, 0.3) + smoothstep(along, 0.985, 1.005)
    share = ((1.0 - smoothstep(edge_px, _RIM_PX, _OWN_PX)) * (1.0 - np.minimum(touching, 1.0)))[..., None]
    out = texture.copy()
    photo = texture[:, :, :3].astype(np.float32)
    out[:, :, :3] = np.rint(np.clip(photo + (colour - photo) * share, 0.0, 255.0))
    return out


def web_px(across: Doubles) -> Doubles:
    """How far, in pixels of a 512-pixel picture, skin joins the lips over an opening at a place along it."""
    along = np.abs(across)
    return np.asarray(_WEB_PX * smoothstep(along, 0.78, 0.99))


def joint_px(across: Doubles) -> Doubles:
    """How far, in such pixels, the lips of a photo's open mouth reach over one another near the corners."""
    return np.asarray(_JOINT_PX * smoothstep(np.abs(across), 0.86, 0.97))
