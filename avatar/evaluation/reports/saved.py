"""Evaluations as JSON files, and back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avatar.evaluation.results import Band, Cell, Change, Evaluation, Row, Section
from avatar.table import read_text
from speech.errors import InputError
from speech.files.draft import Draft


def as_text(found: Evaluation) -> str:
    """An evaluation as JSON, without curves and pictures."""
    return json.dumps(found.as_json(), indent=2, ensure_ascii=False)


def write_json(found: Evaluation, path: Path) -> None:
    """Writes the figures; the file appears when it is complete."""
    with Draft(path) as draft:
        draft.path.write_text(as_text(found) + "\n", encoding="utf-8")


def read_json(path: Path) -> Evaluation:
    """What `write_json` wrote.

    Raises:
        InputError: it can't be read, or is no evaluation.
    """
    text = read_text(path, "an evaluation")
    try:
        content = json.loads(text)
        sections = [_section(section) for section in content["sections"]]
        settings = {str(name): str(value) for name, value in content["settings"].items()}
        return Evaluation(str(content["title"]), settings, sections, seeds=int(content["seeds"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{path}: expected an evaluation, as `visavis evaluate -o NAME.json` writes it; it is something else"
        ) from None


def _section(content: Mapping[str, Any]) -> Section:
    columns = tuple(content["columns"])
    rows = tuple(_row(line, columns) for line in content["rows"])
    return Section(str(content["title"]), columns, rows, str(content["note"]))


def _row(content: Mapping[str, Any], columns: tuple[str, ...]) -> Row:
    unit = "%" if content["unit"] == "share" else str(content["unit"])
    return Row(str(content["measure"]), tuple(_cell(content, column) for column in columns), unit, content["digits"])


def _cell(content: Mapping[str, Any], column: str) -> Cell:
    def number(name: str) -> float | None:
        value = content.get(name, {}).get(column)
        return None if value is None else float(value)

    band, change = content.get("bands", {}).get(column), content.get("change", {}).get(column)
    return Cell(
        number("values"),
        None if band is None else Band(*(_infinite(band[i], end) for i, end in enumerate((-math.inf, math.inf)))),
        number("spread"),
        number("before"),
        None if change is None else Change(change),
    )


def _infinite(value: float | None, end: float) -> float:
    return end if value is None else float(value)
