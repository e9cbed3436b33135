"""What the two towers see: prepared scenes as normalised streams, which scene serves what, and batches of windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from avatar.evaluation.towers.model import AUDIO_CHANNELS, TowerConfig, TowerKind
from avatar.motion import Floats
from avatar.sampler.dynamics import HEAD, MOUTH
from avatar.training.dataset import MotionData
from speech.errors import InputError

# The sound's level, in the features' unit of 17 dB, must vary by so much within a window (2.6 dB): there is no pairing
# silence, or a steady hum, with one motion rather than with another.
LIVELY = 0.15

STILL = 1e-3  # a channel that varies less (a coefficient that the tracker never fills) does not move

STOPPING_SHARE = 0.1  # of the training material, which decides when to stop; nothing is ever measured on it


@dataclass(frozen=True, slots=True)
class Stream:
    """One clip of T frames as the towers see it.

    Attributes:
        audio: float32 [T, 256], log-mel of a frame's four hops, minus the mean of the clip's louder frames.
        motion: float32 [T, motion channels], minus the clip's mean, so that identity and rest pose tell nothing.
        lively: bool [max(0, T - frames + 1)], the windows beginning here that hold speech.
    """

    audio: Floats
    motion: Floats
    lively: npt.NDArray[np.bool_]


def stream(kind: TowerKind, config: TowerConfig, features: npt.NDArray[Any], motion: npt.NDArray[Any]) -> Stream:
    """Normalises a clip.

    Args:
        kind: which part of the motion.
        config: gives the length of a window.
        features: [T, 4, 64] of `avatar.sampler.features`.
        motion: [T, 52], the sampled columns of the motion.
    """
    audio = features.astype(np.float32).reshape(len(features), AUDIO_CHANNELS)
    level = audio.mean(axis=1)
    # Silence would make the mean tell how much of it there is, rather than which voice and microphone.
    audio = audio - audio[level >= level.mean()].mean(axis=0)
    values = motion.astype(np.float32)
    values = values[:, list(MOUTH)] if kind is TowerKind.SYNC else values[:, HEAD]
    values = values - values.mean(axis=0)
    if kind is TowerKind.CAPP:
        values = np.concatenate([values, np.diff(values, axis=0, prepend=values[:1])], axis=1)
    lively = np.zeros(0, np.bool_)
    if len(level) >= config.frames:
        lively = np.lib.stride_tricks.sliding_window_view(level, config.frames).std(axis=1) > LIVELY
    return Stream(audio, values, lively)


@dataclass(frozen=True, slots=True)
class Split:
    """Which clips serve what; no source is in two of them.

    Attributes:
        learning: what the towers are trained on.
        stopping: decides which weights are kept.
        held_out: the scenes flagged `validation`: the shift table comes from them alone.
        sources: how many videos (or made scenes) they come from, in this order.
        what: what the sources are.
    """

    learning: list[Stream]
    stopping: list[Stream]
    held_out: list[Stream]
    sources: tuple[int, int, int]
    what: str


def split(kind: TowerKind, config: TowerConfig, data: MotionData) -> Split:
    """Splits prepared data by video. Where there are videos, scenes that rules made are left out: they are no measure.

    Raises:
        InputError: a video is on both sides, or there is too little on one of them.
    """
    by_source: dict[object, list[dict[str, Any]]] = {}
    filmed = [scene for scene in data.scenes if "video" in scene]
    for number, scene in enumerate(filmed or data.scenes):
        by_source.setdefault(scene.get("video", number), []).append(scene)
    held_out: list[list[dict[str, Any]]] = []
    rest: list[list[dict[str, Any]]] = []
    for source, scenes in by_source.items():
        flags = {bool(scene["validation"]) for scene in scenes}
        if len(flags) > 1:
            raise InputError(f"{source}: expected all its scenes in training or all in validation, got both")
        (held_out if flags.pop() else rest).append(scenes)
    stopping = max(1, round(STOPPING_SHARE * len(rest)))
    # Evenly spread rather than the last ones: a folder is often sorted by person.
    chosen = {round((i + 0.5) * len(rest) / stopping - 0.5) for i in range(stopping)}
    parts = (
        [group for i, group in enumerate(rest) if i not in chosen],
        [group for i, group in enumerate(rest) if i in chosen],
        held_out,
    )

    def streams(groups: list[list[dict[str, Any]]]) -> list[Stream]:
        out = []
        for scene in (scene for group in groups for scene in group):
            at = slice(scene["start"], scene["start"] + scene["frames"])
            out.append(stream(kind, config, data.arrays["features"][at], data.arrays["motion"][at]))
        return out

    learning, deciding, unseen = map(streams, parts)
    what = "videos" if filmed else "made scenes, none from a video"
    for clips, role in ((learning, "training"), (deciding, "early stopping"), (unseen, "validation")):
        if sum(int(clip.lively.sum()) for clip in clips) < 2 * config.frames:
            raise InputError(
                f"{role}: expected speech from videos of its own, at least {2 * config.frames} windows of "
                f"{config.frames} frames, got less; prepare more videos"
            )
    return Split(learning, deciding, unseen, (len(parts[0]), len(parts[1]), len(parts[2])), what)


@dataclass(frozen=True, slots=True)
class BatchShape:
    """How a batch is drawn: places all over the data, and at each place several windows, shifted against each other.

    The windows of one place are each other's hard negatives, those of other places the easy ones.

    Attributes:
        places: at most, in a batch.
        windows: at most, at each place.
        apart: frames that two windows of a place are apart, or a multiple of it.
        span: frames in which the windows of a place begin.
    """

    places: int
    windows: int
    apart: int
    span: int


BATCH_SHAPES = {
    TowerKind.SYNC: BatchShape(places=32, windows=8, apart=2, span=30),
    TowerKind.CAPP: BatchShape(places=16, windows=8, apart=5, span=75),
}


class Windows:
    """Draws batches of matching windows from clips.

    Args:
        clips: at least one with a lively window.
        frames: of a window.
        shape: of a batch.
        device: where the tensors live.
    """

    def __init__(self, clips: Sequence[Stream], frames: int, shape: BatchShape, device: torch.device) -> None:
        self._audio = torch.from_numpy(np.concatenate([clip.audio for clip in clips]).astype(np.float16)).to(device)
        self._motion = torch.from_numpy(np.concatenate([clip.motion for clip in clips])).to(device)
        first = np.cumsum([0, *(len(clip.audio) for clip in clips[:-1])])
        found = [at + np.flatnonzero(clip.lively) for at, clip in zip(first, clips, strict=True)]
        self._starts = np.concatenate(found)
        self._frames, self._shape = frames, shape

    @property
    def unit(self) -> Tensor:
        """The spread of each motion channel, float32 [channels]; 1 for one that never moves."""
        spread = self._motion.std(dim=0)
        return torch.where(spread > STILL, spread, torch.ones_like(spread))

    def batch(self, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Audio float32 [B, frames, 256] and the motion float32 [B, frames, channels] that belongs to it."""
        shape = self._shape
        phase = int(random.integers(shape.span))
        shifted = random.permutation(self._starts) + phase
        shifted = shifted[shifted % shape.apart == shifted[0] % shape.apart]
        _, place = np.unique(shifted // shape.span, return_inverse=True)
        chosen = random.permutation(place.max() + 1)[: shape.places]
        picked = [shifted[place == one][: shape.windows] for one in chosen]
        starts = torch.from_numpy(np.concatenate(picked) - phase).to(self._audio.device)
        index = starts[:, None] + torch.arange(self._frames, device=starts.device)
        return self._audio[index].float(), self._motion[index]
