"""The log as the commands use it: --verbose and --log-json, before a command or after it; the beginning and the end."""

from __future__ import annotations

import functools
import inspect
import logging
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any

import typer
from rich.text import Text

from agent.commands.options import messages, say
from agent.config.config import Config
from agent.log.lines import Foreign, log_event
from agent.log.log import LOG
from agent.log.settings import settings_of
from agent.personas import portrait_path

Verbose = Annotated[
    bool, typer.Option("--verbose", help="Show what the log holds on standard error, with more detail.")
]
LogJson = Annotated[bool, typer.Option("--log-json", help="The log is JSON lines instead of text.")]

_LOG = logging.getLogger(__name__)


def set_log_options(verbose: bool, log_json: bool) -> None:
    """Does what the options say; before the command logs anything."""
    LOG.is_json = LOG.is_json or log_json
    if verbose:
        # Rich prints above a line that stays at the bottom.
        LOG.show(lambda line: messages.print(Text(line, "dim"), soft_wrap=True))


def with_log_options(app: typer.Typer) -> None:
    """Gives every command of a program the two options."""
    for command in app.registered_commands:
        assert command.callback is not None
        command.callback = _with_options(command.callback)
    for group in app.registered_groups:
        assert group.typer_instance is not None
        with_log_options(group.typer_instance)


def _with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(command)
    def run(*, verbose: bool, log_json: bool, **options: Any) -> Any:
        set_log_options(verbose, log_json)
        return command(**options)

    more = {"verbose": Verbose, "log_json": LogJson}
    # Typer takes the annotations of a signature that is set as they are: strings would stay strings.
    own = inspect.signature(command, eval_str=True)
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)
        for name, annotation in more.items()
    ]
    run.__signature__ = own.replace(parameters=[*own.parameters.values(), *added])  # type: ignore[attr-defined]
    run.__annotations__ = {name: parameter.annotation for name, parameter in own.parameters.items()} | more
    return run


def begin_log(config: Config, command: str) -> None:
    """Opens the file for a command that runs for long, and logs how it was started."""
    LOG.open(config.log, say)
    log_event(
        _LOG,
        "start",
        command=command,
        version=version("visavis"),
        python=platform.python_version(),
        system=platform.platform(),
        cpus=os.cpu_count(),
        process=os.getpid(),
        config=config.source.file,
        settings=settings_of(config),
        portrait=portrait_path(config.portrait.path).name,
    )


def end_log(why: str, *, status: int | None = None, error: BaseException | None = None) -> None:
    """Logs why the program ends, and ends the log; only the first call counts.

    Args:
        why: "done", or what ended it.
        status: its exit status; None where it is ended at once.
        error: what was raised; an error that nobody foresaw is logged with its traceback.
    """
    if LOG.is_open:
        if error is not None:
            _LOG.critical("an error that nobody foresaw", exc_info=error)
        level = logging.ERROR if status is None or 1 <= status <= 4 else logging.INFO
        ran_s = round(time.monotonic() - _BEGAN_S)
        log_event(_LOG, "stop", level=level, why=Foreign(why), status=status, ran_s=ran_s)
    LOG.close()


_BEGAN_S = time.monotonic()
"""When this module was loaded: some 0.3 s after the program's start."""
