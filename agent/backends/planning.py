"""Which outputs a conversation or a recording has: what is configured, and the files that were asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.backends import tables
from agent.backends.descriptor import OutputContext, OutputDescriptor
from agent.backends.making import made
from agent.config.config import Config
from avatar.outputs.opening import PlannedOutput
from avatar.portrait.portrait import Portrait


def planned_outputs(
    config: Config,
    *,
    is_live: bool,
    portrait: Portrait | None = None,
    video: Path | None = None,
    motion_csv: Path | None = None,
    publish_motion: Callable[[bytes], None] | None = None,
    on_key: Callable[[str, bool], None] = lambda name, pressed: None,
    on_close: Callable[[], None] = lambda: None,
) -> list[PlannedOutput]:
    """The outputs that are wanted, to be opened with `avatar.outputs.opening.open_outputs`.

    The arguments are the attributes of `agent.backends.descriptor.OutputContext`.
    """
    planned = []
    for descriptor in tables.outputs(config):
        context: OutputContext[Any] = OutputContext(
            config,
            config.settings_of(descriptor),
            is_live,
            portrait,
            video,
            motion_csv,
            publish_motion,
            on_key,
            on_close,
        )
        if (is_live or not descriptor.is_live_only) and descriptor.is_wanted(context):
            planned.append(_plan(config, descriptor, context))
    return planned


def _plan(config: Config, descriptor: OutputDescriptor[Any], context: OutputContext[Any]) -> PlannedOutput:
    return PlannedOutput(
        lambda: made(config, descriptor, lambda: descriptor.make(context)), is_required=descriptor.is_required
    )
