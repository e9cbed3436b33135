"""Small probes of a front end: how much of a mouth can be read off it, by a ridge regression and by a small GRU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from avatar.motion import Floats

COMPONENTS = 64
"""Of each frame's features (principal components) a probe sees so many."""
RIDGES = tuple(10.0**power for power in range(2, 6))

_SINGLE, _TOGETHER = 10, 4
_HIDDEN, _EPOCHS, _BATCH, _CROP, _RATE = 96, 15, 24, 100, 3e-3
_SETTLES = 25  # frames at the start of a crop whose errors don't count

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clip:
    """A piece of speech.

    Attributes:
        person: who speaks.
        views: float32 [T, 1 + ahead, D] of a front end.
        mouth: float32 [T, 2], opening and width, of zero mean and unit spread for each person.
    """

    person: str
    views: Floats
    mouth: Floats


class Components:
    """Principal components of frames, scaled to unit spread."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        frames = np.concatenate([clip.views[:, 0] for clip in clips]).astype(np.float64)
        self._mean = frames.mean(axis=0)
        covariance = (frames - self._mean).T @ (frames - self._mean) / len(frames)
        power, axes = np.linalg.eigh(covariance)
        kept = slice(-COMPONENTS, None)
        self._axes = (axes[:, kept] / np.sqrt(np.maximum(power[kept], 1e-8))).astype(np.float32)

    def __call__(self, clip: Clip) -> Clip:
        """The clip with COMPONENTS numbers in place of D."""
        return Clip(clip.person, ((clip.views - self._mean.astype(np.float32)) @ self._axes), clip.mouth)


def stacked(clip: Clip, past: int) -> Doubles:
    """All that a probe without memory gets of each frame, what is long past in means of four frames: float64 [T, …]."""
    frames = len(clip.views)
    now = clip.views[:, 0]
    before = np.concatenate([np.zeros((past, now.shape[1]), np.float32), now])
    rows = [before[past - k : past - k + frames] for k in range(1, past + 1)]
    far = [np.mean(rows[k : k + _TOGETHER], axis=0) for k in range(_SINGLE, past, _TOGETHER)]
    parts = [clip.views.reshape(frames, -1), *rows[:_SINGLE], *far, np.ones((frames, 1))]
    return np.concatenate(parts, axis=1).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Normal:
    """Sums of a least-squares problem."""

    square: Doubles
    right: Doubles

    @classmethod
    def of(cls, clips: Sequence[Clip], past: int) -> Normal:
        """The sums of some clips."""
        found: Normal | None = None
        for clip in clips:
            x, y = stacked(clip, past), clip.mouth.astype(np.float64)
            one = cls(x.T @ x, x.T @ y)
            found = one if found is None else found + one
        assert found is not None
        return found

    def __add__(self, other: Normal) -> Normal:
        """Both problems in one."""
        return Normal(self.square + other.square, self.right + other.right)

    def __mul__(self, weight: float) -> Normal:
        """The problem with all its frames weighted."""
        return Normal(self.square * weight, self.right * weight)

    def solve(self) -> list[Doubles]:
        """Weights for every ridge of RIDGES."""
        one = np.eye(len(self.square))
        return [np.linalg.solve(self.square + ridge * one, self.right) for ridge in RIDGES]


class _Recurrent(nn.Module):
    """One GRU over frames, each with its look-ahead."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, _HIDDEN)
        self.cells = nn.GRU(_HIDDEN, _HIDDEN, batch_first=True)
        self.leave = nn.Linear(_HIDDEN, 2)

    def forward(self, frames: Tensor) -> Tensor:
        """[B, T, inputs] to [B, T, 2]."""
        found: Tensor = self.leave(self.cells(torch.tanh(self.enter(frames)))[0])
        return found


def train_recurrent(clips: Sequence[Clip], weights: Sequence[float], seed: int) -> nn.Module:
    """Trains the GRU on random crops; a clip of weight 2 comes twice as often as its length makes it."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    padded = [_padded(clip) for clip in clips]
    model = _Recurrent(padded[0][0].shape[1])
    frames = sum(len(x) for x, _ in padded)
    steps = max(1, _EPOCHS * frames // (_BATCH * (_CROP - _SETTLES)))
    optimiser = torch.optim.AdamW(model.parameters(), _RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps)
    chance = torch.tensor([len(x) * weight for (x, _), weight in zip(padded, weights, strict=True)], dtype=torch.double)
    for _ in range(steps):
        chosen = torch.multinomial(chance, _BATCH, replacement=True, generator=generator).tolist()
        crops = []
        for number in chosen:
            x, y = padded[number]
            first = int(torch.randint(0, len(x) - _CROP + 1, (1,), generator=generator))
            crops.append((x[first : first + _CROP], y[first : first + _CROP]))
        inputs = torch.stack([x for x, _ in crops])
        inputs = inputs + 0.3 * torch.randn(inputs.shape, generator=generator)  # against learning by heart
        wanted = torch.stack([y for _, y in crops])
        known = ~wanted[:, _SETTLES:].isnan()
        error = (model(inputs)[:, _SETTLES:] - wanted[:, _SETTLES:].nan_to_num()).square()
        loss = (error * known).sum() / known.sum()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return model.eval()


def _padded(clip: Clip) -> tuple[Tensor, Tensor]:
    """Inputs and targets of a clip, at least a crop long; what is added in front has no target."""
    x = torch.from_numpy(clip.views.reshape(len(clip.views), -1).astype(np.float32))
    y = torch.from_numpy(clip.mouth.astype(np.float32))
    short = max(_SETTLES, _CROP - len(x))
    return (
        torch.cat([torch.zeros(short, x.shape[1]), x]),
        torch.cat([torch.full((short, 2), float("nan")), y]),
    )


@torch.inference_mode()
def recurrent_mouth(model: nn.Module, clip: Clip) -> Floats:
    """What the GRU says of a clip: float32 [T, 2]."""
    x, _ = _padded(clip)
    return np.asarray(model(x[None])[0, -len(clip.views) :].numpy(), np.float32)
