"""What is measured around the person: what the frame lacks, what a moved head leaves behind."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.geometry import landmarks as lm
from avatar.geometry.warp import Grid
from avatar.mesh.decoder import MeshDecoder
from avatar.motion import MotionLayout, neutral
from avatar.picture.files import decode_picture, read_picture
from avatar.portrait.head_and_shoulders import padded_share
from avatar.portrait.portrait import Portrait

# How far the head is moved to either side, eye distances.
_MOVED = 0.3
# Shares of the picture: what is looked at lies so near the person's outline at rest, what it is compared with between
# these outside; what the moved head reaches, with this around it, is neither.
_NEAR, _AROUND, _REACHED = 0.02, (0.03, 0.07), 0.025
# Gradients below this, grey levels, are nothing to compare with.
_LEAST = 3.0


def padded_percent(portrait: Portrait) -> float:
    """How much of the frame shows what the picture doesn't have, %.

    Args:
        portrait: its file is read again.
    """
    picture = decode_picture(portrait.path, read_picture(portrait.path)).image
    # Rounded: a square that ends with its picture is known to within a float's last digits.
    return round(100.0 * padded_share(np.rot90(picture, -portrait.turns), portrait.placement), 6)


def residue(decoder: MeshDecoder, portrait: Portrait) -> float:
    """Gradient where the head's outline was before it moved aside, over that of the background around; 1 if no trace.

    Hair that stays behind, seams of what is filled in and doubled things make it more; smears make it less.

    Args:
        decoder: of the portrait.
        portrait: its own.
    """
    size = portrait.size
    person = (portrait.matte > 0.5).astype(np.uint8)
    inside, outside = (cv2.distanceTransform(side, cv2.DIST_L2, 5) / size for side in (person, 1 - person))
    away = np.where(person > 0, inside, outside)
    above_chin = np.arange(size)[:, None] < portrait.landmarks[lm.CHIN, 1]
    reach = np.ones((2 * round(_REACHED * size) + 1,) * 2, np.uint8)
    left, around = [], []
    for aside in (_MOVED, -_MOVED):
        values = neutral(1)[0]
        values[MotionLayout.INDEX["headX"]] = aside
        back = cv2.resize(decoder.backward_map(values), (size, size), interpolation=cv2.INTER_LINEAR)
        at = np.asarray(Grid(0, 0, size, size, 1).nodes() + back, np.float32)
        free = above_chin & (cv2.dilate(cv2.remap(person, at, None, cv2.INTER_NEAREST), reach) == 0)
        grey = cv2.cvtColor(decoder.decode(values), cv2.COLOR_RGB2GRAY).astype(np.float32)
        gradient = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
        left.append(gradient[free & (away < _NEAR)])
        around.append(gradient[free & (outside > _AROUND[0]) & (outside < _AROUND[1])])
    found, usual = np.concatenate(left), np.concatenate(around)
    if not found.size or not usual.size:  # the person fills the frame
        return 1.0
    return float(max(found.mean(), _LEAST) / max(usual.mean(), _LEAST))
