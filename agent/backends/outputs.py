"""The outputs, one line each, and which of them take part; their classes are imported only when one is made."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.backends.descriptor import Finding, OutputContext, OutputDescriptor
from agent.config.config import Config
from agent.config.device_sections import CameraSection, MqttSection, WindowSection
from agent.config.face_sections import OutputSection
from agent.config.section import NoSettings
from agent.mqtt import settings as mqtt_settings
from avatar.outputs.base import Output
from speech.errors import InputError

if TYPE_CHECKING:
    from avatar.outputs.video_file import VideoFileOutput

BROKER_TIMEOUT_S = 1.0

VIRTUAL_CAMERAS = Path("/sys/devices/virtual/video4linux")
"""Where Linux lists the cameras that are no hardware."""


def _camera(context: OutputContext[CameraSection]) -> Output:
    from avatar.outputs.framing import Framing
    from avatar.outputs.virtual_camera import VirtualCameraOutput

    camera, portrait = context.settings, context.portrait
    if portrait is None:
        raise ValueError("a camera's background is made from the portrait, which is loaded before")
    framing = Framing(camera.size, background=camera.background, portrait=portrait.image)
    return VirtualCameraOutput(device=camera.device, framing=framing)


def _check_camera(config: Config, settings: CameraSection) -> Finding | None:
    if sys.platform != "linux":
        return None
    cameras = {path.parent.name: path.read_text("utf-8").strip() for path in VIRTUAL_CAMERAS.glob("video*/name")}
    if cameras:
        names = ", ".join(f"/dev/{device} ({name})" for device, name in sorted(cameras.items()))
        return Finding("ok", names)
    from avatar.outputs.virtual_camera import MODPROBE

    fix = f"sudo apt-get install v4l2loopback-dkms && {MODPROBE}"
    return Finding("missing", "for meetings: no v4l2loopback device", fix)


def _window(context: OutputContext[WindowSection]) -> Output:
    from avatar.outputs.window import WindowOutput

    fullscreen = context.settings.fullscreen
    return WindowOutput(title="Visavis", fullscreen=fullscreen, on_key=context.on_key, on_close=context.on_close)


def _video(context: OutputContext[OutputSection]) -> Output:
    from avatar.outputs.video_file import VideoFileOutput

    assert context.video is not None
    output = context.settings
    return VideoFileOutput(context.video, crf=output.video_crf, preset=output.video_preset, live=context.is_live)


def _motion_csv(context: OutputContext[NoSettings]) -> Output:
    from avatar.outputs.motion_csv import MotionCsvOutput

    assert context.motion_csv is not None
    return MotionCsvOutput(context.motion_csv)


def _mqtt_motion(context: OutputContext[MqttSection]) -> Output:
    from avatar.outputs.mqtt_motion import MqttMotionOutput

    assert context.publish_motion is not None
    return MqttMotionOutput(context.publish_motion)


def _check_broker(config: Config, settings: MqttSection) -> Finding | None:
    if not settings.host:
        return None
    name, what = "MQTT broker", f"{settings.host}:{settings.port}"
    try:
        mqtt_settings.check(settings)
        mqtt_settings.password_from_environment(settings)
    except InputError as error:
        return Finding("broken", str(error), f"set it right: [mqtt] ({config.source.of('mqtt.host')})", name)
    try:
        with socket.create_connection((settings.host, settings.port), timeout=BROKER_TIMEOUT_S):
            return Finding("ok", f"{what} can be reached", name=name)
    except OSError as error:
        fix = f"start the broker, or change mqtt.host ({config.source.of('mqtt.host')})"
        return Finding("missing", f"{what}: {error.strerror or error}", fix, name)


OUTPUTS: tuple[OutputDescriptor[Any], ...] = (
    OutputDescriptor(
        name="virtual camera",
        about="virtual camera",
        settings=CameraSection,
        shared_section="camera",
        extra="camera",
        module="pyvirtualcam",
        make=_camera,
        check=_check_camera,
        is_live_only=True,
    ),
    OutputDescriptor(
        name="window",
        about="window",
        settings=WindowSection,
        shared_section="window",
        extra="window",
        module="pygame",
        make=_window,
        is_live_only=True,
    ),
    OutputDescriptor(
        name="video",
        about="MP4, WebM or MOV",
        settings=OutputSection,
        shared_section="output",
        make=_video,
        is_wanted=lambda context: context.video is not None,
        is_required=True,
    ),
    OutputDescriptor(
        name="motion curves",
        about="CSV of 60 numbers a frame",
        settings=NoSettings,
        make=_motion_csv,
        is_wanted=lambda context: context.motion_csv is not None,
        is_required=True,
    ),
    OutputDescriptor(
        name="MQTT motion",
        about="the face's motion, 25 messages a second",
        settings=MqttSection,
        shared_section="mqtt",
        extra="mqtt",
        module="aiomqtt",
        make=_mqtt_motion,
        check=_check_broker,
        is_wanted=lambda context: context.publish_motion is not None and context.settings.motion,
        is_live_only=True,
    ),
)


def recording_among(outputs: Sequence[Output]) -> VideoFileOutput | None:
    """The one that is a video file."""
    from avatar.outputs.video_file import VideoFileOutput

    return next((output for output in outputs if isinstance(output, VideoFileOutput)), None)


def recorded(outputs: Sequence[Output]) -> bool:
    """Whether one of the outputs is a video file that was finished."""
    recording = recording_among(outputs)
    return recording is not None and recording.is_finished
