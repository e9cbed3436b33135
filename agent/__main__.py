"""The command line: `visavis` or `python -m agent`."""

from __future__ import annotations

import logging
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from agent.commands import conversation, evaluate, fetch, landmarks, live, media, track, train, upkeep
from agent.commands.options import say
from speech.errors import InputError

app = typer.Typer(
    name="visavis",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A conversational avatar: it listens, answers in its own voice, and one portrait is the face that says it.",
    epilog="Start with `visavis demo`. Every command explains itself: `visavis ask --help`.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"visavis {version('visavis')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Holds what is said before any command."""


for module in (live, conversation, media, landmarks, evaluate, track, fetch, train, upkeep):
    module.register(app)


def _inputs_wrong(error: BaseException) -> list[str]:
    """The lines for the user in an exception group; empty if anything else went wrong too."""
    if isinstance(error, InputError):
        return [str(error)]
    if isinstance(error, BaseExceptionGroup):
        lines = [_inputs_wrong(part) for part in error.exceptions]
        return [line for part in lines for line in part] if all(lines) else []
    return []


def main() -> None:
    """Runs one command: exit status 0 done, 1 not complete, 2 bad input (one line says why), 130 interrupted."""
    # A program that ends by itself in the moment in which it is stopped makes asyncio wonder aloud; nothing is wrong.
    logging.getLogger("asyncio").addFilter(lambda record: not record.getMessage().startswith("Unknown child process"))
    try:
        app()
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(130)
    except (InputError, BaseExceptionGroup) as error:
        lines = _inputs_wrong(error)
        if not lines:
            raise
        say(f"visavis: {' '.join(lines[0].split())}")
        sys.exit(2)


if __name__ == "__main__":
    main()
