"""Classifier-free guidance of the motion sampler, one strength for each kind of condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from avatar.sampler.conditions import ConditionLayout
from avatar.sampler.denoiser import Denoiser
from avatar.sampler.flow.solvers import Predict

STRONGEST = 4.0


@dataclass(frozen=True, slots=True)
class Guidance:
    """Strengths λ: X = (1 + Σ λ_c) H(C) - Σ λ_c H(C without c), as in VASA-1 (arXiv 2404.10667, section 3.2).

    0 leaves a condition as it is and costs nothing; every other one adds an example to the network's batch.

    Attributes:
        audio: the speech; more exaggerates the mouth.
        gaze: where to look.
        user: the user's voice, while listening.
    """

    audio: float = 0.0
    gaze: float = 0.0
    user: float = 0.0

    def __post_init__(self) -> None:
        """Refuses strengths that give no face.

        Raises:
            ValueError: outside [0, STRONGEST].
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0.0 <= value <= STRONGEST:
                raise ValueError(f"guidance, {field.name}: expected 0 to {STRONGEST:g}, got {value}")


_DROPPED = {"gaze": ConditionLayout.GAZE, "user": ConditionLayout.USER}


def guided(
    denoiser: Denoiser,
    guidances: Sequence[Guidance],
    *,
    history: Tensor,
    heard: Tensor,
    expected: Tensor,
    conditions: Tensor,
) -> Predict:
    """The network's prediction for a batch of blocks, each guided in its own way.

    Args:
        denoiser: the network.
        guidances: B, one for each block.
        history: [B, history, 104].
        heard: [B, F, width] and
        expected: [B, F, len(MOUTH)] of `Denoiser.hear`.
        conditions: [B, F, ConditionLayout.SIZE].

    Returns:
        What predicts [B, F, 52] from x [B, F, 52] and the flow time.
    """
    strengths = [_strengths(guidance) for guidance in guidances]
    # One row for each block with all its conditions, followed by one for each condition that is left out.
    counts = [1 + len(guiding) for guiding in strengths]
    block = torch.tensor([i for i, count in enumerate(counts) for _ in range(count)])
    kept = conditions[block]
    with_audio = torch.ones(len(block), 1)
    weights = torch.ones(len(block), 1, 1)
    row = 0
    for guiding in strengths:
        full, row = row, row + 1
        for name, strength in guiding:
            weights[full] += strength
            weights[row] = -strength
            if name == "audio":
                with_audio[row] = 0.0
            else:
                kept[row, :, _DROPPED[name]] = 0.0
            row += 1
    given = denoiser.given(
        history=history[block],
        has_history=torch.ones(len(block), 1),
        heard=heard[block],
        expected=expected[block],
        has_audio=with_audio,
        conditions=kept,
    )

    def predict(x: Tensor, t: float) -> Tensor:
        # By the number of a block's own rows, so that its last bits don't depend on the other blocks.
        times = {count: denoiser.embed_time(torch.full((count,), t)) for count in set(counts)}
        out: Tensor = denoiser(x[block], torch.cat([times[count] for count in counts]), given)
        if len(block) == len(counts):
            return out
        return torch.stack([rows.sum(0) for rows in torch.split(weights * out, counts)])

    return predict


def _strengths(guidance: Guidance) -> list[tuple[str, float]]:
    """The conditions that are guided, by name."""
    named = [(field.name, float(getattr(guidance, field.name))) for field in fields(guidance)]
    return [(name, strength) for name, strength in named if strength > 0.0]
