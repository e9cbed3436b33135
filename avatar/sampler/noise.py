"""The base noise of the flow: smooth in time, and keyed by (seed, frame), so that a rewind repeats it exactly."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from avatar.motion import Floats
from avatar.sampler.dynamics import MOTION_SIZE

# Base noise is smooth over about this many frames to either side (see solvers.time_smoothed).
NOISE_REACH = 4
NOISE_SPREAD_FRAMES = 1.6


def smoothing_kernel() -> torch.Tensor:
    """Weights that smooth the base noise in time: [2 * NOISE_REACH + 1], squares summing to 1."""
    weights = torch.exp(-0.5 * (torch.arange(-NOISE_REACH, NOISE_REACH + 1) / NOISE_SPREAD_FRAMES) ** 2)
    return weights / weights.square().sum().sqrt()


def white_noise(seed: int, frame: int, count: int) -> Floats:
    """White noise that `count` frames from `frame` on are smoothed from: float32 [count + 2 * NOISE_REACH, 52]."""
    return np.stack([_white_frame(seed, at) for at in range(frame - NOISE_REACH, frame + count + NOISE_REACH)])


@lru_cache(maxsize=1024)  # of each block's frames, most were in the block before
def _white_frame(seed: int, frame: int) -> Floats:
    # The intention draws from the same seed; the second bit pattern keeps the two streams apart.
    key = [seed & 0xFFFFFFFFFFFFFFFF, (frame & 0xFFFFFFFF) | 1 << 40]
    return np.random.Generator(np.random.Philox(key=key)).standard_normal(MOTION_SIZE, np.float32)
