"""Blocks as bytes, for another process of ours: pickled, with NumPy's arrays in place of PyTorch's."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from avatar.processes.sampling import MotionProcess
from avatar.sampler.block import Block, SampledBlock


def pack(blocks: Sequence[Block] | Sequence[SampledBlock]) -> bytes:
    """A batch, before it is sampled or after."""
    plain = [replace(block, tails=_each(torch.Tensor.numpy, block.tails)) for block in blocks]
    return pickle.dumps(plain, protocol=pickle.HIGHEST_PROTOCOL)


def unpack_blocks(packed: bytes) -> list[Block]:
    """What `pack` has made of blocks."""
    return _unpacked(packed)


def sample_elsewhere(process: MotionProcess, blocks: Sequence[Block]) -> list[SampledBlock]:
    """Samples blocks of one batch in another process; see `sample_blocks`."""
    return _unpacked(process.sample(pack(blocks)))


def _unpacked(packed: bytes) -> list[Any]:
    return [replace(block, tails=_each(torch.from_numpy, block.tails)) for block in pickle.loads(packed)]


def _each(convert: Any, tails: Any) -> Any:
    return None if tails is None else tuple(map(convert, tails))
