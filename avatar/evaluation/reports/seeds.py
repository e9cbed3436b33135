"""The same evaluation with several seeds of the sampler: means, and how much chance moves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from avatar.evaluation.results import Cell, Evaluation, Row, Section


def mean_over_seeds(found: Sequence[Evaluation]) -> Evaluation:
    """One evaluation of several that differ by the sampler's seed.

    Args:
        found: at least one; what the first one lacks is left out, curves and pictures are the first one's.
    """
    first = found[0]
    if len(found) == 1:
        return first
    others = [
        {
            (section.title, line.name, column): cell
            for section in one.sections
            for line in section.rows
            for column, cell in zip(section.columns, line.cells, strict=True)
        }
        for one in found[1:]
    ]

    def mean(section: Section, line: Row, place: int) -> Cell:
        cell = line.cells[place]
        again = [one.get((section.title, line.name, section.columns[place])) for one in others]
        values = [each.value for each in (cell, *again) if each is not None and each.value is not None]
        if not values:
            return cell
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
        return replace(cell, value=float(np.mean(values)), spread=spread)

    def means(section: Section) -> Section:
        rows = [
            replace(line, cells=tuple(mean(section, line, place) for place in range(len(section.columns))))
            for line in section.rows
        ]
        return replace(section, rows=tuple(rows))

    return replace(first, sections=[means(section) for section in first.sections], seeds=len(found))
