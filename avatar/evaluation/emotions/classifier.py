"""Multinomial logistic regression, small enough for a few dozen measures and a few thousand faces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avatar.motion import Doubles, Floats

Labels = npt.NDArray[np.int64]

_STEPS, _RATE, _MOMENTUM = 600, 0.5, 0.9
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class LogisticRegression:
    """Tells classes apart by linear scores.

    Attributes:
        mean: [M] and
        spread: [M], of the measures in training.
        weights: [M + 1, classes]; the last row is the bias.
    """

    mean: Doubles
    spread: Doubles
    weights: Doubles

    @classmethod
    def fit(cls, values: Floats, labels: Labels, classes: int) -> LogisticRegression:
        """Minimises the mean cross entropy with a ridge penalty by Nesterov's accelerated gradient; no randomness.

        Args:
            values: float32 [N, M].
            labels: int64 [N], in [0, classes).
            classes: how many there are.
        """
        mean, spread = values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64)
        model = cls(mean, np.maximum(spread, 1e-9), np.zeros((values.shape[1] + 1, classes)))
        inputs, wanted = model._inputs(values), np.eye(classes)[labels]
        weights, ahead, speed = model.weights, model.weights, np.zeros_like(model.weights)
        # The loss is at most so steep: half the largest eigenvalue of the inputs' second moments, plus the ridge.
        rate = _RATE / (0.5 * np.linalg.eigvalsh(inputs.T @ inputs / len(inputs))[-1] + _RIDGE)
        for _ in range(_STEPS):
            ahead = weights + _MOMENTUM * speed
            error = _softmax(inputs @ ahead) - wanted
            speed = _MOMENTUM * speed - rate * (inputs.T @ error / len(inputs) + _RIDGE * ahead)
            weights = weights + speed
        return cls(model.mean, model.spread, weights)

    def __call__(self, values: Floats) -> Labels:
        """The likeliest class of each row: float32 [N, M] to int64 [N]."""
        return np.asarray((self._inputs(values) @ self.weights).argmax(axis=1), np.int64)

    def _inputs(self, values: Floats) -> Doubles:
        scaled = (values - self.mean) / self.spread
        return np.concatenate([scaled, np.ones((len(values), 1))], axis=1)


def _softmax(scores: Doubles) -> Doubles:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
