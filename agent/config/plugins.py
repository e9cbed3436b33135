"""Backends and outputs of installed packages: found by their entry points, and loaded, or known not to load.

A package names a descriptor (`agent.backends.descriptor`) in an entry point of one of these groups:

    [project.entry-points."visavis.voices"]
    loud = "loud_package:VOICE"

Its module is imported whenever a configuration is read, so it must be light: what is heavy is imported by `make`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from agent.config.descriptor import Descriptor, Kind
from agent.config.section import Section
from speech.errors import one_line

GROUPS: Mapping[Kind, str] = {
    "ears": "visavis.ears",
    "mind": "visavis.minds",
    "voice": "visavis.voices",
    "output": "visavis.outputs",
}
"""Kind → the group of entry points."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """One entry point of an installed package.

    Attributes:
        kind: what it adds.
        name: of the entry point; its descriptor has the same.
        package: which package adds it, and its version: "loud 1.0".
        descriptor: None where it can't be used.
        problem: why not; "" where it can.
    """

    kind: Kind
    name: str
    package: str
    descriptor: Descriptor[Any] | None
    problem: str = ""

    @property
    def title(self) -> str:
        """How a line about it begins: "voice 'loud' of the package loud 1.0"."""
        return f"{self.kind} '{self.name}' of the package {self.package}"


@dataclass(frozen=True, slots=True)
class Plugins:
    """All that installed packages add, and the settings of their own.

    Attributes:
        all: those that can be used, and those that can't.
        settings: "voice.loud" → what is configured for it.
    """

    all: tuple[Plugin, ...] = ()
    settings: Mapping[str, Section] = field(default_factory=dict)

    @property
    def sections(self) -> dict[str, type[Section]]:
        """The models of their settings, by section ("voice.loud")."""
        return {plugin.descriptor.section: plugin.descriptor.settings for plugin in self.all if plugin.descriptor}


def find_plugins(taken: Mapping[Kind, Iterable[str]]) -> Plugins:
    """Looks for entry points and loads them; takes some milliseconds where there is none.

    Args:
        taken: kind → names that mean something already, such as the keys of [voice].
    """
    found: list[Plugin] = []
    points = entry_points()
    for kind, group in GROUPS.items():
        names = set(taken.get(kind, ()))
        for point in sorted(points.select(group=group), key=lambda point: (point.name, _package(point))):
            found.append(_load(kind, point, names))
            names.add(point.name)
    return Plugins(tuple(found))


def _load(kind: Kind, point: EntryPoint, taken: set[str]) -> Plugin:
    def broken(why: str) -> Plugin:
        return Plugin(kind, point.name, _package(point), None, one_line(why))

    if point.name in taken:
        return broken("expected a name of its own, this one is taken")
    try:
        descriptor = point.load()
    except Exception as error:  # somebody else's code
        return broken(f"could not load {point.value}: {error or type(error).__name__}")
    if not isinstance(descriptor, Descriptor) or getattr(descriptor, "kind", None) != kind:
        return broken(f"expected {point.value} to be a descriptor of this kind, got {type(descriptor).__name__}")
    if descriptor.name != point.name:
        return broken(f"expected the name of the entry point in {point.value}, got '{descriptor.name}'")
    if descriptor.shared_section or not (
        isinstance(descriptor.settings, type) and issubclass(descriptor.settings, Section)
    ):
        return broken(f"expected settings of its own in {point.value}, derived from agent.config.section.Section")
    return Plugin(kind, point.name, _package(point), descriptor)


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "that has no name"
