"""The command `evaluate card`: the figures of a model card, from a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.commands import options
from agent.commands.options import say


def evaluate_card(
    reports: Annotated[
        list[Path], typer.Argument(metavar="FILE.json...", help="As `visavis evaluate -o FILE.json` writes them.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.md", help="The card to put the tables in; else they are printed."),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Writes the tables of reports into a model card, between its two lines of comment, or prints them as Markdown.

    Examples:
    `visavis evaluate card report.json`

    `visavis evaluate card measures.json measures-emotions.json -o MODEL_CARD.md`
    """
    from avatar.evaluation.reports.markdown import measures, write_measures
    from avatar.evaluation.reports.saved import read_json

    found = [read_json(path) for path in reports]
    if output is None:
        print(measures(found), end="")
        return
    write_measures(output, found)
    say(f"{output}: the tables of {', '.join(path.name for path in reports)}", quiet)


def register(group: typer.Typer) -> None:
    """Adds this command to a group."""
    group.command("card")(evaluate_card)
