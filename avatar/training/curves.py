"""Training and validation losses as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speech.files.draft import Draft


def plot_curves(curve: Sequence[tuple[int, str, float, float]], path: Path) -> None:
    """Draws the losses over the steps, one panel for each stage.

    Args:
        curve: (step, stage, training loss, validation loss), in order.
        path: the PNG.
    """
    from matplotlib.figure import Figure

    stages = list(dict.fromkeys(stage for _, stage, _, _ in curve))
    figure = Figure(figsize=(5.0 * len(stages), 3.5), layout="constrained")
    for axes, stage in zip(figure.subplots(1, len(stages), squeeze=False)[0], stages, strict=True):
        points = [(step, train, validation) for step, of, train, validation in curve if of == stage]
        steps, train, validation = zip(*points, strict=True)
        axes.plot(steps, train, label="training")
        axes.plot(steps, validation, label="validation")
        axes.set(title=stage, xlabel="step", ylabel="loss")
        axes.grid(alpha=0.3)
        axes.legend()
    with Draft(path) as draft:
        figure.savefig(draft.path, format="png")
