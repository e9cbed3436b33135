"""What is measured on a decoder's pixels and fields: folds, flicker, seams."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from avatar.mesh.decoder import MeshDecoder
from avatar.motion import Floats
from avatar.portrait import Portrait

# What may belong to the person: the matte and so much around it, shares of the picture.
_AROUND = 0.06
# Rings beside a border with which it is compared, pixels at 512.
_BESIDE = (-7, -5, 5, 7)


def fold_share(back: Floats, cell: int) -> float:
    """Share of cells in which a backward field turns the picture over: det(I + ∂back) ≤ 0.

    Args:
        back: float32 [rows, columns, 2], pixels.
        cell: pixels between nodes.
    """
    along_y, along_x = np.gradient(back.astype(np.float64) / cell, axis=(0, 1))
    determinant = (1.0 + along_x[..., 0]) * (1.0 + along_y[..., 1]) - along_x[..., 1] * along_y[..., 0]
    return float((determinant <= 0.0).mean())


def background_flicker(decoder: MeshDecoder, portrait: Portrait, motion: Sequence[Floats]) -> float:
    """The largest change, in grey levels, of any pixel that the person reaches in none of the pictures."""
    size = portrait.matte.shape[0]
    reach = 2 * int(_AROUND * size) + 1
    around = np.ones((reach, reach), np.uint8)
    person = cv2.dilate((portrait.matte > 0.02).astype(np.uint8), around)
    reached = person > 0
    first, change = None, np.zeros((size, size), np.uint8)
    for values in motion:
        back = cv2.resize(decoder.back(values), (size, size), interpolation=cv2.INTER_LINEAR)
        at = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).astype(np.float32) + back
        reached |= cv2.remap(person, at, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE) > 0
        frame = decoder.decode(values)
        first = frame if first is None else first
        change = np.maximum(change, cv2.absdiff(frame, first).max(axis=2))
    still = change[~reached]
    return float(still.max()) if still.size else 0.0


def seam_ratio(decoder: MeshDecoder, faces: Sequence[Floats]) -> float:
    """Gradient across the borders of mouth and eye windows, over the gradient beside them; 1 where nothing is seen.

    Args:
        decoder: its windows lie where they do with the head at rest.
        faces: vectors that leave the head at rest.
    """
    worst = 0.0
    for values in faces:
        frame = cv2.cvtColor(decoder.decode(values), cv2.COLOR_RGB2GRAY).astype(np.float32)
        gradient = np.hypot(cv2.Sobel(frame, cv2.CV_32F, 1, 0), cv2.Sobel(frame, cv2.CV_32F, 0, 1))
        for left, top, width, height in decoder.windows:

            def ring(outwards: int, box: tuple[int, int, int, int] = (left, top, width, height)) -> float:
                x, y, w, h = box[0] - outwards, box[1] - outwards, box[2] + 2 * outwards, box[3] + 2 * outwards
                mask = np.zeros(gradient.shape, np.uint8)
                cv2.rectangle(mask, (x, y), (x + w - 1, y + h - 1), (1,), 1)
                return float(gradient[mask > 0].mean())

            # The border itself is feathered over some pixels: its steepest ring counts.
            border = max(ring(inwards) for inwards in (-4, -2, 0))
            beside = float(np.mean([ring(outwards) for outwards in _BESIDE]))
            worst = max(worst, border / max(beside, 1.0))
    return worst
