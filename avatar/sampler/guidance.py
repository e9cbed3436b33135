"""Classifier-free guidance of the motion sampler, one strength for each kind of condition."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from avatar.sampler.conditions import ConditionLayout
from avatar.sampler.denoiser import Denoiser
from avatar.sampler.solvers import Predict

STRONGEST = 4.0


@dataclass(frozen=True, slots=True)
class Guidance:
    """Strengths λ: X = (1 + Σ λ_c) H(C) - Σ λ_c H(C without c), as in VASA-1 (arXiv 2404.10667, section 3.2).

    0 leaves a condition as it is and costs nothing; every other one adds an example to the network's batch.

    Attributes:
        audio: the speech; more exaggerates the mouth.
        gaze: where to look.
        emotion: the emotion that is asked for.
        user: the user's voice, while listening.
    """

    audio: float = 0.0
    gaze: float = 0.0
    emotion: float = 0.0
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


_DROPPED = {"gaze": ConditionLayout.GAZE, "emotion": ConditionLayout.EMOTION, "user": ConditionLayout.USER}


def guided(
    denoiser: Denoiser, guidance: Guidance, *, history: Tensor, heard: Tensor, expected: Tensor, conditions: Tensor
) -> Predict:
    """The network's prediction for one block, guided.

    Args:
        denoiser: the network.
        guidance: strengths.
        history: [1, history, 104].
        heard: [1, F, width] and
        expected: [1, F, len(MOUTH)] of `Denoiser.hear`.
        conditions: [1, F, ConditionLayout.SIZE].
    """
    strengths = [(field.name, getattr(guidance, field.name)) for field in fields(guidance)]
    strengths = [(name, strength) for name, strength in strengths if strength > 0.0]
    rows = 1 + len(strengths)
    given = conditions.repeat(rows, 1, 1)
    with_audio = torch.ones(rows, 1)
    weights = torch.ones(rows, 1, 1)
    for row, (name, strength) in enumerate(strengths, start=1):
        weights[0] += strength
        weights[row] = -strength
        if name == "audio":
            with_audio[row] = 0.0
        else:
            given[row, :, _DROPPED[name]] = 0.0
    past, sound, mouth = (part.repeat(rows, 1, 1) for part in (history, heard, expected))

    def predict(x: Tensor, t: float) -> Tensor:
        out: Tensor = denoiser(
            x.repeat(rows, 1, 1),
            torch.full((rows,), t),
            history=past,
            has_history=torch.ones(rows, 1),
            heard=sound,
            expected=mouth,
            has_audio=with_audio,
            conditions=given,
        )
        return (weights * out).sum(0, keepdim=True) if rows > 1 else out

    return predict
