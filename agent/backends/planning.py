"""Which outputs a conversation or a recording has: what is configured, and the files that were asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agent.backends import tables
from agent.backends.descriptor import OutputContext, OutputDescriptor
from agent.backends.making import made
from agent.config.config import Config
from avatar.decoder import VideoFrame
from avatar.motion import Floats
from avatar.outputs.base import Output
from avatar.outputs.opening import PlannedOutput
from avatar.portrait.portrait import Portrait
from speech.audio import Samples


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
            config=config,
            settings=config.settings_of(descriptor),
            is_live=is_live,
            portrait=portrait,
            video=video,
            motion_csv=motion_csv,
            publish_motion=publish_motion,
            on_key=on_key,
            on_close=on_close,
        )
        if (is_live or not descriptor.is_live_only) and descriptor.is_wanted(context):
            planned.append(_plan(config, descriptor, context))
    return planned


def _plan(config: Config, descriptor: OutputDescriptor[Any], context: OutputContext[Any]) -> PlannedOutput:
    def make() -> Output:
        output = made(config, descriptor, lambda: descriptor.make(context))
        return _OfPackage(config, descriptor, output) if tables.plugin_of(config, descriptor) else output

    return PlannedOutput(make, is_required=descriptor.is_required)


class _OfPackage:
    """An output of an installed package: whatever it raises is one line, as of ours."""

    def __init__(self, config: Config, descriptor: OutputDescriptor[Any], output: Output) -> None:
        self._output = output
        self._said: Callable[[Callable[[], object]], object] = partial(made, config, descriptor)

    def __enter__(self) -> Self:
        self._said(lambda: self._output.__enter__())
        return self

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        self._said(lambda: self._output.write(frame, sound, motion))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._said(lambda: self._output.__exit__(kind, error, trace))
