"""The command line: all commands, and how each of them ends."""

from __future__ import annotations

import atexit
import logging
import os
import signal
from importlib.metadata import version
from typing import Annotated

import typer
from typer._click.exceptions import ClickException, NoArgsIsHelpError, NoSuchOption
from typer.core import TyperArgument

from agent.commands import conversation, demo, fetch, landmarks, live, media, memory, serve, track, train
from agent.commands import doctor as doctor_command
from agent.commands.evaluation import calibrate, evaluate
from agent.commands.log_options import LogJson, Verbose, end_log, set_log_options, with_log_options
from agent.commands.options import say
from agent.console import streams
from agent.log.log import LOG, PACKAGES
from speech.errors import InputError, VisavisError
from speech.worker import signals

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
    verbose: Verbose = False,
    log_json: LogJson = False,
) -> None:
    """Options before any command: --version, --verbose, --log-json."""
    set_log_options(verbose, log_json)


commands = live, serve, conversation, demo, media, memory, landmarks, evaluate, track, fetch, train, doctor_command
for module in commands:
    module.register(app)
calibrate.add_to(train.train)
with_log_options(app)


def run() -> int:
    """Runs one command.

    Returns:
        The exit status: 0 done, 1 not complete; where one line says why, 2 for bad input or a missing part (starting
        again changes nothing), 3 for a device and 4 for a backend or a server (starting again may help); 128 and the
        signal's number interrupted: 130 for Ctrl-C, 143 for a service manager's stop, 129 for a closed terminal.
    """
    # A program that ends by itself in the moment in which it is stopped makes asyncio wonder aloud; nothing is wrong.
    logging.getLogger("asyncio").addFilter(lambda record: not record.getMessage().startswith("Unknown child process"))
    # Where no folder is its own, it makes a temporary one, which is nothing to mend.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    # While Python itself ends there is nothing left that an interruption would have to tell of.
    atexit.register(lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    for name in PACKAGES:  # where there is no log, nothing of ours is printed beside the line that tells of an error
        logging.getLogger(name).addHandler(logging.NullHandler())
    signals.begun()
    with signals.undone(lambda: end_log("ended at once, by a second signal or because cleaning up took too long")):
        return _run()


def _run() -> int:
    status, failure = 0, None
    try:
        returned = app(prog_name="visavis", standalone_mode=False)
        status = returned if isinstance(returned, int) else 0
    except SystemExit as ended:  # Rich ends so where nobody reads any more what it prints
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException as error:
        failure = error
    try:
        streams.flush()
    except BrokenPipeError:  # whoever read it has had enough
        status, failure = 1, None
    except OSError as error:
        failure = error
    if number := signals.interrupted_by():
        say("interrupted")
        end_log(f"interrupted by {signal.Signals(number).name}", status=128 + number)
        return 128 + number
    if failure is not None:
        return _report(failure)
    asked = signals.asked_to_leave_by()
    end_log(f"left, asked to by {signal.Signals(asked).name}" if asked else "done", status=status)
    return status


def _report(failure: BaseException) -> int:
    """Prints what went wrong in one line, if it is the user's to mend, or where a log says more; else raises it."""
    if isinstance(failure, typer.Abort | KeyboardInterrupt):
        say("interrupted")
        end_log("interrupted", status=130)
        return 130
    if isinstance(failure, NoArgsIsHelpError):
        say(failure.format_message())
        return 2
    lines, path = _lines(failure), LOG.path
    line = " ".join(lines[0].split()) if lines else "an error that nobody foresaw"
    status = _status(failure) if lines else 1
    end_log(line, status=status, error=None if lines else failure)
    if os.environ.get("VISAVIS_DEBUG") or not (lines or path):
        raise failure
    if not lines:
        line += f" ({type(failure).__name__}); {path} says more, VISAVIS_DEBUG=1 shows it"
    say(f"visavis: {line}")
    return status


def _status(error: BaseException) -> int:
    """The exit status that goes with an error."""
    if isinstance(error, BaseExceptionGroup):
        return _status(error.exceptions[0])
    return error.status if isinstance(error, VisavisError) else InputError.status


def _lines(error: BaseException) -> list[str]:
    """The lines for the user; none if anything in it is not for them."""
    if isinstance(error, VisavisError):
        return [str(error)]
    if isinstance(error, ClickException):
        return [_usage_error(error)]
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else "a file or device "
        return [f"{where}could not be read or written: {error.strerror or error}"]
    if isinstance(error, MemoryError):
        return ["expected more memory than there is; use smaller input, or close other programs"]
    if isinstance(error, BaseExceptionGroup):
        lines = [_lines(part) for part in error.exceptions]
        return [line for part in lines for line in part] if all(lines) else []
    return []


def _usage_error(error: ClickException) -> str:
    """What is wrong with the words of a command, and where to look for the right ones."""
    context: typer.Context | None = getattr(error, "ctx", None)
    command = context.command_path if context else "visavis"
    name = command.removeprefix("visavis").strip()
    said = error.format_message().rstrip(".")
    line = f"{name}: {said[:1].lower()}{said[1:]}" if name else said
    takes_words = context is not None and any(isinstance(param, TyperArgument) for param in context.command.params)
    if isinstance(error, NoSuchOption) and takes_words and not error.possibilities:
        return f'{line}; what begins with a dash and is no option stands after --, such as {command} -- "-5 degrees"'
    return f"{line}; see {command} --help"
