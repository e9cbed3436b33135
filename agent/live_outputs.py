"""Where a live face goes: virtual camera, window, recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config.config import Config
from avatar.outputs.base import Output
from avatar.outputs.opening import PlannedOutput
from avatar.portrait.portrait import Portrait

if TYPE_CHECKING:
    from avatar.outputs.video_file import VideoFileOutput


def live_outputs(
    config: Config,
    portrait: Portrait,
    *,
    record: Path | None,
    on_key: Callable[[str, bool], None] = lambda name, pressed: None,
    on_close: Callable[[], None] = lambda: None,
) -> list[PlannedOutput]:
    """What the configuration asks for, to be opened; a recording that can't be written is an error before all else.

    Args:
        config: the whole configuration.
        portrait: the face, for the camera's background.
        record: MP4 file to record into, or None.
        on_key: called with keys of the window, on a thread of the window's.
        on_close: called, on that thread, when the window was closed.
    """
    planned: list[PlannedOutput] = []
    if config.camera.enabled:
        planned.append(PlannedOutput(lambda: _camera(config, portrait), is_required=False))
    if config.window.enabled:
        planned.append(PlannedOutput(lambda: _window(config, on_key, on_close), is_required=False))
    if record is not None:
        from avatar.outputs.video_file import VideoFileOutput

        output = config.output
        video = VideoFileOutput(record, crf=output.video_crf, preset=output.video_preset, live=True)
        planned.append(PlannedOutput(lambda: video))
    return planned


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
