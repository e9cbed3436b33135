"""The front end hears what follows on a window as it would in one window, and forgets it when the sound changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from avatar.motion import LOOK_AHEAD_FRAMES
from avatar.sampler.batcher import BlockBatcher
from avatar.sampler.checkpoint import untrained
from avatar.sampler.denoiser import DenoiserConfig
from avatar.sampler.features import HOPS_PER_FRAME, MEL_BANDS
from avatar.sampler.front_end import AUDIO_PAST_FRAMES
from avatar.sampler.model import MotionModel
from avatar.sampler.motion_sampler import FlowMotionSampler
from avatar.sampler.speech_encoder import VIEW_SIZE, VIEWS_PER_FRAME
from speech.audio import AudioChunk

pytestmark = pytest.mark.usefixtures("one_torch_thread")

FRAME = 640
WINDOW = AUDIO_PAST_FRAMES + LOOK_AHEAD_FRAMES


@pytest.fixture(scope="module")
def model() -> MotionModel:
    return MotionModel(untrained(0, DenoiserConfig(width=32, hop_width=16, layers=1, heads=2, feed_forward=48)))


@pytest.mark.parametrize("parts", [(5, 5, 5), (1, 9, 5), (7, 4, 4)])
@torch.inference_mode()
def test_parts_are_heard_as_the_whole(model: MotionModel, parts: tuple[int, ...]) -> None:
    features = torch.randn(2, (WINDOW + 15) * HOPS_PER_FRAME, MEL_BANDS, generator=torch.Generator().manual_seed(0))
    views = torch.randn(2, 15, VIEWS_PER_FRAME, VIEW_SIZE, generator=torch.Generator().manual_seed(1))
    whole = model.denoiser.hear(features, views)
    sizes = [(WINDOW + parts[0]) * HOPS_PER_FRAME, *(part * HOPS_PER_FRAME for part in parts[1:])]
    tails, seen, expected = None, [], []
    for piece, seen_of_it in zip(features.split(sizes, dim=1), views.split(parts, dim=1), strict=True):
        heard = model.denoiser.hear(piece, seen_of_it, tails)
        tails = heard.tails
        seen.append(heard.view)
        expected.append(heard.expected)
    assert whole.view.shape[1] == 15
    torch.testing.assert_close(torch.cat(seen, dim=1), whole.view, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(torch.cat(expected, dim=1), whole.expected, rtol=1e-4, atol=1e-5)
    assert tails is not None
    for kept, known in zip(tails, whole.tails, strict=True):
        torch.testing.assert_close(kept, known, rtol=1e-4, atol=1e-5)


def test_sound_that_was_missing_is_heard_once_it_is_there(model: MotionModel) -> None:
    sound = np.random.default_rng(0).uniform(-0.3, 0.3, 25 * FRAME).astype(np.float32)
    sampler = FlowMotionSampler(BlockBatcher(model))

    def push(start: int, stop: int) -> None:
        sampler.push(AudioChunk(sound[start * FRAME : stop * FRAME], 16_000, start * FRAME))

    push(0, 12)
    assert len(sampler.frames().values) == 10 and sampler.state.tails is not None
    sampler.end_of_speech()
    assert len(sampler.frames().values) == 2 and sampler.state.tails is None, "silence was only assumed"
    push(12, 25)
    assert len(sampler.frames().values) == 10 and sampler.state.tails is not None
    sampler.interrupt(15)
    assert sampler.state.tails is None
