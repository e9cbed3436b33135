"""An evaluation on the terminal and in files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from avatar.decoder import Image
    from avatar.evaluation.results import Evaluation


def write_report(
    found: Evaluation, output: Path | None, drawn: Mapping[str, Image] | None = None, sheets: Path | None = None
) -> None:
    """Writes the report to an HTML file, and contact sheets to a folder, where they are asked for."""
    if output is not None:
        from avatar.evaluation.html_report import write_html

        write_html(found, output)
    if sheets is not None:
        from avatar.picture.sheets import write_sheets

        write_sheets(sheets, drawn or {})


def print_report(found: Evaluation, *, as_json: bool) -> None:
    """Prints the tables to standard output, or all of it as JSON."""
    if as_json:
        print(json.dumps(found.as_json(), indent=2, ensure_ascii=False))
    else:
        print_tables(found)


def print_tables(found: Evaluation) -> None:
    """Prints settings and tables to standard output; figures outside their bands are red, and named at the end."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    console.print("; ".join(f"{name}: {value}" for name, value in found.settings.items()), markup=False)
    for section in found.sections:
        table = Table(escape(section.title), *map(escape, section.columns), box=None, title_justify="left")
        for column in table.columns[1:]:
            column.justify = "right"
        for line in section.rows:
            cells = []
            for cell in line.cells:
                text = escape(line.cell_text(cell))
                cells.append(f"[red]{text}[/red]" if cell.is_outside else text)
            table.add_row(escape(line.name), *cells)
        console.print()
        console.print(table)
        if section.note:
            console.print(section.note, style="dim", markup=False)
    if found.outside:
        console.print(f"\n{len(found.outside)} outside their bands: {'; '.join(found.outside)}", markup=False)
