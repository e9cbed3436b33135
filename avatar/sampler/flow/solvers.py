"""Solvers for flow matching as pure functions.

A rectified flow (Liu, Gong & Liu 2022; Lipman et al. 2022) carries noise at time 0 to data at time 1 along
x_t = (1 - t) noise + t data. The network predicts the data; `velocity` turns that into dx/dt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

Predict = Callable[[Tensor, float], Tensor]
"""(x_t, t) to the predicted data, the same shape."""


def time_steps(evaluations: int, *, shift: float = 1.0) -> list[float]:
    """Times from 0 to 1 for so many network evaluations; `shift` > 1 moves them towards the data's end."""
    return [shift * (i / evaluations) / (1.0 + (shift - 1.0) * i / evaluations) for i in range(evaluations + 1)]


def velocity(predicted: Tensor, x: Tensor, t: float) -> Tensor:
    """dx/dt of the straight path from x at time t < 1 to the predicted data at time 1."""
    return (predicted - x) / (1.0 - t)


def euler(predict: Predict, noise: Tensor, times: Sequence[float]) -> Tensor:
    """Euler's method: len(times) - 1 evaluations. With times ending in 1 the result is the last prediction."""
    x = noise
    for t, after in pairwise(times):
        x = predict(x, t) if after >= 1.0 else x + (after - t) * velocity(predict(x, t), x, t)
    return x


def heun(predict: Predict, noise: Tensor, times: Sequence[float]) -> Tensor:
    """Heun's method (second order; Karras et al. 2022, algorithm 1): 2 · len(times) - 3 evaluations."""
    x = noise
    for t, after in pairwise(times):
        slope = velocity(predict(x, t), x, t)
        ahead = x + (after - t) * slope
        if after >= 1.0:
            x = ahead
        else:
            x = x + (after - t) * 0.5 * (slope + velocity(predict(ahead, after), ahead, after))
    return x


def time_smoothed(white: Tensor, kernel: Tensor) -> Tensor:
    """Noise that is smooth in time: each output frame is a weighted sum of neighbouring white frames.

    Where a few steps leave a trace of the noise in the result, a trace of smooth noise is a slow sway; of white
    noise it would be a tremor.

    Args:
        white: [..., T + len(kernel) - 1, D] independent normal numbers.
        kernel: [k], squares summing to 1.

    Returns:
        [..., T, D], unit variance.
    """
    frames = white.shape[-2] - len(kernel) + 1
    return torch.stack([(white[..., i : i + len(kernel), :] * kernel[:, None]).sum(-2) for i in range(frames)], dim=-2)
