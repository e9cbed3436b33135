"""Landmarks of a face as several looks at its picture agree on.

A face tracker is a network that has seen people: of one and the same picture of a painted mouth, wide open, it finds a
gap of 3 mm; mirrored or a little nearer, the 14 to 23 mm that are drawn. Of a head it errs by a degree or two.
"""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.motion import Floats
from avatar.placing.mean_face import mirror_partners
from avatar.portrait.detection import FaceFinder

# Looked at from so much nearer and farther, too.
_NEARER = (1.25, 0.8)


def settled_landmarks(finder: FaceFinder, picture: Image) -> Floats | None:
    """The median of what is found in a picture as it is, mirrored, from nearer and from farther.

    Args:
        finder: entered already.
        picture: uint8 [S, S, 3].

    Returns:
        float32 [478, 3], pixels; None where no look finds a face.
    """
    size = picture.shape[0]
    looks = []
    if found := finder.meshes(picture):
        looks.append(found[0])
    if found := finder.meshes(np.ascontiguousarray(picture[:, ::-1])):
        back = found[0][mirror_partners()]
        back[:, 0] = size - 1 - back[:, 0]
        looks.append(back)
    middle = looks[0][:, :2].mean(axis=0) if looks else np.full(2, size / 2.0)
    for nearer in _NEARER:
        shift = size / 2.0 - nearer * middle
        there = np.array([[nearer, 0.0, shift[0]], [0.0, nearer, shift[1]]])
        seen = cv2.warpAffine(picture, there, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if found := finder.meshes(np.asarray(seen, np.uint8)):
            back = found[0] / np.float32(nearer)
            back[:, :2] -= (shift / nearer).astype(np.float32)
            looks.append(back)
    return np.median(looks, axis=0).astype(np.float32) if looks else None
