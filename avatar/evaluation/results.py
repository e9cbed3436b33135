"""What an evaluation found: sections of rows and columns, whatever measured them, and the curves for the plots."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from avatar.evaluation.speech.speech_track import SpokenPart
from avatar.motion import Floats


@dataclass(frozen=True, slots=True)
class Band:
    """A range that a figure is held to, ends included; an end may be infinite: such a goal has a good side."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        """Whether the figure lies inside."""
        return self.low <= value <= self.high

    def distance(self, value: float) -> float:
        """How far outside the figure lies; 0 inside."""
        return max(self.low - value, value - self.high, 0.0)

    @property
    def has_good_side(self) -> bool:
        """Whether more is better all the way, or less is."""
        return math.isinf(self.low) != math.isinf(self.high)


def at_least(value: float) -> Band:
    """The more the better, and so much at least."""
    return Band(value, math.inf)


def at_most(value: float) -> Band:
    """The less the better, and so much at most."""
    return Band(-math.inf, value)


class Change(StrEnum):
    """What became of a figure since an earlier evaluation, beyond noise."""

    WORSE, BETTER, UP, DOWN = "worse", "better", "up", "down"


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure.

    Attributes:
        value: None where there is nothing to measure.
        band: what it is held to, if anything.
        spread: standard deviation between seeds; None where there was one seed.
        before: what an earlier evaluation found; None without one.
        change: since then; None where it is within noise, or nobody knows the noise.
    """

    value: float | None
    band: Band | None = None
    spread: float | None = None
    before: float | None = None
    change: Change | None = None

    @property
    def is_outside(self) -> bool:
        """Whether there is a band and the figure lies outside it."""
        return self.band is not None and self.value is not None and self.value not in self.band


@dataclass(frozen=True, slots=True)
class Row:
    """One measure.

    Attributes:
        name: what is measured.
        cells: one for each column of the section.
        unit: of the figures; "%" rows hold shares in [0, 1].
        digits: decimals that are shown.
    """

    name: str
    cells: tuple[Cell, ...]
    unit: str = ""
    digits: int = 2

    def text(self, value: float | None) -> str:
        """A figure as it is shown."""
        if value is None:
            return "–"
        if self.unit == "%":
            return f"{100.0 * value:.{self.digits}f} %"
        return f"{value:.{self.digits}f}{' ' if self.unit else ''}{self.unit}"

    def band_text(self, band: Band) -> str:
        """A band as it is shown."""
        scale, unit = (100.0, " %") if self.unit == "%" else (1.0, "")
        low, high = scale * band.low, scale * band.high
        if math.isinf(low):
            return f"≤ {high:.4g}{unit}"
        return f"≥ {low:.4g}{unit}" if math.isinf(high) else f"{low:.4g}–{high:.4g}{unit}"


def row(
    name: str, values: Sequence[float | None], unit: str = "", digits: int = 2, bands: Sequence[Band | None] = ()
) -> Row:
    """A row from plain figures; `bands`, if given, has one entry for each of them."""
    held_to = bands or (None,) * len(values)
    return Row(name, tuple(Cell(v, b) for v, b in zip(values, held_to, strict=True)), unit, digits)


@dataclass(frozen=True, slots=True)
class Section:
    """A table.

    Attributes:
        title: what it is about.
        columns: whose motion, or in which state.
        rows: the measures.
        note: what one has to know to read it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""

    def as_json(self) -> dict[str, object]:
        """The figures, unrounded, for machines."""
        rows: list[dict[str, object]] = []
        for line in self.rows:
            entry: dict[str, object] = {"measure": line.name, "unit": "share" if line.unit == "%" else line.unit}
            entry["digits"] = line.digits
            cells = dict(zip(self.columns, line.cells, strict=True))
            entry["values"] = {column: cell.value for column, cell in cells.items()}
            for name in ("spread", "before", "change"):
                if known := {c: getattr(cell, name) for c, cell in cells.items() if getattr(cell, name) is not None}:
                    entry[name] = known
            if banded := {column: cell.band for column, cell in cells.items() if cell.band is not None}:
                entry["bands"] = {column: [_finite(band.low), _finite(band.high)] for column, band in banded.items()}
                entry["outside"] = [column for column in banded if cells[column].is_outside]
            rows.append(entry)
        return {"title": self.title, "note": self.note, "columns": list(self.columns), "rows": rows}


def _finite(value: float) -> float | None:
    return None if math.isinf(value) else value


@dataclass(frozen=True, slots=True)
class SpeechTrace:
    """Curves of one piece of speech, for plots.

    Attributes:
        name: of the piece.
        apertures: whose → float32 [T].
        target: the curve that they should follow, float32 [T], in units of its own; None if there is none.
        target_name: what it is.
        parts: what is said and when; empty if that is not known.
        lags: whose → float32 [17], correlation with the target at lags -8 to 8 frames.
    """

    name: str
    apertures: Mapping[str, Floats]
    target: Floats | None
    target_name: str
    parts: Sequence[SpokenPart]
    lags: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class FaceTrace:
    """Curves of a real face and of ours, for plots.

    Attributes:
        name: of the clip.
        curves: what (with its unit) → whose → float32 [T].
    """

    name: str
    curves: Mapping[str, Mapping[str, Floats]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that was found.

    Attributes:
        title: of what.
        settings: how, by name.
        sections: the tables.
        speech: curves of speech.
        behaviour: state or name → its motion, float32 [T, 60].
        faces: curves of real faces and of ours.
        pictures: title → a picture as a JPEG file's bytes.
        seeds: of the sampler, over which the figures are means.
    """

    title: str
    settings: Mapping[str, str]
    sections: Sequence[Section]
    speech: Sequence[SpeechTrace] = ()
    behaviour: Mapping[str, Floats] = field(default_factory=dict)
    faces: Sequence[FaceTrace] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    seeds: int = 1

    @property
    def goals(self) -> Section | None:
        """All figures that are held to something, in one table; None if none is."""
        rows = [
            Row(
                f"{section.title}: {line.name}{f', {column}' if len(section.columns) > 1 else ''}",
                (cell, Cell(cell.spread)),
                line.unit,
                line.digits,
            )
            for section in self.sections
            for line in section.rows
            for column, cell in zip(section.columns, line.cells, strict=True)
            if cell.band is not None and cell.value is not None
        ]
        missed = sum(line.cells[0].is_outside for line in rows)
        note = (
            f"{len(rows) - missed} of {len(rows)} reached. Noise: standard deviation between seeds; what another "
            "training would give is beyond it. Worse and better: by more than three standard errors."
        )
        return Section("Goals", ("found", "noise"), tuple(rows), note) if rows else None

    @property
    def outside(self) -> list[str]:
        """The figures that lie outside their bands: "section: measure, column"."""
        return [
            f"{section.title}: {line.name}, {column}"
            for section in self.sections
            for line in section.rows
            for column, cell in zip(section.columns, line.cells, strict=True)
            if cell.is_outside
        ]

    def as_json(self) -> dict[str, object]:
        """Everything but the curves."""
        return {
            "title": self.title,
            "settings": dict(self.settings),
            "seeds": self.seeds,
            "sections": [section.as_json() for section in self.sections],
            "outside": self.outside,
        }


def together(first: Evaluation, second: Evaluation, kind: str) -> Evaluation:
    """Two evaluations as one.

    Args:
        first: its title stays.
        second: of as many seeds.
        kind: what the second one is of; added to the titles of its tables that the first one has too.
    """
    titles = {section.title for section in first.sections}
    others = [
        replace(section, title=f"{section.title}: {kind}") if section.title in titles else section
        for section in second.sections
    ]
    return replace(
        first,
        settings={**first.settings, **second.settings},
        sections=[*first.sections, *others],
        speech=[*first.speech, *second.speech],
        behaviour={**first.behaviour, **second.behaviour},
        faces=[*first.faces, *second.faces],
        pictures={**first.pictures, **second.pictures},
    )
