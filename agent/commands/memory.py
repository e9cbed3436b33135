"""Commands about what is remembered of people: memory list, memory show, memory forget."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from agent.commands import options
from agent.commands.options import configured, say
from speech.errors import InputError

if TYPE_CHECKING:
    from agent.memory.store import Memories

memory = typer.Typer(
    name="memory",
    no_args_is_help=True,
    help="Shows and deletes what people asked `visavis talk` to remember, on this machine (docs/memory.md).",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="As `visavis memory list` shows it.")]


@memory.command("list")
def list_people(
    as_json: options.AsJson = False,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
) -> None:
    """Lists the people who are remembered, and how much of them.

    Example:
    `visavis memory list`
    """
    memories = _memories(config, overrides)
    people = memories.people()
    _tell_problem(memories)
    if as_json:
        print(json.dumps([asdict(person) for person in people], ensure_ascii=False))
        return
    for person in people:
        things = "1 thing" if person.facts == 1 else f"{person.facts} things"
        print(f"{person.name}: {things}, since {datetime.fromtimestamp(person.since_s):%Y-%m-%d}")
    if not people:
        say("nobody is remembered")


@memory.command()
def show(
    name: Name,
    as_json: options.AsJson = False,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
) -> None:
    """Prints what somebody asked to have remembered, in their own words.

    Example:
    `visavis memory show Jonas`
    """
    memories = _memories(config, overrides)
    known = _known(memories, name)
    facts = memories.facts(known)
    if as_json:
        print(json.dumps([asdict(fact) for fact in facts], ensure_ascii=False))
        return
    for fact in facts:
        print(fact.said)


@memory.command()
def forget(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `visavis memory list` shows it.")] = "",
    everybody: Annotated[bool, typer.Option("--all", help="Everybody who is remembered.")] = False,
    quiet: options.Quiet = False,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
) -> None:
    """Deletes a person and all that is kept of them, their progress in lessons too; nothing of it stays in the file.

    Examples:
    `visavis memory forget Jonas`

    `visavis memory forget --all`
    """
    if bool(name) == everybody:
        raise InputError("memory forget: expected a name, or --all")
    memories = _memories(config, overrides)
    names = [person.name for person in memories.people()] if everybody else [_known(memories, name)]
    _tell_problem(memories)
    for one in names:
        memories.forget(one)
        say(f"{one}: forgotten", quiet)


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    app.add_typer(memory)


def _memories(config: options.ConfigPath, overrides: options.Overrides) -> Memories:
    from agent.memory.loading import lasting_memories

    return lasting_memories(configured(config, overrides))


def _known(memories: Memories, name: str) -> str:
    """The name under which somebody is kept.

    Raises:
        InputError: they are not.
    """
    known = memories.known(name)
    _tell_problem(memories)
    if not known:
        raise InputError(f"memory: expected somebody who is remembered, got {name!r}; see visavis memory list")
    return known


def _tell_problem(memories: Memories) -> None:
    if problem := memories.take_problem():
        say(f"! {problem}")
