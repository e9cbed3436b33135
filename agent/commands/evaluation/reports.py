"""Where an evaluation goes: files, an earlier report beside it, pictures, the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.commands.options import check_target, make_folder, say
from speech.errors import InputError

if TYPE_CHECKING:
    from avatar.decoder import Image
    from avatar.evaluation.results import Evaluation

_SUFFIXES = (".html", ".htm", ".json", ".md")

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


class Reports:
    """The files and the terminal for one evaluation.

    Made before any work is done, so that nothing is measured in vain.

    Args:
        outputs: files, each of the kind that its name says.
        before: an earlier report, NAME.json.
        sheets: the folder for the pictures, which is made.

    Raises:
        InputError: something can't be written, or `before` can't be read.
    """

    def __init__(self, outputs: Sequence[Path] | None, before: Path | None = None, sheets: Path | None = None) -> None:
        for path in outputs or ():
            check_target(path, *_SUFFIXES)
        self._outputs, self._before, self._sheets = list(outputs or ()), before, sheets
        self._earlier = None if before is None else _read_before(before)
        if sheets is not None:
            make_folder(sheets)

    @property
    def has_pictures(self) -> bool:
        """Whether pictures are wanted."""
        return self._sheets is not None or any(map(_shows_pictures, self._outputs))

    def deliver(
        self, found: Evaluation, drawn: Mapping[str, Image] | None = None, *, as_json: bool, quiet: bool
    ) -> None:
        """Writes, prints and says where everything is.

        Args:
            found: what was measured.
            drawn: its pictures, by names for files; None where it holds them itself.
            as_json: print all of it as JSON instead of the tables.
            quiet: say nothing.
        """
        if drawn is not None and any(map(_shows_pictures, self._outputs)):
            from avatar.picture.sheets import jpeg

            found = replace(found, pictures={name: jpeg(picture) for name, picture in drawn.items()})
        if self._before is not None and self._earlier is not None:
            from avatar.evaluation.reports.comparison import compared

            found = compared(found, self._earlier, self._before.name)
        for path in self._outputs:
            _write(found, path)
        if self._sheets is not None:
            from avatar.picture.sheets import write_sheets

            drawn = _named_pictures(found) if drawn is None else drawn
            write_sheets(self._sheets, drawn)
        if as_json:
            from avatar.evaluation.reports.saved import as_text

            print(as_text(found))
        else:
            _print_tables(found)
        for path in self._outputs:
            say(f"{path}: tables{' and pictures' if _shows_pictures(path) else ''}", quiet)
        if self._sheets is not None:
            say(f"{self._sheets}: {len(drawn or ())} contact sheets", quiet)


def _read_before(path: Path) -> Evaluation:
    from avatar.evaluation.reports.saved import read_json

    if path.suffix.lower() != ".json":
        raise InputError(f"--before: expected a report NAME.json, got {path.name}")
    return read_json(path)


def _shows_pictures(path: Path) -> bool:
    return path.suffix.lower() in (".html", ".htm")


def _write(found: Evaluation, path: Path) -> None:
    match path.suffix.lower():
        case ".json":
            from avatar.evaluation.reports.saved import write_json

            write_json(found, path)
        case ".md":
            from avatar.evaluation.reports.markdown import write_markdown

            write_markdown(found, path)
        case _:
            from avatar.evaluation.reports.html import write_html

            write_html(found, path)


def _named_pictures(found: Evaluation) -> dict[str, Image]:
    """The report's pictures by names for files."""
    from io import BytesIO

    import numpy as np
    from PIL import Image as Pillow

    opened = {title: Pillow.open(BytesIO(content)) for title, content in found.pictures.items()}
    return {title.partition(":")[0].replace("/", "-"): np.asarray(one, np.uint8) for title, one in opened.items()}


def _print_tables(found: Evaluation) -> None:
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
