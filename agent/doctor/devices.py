"""Are a microphone, a speaker, a virtual camera and the MQTT broker there, and the packages that reach them?"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from agent.config.config import Config
from agent.doctor.packages import Package, Part, check_package, installed_version, requirements
from agent.mqtt import settings as mqtt_settings
from speech.errors import VisavisError

PROBE_S = 5.0
"""Seconds that PortAudio gets to look for devices, in a process of its own: it can hang, and it is loud."""

BROKER_TIMEOUT_S = 1.0

VIRTUAL_CAMERAS = Path("/sys/devices/virtual/video4linux")
"""Where Linux lists the cameras that are no hardware."""

PACKAGES: Mapping[str, Package] = {
    "sounddevice": Package("microphone and speaker", "sounddevice", imported="never"),
    "pyvirtualcam": Package("virtual camera", "pyvirtualcam", imported="deep"),
    "pygame-ce": Package("window", "pygame", imported="deep"),
    "aiomqtt": Package("MQTT", "aiomqtt", imported="deep"),
}

_EXTRAS = ("devices", "camera", "window", "mqtt")

_LIST_DEVICES = """
import json
from dataclasses import asdict
from speech.devices.listing import sound_devices
from speech.errors import VisavisError
try:
    print(json.dumps([asdict(device) for device in sound_devices()]))
except VisavisError as error:
    print(json.dumps(str(error)))
"""


def check_devices(config: Config, *, deep: bool = False) -> list[Part]:
    """What `visavis talk` reaches the world with; no ring needs it."""
    parts = [
        check_package(requirement, deep=deep, ring="optional", packages=PACKAGES)
        for extra in _EXTRAS
        for requirement in requirements(extra)
    ]
    if installed_version("sounddevice") is not None:
        parts += _check_sound(config)
    if sys.platform == "linux":
        parts.append(_check_camera())
    if config.mqtt.host:
        parts.append(_check_broker(config))
    return parts


def _check_sound(config: Config) -> list[Part]:
    """PortAudio's microphones and speakers, and whether those that the configuration names are among them."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _LIST_DEVICES], capture_output=True, text=True, timeout=PROBE_S, check=True
        )
        found = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return [Part("PortAudio", "optional", "broken", "", f"sound: no answer within {PROBE_S:g} s", "")]
    except (OSError, subprocess.SubprocessError, ValueError):
        return [Part("PortAudio", "optional", "broken", "", "sound: looking for devices fails", "visavis devices")]
    if isinstance(found, str):
        return [Part("PortAudio", "optional", "missing", "", "microphone and speaker", "apt-get install libportaudio2")]
    parts = [Part("PortAudio", "optional", "ok", "", "microphone and speaker", "")]
    for kind, channels, default in (
        ("microphone", "inputs", "is_default_input"),
        ("speaker", "outputs", "is_default_output"),
    ):
        names = [str(device["name"]) for device in found if device[channels]]
        first = [str(device["name"]) for device in found if device[default]]
        wanted = str(getattr(config.devices, kind))
        fitting = [name for name in names if wanted.lower() in name.lower()] if not wanted.isdigit() else names
        if not names:
            parts.append(Part(kind, "optional", "missing", "", "none found; connect one, then: visavis devices", ""))
        elif not fitting:
            key = f"devices.{kind}"
            fix = f"change {key} ({config.origins.of(key)}); visavis devices lists them"
            parts.append(Part(kind, "optional", "missing", "", f"none called '{wanted}'", fix))
        else:
            name = fitting[0] if wanted else (first or names)[0]
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            parts.append(Part(kind, "optional", "ok", "", f"{wanted if wanted.isdigit() else name}{more}", ""))
    return parts


def _check_camera() -> Part:
    cameras = {path.parent.name: path.read_text("utf-8").strip() for path in VIRTUAL_CAMERAS.glob("video*/name")}
    if cameras:
        names = ", ".join(f"/dev/{device} ({name})" for device, name in sorted(cameras.items()))
        return Part("virtual camera", "optional", "ok", "", names, "")
    from avatar.outputs.virtual_camera import MODPROBE

    fix = f"sudo apt-get install v4l2loopback-dkms && {MODPROBE}"
    return Part("virtual camera", "optional", "missing", "", "for meetings: no v4l2loopback device", fix)


def _check_broker(config: Config) -> Part:
    address = (config.mqtt.host, config.mqtt.port)
    name = f"{config.mqtt.host}:{config.mqtt.port}"
    try:
        mqtt_settings.check(config.mqtt)
        mqtt_settings.password_of(config.mqtt)
    except VisavisError as error:
        fix = f"set it right: [mqtt] ({config.origins.of('mqtt.host')})"
        return Part("MQTT broker", "optional", "broken", "", str(error), fix)
    try:
        with socket.create_connection(address, timeout=BROKER_TIMEOUT_S):
            return Part("MQTT broker", "optional", "ok", "", f"{name} can be reached", "")
    except OSError as error:
        reason = error.strerror or str(error)
        fix = f"start the broker, or change mqtt.host ({config.origins.of('mqtt.host')})"
        return Part("MQTT broker", "optional", "missing", "", f"{name}: {reason}", fix)
