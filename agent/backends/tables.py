"""All backends and outputs there are: ours, then those of installed packages, which can't replace ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from agent.backends.descriptor import Backend, EarsBackend, MindBackend, OutputDescriptor, VoiceBackend
from agent.backends.ears import EARS
from agent.backends.minds import MINDS
from agent.backends.outputs import OUTPUTS
from agent.backends.voices import VOICES
from agent.config.config import Config
from agent.config.descriptor import Descriptor, Kind
from agent.config.plugins import Plugin
from agent.models.catalogue import Place

OURS: Mapping[Kind, Sequence[Descriptor[Any]]] = {"ears": EARS, "mind": MINDS, "voice": VOICES, "output": OUTPUTS}

_BACKENDS: list[Backend[Any]] = [*EARS, *MINDS, *VOICES]

BY_NAME: Mapping[str, Backend[Any]] = {backend.name: backend for backend in _BACKENDS}
"""Our backends by name."""

_Kind = TypeVar("_Kind", bound=Descriptor[Any])


def ears(config: Config) -> list[EarsBackend[Any]]:
    """All recognisers."""
    return [*EARS, *_added(config, EarsBackend)]


def minds(config: Config) -> list[MindBackend[Any]]:
    """All minds."""
    return [*MINDS, *_added(config, MindBackend)]


def voices(config: Config) -> list[VoiceBackend[Any]]:
    """All synthesisers."""
    return [*VOICES, *_added(config, VoiceBackend)]


def outputs(config: Config) -> list[OutputDescriptor[Any]]:
    """All outputs."""
    return [*OUTPUTS, *_added(config, OutputDescriptor)]


def backends_of(config: Config, place: Place) -> Sequence[Backend[Any]]:
    """All backends of one place."""
    return ears(config) if place == "ears" else minds(config) if place == "mind" else voices(config)


def problems(config: Config) -> list[str]:
    """What installed packages add and can't be used, a line each."""
    return [f"{plugin.title}: {problem}" for plugin in config.plugins.all if (problem := problem_of(plugin))]


def problem_of(plugin: Plugin) -> str:
    """Why it can't be used; "" where it can."""
    is_taken = plugin.name in {descriptor.name for descriptor in OURS[plugin.kind]}
    return plugin.problem or ("expected a name of its own, ours stays" if is_taken else "")


def plugin_of(config: Config, descriptor: Descriptor[Any]) -> Plugin | None:
    """The installed package's that it is; None for ours."""
    return next((plugin for plugin in config.plugins.all if plugin.descriptor is descriptor), None)


def _added(config: Config, kind: type[_Kind]) -> list[_Kind]:
    return [
        plugin.descriptor
        for plugin in config.plugins.all
        if isinstance(plugin.descriptor, kind) and not problem_of(plugin)
    ]
