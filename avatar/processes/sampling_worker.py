"""The process in which the motion of all sessions is sampled.

Run by `avatar.processes.sampling` as `python -m avatar.processes.sampling_worker`. Its setup is `weights`, a path or
null. What is sent for its one call are packed blocks, a batch at a time (`avatar.processes.packing`); what comes back
are the sampled ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from avatar.clock import SAMPLES_PER_FRAME
from avatar.motion import LOOK_AHEAD_FRAMES
from avatar.processes.packing import pack, unpack_blocks
from avatar.sampler.batcher import BlockBatcher
from avatar.sampler.block import sample_blocks
from avatar.sampler.model import load_motion_model
from avatar.sampler.motion_sampler import FlowMotionSampler
from speech.audio import OUTPUT_RATE_HZ, AudioChunk
from speech.worker.main import Call, Work, serve

WARM_UP_FRAMES = 10 + LOOK_AHEAD_FRAMES


def load(setup: dict[str, Any]) -> Work:
    """Loads the model, and samples once: PyTorch's first call of a network takes a quarter of a second."""
    torch.set_num_threads(1)
    model = load_motion_model(Path(setup["weights"]) if setup["weights"] else None)
    warm = FlowMotionSampler(BlockBatcher(model))
    warm.push(AudioChunk(np.zeros(WARM_UP_FRAMES * SAMPLES_PER_FRAME, np.float32), OUTPUT_RATE_HZ, 0))
    warm.frames()

    def sample(call: Call) -> None:
        for batch in call.incoming():
            call.emit(payload=pack(sample_blocks(model, unpack_blocks(batch))))

    return sample


if __name__ == "__main__":
    serve(load)
