"""Commands about the installation: doctor."""

from __future__ import annotations

import typer

from agent.commands import options
from agent.commands.options import configured


def doctor(
    as_json: options.AsJson = False,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
) -> None:
    """Tells what is installed, which parts were chosen and why, what is missing and the command that adds it.

    Exit status 0 when everything that is needed is there, else 1.

    Example:
    `visavis doctor`
    """
    from agent.doctor.doctor import diagnose, print_diagnosis

    diagnosis = diagnose(configured(config, overrides))
    print_diagnosis(diagnosis, as_json=as_json)
    raise typer.Exit(diagnosis.exit_status)


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command()(doctor)
