"""Where a live face goes: virtual camera, window, recording; one that can't be had is told, and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config.config import Config
from avatar.outputs.base import Output
from avatar.portrait.portrait import Portrait
from speech.errors import VisavisError

if TYPE_CHECKING:
    from avatar.outputs.video_file import VideoFileOutput


def open_live_outputs(
    config: Config,
    portrait: Portrait,
    *,
    record: Path | None,
    on_problem: Callable[[str], None],
    on_key: Callable[[str, bool], None] = lambda name, pressed: None,
    on_close: Callable[[], None] = lambda: None,
) -> list[Output]:
    """Opens what the configuration asks for.

    Args:
        config: the whole configuration.
        portrait: the face, for the camera's background.
        record: MP4 file to record into, or None.
        on_problem: told in one line of each output that can't be opened.
        on_key: told of keys in the window, on a thread of the window's.
        on_close: told, on that thread, that the window was closed.

    Raises:
        InputError: the recording can't be written; whoever asked for a file must know before the conversation.
    """
    openers: list[Callable[[], Output]] = []
    if config.camera.enabled:
        openers.append(lambda: _camera(config, portrait))
    if config.window.enabled:
        openers.append(lambda: _window(config, on_key, on_close))
    outputs: list[Output] = []
    for opener in openers:
        try:
            outputs.append(opener())
        except VisavisError as error:
            on_problem(str(error))
    if record is not None:
        from avatar.outputs.video_file import VideoFileOutput

        outputs.append(
            VideoFileOutput(record, crf=config.output.video_crf, preset=config.output.video_preset, live=True)
        )
    return outputs


def _camera(config: Config, portrait: Portrait) -> Output:
    from avatar.outputs.framing import Framing
    from avatar.outputs.virtual_camera import VirtualCameraOutput

    camera = config.camera
    framing = Framing(camera.size, background=camera.background, portrait=portrait.image)
    return VirtualCameraOutput(device=camera.device, framing=framing)


def _window(config: Config, on_key: Callable[[str, bool], None], on_close: Callable[[], None]) -> Output:
    from avatar.outputs.window import WindowOutput

    return WindowOutput(title="Visavis", fullscreen=config.window.fullscreen, on_key=on_key, on_close=on_close)


def recording_among(outputs: Sequence[Output]) -> VideoFileOutput | None:
    """The one that is a recording."""
    from avatar.outputs.video_file import VideoFileOutput

    return next((output for output in outputs if isinstance(output, VideoFileOutput)), None)


def recorded(outputs: Sequence[Output]) -> bool:
    """Whether one of the outputs is a recording that was finished."""
    recording = recording_among(outputs)
    return recording is not None and recording.is_finished
