"""What all streams of motion in a process share: the network and the numbers that go with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from avatar.feelings.expression import NOTHING
from avatar.motion import Floats, MotionLayout, neutral
from avatar.sampler.checkpoint import MotionCheckpoint, load_checkpoint
from avatar.sampler.dynamics import HIGHEST, LOWEST, MOTION_SIZE
from avatar.sampler.flow.noise import smoothing_kernel
from avatar.sampler.intention.state import IntentionState
from avatar.sampler.options import SamplerOptions
from avatar.sampler.speech_encoder import load_speech_encoder
from avatar.sampler.state import SampledFrame
from avatar.weights_file import store_by_columns

SAMPLED = list(MotionLayout.SAMPLED)


class MotionModel:
    """A trained network with what sampling needs beside it; read only, so that any thread may use it.

    Args:
        checkpoint: the trained network.

    Attributes:
        denoiser: the network.
        encoder: of speech, through which it hears.
        flow_mean: [52] and
        flow_std: [52], of the flow's variables.
        noise_kernel: [k], smooths the base noise in time.
        lowest: [52] and
        highest: [52], limits of the sampled dimensions.
        rest: the frame before the first one: the portrait's own face, not moving.
    """

    def __init__(self, checkpoint: MotionCheckpoint) -> None:
        self._checkpoint = checkpoint
        self.denoiser = checkpoint.denoiser
        self.encoder = load_speech_encoder()
        self.flow_mean = torch.from_numpy(checkpoint.flow_mean)
        self.flow_std = torch.from_numpy(checkpoint.flow_std)
        self.noise_kernel = smoothing_kernel()
        self.lowest, self.highest = (torch.from_numpy(limit[SAMPLED]) for limit in (LOWEST, HIGHEST))
        rest = neutral(1)[:, SAMPLED]
        units = self.units(rest, np.zeros((1, MOTION_SIZE), np.float32))
        self.rest = SampledFrame(rest[0], units[0], IntentionState(), NOTHING)

    def units(self, motion: Floats, innovations: Floats) -> Floats:
        """What the network sees of frames: float32 [F, 52] each to [F, 104]."""
        known = self._checkpoint
        position = (motion - known.position_mean) / known.position_std
        innovation = (innovations - known.flow_mean) / known.flow_std
        units: Floats = np.concatenate([position, innovation], axis=1).astype(np.float32)
        return units

    def check(self, options: SamplerOptions) -> None:
        """Refuses options that the network was not trained for.

        Raises:
            ValueError: blocks that are too long.
        """
        limit = self.denoiser.config.block
        if options.block_frames > limit:
            raise ValueError(f"block_frames: expected 1 to {limit}, got {options.block_frames}")


def load_motion_model(path: Path | None = None) -> MotionModel:
    """Loads the weights once for all streams; None: those that ship with the package.

    Raises:
        InputError: missing, damaged, or made for another layout or version.
    """
    checkpoint = load_checkpoint(path)
    store_by_columns(checkpoint.denoiser)
    return MotionModel(checkpoint)
