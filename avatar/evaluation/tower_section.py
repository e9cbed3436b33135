"""What the user's own trained towers say, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from avatar.evaluation.results import Section, row
from avatar.evaluation.speech_sections import Clip
from avatar.evaluation.towers.measuring import TowerScore, score_motion


def tower_section(weights: Path, clips: Sequence[Clip]) -> Section:
    """Scores every column of the clips by towers trained on real people, means over the clips.

    Args:
        weights: of `visavis train sync` or `visavis train capp`.
        clips: any.

    Raises:
        InputError: the weights can't be read.
    """
    scores: Mapping[str, list[TowerScore]] = {
        column: [score_motion(weights, clip.track.sound, clip.motions[column]) for clip in clips]
        for column in clips[0].motions
    }
    some = next(iter(scores.values()))[0]

    def means(field: str) -> list[float | None]:
        known = ([getattr(s, field) for s in of if getattr(s, field) is not None] for of in scores.values())
        return [float(np.mean(values)) if values else None for values in known]

    rows = [
        row("cosine, nothing shifted", means("score"), digits=3),
        row("best offset, frames (above 0: the motion is late)", means("offset_frames"), digits=1),
        row("confidence", means("confidence"), digits=3),
    ]
    table = some.held_out
    shifts = ", ".join(f"{shift:+d}: {mean:.3f}" for shift, mean in zip(table.shifts, table.mean, strict=True))
    refusals = {score.refusal for of in scores.values() for score in of if score.refusal}
    note = (
        f"Trained on {some.data}. On held-out scenes, cosine by shift: {shifts}. {' '.join(sorted(refusals))}".strip()
    )
    return Section(f"Towers: {weights.name} ({some.kind})", tuple(scores), tuple(rows), note)
