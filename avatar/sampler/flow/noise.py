"""The base noise of the flow: smooth in time, and keyed by seed, sound and frame, so that rewinds repeat it exactly."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch

from avatar.motion import Floats, MotionLayout
from avatar.sampler.intention.chance import Stream, generator

# Base noise is smooth over about this many frames to either side (see solvers.time_smoothed).
NOISE_REACH = 4
NOISE_SPREAD_FRAMES = 1.6


def smoothing_kernel() -> torch.Tensor:
    """Weights that smooth the base noise in time: [2 * NOISE_REACH + 1], squares summing to 1."""
    weights = torch.exp(-0.5 * (torch.arange(-NOISE_REACH, NOISE_REACH + 1) / NOISE_SPREAD_FRAMES) ** 2)
    return weights / weights.square().sum().sqrt()


def white_noise(seed: int, heard: Sequence[int], first: int) -> Floats:
    """White noise of as many frames, from `first` on, as there are keys of the sound: float32 [len(heard), 52]."""
    return np.stack([_white_frame(seed, key, first + i) for i, key in enumerate(heard)])


@lru_cache(maxsize=1024)  # of each block's frames, most were in the block before
def _white_frame(seed: int, heard: int, frame: int) -> Floats:
    return generator(Stream.NOISE, seed, heard, frame).standard_normal(len(MotionLayout.SAMPLED), np.float32)
