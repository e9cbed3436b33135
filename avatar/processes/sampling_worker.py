"""The process in which the motion of all sessions is sampled.

Run by `avatar.processes.sampling` as `python -m avatar.processes.sampling_worker`. Its setup is `weights`, a path or
null. What is sent for its one call are packed blocks, a batch at a time (`avatar.processes.packing`); what comes back
are the sampled ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from avatar.processes.packing import pack, unpack_blocks
from avatar.sampler.batcher import BlockBatcher
from avatar.sampler.block import sample_blocks
from avatar.sampler.lookahead import warm_up
from avatar.sampler.model import load_motion_model
from avatar.sampler.motion_sampler import FlowMotionSampler
from speech.worker.main import Call, Work, serve


def load(setup: dict[str, Any]) -> Work:
    """Loads the model, and warms it up."""
    torch.set_num_threads(1)
    model = load_motion_model(Path(setup["weights"]) if setup["weights"] else None)
    warm_up(FlowMotionSampler(BlockBatcher(model)))

    def sample(call: Call) -> None:
        for batch in call.incoming():
            call.emit(payload=pack(sample_blocks(model, unpack_blocks(batch))))

    return sample


if __name__ == "__main__":
    serve(load)
