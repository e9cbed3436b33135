"""A contact sheet of one portrait's emotions while speaking, with what the judge took each face for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from avatar.decoder import Image
from avatar.evaluation.emotions.classifier import Labels
from avatar.evaluation.emotions.drawn_faces import Asked, DrawnFaces
from avatar.evaluation.emotions.evaluation import EMOTIONS
from avatar.picture.sheets import CELL_PX, GAP_PX, SHEET_PX, banner, caption, stacked, tiled

_COLUMNS = SHEET_PX // (CELL_PX + GAP_PX)


def emotion_sheet(drawn: DrawnFaces, told: Labels, intensities: Sequence[float]) -> Image:
    """One row of faces for each emotion, the strongest first: uint8 [H, W, 3]."""
    rows = [banner(f"{drawn.portrait}: speaking, and what the judge takes each face for")]
    # Of the strongest half the row, the rest in equal parts.
    counts = [_COLUMNS // 2] + [_COLUMNS // 2 // max(len(intensities) - 1, 1)] * (len(intensities) - 1)
    for emotion in EMOTIONS:
        cells = []
        for intensity, count in zip(intensities, counts, strict=True):
            there = [i for i in drawn.pictures if drawn.asked[i] == Asked(emotion, intensity)]
            for i in there[:count]:
                taken = EMOTIONS[int(told[i])]
                text = f"{emotion} {intensity:g}" + ("" if taken is emotion else f": {taken}?")
                cells.append(np.vstack([drawn.pictures[i], caption(text, CELL_PX)]))
        if cells:
            rows.append(tiled(cells, _COLUMNS))
    return stacked(rows)
