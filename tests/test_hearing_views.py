"""The second input of the sampler in training: what the speech encoder hears in the prepared sound."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from avatar.sampler.denoiser import Denoiser, DenoiserConfig, decided
from avatar.sampler.dynamics import MOTION_SIZE, MOUTH, NAMES
from avatar.sampler.front_end import SpeechViews
from avatar.sampler.speech_encoder import (
    VIEW_SIZE,
    WINDOW_FRAMES,
    frame_views,
    load_speech_encoder,
    window_frames,
)
from avatar.sampler.speech_mels import recording_mels, silence_mels
from avatar.training.batches import Batches, Normalisation
from avatar.training.dataset import MotionData
from avatar.training.feature_changes import DROP_MEL, DROP_VIEWS, ViewChanges, begin_views, one_input_alone
from avatar.training.objective import CONTACT_POSITIVE_WEIGHT, Objective
from avatar.training.views import BLOCK_FRAMES, BLOCK_VIEWS, block_views, load_views, make_views, write_block_views
from speech.errors import InputError

FRAMES = 112
SAMPLES = 640

pytestmark = pytest.mark.usefixtures("one_torch_thread")


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    random = np.random.default_rng(5)
    envelope = np.repeat(random.uniform(0.0, 9000.0, FRAMES), SAMPLES)
    return (
        (envelope * random.standard_normal(FRAMES * SAMPLES)).clip(-32767, 32767).astype(np.int16).reshape(FRAMES, -1)
    )


@pytest.fixture(scope="module")
def whole(sound) -> np.ndarray:
    return block_views(sound, range(-(-FRAMES // BLOCK_FRAMES)))


def test_the_grid_is_heard_as_while_a_voice_streams(sound, whole):
    mels = recording_mels((sound / 32767.0).astype(np.float32).reshape(-1), 16_000)
    encoder = load_speech_encoder()
    for block in (0, 3, 9, len(whole) - 1):
        frames = window_frames(block * BLOCK_FRAMES, BLOCK_FRAMES)
        assert len(frames) == WINDOW_FRAMES
        window = np.stack([mels[f] if 0 <= f < FRAMES else silence_mels() for f in frames])
        if frames.stop > FRAMES:  # the last window's spectra reach back into the sound
            padded = np.concatenate([sound.reshape(-1) / 32767.0, np.zeros(WINDOW_FRAMES * SAMPLES)])
            window = recording_mels(padded.astype(np.float32), 16_000)[frames.start : frames.stop]
        with torch.inference_mode():
            heard = encoder(torch.from_numpy(window)[None], BLOCK_VIEWS)[0]
        assert np.allclose(whole[block], heard.numpy(), atol=0.02, rtol=2e-3)


def test_blocks_are_the_same_whatever_is_heard_beside_them(sound, whole):
    some = block_views(sound, range(6, 11))
    assert some.dtype == np.float16 and some.shape == (5, BLOCK_VIEWS, VIEW_SIZE)
    assert np.allclose(some, whole[6:11], atol=0.02, rtol=2e-3)


def test_hearing_that_was_stopped_goes_on(sound, whole, tmp_path, monkeypatch):
    monkeypatch.setattr("avatar.training.views._PIECE_BLOCKS", 10)
    np.save(tmp_path / "sound.npy", sound)
    with pytest.raises(InputError, match="expected what the speech encoder hears"):
        load_views(tmp_path)

    async def one_piece(module, setup, calls, made, **_):
        call = next(calls)
        write_block_views(Path(setup["sound"]), range(call["first"], call["stop"]), Path(call["path"]))
        raise InputError("stopped")

    with monkeypatch.context() as stopped:
        stopped.setattr("avatar.training.views.make_pieces", one_piece)
        with pytest.raises(InputError, match="stopped"):
            make_views(tmp_path)
    first = tmp_path / "views" / "000000.npy"
    assert np.load(first).shape == whole[:10].shape
    np.save(first, np.full(whole[:10].shape, 7.0, np.float16))
    lines: list[str] = []
    make_views(tmp_path, progress=lambda share, line: lines.append(line))
    found = load_views(tmp_path)
    assert (found[:10] == 7).all(), "what was there is made again"
    assert np.allclose(found[10:], whole[10:], atol=0.02, rtol=2e-3)
    assert not first.parent.exists() and "frames heard" in lines[-1]
    np.save(tmp_path / "sound.npy", sound[::-1])
    with pytest.raises(InputError):
        load_views(tmp_path)


def _batches(whole: np.ndarray) -> Batches:
    arrays = {
        "features": np.zeros((FRAMES, 4, 64), np.float16),
        "motion": np.zeros((FRAMES, MOTION_SIZE), np.float32),
        "articulation": np.zeros((FRAMES, len(MOUTH)), np.float16),
        "conditions": np.zeros((FRAMES, 26), np.float16),
        "visemes": np.zeros(FRAMES, np.uint8),
    }
    scenes = [{"start": 0, "frames": FRAMES, "validation": kept_back} for kept_back in (False, True)]
    norms = Normalisation(*(torch.zeros(MOTION_SIZE), torch.ones(MOTION_SIZE)) * 2)
    return Batches(MotionData(arrays, scenes), torch.from_numpy(whole), norms)


def test_each_frame_of_a_crop_gets_its_blocks_views(whole):
    crops = _batches(whole).crops(3, torch.Generator().manual_seed(1), validation=True)
    grid = frame_views(torch.from_numpy(whole).float()).flatten(0, 1)
    starts = [int((grid == one[0]).all(-1).all(-1).nonzero()[0]) for one in crops.views]
    for start, views in zip(starts, crops.views, strict=True):
        assert torch.equal(views, grid[start : start + len(views)])
    assert len({start % BLOCK_FRAMES for start in starts}) > 1


def test_training_never_sees_the_same_views_twice_but_repeats_with_its_seed(whole):
    batches = _batches(whole)
    one, again, other = (batches.crops(8, torch.Generator().manual_seed(seed)).views for seed in (1, 1, 2))
    assert torch.equal(one, again) and not torch.equal(one, other)
    views = torch.from_numpy(whole).float()
    changes = ViewChanges.measured(views)
    many = frame_views(views)[:1].expand(400, -1, -1, -1)
    changed = changes(many, torch.Generator().manual_seed(3))
    off = (changed - many) / changes.spread
    assert off.std() == pytest.approx(0.5, abs=0.15) and off.mean().abs() < 0.02
    # Noise belongs to the frame, whichever frame's look-ahead it is in.
    kept = off[:, 0, 1] - off[:, 1, 0]
    assert kept.abs().max() < 0.75 and off[:, 0, 0].std() > 0.3


def test_some_examples_have_one_input_alone():
    features, views = torch.ones(2000, 4, 64), torch.ones(2000, 1, 3, 8)
    mel, seen = one_input_alone(features, views, torch.Generator().manual_seed(1))
    no_mel, no_views = (part.flatten(1).sum(1) == 0 for part in (mel, seen))
    assert not (no_mel & no_views).any()
    assert float(no_mel.float().mean()) == pytest.approx(DROP_MEL, abs=0.03)
    assert float(no_views.float().mean()) == pytest.approx(DROP_VIEWS, abs=0.03)


def test_the_network_begins_with_numbers_of_one_size(whole):
    speech = SpeechViews(8, 16)
    views = torch.from_numpy(whole)
    begin_views(speech, views)
    seen = speech.norm(views.float()).detach().flatten(0, 1)
    assert seen.mean(0).abs().max() < 1e-3
    assert 0.9 < float(seen.std(0).median()) <= 1.01


def _objective() -> Objective:
    small = DenoiserConfig(width=16, hop_width=8, view_width=4, layers=1, heads=1, feed_forward=16)
    norms = Normalisation(*(torch.zeros(MOTION_SIZE), torch.full((MOTION_SIZE,), 0.1)) * 2)
    return Objective(Denoiser(small), norms)


def _mouth(**curves: torch.Tensor) -> torch.Tensor:
    out = torch.zeros(1, 8, len(MOUTH))
    for name, curve in curves.items():
        out[..., MOUTH.index(NAMES.index(name))] = curve
    return out


def test_lips_that_jump_cost_more_than_lips_that_are_off():
    objective = _objective()
    wanted = _mouth()
    off, jumping = (
        objective._mouth(_mouth(jawOpen=0.5 * sign), wanted) for sign in (torch.ones(8), torch.tensor([1.0, -1.0] * 4))
    )
    assert jumping > 1.2 * off
    assert torch.isfinite(objective._mouth(_mouth()[:, :1], wanted[:, :1]))


def test_opening_and_width_are_those_of_the_drawn_mouth():
    objective = _objective()
    wave = torch.sin(torch.arange(8.0))
    opened = objective._curves(_mouth(jawOpen=wave, mouthClose=wave))
    assert opened[..., 0].abs().max() < 1e-6
    for name, sign in (("mouthStretchLeft", 1), ("mouthSmileRight", 1), ("mouthPucker", -1), ("mouthFunnel", -1)):
        width = objective._curves(_mouth(**{name: wave}))[0, :, 1]
        assert torch.corrcoef(torch.stack([width, wave]))[0, 1] * sign > 0.99


def test_contacts_come_over_frames():
    """What training asks for, a quarter, half and nearly all, is not decided into open and shut."""
    asked = torch.tensor([0.05, 0.3, 0.65, 0.97])
    learned = torch.logit(asked) + math.log(CONTACT_POSITIVE_WEIGHT)
    met = decided(learned[:, None].expand(-1, 2))
    assert (met[0] < 0.2).all() and (met[3] > 0.97).all()
    assert (met.diff(dim=0) < 0.6).all()
