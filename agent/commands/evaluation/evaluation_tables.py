"""An evaluation on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from avatar.evaluation.results import Evaluation


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
