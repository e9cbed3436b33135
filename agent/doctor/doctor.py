"""`visavis doctor`: what is installed, which ring was chosen and why, what is missing and the command that adds it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.config.config import Config
from agent.config.sections import Sections
from agent.doctor.devices import check_devices
from agent.doctor.files import check_files, check_programs, check_python
from agent.doctor.packages import Part, Ring, Status, check_packages
from agent.doctor.recommended import check_recommended
from speech.errors import VisavisError
from speech.worker.cores import usable_cores

_STYLES: Mapping[Status, str] = {"ok": "green", "missing": "yellow", "broken": "red"}

_CONTAINER_MEMORY = Path("/sys/fs/cgroup/memory.max")
"""The memory a container may use (cgroup v2), in bytes, or "max"."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What all of it runs on.

    Attributes:
        platform: operating system and processor.
        cores: that this process may use.
        memory_gb: that this process may use, 10^9 bytes.
    """

    platform: str
    cores: int
    memory_gb: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen for one place.

    Attributes:
        what: the place: "ring", "ears", "mind", "voice".
        chosen: the name of the ring or the backend.
        why: in words.
        notices: what would have been better and can't be used, and the command that mends it; a line each.
    """

    what: str
    chosen: str
    why: str
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that `visavis doctor` says.

    Attributes:
        complete: whether every part of the embedded ring is ok.
        machine: what it runs on.
        config: the configuration file, and why that one.
        changed: settings that differ from the default → where they were set.
        choices: ring, ears, mind and voice.
        parts: everything that was looked for.
    """

    complete: bool
    machine: Machine
    config: str
    changed: Mapping[str, str]
    choices: tuple[Chosen, ...]
    parts: tuple[Part, ...]

    @property
    def exit_status(self) -> int:
        """0 when the embedded ring is complete, else 1."""
        return 0 if self.complete else 1


def diagnose(config: Config, *, deep: bool = False) -> Diagnosis:
    """Looks for everything.

    Args:
        config: what is configured; paths and backends in it are checked.
        deep: import the heavy packages too, which takes seconds.
    """
    parts = (
        check_python(),
        *check_packages(deep=deep),
        *check_files(config),
        *check_programs(config),
        *_unless_packages_lack(lambda: _of_backends(config, deep=deep)),
    )
    complete = all(part.status == "ok" for part in parts if part.ring == "embedded")
    return Diagnosis(complete, _machine(), config.source.file, _changed(config), _choices(config), parts)


def _machine() -> Machine:
    cores = usable_cores()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        memory = min(memory, int(_CONTAINER_MEMORY.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit
        pass
    return Machine(f"{platform.system()} {platform.release()}, {platform.machine()}", cores, round(memory / 1e9, 1))


def _changed(config: Config) -> dict[str, str]:
    sections = {**{name: getattr(config, name) for name in Sections.model_fields}, **config.plugins.settings}
    return {
        f"{name}.{key}": config.source.of(f"{name}.{key}")
        for name, section in sections.items()
        for key, value in section
        if value != getattr(type(section)(), key)
    }


def _of_backends(config: Config, *, deep: bool) -> list[Part]:
    from agent.doctor.packaged import check_packaged
    from agent.doctor.plugins import check_plugins

    return [
        *check_packaged(config),
        *check_recommended(config, deep=deep),
        *check_devices(config, deep=deep),
        *check_plugins(config),
    ]


def _unless_packages_lack(look: Callable[[], list[Part]]) -> list[Part]:
    try:
        return look()
    except ImportError:  # a package of the embedded ring is missing, which is said there
        return []


def _choices(config: Config) -> tuple[Chosen, ...]:
    try:
        from agent.backends.choice import Choice, chosen_ears, chosen_mind, chosen_voice
    except ImportError as error:
        why = f"can't be told before the package is there: {' '.join(str(error).split())}"
        return (Chosen("ring", "unknown", why), Chosen("ears, mind, voice", "unknown", why))
    found: list[Choice] = []
    backends: list[Chosen] = []
    for what, choose in (("ears", chosen_ears), ("mind", chosen_mind), ("voice", chosen_voice)):
        try:
            choice = choose(config)
        except VisavisError as error:  # a setting that can't be followed
            backends.append(Chosen(what, "none", str(error)))
        else:
            found.append(choice)
            backends.append(Chosen(choice.what, choice.chosen, choice.why, choice.notices))
    embedded = [choice.what for choice in found if choice.source in ("", "packaged")]
    others = [choice.what for choice in found if choice.source not in ("", "packaged")]
    chosen = " and ".join(name for name, places in (("recommended", others), ("embedded", embedded)) if places)
    asked = config.ring.choice
    if asked != "auto":
        why = f"named by ring.choice ({config.source.of('ring.choice')})"
    elif embedded and others:
        why = f"{' and '.join(others)} of the recommended ring, {' and '.join(embedded)} of the embedded one"
    else:
        why = "everything of it that is needed is here" if others else "nothing of the recommended ring is ready"
    return (Chosen("ring", chosen, why), *backends)


def print_diagnosis(diagnosis: Diagnosis, *, as_json: bool = False) -> None:
    """Prints it to standard output, as tables or as one JSON object of the same fields."""
    if as_json:
        print(json.dumps(asdict(diagnosis), indent=2))
    else:
        show(diagnosis, Console(highlight=False))


def show(diagnosis: Diagnosis, console: Console) -> None:
    """Prints tables, and below them the commands, each on a line of its own that can be copied."""
    machine = diagnosis.machine
    facts = Table.grid(padding=(0, 2))
    facts.add_row("machine", Text(f"{machine.platform}; {machine.cores} cores, {machine.memory_gb} GB"))
    facts.add_row("config", Text(diagnosis.config))
    for setting, place in diagnosis.changed.items():
        facts.add_row("", Text(f"{setting} from {place}"))
    for choice in diagnosis.choices:
        facts.add_row(choice.what, Text(f"{choice.chosen}: {choice.why}"))
        for notice in choice.notices:
            facts.add_row("", Text(notice, _STYLES["broken"]))
    console.print(facts)

    for ring, title in _TITLES.items():
        console.print(Text(f"\n{title}", "bold"))
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(no_wrap=True, min_width=len("missing"))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for part in (part for part in diagnosis.parts if part.ring == ring):
            name = Text(part.name).append(f" {part.version}" if part.version else "", "dim")
            table.add_row(Text(part.status, _STYLES[part.status]), name, Text(part.detail))
        console.print(table)

    console.print()
    for what, ring, verb in (
        ("The embedded ring", "embedded", "is"),
        ("The packaged weights", "packaged", "are"),
        ("The recommended ring", "recommended", "is"),
    ):
        if all(part.status == "ok" for part in diagnosis.parts if part.ring == ring):
            console.print(f"{what} {verb} complete.", style="green")
        else:
            console.print(f"{what} {verb} not complete.", style="red" if ring == "embedded" else "yellow")
    for title, ring in (
        ("To complete the embedded ring:", "embedded"),
        ("To complete the packaged weights:", "packaged"),
        ("To complete the recommended ring:", "recommended"),
        ("To add what is optional:", "optional"),
    ):
        # The same command may mend several parts.
        fixes = dict.fromkeys(part.fix for part in diagnosis.parts if part.fix and part.ring == ring)
        if fixes:
            console.print(title)
        for fix in fixes:
            console.print(Text(f"  {fix}"), soft_wrap=True)


_TITLES: Mapping[Ring, str] = {
    "embedded": "Embedded ring: all that is needed",
    "packaged": "Packaged weights: what the embedded ring hears, speaks and finds better with",
    "recommended": "Recommended ring: larger models of your choice, fetched once",
    "optional": "Optional",
}
