"""A section laid out as text, the same on the terminal, in HTML and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from avatar.evaluation.results import Band, Cell, Change, Row, Section

_MARKS = {Change.WORSE: "worse", Change.BETTER: "better", Change.UP: "↑", Change.DOWN: "↓"}


@dataclass(frozen=True, slots=True)
class Text:
    """What stands in a table's cell; kind is "ok", "outside", "faint" or ""."""

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A section as text: `rows` are as long as `header`, and both begin with the measure."""

    header: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]


def laid_out(section: Section) -> Table:
    """Lays out a section.

    What a figure is held to stands in a column "goal" where that is the same for all of a row, else beside the figure.
    Where an earlier evaluation found something else, that stands in a column before it.
    """
    places = range(len(section.columns))
    has_goal = any(_bands(line) for line in section.rows) and all(len(_bands(line)) <= 1 for line in section.rows)
    has_before = [any(_differs(line, line.cells[i]) for line in section.rows) for i in places]
    header = [""]
    for place, name in enumerate(section.columns):
        header += [f"{name}, before", name] if has_before[place] else [name]
    rows = []
    for line in section.rows:
        texts = [Text(line.name)]
        for place, cell in enumerate(line.cells):
            if has_before[place]:
                texts.append(Text(line.text(cell.before), "faint"))
            texts.append(_cell(line, cell, with_band=not has_goal))
        if has_goal:
            texts += [Text(line.band_text(band)) for band in _bands(line)] or [Text("")]
        rows.append(tuple(texts))
    return Table((*header, "goal") if has_goal else tuple(header), tuple(rows))


def _bands(line: Row) -> list[Band]:
    return list(dict.fromkeys(cell.band for cell in line.cells if cell.band is not None))


def _differs(line: Row, cell: Cell) -> bool:
    return cell.before is not None and line.text(cell.before) != line.text(cell.value)


def _cell(line: Row, cell: Cell, *, with_band: bool) -> Text:
    return Text("".join(_words(line, cell, with_band)), _kind(cell))


def _words(line: Row, cell: Cell, with_band: bool) -> Iterator[str]:
    yield line.text(cell.value)
    if cell.change is not None:
        yield f" {_MARKS[cell.change]}"
    if cell.band is not None and cell.value is not None:
        verdict = "miss" if cell.is_outside else "pass"
        yield f" ({line.band_text(cell.band)}: {verdict})" if with_band else f" {verdict}"


def _kind(cell: Cell) -> str:
    if cell.change is Change.WORSE:
        return "outside"
    if cell.band is None or cell.value is None:
        return ""
    return "outside" if cell.is_outside else "ok"
