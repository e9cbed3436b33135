"""Holes in pictures filled from what is around them."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.motion import Floats


def pull_push(values: Floats, known: Floats) -> Floats:
    """Fills what is unknown smoothly: averages go down a pyramid, holes are filled on the way up.

    Args:
        values: float32 [H, W, C].
        known: float32 [H, W], 1 where values count, 0 where they are to be found.
    """
    height, width = known.shape
    weighted = values * known[:, :, None]
    if min(height, width) <= 2 or known.min() > 0.0:
        total = max(float(known.sum()), 1e-6)
        mean = weighted.reshape(-1, values.shape[2]).sum(axis=0) / total
        return np.where(known[:, :, None] > 0, values, mean.astype(np.float32))
    half = ((width + 1) // 2, (height + 1) // 2)
    small_known = cv2.resize(known, half, interpolation=cv2.INTER_AREA)
    small = cv2.resize(weighted, half, interpolation=cv2.INTER_AREA).reshape(half[1], half[0], -1)
    small = small / np.maximum(small_known, 1e-6)[:, :, None]
    below = pull_push(small.astype(np.float32), np.minimum(small_known * 4.0, 1.0).astype(np.float32))
    up = cv2.resize(below, (width, height), interpolation=cv2.INTER_CUBIC).reshape(height, width, -1)
    return np.asarray(values * known[:, :, None] + up * (1.0 - known[:, :, None]), np.float32)
