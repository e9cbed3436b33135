"""The validation curve of a training, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from avatar.evaluation.towers.model import TowerKind
from speech.files.draft import Draft


@dataclass(frozen=True, slots=True)
class Check:
    """One point of the curve.

    Attributes:
        step: steps done.
        training: mean loss of the steps since the last check, on augmented batches.
        unseen: loss on the scenes that decide when to stop.
    """

    step: int
    training: float
    unseen: float


def draw_curve(path: Path, kind: TowerKind, checks: Sequence[Check]) -> None:
    """Draws both losses over the steps into a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    axes = figure.subplots()
    steps = [check.step for check in checks]
    axes.plot(steps, [check.training for check in checks], marker=".", label="training, augmented")
    axes.plot(steps, [check.unseen for check in checks], marker=".", label="unseen scenes")
    if checks:
        best = min(checks, key=lambda check: check.unseen)
        axes.axvline(best.step, color="grey", linewidth=1.0, linestyle=":", label=f"kept: step {best.step}")
    axes.set(title=f"Two towers: {kind}", xlabel="step", ylabel="InfoNCE loss (nats)")
    axes.grid(alpha=0.3)
    axes.legend()
    with Draft(path) as draft:
        figure.savefig(draft.path, format="png", dpi=110)
