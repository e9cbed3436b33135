"""What became of the figures since an earlier evaluation, and how sure that is."""

from __future__ import annotations

import math
from dataclasses import replace

from avatar.evaluation.results import Cell, Change, Evaluation, Row, Section

SURE = 3.0
"""A figure has changed where it moved by more than so many standard errors of the difference."""

_ALIKE = 1e-9
_MAY_DIFFER = ("weights", "steps", "before")
"""Settings that are what is compared, not how."""


def compared(found: Evaluation, earlier: Evaluation, name: str) -> Evaluation:
    """An evaluation with what an earlier one found beside it.

    Args:
        found: now.
        earlier: of the same recordings and settings; figures that only one of them has stay alone.
        name: of the earlier one.
    """
    known = {
        (section.title, line.name, column): cell
        for section in earlier.sections
        for line in section.rows
        for column, cell in zip(section.columns, line.cells, strict=True)
    }

    def beside(section: Section, line: Row) -> Row:
        cells = [
            cell if (before := known.get((section.title, line.name, column))) is None else _beside(cell, before)
            for column, cell in zip(section.columns, line.cells, strict=True)
        ]
        return replace(line, cells=tuple(cells))

    def _beside(cell: Cell, before: Cell) -> Cell:
        return replace(cell, before=before.value, change=change(cell, before, found.seeds, earlier.seeds))

    sections = [
        replace(section, rows=tuple(beside(section, line) for line in section.rows)) for section in found.sections
    ]
    return replace(found, sections=sections, settings={**found.settings, "before": _told(found, earlier, name)})


def change(now: Cell, before: Cell, seeds: int, seeds_before: int) -> Change | None:
    """What became of a figure; None where it is within noise, or nobody knows the noise.

    Noise is that between seeds of the sampler; what another training would have given is beyond it.
    """
    if now.value is None or before.value is None:
        return None
    spreads = [cell.spread for cell in (now, before) if cell.spread is not None]
    if not spreads:
        return None
    alone = spreads[0]  # of the one that has any, it stands for both
    noise = math.sqrt(
        sum(
            (alone if cell.spread is None else cell.spread) ** 2 / count
            for cell, count in ((now, seeds), (before, seeds_before))
        )
    )
    moved = now.value - before.value
    if abs(moved) <= max(SURE * noise, _ALIKE):
        return None
    if now.band is not None:
        if now.band.has_good_side:
            return Change.BETTER if (moved > 0.0) == math.isinf(now.band.high) else Change.WORSE
        farther = now.band.distance(now.value) - now.band.distance(before.value)
        if abs(farther) > SURE * noise:
            return Change.WORSE if farther > 0.0 else Change.BETTER
    return Change.UP if moved > 0.0 else Change.DOWN


def _told(found: Evaluation, earlier: Evaluation, name: str) -> str:
    """Which evaluation it was, and which settings were not the same."""
    settings = {**dict.fromkeys(earlier.settings, "–"), **found.settings}
    others = [
        f"{key} {earlier.settings.get(key, '–')}, now {value}"
        for key, value in settings.items()
        if key not in _MAY_DIFFER and earlier.settings.get(key, "–") != value
    ]
    weights = earlier.settings.get("weights")
    told = f"{name} (weights {weights})" if weights else name
    return f"{told}; NOT ALIKE: {'; '.join(others)}" if others else told
