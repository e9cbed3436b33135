"""Are a microphone, a speaker and what the outputs need there, and the packages that reach them?"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

from agent.config.config import Config
from agent.doctor.packages import Package, Part, check_package, installed_version, requirements

PROBE_S = 5.0
"""Seconds that PortAudio gets to look for devices, in a process of its own: it can hang, and it is loud."""

PACKAGES: Mapping[str, Package] = {
    "sounddevice": Package("microphone and speaker", "sounddevice", imported="never"),
    "pyvirtualcam": Package("virtual camera", "pyvirtualcam", imported="deep"),
    "pygame-ce": Package("window", "pygame", imported="deep"),
    "aiomqtt": Package("MQTT", "aiomqtt", imported="deep"),
}

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
    from agent.backends.outputs import OUTPUTS

    parts = [
        check_package(requirement, deep=deep, ring="optional", packages=PACKAGES)
        for extra in ("devices", *dict.fromkeys(output.extra for output in OUTPUTS if output.extra))
        for requirement in requirements(extra)
    ]
    if installed_version("sounddevice") is not None:
        parts += _check_sound(config)
    for output in OUTPUTS:
        if output.check and (found := output.check(config, config.settings_of(output))):
            parts.append(Part(found.name or output.name, "optional", found.status, "", found.detail, found.fix))
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
            fix = f"change {key} ({config.source.of(key)}); visavis devices lists them"
            parts.append(Part(kind, "optional", "missing", "", f"none called '{wanted}'", fix))
        else:
            name = fitting[0] if wanted else (first or names)[0]
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            parts.append(Part(kind, "optional", "ok", "", f"{wanted if wanted.isdigit() else name}{more}", ""))
    return parts
