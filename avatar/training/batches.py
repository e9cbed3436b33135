"""Batches cut from the prepared data: crops for the audio front end, blocks with history for the flow."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TypeVar

import torch
from torch import Tensor

from avatar.motion import LOOK_AHEAD_FRAMES
from avatar.sampler.denoiser import Denoiser
from avatar.sampler.dynamics import CARRIED_FRAMES, HEAD, MOUTH, NAMES, encode
from avatar.sampler.features import silence_features
from avatar.sampler.front_end import AUDIO_PAST_FRAMES
from avatar.sampler.speech_encoder import VIEWS_PER_FRAME
from avatar.training.dataset import MotionData
from avatar.training.feature_changes import ViewChanges, changed_mel, one_input_alone
from avatar.training.views import BLOCK_FRAMES, BLOCK_VIEWS
from speech.errors import InputError

LEAST_SPREAD = 0.03  # of a position in the normalisation, so that nearly constant ones are not blown up
LEAST_HEAD_SPREAD = 0.0003  # of an innovation of the head (radians, eye distances)
LEAST_FLOW_SPREAD = 0.005  # of any other (radians, ARKit units)
CROP_FRAMES = 80  # of one training example for the front end
VIDEO_LEAD_FRAMES = 12  # more than a block looks back
PIECE_FRAMES = 100  # of the data that gets one augmentation when all of it is heard at once
JAW, CLOSE, ROLL = (MOUTH.index(NAMES.index(name)) for name in ("jawOpen", "mouthClose", "mouthRollLower"))
"""Positions among the mouth's dimensions."""
LIPS_ROLL, TEETH_ROLL = 0.18, 0.62  # of mouthRollLower in the two contacts; see training.articulation


@dataclass(frozen=True)
class Normalisation:
    """Means and spreads, [52] each, as in `MotionCheckpoint`."""

    position_mean: Tensor
    position_std: Tensor
    flow_mean: Tensor
    flow_std: Tensor

    def to(self, device: torch.device) -> Normalisation:
        """The same on a device."""
        return _moved(self, device)


T = TypeVar("T", "Normalisation", "Crops", "Blocks")


def _moved(parts: T, device: torch.device) -> T:
    return replace(parts, **{field.name: getattr(parts, field.name).to(device) for field in fields(parts)})


def normalisation(data: MotionData) -> Normalisation:
    """Of positions and of the flow's variables, over all the data."""
    motion = torch.from_numpy(data.arrays["motion"])
    conditions = torch.from_numpy(data.arrays["conditions"]).float()
    start = torch.cat([torch.full((scene["frames"],), scene["start"]) for scene in data.scenes])
    index = torch.arange(len(motion))
    with_past = [
        torch.where((index - k < start)[:, None], rest_position(), motion[(index - k).clamp_min(0)]) for k in (2, 1)
    ]
    flow = encode(torch.stack([*with_past, motion], dim=1), conditions[:, None])[:, 0]
    least = torch.full((len(NAMES),), LEAST_FLOW_SPREAD)
    least[HEAD] = LEAST_HEAD_SPREAD
    return Normalisation(
        motion.mean(0), motion.std(0).clamp_min(LEAST_SPREAD), flow.mean(0), torch.maximum(flow.std(0), least)
    )


def rest_position() -> Tensor:
    """The neutral pose: [52]."""
    rest = torch.zeros(len(NAMES))
    rest[NAMES.index("headDistance")] = 1.0
    return rest


@dataclass(frozen=True)
class Crops:
    """For the front end.

    Attributes:
        features: [B, hops, 64] for CROP_FRAMES frames.
        views: [B, CROP_FRAMES, 3, VIEW_SIZE].
        articulation: [B, CROP_FRAMES, len(MOUTH)] in network units.
        contacts: [B, CROP_FRAMES, 2] in [0, 1]: lips, teeth.
        visemes: [B, CROP_FRAMES], UNKNOWN_VISEME where nobody knows.
    """

    features: Tensor
    views: Tensor
    articulation: Tensor
    contacts: Tensor
    visemes: Tensor

    def to(self, device: torch.device) -> Crops:
        """The same on a device."""
        return _moved(self, device)


def contacts(articulation: Tensor) -> Tensor:
    """How complete the contacts are: [..., len(MOUTH)] in ARKit units to [..., 2] (lips, teeth)."""
    jaw, close, roll = articulation[..., JAW], articulation[..., CLOSE], articulation[..., ROLL]
    lips = (close / jaw.clamp_min(1e-3)).clamp(0.0, 1.0) * (jaw > 0.01)
    teeth = ((roll - LIPS_ROLL) / (TEETH_ROLL - LIPS_ROLL)).clamp(0.0, 1.0)
    return torch.stack([lips, teeth], dim=-1)


@dataclass(frozen=True)
class Blocks:
    """For the flow: one block and what precedes it.

    Attributes:
        motion: [B, history + block, 52] in MotionLayout units.
        innovations: [B, history, 52] of the history, in MotionLayout units.
        heard: [B, block, width] and
        expected: [B, block, len(MOUTH)] of `Denoiser.hear`.
        conditions: [B, block, ConditionLayout.SIZE].
    """

    motion: Tensor
    innovations: Tensor
    heard: Tensor
    expected: Tensor
    conditions: Tensor

    def to(self, device: torch.device) -> Blocks:
        """The same on a device."""
        return _moved(self, device)


def _long_scenes(data: MotionData, validation: bool) -> Tensor:
    """First frame, length and unused first frames of the scenes that a crop fits into: [N, 3]."""
    # Made scenes begin at rest; videos begin in the middle of a movement, which nothing is known of.
    spans = [
        (s["start"], s["frames"], VIDEO_LEAD_FRAMES if "video" in s else 0)
        for s in data.scenes
        if s["validation"] == validation
    ]
    fitting = [span for span in spans if span[1] - span[2] >= CROP_FRAMES]
    return torch.tensor(fitting, dtype=torch.long).reshape(-1, 3)


class Batches:
    """Cuts reproducible random batches: a generator in the same state gives the same batch.

    Args:
        data: prepared motion.
        views: of its sound, [blocks, BLOCK_VIEWS, VIEW_SIZE] of `avatar.training.views`.
        norms: of `normalisation`.

    Attributes:
        has_validation: whether there are validation scenes to cut from.

    Raises:
        InputError: no scene is long enough.
    """

    def __init__(self, data: MotionData, views: Tensor, norms: Normalisation) -> None:
        arrays = {name: torch.from_numpy(array) for name, array in data.arrays.items()}
        mouth = list(MOUTH)
        self._features = arrays["features"]
        self._motion = arrays["motion"]
        articulation = arrays["articulation"].float()
        self._articulation = (articulation - norms.flow_mean[mouth]) / norms.flow_std[mouth]
        self._contacts = contacts(articulation)
        self._conditions = arrays["conditions"]
        self._visemes = arrays["visemes"].long()
        self._silence = torch.tensor(silence_features())
        self._views = views.flatten(0, 1)
        self._change_views = ViewChanges.measured(views)
        self._scenes = {kept_back: _long_scenes(data, kept_back) for kept_back in (False, True)}
        if not len(self._scenes[False]):
            raise InputError(f"training data: expected a scene of at least {CROP_FRAMES} frames, got none; make more")
        self.has_validation = len(self._scenes[True]) > 0
        self._heard = self._expected = torch.zeros(0)

    def _places(self, size: int, generator: torch.Generator, margin: int, validation: bool) -> tuple[Tensor, Tensor]:
        """Scene starts and frames in them, at least `margin` before the end: [size] each."""
        starts, frames, lead = self._scenes[validation].T
        scene = torch.multinomial(frames.double(), size, replacement=True, generator=generator)
        share = torch.rand(size, generator=generator)
        first = lead[scene]
        return starts[scene], first + (share * (frames[scene] - first - margin + 1)).long()

    def crops(self, size: int, generator: torch.Generator, *, validation: bool = False) -> Crops:
        """Crops of single scenes, preceded by what precedes them in the data (mostly pauses).

        Those for validation are heard as they are, the others changed (`avatar.training.feature_changes`).
        """
        start, frame = self._places(size, generator, CROP_FRAMES, validation)
        now = (start + frame)[:, None] + torch.arange(CROP_FRAMES)
        features, views = self._windows(start + frame, CROP_FRAMES), self._frame_views(now)
        if not validation:
            features = changed_mel(features, self._silence, generator)
            features, views = one_input_alone(features, self._change_views(views, generator), generator)
        return Crops(features, views, self._articulation[now], self._contacts[now], self._visemes[now])

    def _frame_views(self, frames: Tensor) -> Tensor:
        """What the blocks of the grid know of frames and of their look-ahead: [B, F] to [B, F, 3, VIEW_SIZE]."""
        row = frames // BLOCK_FRAMES * BLOCK_VIEWS + frames % BLOCK_FRAMES
        rows = row[..., None] + torch.arange(VIEWS_PER_FRAME)
        return self._views[rows.clamp_max(len(self._views) - 1)].float()

    def _windows(self, first: Tensor, frames: int) -> Tensor:
        """Features for `frames` frames from each of `first`: [B, hops, 64], silence outside the data."""
        index = first[:, None] + torch.arange(-AUDIO_PAST_FRAMES, frames + LOOK_AHEAD_FRAMES)
        outside = (index < 0) | (index >= len(self._features))
        features = self._features[index.clamp(0, len(self._features) - 1)].float()
        features[outside] = self._silence
        return features.flatten(1, 2)

    @torch.no_grad()
    def hear(self, denoiser: Denoiser, generator: torch.Generator) -> None:
        """Runs the trained front end over all the data, newly augmented, for `blocks` to cut from."""
        device = denoiser.no_audio.device
        pieces = torch.arange(0, len(self._features), PIECE_FRAMES)
        width = denoiser.config.width
        self._heard = torch.zeros(len(pieces) * PIECE_FRAMES, width, dtype=torch.float16)
        self._expected = torch.zeros(len(self._heard), len(MOUTH), dtype=torch.float16)
        for first in pieces.split(16):
            now = slice(int(first[0]), int(first[-1]) + PIECE_FRAMES)
            features = changed_mel(self._windows(first, PIECE_FRAMES), self._silence, generator)
            views = self._frame_views(first[:, None] + torch.arange(PIECE_FRAMES))
            heard = denoiser.hear(features.to(device), self._change_views(views, generator).to(device))
            self._heard[now], self._expected[now] = heard.view.flatten(0, 1).cpu(), heard.expected.flatten(0, 1).cpu()

    def blocks(
        self, size: int, history: int, block: int, generator: torch.Generator, *, validation: bool = False
    ) -> Blocks:
        """Blocks with their history; before a scene the face is at rest."""
        start, frame = self._places(size, generator, block, validation)
        place = frame[:, None] + torch.arange(-history - CARRIED_FRAMES, block)
        at = start[:, None] + place.clamp_min(0)
        motion = torch.where((place < 0)[:, :, None], rest_position(), self._motion[at])
        conditions = self._conditions[at].float()
        past = encode(motion[:, :-block], conditions[:, CARRIED_FRAMES:-block])
        past = torch.where((place[:, CARRIED_FRAMES:-block] < 0)[:, :, None], torch.zeros(1), past)
        now = at[:, -block:]
        return Blocks(
            motion[:, CARRIED_FRAMES:],
            past,
            self._heard[now].float(),
            self._expected[now].float(),
            conditions[:, -block:],
        )
