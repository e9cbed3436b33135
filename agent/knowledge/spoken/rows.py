"""The rows of a table as a reader takes them: what each is about, and what it says of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.knowledge.spoken.cells import CLOSED, MONEY, RANGE, Cells, clean_cell, split_heading, with_unit
from agent.knowledge.spoken.days import read_days

_INDEX_HEADING = re.compile(r"(?:#|no\.?|nr\.?|id|pos\.?|number)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row, taken apart.

    Attributes:
        label: what it is about.
        cells: (heading, value) of the other cells that say something.
        group: the heading inside the table that it stands below; "" for none.
    """

    label: str
    cells: Cells
    group: str


def table_rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[TableRow]:
    """Takes a table apart: its cells cleaned, turned upright, rows without a label joined to the one above.

    Args:
        header: the headings, may be empty; cells may hold line breaks.
        rows: the cells; rows may be shorter or longer than the header.
    """
    return _labelled(*_upright([clean_cell(one) for one in header], [[clean_cell(one) for one in row] for row in rows]))


def _upright(header: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Data in the header's place goes to the rows; a table with days for headings is turned."""
    days = [read_days(one) for one in header]
    if len(header) > 2 and all(days[1:]) and len(rows) <= 3:
        names = [row[0] if row and not days[0] else "" for row in rows]
        columns = range(0 if days[0] else 1, len(header))
        return ["", *names], [[header[c], *(row[c] if c < len(row) else "" for row in rows)] for c in columns]
    if any(MONEY.fullmatch(one) or CLOSED.fullmatch(one) or (days[0] and RANGE.match(one)) for one in header[1:]):
        return [], [header, *rows]
    return header, rows


def _labelled(header: list[str], rows: list[list[str]]) -> list[TableRow]:
    headings = [split_heading(one) for one in header]
    first = 0
    if (
        header
        and _INDEX_HEADING.fullmatch(header[0])
        and all(row[0].rstrip(".").isdigit() for row in rows if row and row[0])
    ):
        first = 1  # numbered rows are about their second cell
    found: list[TableRow] = []
    group = ""
    for row in rows:
        cells = []
        for place, text in enumerate(row[first + 1 :], first + 1):
            name, unit = headings[place] if place < len(headings) else ("", "")
            if text:
                cells.append((name, with_unit(text, unit)))
        label = row[first] if len(row) > first else ""
        if label.isdecimal() and headings and (name := headings[first][0]) and label not in name:
            label = f"{name} {label}"  # "Room 12"
        if not label and cells and found:  # goes on from the row above
            above = found[-1]
            found[-1] = TableRow(above.label, _joined(above.cells, cells), above.group)
        elif not label and cells:
            found.append(TableRow(cells[0][1], tuple(cells[1:]), group))
        elif label and cells:
            found.append(TableRow(label, tuple(cells), group))
        elif label and len(row) > 1:
            group = label
        elif label:
            found.append(TableRow(label, (), group))
    if not any(row.cells for row in found) and group:  # one column of names: nothing stands below them
        found = [TableRow(row[first], (), "") for row in rows if len(row) > first and row[first]]
    return found


def _joined(above: Cells, below: list[tuple[str, str]]) -> Cells:
    merged = dict(above)
    for heading, value in below:
        merged[heading] = f"{merged[heading]}, {value}" if heading in merged else value
    return tuple(merged.items())
