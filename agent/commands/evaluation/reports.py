"""An evaluation on the terminal and in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.commands.options import check_target, say
from speech.errors import InputError

if TYPE_CHECKING:
    from avatar.decoder import Image
    from avatar.evaluation.results import Evaluation

SUFFIXES = (".html", ".htm", ".json", ".md")

Outputs = Annotated[
    list[Path] | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write a report: .html with pictures, .json for --before and `evaluate card`, .md; repeatable.",
    ),
]
Before = Annotated[
    Path | None,
    typer.Option(metavar="FILE.json", help="An earlier report: its figures beside, and what got worse beyond noise."),
]


def check_outputs(outputs: Sequence[Path] | None) -> list[Path]:
    """Refuses reports that can't be written, before any work is done."""
    for path in outputs or ():
        check_target(path, *SUFFIXES)
    return list(outputs or ())


def read_before(path: Path | None) -> Evaluation | None:
    """The earlier report, before any work is done.

    Raises:
        InputError: it can't be read, or is none.
    """
    if path is None:
        return None
    from avatar.evaluation.reports.saved import read_json

    if path.suffix.lower() != ".json":
        raise InputError(f"--before: expected a report NAME.json, got {path.name}")
    return read_json(path)


def beside(found: Evaluation, before: Evaluation | None, path: Path | None) -> Evaluation:
    """The evaluation with the earlier figures in it, if there are any."""
    if before is None or path is None:
        return found
    from avatar.evaluation.reports.comparison import compared

    return compared(found, before, path.name)


def has_pictures(outputs: Sequence[Path]) -> bool:
    """Whether a report is asked for that shows pictures."""
    return any(path.suffix.lower() in (".html", ".htm") for path in outputs)


def write_report(
    found: Evaluation,
    outputs: Sequence[Path],
    drawn: Mapping[str, Image] | None = None,
    sheets: Path | None = None,
) -> None:
    """Writes the reports, each of the kind that its name says, and contact sheets to a folder."""
    for path in outputs:
        if path.suffix.lower() == ".json":
            from avatar.evaluation.reports.saved import write_json

            write_json(found, path)
        elif path.suffix.lower() == ".md":
            from avatar.evaluation.reports.markdown import write_markdown

            write_markdown(found, path)
        else:
            from avatar.evaluation.reports.html import write_html

            write_html(found, path)
    if sheets is not None:
        from avatar.picture.sheets import write_sheets

        write_sheets(sheets, drawn or {})


def named_pictures(found: Evaluation) -> dict[str, Image]:
    """The report's pictures by names for files."""
    from io import BytesIO

    import numpy as np
    from PIL import Image as Pillow

    opened = {title: Pillow.open(BytesIO(content)) for title, content in found.pictures.items()}
    return {title.partition(":")[0].replace("/", "-"): np.asarray(one, np.uint8) for title, one in opened.items()}


def say_written(outputs: Sequence[Path], sheets: Path | None, count: int, quiet: bool) -> None:
    """Says what was written where."""
    for path in outputs:
        say(f"{path}: tables{' and pictures' if has_pictures([path]) else ''}", quiet)
    if sheets is not None:
        say(f"{sheets}: {count} contact sheets", quiet)


def print_report(found: Evaluation, *, as_json: bool) -> None:
    """Prints the tables to standard output, or all of it as JSON."""
    if as_json:
        from avatar.evaluation.reports.saved import as_text

        print(as_text(found))
    else:
        print_tables(found)


def print_tables(found: Evaluation) -> None:
    """Prints settings and tables to standard output, what is reached and what is missed at the end."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from avatar.evaluation.reports.tables import laid_out

    console = Console(highlight=False)
    told = [f"{name}: {value}" for name, value in found.settings.items()]
    if found.seeds > 1:
        told.append(f"figures are means of {found.seeds} seeds")
    console.print("; ".join(told), markup=False)
    for section in (*found.sections, *([] if found.goals is None else [found.goals])):
        text = laid_out(section)
        table = Table(escape(section.title), *map(escape, text.header[1:]), box=None, title_justify="left")
        for column in table.columns[1:]:
            column.justify = "right"
        for line in text.rows:
            styled = [_STYLES.get(cell.kind, "{}").format(escape(cell.text)) for cell in line]
            table.add_row(*styled)
        console.print()
        console.print(table)
        if section.note:
            console.print(section.note, style="dim", markup=False)


_STYLES = {"outside": "[red]{}[/red]", "faint": "[dim]{}[/dim]"}
