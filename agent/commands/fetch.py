"""The command that brings models here: fetch. Nothing else downloads anything."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agent.commands import options
from agent.commands.options import configured, messages, progress, say
from agent.config.config import Config
from agent.models.catalogue import BACKENDS, CATALOGUE, PLACES, Backend, Model
from agent.models.fetched import (
    default_model,
    fetched_models,
    megabytes,
    models_folder,
    named_model,
    recommended_models,
    state_of,
)
from speech.errors import InputError, VisavisError

_WIDE = 100
"""Columns of a terminal in which a list can also say what each model is."""

_STYLES = {"complete": "green", "partial": "yellow", "broken": "red"}
_WORDS = {"complete": "fetched", "partial": "in part", "broken": "broken", "missing": ""}


def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[BACKEND[/MODEL]]...", help="What to fetch, such as whisper/base.en or transformers."),
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="List the models there are, and which are here.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask before fetching.")] = False,
    source_folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="FOLDER", help="Take them from a folder, such as another machine's models."),
    ] = None,
    models: Annotated[
        Path | None, typer.Option("--models", metavar="FOLDER", help="Put them there instead; see ring.models.")
    ] = None,
    accepted: Annotated[
        list[str] | None,
        typer.Option("--accept-licence", metavar="LICENCE", help="Accept a licence such as CPML without being asked."),
    ] = None,
    as_json: options.AsJson = False,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Fetches the models of the recommended ring: says what, how large, whose and from where, and asks first.

    What was stopped goes on where it was. Every file is checked before it is used; a model that is here is checked
    again when it is named. Nothing else ever downloads anything.

    Examples:
    `visavis fetch`

    `visavis fetch whisper/small transformers/Qwen/Qwen2.5-0.5B-Instruct`

    `visavis fetch --models /media/stick/models --yes`, and on a machine without a network:
    `visavis fetch --from /media/stick/models`
    """
    settings = configured(config, overrides)
    folder = (models or models_folder(settings)).absolute()
    if listing:
        _list(settings, folder, as_json=as_json)
        return
    if as_json:
        raise InputError("--json: expected --list beside it; only the list can be printed as JSON")
    chosen = [_parse_model(name, settings) for name in names or ()]
    asks = not yes and not chosen
    if not chosen:
        recommended = recommended_models(settings.model_copy(update={"ring": _ring_at(settings, folder)}))
        chosen = [model for model in recommended if state_of(folder, model.backend, model.name).status != "complete"]
        if not chosen:
            say(f"{folder}: all models of the recommended ring are here; name one to check it", quiet)
            return
    if not quiet:
        _show(chosen, folder, source_folder, messages)
    if asks:
        _ask("Fetch them?", "nothing was fetched; add --yes to do it without being asked")
    for model in chosen:
        _ask_licence(model, folder, accepted or ())
    _fetch_all(chosen, folder, source_folder, quiet=quiet)


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command()(fetch)


def _ring_at(config: Config, folder: Path) -> object:
    return config.ring.model_copy(update={"models": folder})


def _parse_model(name: str, config: Config) -> Model:
    """The model that a word on the command line means.

    Raises:
        InputError: none, or several.
    """
    first, _, rest = name.partition("/")
    for backend in BACKENDS:
        if first == backend:
            return named_model(backend, rest or _configured_model(backend, config))
    meant = [model.title for model in CATALOGUE if model.name == name]
    if len(meant) == 1:
        first, _, rest = meant[0].partition("/")
        return next(model for model in CATALOGUE if model.title == meant[0])
    expected = " or ".join(meant) or f"{', '.join(BACKENDS)}, with or without /MODEL"
    raise InputError(f"expected {expected}, got '{name}'; see: visavis fetch --list")


def _configured_model(backend: Backend, config: Config) -> str:
    """The model that the configuration names for this backend, else the backend's default."""
    section = getattr(config, PLACES[backend])
    if section.backend == backend and section.model and not Path(section.model).is_absolute():
        return str(section.model)
    return default_model(backend, config)


def _ask(question: str, otherwise: str) -> None:
    if not sys.stdin.isatty():
        raise InputError(otherwise)
    if not typer.confirm(question, err=True):
        raise typer.Exit(1)


def _ask_licence(model: Model, folder: Path, accepted: Sequence[str]) -> None:
    """A licence that not everybody may accept is never accepted silently."""
    if not model.question or state_of(folder, model.backend, model.name).status == "complete":
        return
    if model.licence.lower() in [licence.lower() for licence in accepted]:
        return
    otherwise = (
        f"{model.title}: its licence has to be accepted first, nothing was fetched: {model.question} "
        f"If so, add --accept-licence {model.licence}"
    )
    _ask(model.question, otherwise)


def _show(models: Sequence[Model], folder: Path, source_folder: Path | None, console: Console) -> None:
    """What would be fetched: what, how large, whose licence, from where, to where."""
    titles = max(len(model.title) for model in models)
    for model in models:
        about = f"about {megabytes(model.size)}" if model.size else "of unknown size"
        line = f"{PLACES[model.backend]:<7}{model.title:<{titles}}  {about}"
        console.print(Text(f"{line}, licence {model.licence or 'as stated there'}"), soft_wrap=True)
        why = f"{model.what}: {model.why}" if model.why else model.what
        console.print(Padding(Text(f"{why}; from {source_folder or model.source}"), (0, 0, 0, 7)))
    size = sum(model.size for model in models)
    more = " and more" if any(not model.size for model in models) else ""
    free = next(place for place in (folder, *folder.parents) if place.is_dir())
    about = f"about {megabytes(size)}{more}" if size else "of unknown size"
    to = f"To {folder}: {about}, {megabytes(shutil.disk_usage(free).free)} are free there."
    console.print(Text(f"\n{to}\n"), soft_wrap=True)


def _fetch_all(models: Sequence[Model], folder: Path, source_folder: Path | None, *, quiet: bool) -> None:
    """Fetches one after the other; what goes wrong with one does not stop the next."""
    failed: list[VisavisError] = []
    for model in models:
        try:
            _fetch(model, folder, source_folder, quiet=quiet)
        except VisavisError as error:
            failed.append(error)
            if error is not failed[0]:
                say(f"visavis: {failed[-2]}")
        except KeyboardInterrupt:
            from agent.models.fetch import kept_bytes

            kept = kept_bytes(folder, model)
            say(f"{model.title}: stopped; {megabytes(kept)} are kept, the next `visavis fetch {model.title}` goes on")
            raise
    if failed:
        raise failed[-1]


def _fetch(model: Model, folder: Path, source_folder: Path | None, *, quiet: bool) -> None:
    from agent.backends.tables import BY_NAME
    from agent.models.fetch import fetch as bring

    with progress(quiet) as bar:
        task = bar.add_task(model.title, total=None, note="")
        shown = ""

        def report(file: str, here: int, total: int | None) -> None:
            nonlocal shown
            if file != shown:
                shown = file
                bar.reset(task, total=total, completed=here, description=file)
            note = f"{megabytes(here)} of {megabytes(total)}" if total else megabytes(here)
            bar.update(task, completed=here, total=total, note=note)

        done = bring(model, folder, report, source_folder=source_folder)
    licence = f", licence: {done.licence}" if done.licence and not model.licence else ""
    say(f"{model.title}: {megabytes(done.size)} in {done.path}, checked with {done.checked_by}{licence}", quiet)
    backend = BY_NAME[model.backend]
    if backend.extra and find_spec(backend.module) is None:
        say(f"{model.title}: to use it, also run: pip install 'visavis[{backend.extra}]'", quiet)
    if backend.programs and not any(map(shutil.which, backend.programs)):
        say(f"{model.title}: to use it, also run: apt-get install {backend.programs[0]}", quiet)


def _list(config: Config, folder: Path, *, as_json: bool) -> None:
    known = {model.title for model in CATALOGUE}
    models = [*CATALOGUE, *(model for model in fetched_models(folder) if model.title not in known)]
    states = {model.title: state_of(folder, model.backend, model.name) for model in models}
    defaults = {f"{backend}/{default_model(backend, config)}" for backend in BACKENDS}
    if as_json:
        rows = [
            {
                **asdict(model),
                "source": str(model.source),
                "default": model.title in defaults,
                "status": states[model.title].status,
                "path": str(states[model.title].path),
            }
            for model in models
        ]
        print(json.dumps({"folder": str(folder), "models": rows}, indent=2))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    console = Console(highlight=False)
    table.add_column("model", overflow="fold")
    table.add_column("about", no_wrap=True, justify="right")
    table.add_column("licence", no_wrap=True)
    table.add_column("", no_wrap=True)
    if console.width >= _WIDE:
        table.add_column("what")
    for backend in BACKENDS:
        table.add_row(Text(f"{backend} ({PLACES[backend]})", "bold"))
        for model in [model for model in models if model.backend == backend]:
            status = states[model.title].status
            name = Text(f"  {model.name}{' *' if model.title in defaults else ''}")
            size = megabytes(model.size) if model.size else "?"
            state = Text(_WORDS[status], _STYLES.get(status, ""))
            cells: list[RenderableType] = [name, size, Text(model.licence or "?"), state, Text(model.what)]
            table.add_row(*cells[: len(table.columns)])
    console.print(table)
    console.print(
        Text(f"\n* what is taken where none is named. Fetch with: visavis fetch BACKEND/MODEL\nHere: {folder}")
    )
