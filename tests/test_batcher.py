"""Several streams in one batch: each moves as it would alone, and hears only its own sound."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from avatar.motion import FRAME_RATE_HZ, Controls, ConversationState, Emotion, Floats
from avatar.sampler import batcher as batching
from avatar.sampler.batcher import MOST_BLOCKS, BlockBatcher, Request, next_batch
from avatar.sampler.block import Block, SampledBlock, gather, keep, sample_blocks
from avatar.sampler.checkpoint import untrained
from avatar.sampler.denoiser import DenoiserConfig
from avatar.sampler.guidance import Guidance
from avatar.sampler.model import MotionModel
from avatar.sampler.motion_sampler import FlowMotionSampler
from avatar.sampler.options import SamplerOptions
from speech.audio import AudioChunk

pytestmark = pytest.mark.usefixtures("one_torch_thread")

RATE = 16_000
FRAME = RATE // FRAME_RATE_HZ
FRAMES = 30
CLOSE = 1e-4
"""Of radians and coefficients: what the last bits of float32 become in FRAMES frames."""

OPTIONS = [
    SamplerOptions(seed=1),
    SamplerOptions(seed=2, composure=0.1, guidance=Guidance(audio=1.0, gaze=0.5)),
    SamplerOptions(seed=3, nods=1.0, guidance=Guidance(gaze=0.5)),
    SamplerOptions(seed=1, block_frames=2),
    SamplerOptions(seed=5, steps=1),
]


@pytest.fixture(scope="module")
def model() -> MotionModel:
    return MotionModel(untrained(0, DenoiserConfig(width=32, layers=2, heads=2, feed_forward=48)))


def _sound(seed: int) -> Floats:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, FRAMES * FRAME).astype(np.float32)


def _sampler(batcher: BlockBatcher, options: SamplerOptions, seed: int) -> FlowMotionSampler:
    """With all of its sound, listening to somebody, and angry."""
    sampler = FlowMotionSampler(batcher, options)
    sampler.set_state(ConversationState.LISTENING)
    sampler.set_controls(Controls(emotion=Emotion.ANGRY, intensity=0.7))
    sampler.push(AudioChunk(_sound(seed), RATE, 0))
    sampler.listen(AudioChunk(_sound(seed + 100), RATE, 0))
    sampler.end_of_speech()
    return sampler


def _block(model: MotionModel, seed: int, options: SamplerOptions | None = None) -> Block:
    chosen = options or SamplerOptions(seed=seed)
    return gather(model, chosen, _sampler(BlockBatcher(model), chosen, seed).state, chosen.block_frames)


def _wait_until(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10.0
    while not is_true():
        assert time.monotonic() < end, "it never came to this"
        time.sleep(0.001)


# ---- one batch


@pytest.mark.parametrize("block_frames", [1, 5])
def test_a_batch_gives_each_block_what_it_gives_it_alone(model: MotionModel, block_frames: int) -> None:
    guidances = [Guidance(), Guidance(audio=1.0, user=2.0), Guidance(gaze=1.5), Guidance()]
    options = [SamplerOptions(seed=i, block_frames=block_frames, guidance=g) for i, g in enumerate(guidances)]
    blocks = [_block(model, i, each) for i, each in enumerate(options)]
    together = sample_blocks(model, blocks)
    for block, sampled in zip(blocks, together, strict=True):
        (alone,) = sample_blocks(model, [block])
        np.testing.assert_allclose(sampled.motion, alone.motion, atol=1e-5)
        np.testing.assert_allclose(sampled.innovations, alone.innovations, atol=1e-5)
        assert sampled.motion.base is None and sampled.innovations.base is None, "it keeps nobody else's arrays alive"


def test_whoever_else_is_in_the_batch_changes_nothing(model: MotionModel) -> None:
    guided = SamplerOptions(seed=9, guidance=Guidance(audio=2.0))
    one, other, third = _block(model, 1), _block(model, 2), _block(model, 3)
    first = sample_blocks(model, [one, other, _block(model, 4, guided)])
    second = sample_blocks(model, [one, third, _block(model, 5, guided)])
    swapped = sample_blocks(model, [other, one, _block(model, 4, guided)])
    np.testing.assert_allclose(first[0].motion, second[0].motion, atol=1e-5)
    assert np.abs(first[1].motion - second[1].motion).max() > 1e-4
    for i, j in ((1, 0), (0, 1)):
        np.testing.assert_allclose(swapped[i].motion, first[j].motion, atol=1e-5)


def test_blocks_that_do_not_fit_together_are_refused(model: MotionModel) -> None:
    with pytest.raises(ValueError, match="batch_key"):
        sample_blocks(model, [_block(model, 1), _block(model, 1, SamplerOptions(steps=1))])


def test_a_stream_that_goes_on_and_one_that_begins_fit_into_one_batch(model: MotionModel) -> None:
    options = SamplerOptions(seed=1)
    running, fresh = (_sampler(BlockBatcher(model), options, seed).state for seed in (1, 2))
    first = gather(model, options, running, 5)
    keep(model, running, first, sample_blocks(model, [first])[0])
    blocks = [gather(model, options, state, 5) for state in (running, fresh)]
    assert [block.tails is None for block in blocks] == [False, True]
    for block, sampled in zip(blocks, sample_blocks(model, blocks), strict=True):
        np.testing.assert_allclose(sampled.motion, sample_blocks(model, [block])[0].motion, atol=1e-5)


# ---- streams that share a batcher


def test_streams_on_threads_move_as_they_would_alone(model: MotionModel, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    started = threading.Barrier(len(OPTIONS))

    def noted(model: MotionModel, blocks: Sequence[Block]) -> list[SampledBlock]:
        sizes.append(len(blocks))
        if len(sizes) == 1:  # so that something is waiting when this is done
            _wait_until(lambda: len(shared._waiting) == len(OPTIONS) - 1)
        return sample_blocks(model, blocks)

    monkeypatch.setattr(batching, "sample_blocks", noted)
    shared = BlockBatcher(model)

    def move(options: SamplerOptions) -> Floats:
        sampler = _sampler(shared, options, options.seed)
        started.wait()
        return sampler.frames().values

    with ThreadPoolExecutor(len(OPTIONS)) as threads:
        together = list(threads.map(move, OPTIONS))
    assert max(sizes) > 1 and sum(sizes) == 4 * 6 + 15
    monkeypatch.undo()
    for options, values in zip(OPTIONS, together, strict=True):
        alone = _sampler(BlockBatcher(model), options, options.seed).frames().values
        assert values.shape == (FRAMES, 60)
        np.testing.assert_allclose(values, alone, atol=CLOSE)


def test_a_frame_that_is_due_does_not_wait_for_those_made_ahead(
    model: MotionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[list[Block]] = []
    begun, may_end = threading.Event(), threading.Event()

    def slow(model: MotionModel, blocks: Sequence[Block]) -> list[SampledBlock]:
        batches.append(list(blocks))
        begun.set()
        may_end.wait(10.0)
        return sample_blocks(model, blocks)

    monkeypatch.setattr(batching, "sample_blocks", slow)
    shared = BlockBatcher(model)
    first, ahead, later, due = (_block(model, seed) for seed in range(4))
    with ThreadPoolExecutor(4) as threads:
        threads.submit(shared.sample, first, 0.0)
        assert begun.wait(10.0)
        for count, (block, due_s) in enumerate([(ahead, 0.12), (later, 0.13), (due, 0.0)], start=1):
            threads.submit(shared.sample, block, due_s)
            _wait_until(lambda count=count: len(shared._waiting) == count)  # type: ignore[misc]
        may_end.set()
    assert [[id(block) for block in batch] for batch in batches] == [[id(first)], [id(due)], [id(ahead), id(later)]]


def test_an_error_is_only_its_own_streams(model: MotionModel, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = _block(model, 1), _block(model, 2)
    begun, may_end = threading.Event(), threading.Event()

    def failing(model: MotionModel, blocks: Sequence[Block]) -> list[SampledBlock]:
        begun.set()
        may_end.wait(10.0)
        if bad in blocks:
            raise RuntimeError("broken block")
        return sample_blocks(model, blocks)

    monkeypatch.setattr(batching, "sample_blocks", failing)
    shared = BlockBatcher(model)
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(shared.sample, good, 0.0)
        assert begun.wait(10.0)
        both = [threads.submit(shared.sample, block, 1.0) for block in (good, bad)]
        _wait_until(lambda: len(shared._waiting) == 2)
        may_end.set()
    assert first.result().motion.shape == both[0].result().motion.shape == (5, 52)
    with pytest.raises(RuntimeError, match="broken block"):
        both[1].result()
    assert shared.sample(good, 0.0).motion.shape == (5, 52), "and it goes on"


def test_the_next_batch_is_what_is_due_first_and_fits(model: MotionModel) -> None:
    block, short = _block(model, 1), _block(model, 1, SamplerOptions(block_frames=2))
    waiting = [Request(block, 0.5), Request(short, 0.11), Request(block, 0.1), Request(block, 0.13)]
    assert next_batch(waiting) == [waiting[2], waiting[3]]
    assert next_batch(waiting[:2]) == [waiting[1]]
    assert len(next_batch([Request(block, 0.0) for _ in range(20)])) == MOST_BLOCKS
