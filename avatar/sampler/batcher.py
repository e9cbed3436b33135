"""Blocks that several streams want at about the same time, sampled as one batch.

An engine makes one `BlockBatcher` for all its sessions; every session has a sampler of its own that shares it:

    batcher = BlockBatcher(load_motion_model(config.face.weights))  # once a process
    sampler = FlowMotionSampler(batcher, SamplerOptions(seed=3))  # one for each session

There is nothing to close: a batcher has no thread and holds nothing while nobody waits for a block.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from avatar.motion import FRAME_RATE_HZ
from avatar.sampler.block import Block, SampledBlock, sample_blocks
from avatar.sampler.model import MotionModel

MOST_BLOCKS = 4
"""In one batch. Four take little more than twice the time of one, so a frame that falls due meanwhile is not kept
waiting for long; eight would save a tenth of the work and take nearly twice as long again."""

TOGETHER_S = 1.5 / FRAME_RATE_HZ
"""Blocks whose frames are due within this of the first one's are sampled with it. A block for a frame that must be
shown now so never waits for one that is made ahead."""

SampleBlocks = Callable[[Sequence[Block]], list[SampledBlock]]
"""Blocks of one batch to their motion, in the same order."""


@dataclass(slots=True, eq=False)
class Request:
    """A block that a stream waits for.

    Attributes:
        block: what to sample.
        due_s: when its first frame must be there, on `time.monotonic`'s clock.
        sampled: the result.
        error: or what went wrong.
    """

    block: Block
    due_s: float
    sampled: SampledBlock | None = None
    error: Exception | None = None

    @property
    def is_done(self) -> bool:
        """Whether there is a result or an error."""
        return self.sampled is not None or self.error is not None


def next_batch(waiting: Sequence[Request]) -> list[Request]:
    """The request that is due first (of equals, the one that came first), and those that go with it."""
    first = min(waiting, key=lambda request: request.due_s)
    together = [
        request
        for request in waiting
        if request.block.batch_key == first.block.batch_key and request.due_s <= first.due_s + TOGETHER_S
    ]
    return sorted(together, key=lambda request: request.due_s)[:MOST_BLOCKS]


class BlockBatcher:
    """Samples blocks for streams that run on threads of their own.

    Nobody waits for company: a block that comes while nothing is sampled is sampled at once, on the thread that asks
    for it. What comes meanwhile waits until that is done; then the stream whose block is due first samples it together
    with the others that are due at about the same time. A stream waits for one block at a time, so there are never
    more waiting than there are streams.

    Args:
        model: what all of them share.
        sample: samples one batch at a time; None: `sample_blocks`, here.

    Attributes:
        model: likewise.
    """

    def __init__(self, model: MotionModel, sample: SampleBlocks | None = None) -> None:
        self.model = model
        self._sample_blocks: SampleBlocks = partial(sample_blocks, model) if sample is None else sample
        self._waiting: list[Request] = []
        self._is_sampling = False
        self._changed = threading.Condition()

    def sample(self, block: Block, due_s: float) -> SampledBlock:
        """Samples a block; waits for it, for at most the batch that is being sampled and those that are due sooner.

        Args:
            block: of any options.
            due_s: when its first frame must be there, on `time.monotonic`'s clock.
        """
        request = Request(block, due_s)
        batch: list[Request] = []
        with self._changed:
            self._waiting.append(request)
            self._changed.wait_for(lambda: request.is_done or self._leads(request))
            if not request.is_done:
                batch = next_batch(self._waiting)
                self._waiting = [other for other in self._waiting if other not in batch]
                self._is_sampling = True
        if batch:
            try:
                self._sample(batch)
            finally:
                with self._changed:
                    self._is_sampling = False
                    self._changed.notify_all()
        if request.error is not None:
            raise request.error
        assert request.sampled is not None, "a batch gives every request a result or an error"
        return request.sampled

    def _leads(self, request: Request) -> bool:
        return not self._is_sampling and next_batch(self._waiting)[0] is request

    def _sample(self, batch: list[Request]) -> None:
        try:
            sampled = self._sample_blocks([request.block for request in batch])
        except Exception as error:
            if len(batch) == 1:
                batch[0].error = error
            else:  # only the stream that it belongs to must hear of an error
                for request in batch:
                    self._sample([request])
            return
        for request, result in zip(batch, sampled, strict=True):
            request.sampled = result
