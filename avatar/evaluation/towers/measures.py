"""What two towers tell about clips: similarity at each shift of the motion against the sound, offset, confidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from avatar.evaluation.towers.model import TwoTower
from avatar.evaluation.towers.windows import Stream
from avatar.motion import FRAME_RATE_HZ, Floats
from speech.errors import InputError

TABLE_SHIFTS = tuple(range(-4, 5))
"""Frames, as in VASA-1's table of CAPP."""

SEARCHED_SHIFTS = tuple(range(-15, 16))
"""Frames in which the offset is sought, as SyncNet does."""

# What a believable table has at least. The fall of random weights is surely not chance either, but below 0.001.
LEAST_FALL = 0.05
CERTAIN = 3.0  # standard errors of the fall
RESAMPLES = 1000
FEWEST_CLIPS = 8  # from here on whole clips are resampled; below, pieces of PIECE_S
PIECE_S = 4.0
EMBEDDED_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class ShiftTable:
    """Mean cosine similarity of sound and motion, with the motion shifted. The same windows of sound serve each shift.

    Attributes:
        shifts: frames; at shift s a window of sound is compared with the motion that begins s frames later.
        mean: of the cosine at each shift, in [-1, 1].
        error: bootstrap standard error of each mean.
        fall: the mean at shift 0 minus the mean of the two outermost ones.
        fall_error: bootstrap standard error of `fall`.
        windows: of sound; they overlap.
        clips: that they come from.
    """

    shifts: tuple[int, ...]
    mean: tuple[float, ...]
    error: tuple[float, ...]
    fall: float
    fall_error: float
    windows: int
    clips: int

    @property
    def at_zero(self) -> float:
        """The mean cosine with nothing shifted."""
        return self.mean[self.shifts.index(0)]

    @property
    def peaked(self) -> bool:
        """Whether these pairs are told from shifted ones: highest at 0, and fallen off by enough, beyond chance."""
        return self.at_zero == max(self.mean) and self.fall > max(LEAST_FALL, CERTAIN * self.fall_error)

    def __str__(self) -> str:
        cells = "  ".join(
            f"{shift:+d}: {mean:.3f}±{error:.3f}"
            for shift, mean, error in zip(self.shifts, self.mean, self.error, strict=True)
        )
        return f"{cells}  ({self.windows} windows of {self.clips} clips)"


def shift_table(model: TwoTower, clips: Sequence[Stream], shifts: Sequence[int] = TABLE_SHIFTS) -> ShiftTable:
    """Scores clips at each shift.

    The errors come from 1000 bootstrap resamples of whole clips (of 4 s pieces where there are fewer than 8 clips;
    pieces of one clip are then taken for independent, which makes the errors rather too small).

    Args:
        model: in evaluation mode.
        clips: that the model was not trained on.
        shifts: frames, 0 among them.

    Raises:
        InputError: no clip holds speech that is long enough.
    """
    scores, owner, piece = [], [], []
    for number, clip in enumerate(clips):
        starts, values = _scores(model, clip, shifts)
        scores.append(values)
        owner += [number] * len(starts)
        piece += [(number, int(start / (PIECE_S * FRAME_RATE_HZ))) for start in starts]
    values = np.concatenate(scores) if scores else np.zeros((0, len(shifts)), np.float32)
    if len(values) == 0:
        need = (model.config.frames + max(shifts) - min(shifts)) / FRAME_RATE_HZ
        raise InputError(f"scoring: expected a clip of at least {need:.2f} s with speech in its middle, got none")
    count = len(set(owner))
    _, group = np.unique(owner if count >= FEWEST_CLIPS else piece, axis=0, return_inverse=True)
    sums = np.zeros((group.max() + 1, len(shifts) + 1))
    np.add.at(sums, group.ravel(), np.column_stack([values, np.ones(len(values))]))
    drawn = np.random.default_rng(0).multinomial(len(sums), np.full(len(sums), 1.0 / len(sums)), RESAMPLES) @ sums
    means = drawn[:, :-1] / drawn[:, -1:]
    order, zero = np.argsort(shifts), list(shifts).index(0)
    outer = [order[0], order[-1]]
    mean = values.mean(axis=0, dtype=np.float64)
    return ShiftTable(
        shifts=tuple(shifts),
        mean=tuple(map(float, mean)),
        error=tuple(map(float, means.std(axis=0))),
        fall=float(mean[zero] - mean[outer].mean()),
        fall_error=float((means[:, zero] - means[:, outer].mean(axis=1)).std()),
        windows=len(values),
        clips=count,
    )


def offset_and_confidence(model: TwoTower, clip: Stream) -> tuple[int, float]:
    """Where sound and motion fit best within ±15 frames, and how surely.

    Returns:
        The offset, in frames: positive when the motion comes too late for its sound. The confidence, SyncNet's with
        cosine distances: the median over the shifts of the mean distance, minus the smallest mean distance.

    Raises:
        InputError: the clip is too short, or holds no speech.
    """
    mean = shift_table(model, [clip], SEARCHED_SHIFTS).mean
    best = int(np.argmax(mean))
    return SEARCHED_SHIFTS[best], float(mean[best] - np.median(mean))


def _scores(model: TwoTower, clip: Stream, shifts: Sequence[int]) -> tuple[list[int], Floats]:
    """The windows of sound that have motion at every shift, and their cosines, float32 [windows, shifts]."""
    first, last = max(0, -min(shifts)), len(clip.lively) - max(0, max(shifts))
    starts = [start for start in range(first, last) if clip.lively[start]]
    if not starts:
        return [], np.zeros((0, len(shifts)), np.float32)
    with torch.inference_mode():
        audio = torch.cat([model.embed_audio(part) for part in _windows(model, clip.audio)])
        motion = torch.cat([model.embed_motion(part) for part in _windows(model, clip.motion)])
        at = torch.tensor(starts, device=audio.device)
        columns = [(audio[at] * motion[at + shift]).sum(dim=1) for shift in shifts]
        return starts, torch.stack(columns, dim=1).cpu().numpy()


def _windows(model: TwoTower, values: Floats) -> Iterator[Tensor]:
    """All windows of a clip, some at a time."""
    device = model.log_scale.device
    every = torch.from_numpy(values).to(device).unfold(0, model.config.frames, 1).transpose(1, 2)
    for start in range(0, len(every), EMBEDDED_AT_ONCE):
        yield every[start : start + EMBEDDED_AT_ONCE]
