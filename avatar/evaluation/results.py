"""What an evaluation found: sections of rows and columns, whatever measured them, and the curves for the plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from avatar.evaluation.speech.speech_track import SpokenPart
from avatar.motion import Floats


@dataclass(frozen=True, slots=True)
class Band:
    """A range that a figure is held to, ends included."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        """Whether the figure lies inside."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure: `value` is None where there is nothing to measure; `band` is what it is held to, if anything."""

    value: float | None
    band: Band | None = None

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

    def cell_text(self, cell: Cell) -> str:
        """A cell as it is shown: the figure, and its band with "ok" or "outside"."""
        if cell.band is None or cell.value is None:
            return self.text(cell.value)
        scale = 100.0 if self.unit == "%" else 1.0
        verdict = "outside" if cell.is_outside else "ok"
        return f"{self.text(cell.value)} ({scale * cell.band.low:g}–{scale * cell.band.high:g} {verdict})"


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
            entry["values"] = {c: cell.value for c, cell in zip(self.columns, line.cells, strict=True)}
            banded = {c: cell for c, cell in zip(self.columns, line.cells, strict=True) if cell.band is not None}
            if banded:
                entry["bands"] = {c: [cell.band.low, cell.band.high] for c, cell in banded.items() if cell.band}
                entry["outside"] = [c for c, cell in banded.items() if cell.is_outside]
            rows.append(entry)
        return {"title": self.title, "note": self.note, "rows": rows}


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
    """

    title: str
    settings: Mapping[str, str]
    sections: Sequence[Section]
    speech: Sequence[SpeechTrace] = ()
    behaviour: Mapping[str, Floats] = field(default_factory=dict)
    faces: Sequence[FaceTrace] = ()
    pictures: Mapping[str, bytes] = field(default_factory=dict)

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
            "sections": [section.as_json() for section in self.sections],
            "outside": self.outside,
        }
