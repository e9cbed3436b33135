"""Commands with a microphone: talk, mirror, devices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from agent.commands import options
from agent.commands.live_runs import Talk, mirror_live
from agent.commands.log_options import begin_log
from agent.commands.options import check_lesson, check_target, check_video, configured
from agent.config.config import Config
from agent.config.device_sections import NO_DEVICE
from avatar.outputs.base import VIDEO_SUFFIXES
from speech.errors import InputError
from speech.worker import signals

MicrophoneName = Annotated[
    str | None, typer.Option("--microphone", metavar="NAME", help="Name or number, or 'none'; see `visavis devices`.")
]
SpeakerName = Annotated[
    str | None, typer.Option("--speaker", metavar="NAME", help="Name or number, or 'none'; see `visavis devices`.")
]
Camera = Annotated[
    bool | None, typer.Option("--camera/--no-camera", help="Show the face in a virtual camera, for meetings.")
]
Window = Annotated[bool | None, typer.Option("--window/--no-window", help="Show the face in a window.")]
Record = Annotated[
    Path | None,
    typer.Option(
        "--record",
        metavar="FILE.mp4",
        help="Record picture and sound; meanwhile in FILE.unfinished.mp4, which plays whatever happens.",
    ),
]


def talk(
    microphone: MicrophoneName = None,
    speaker: SpeakerName = None,
    headphones: Annotated[
        bool | None,
        typer.Option("--headphones/--no-headphones", help="You wear headphones: no echo to cancel."),
    ] = None,
    push_to_talk: Annotated[
        bool | None,
        typer.Option("--push-to-talk/--open-microphone", help="Space opens and closes the microphone."),
    ] = None,
    camera: Camera = None,
    window: Window = None,
    fullscreen: Annotated[bool, typer.Option("--fullscreen", help="Fill the screen with the face (a kiosk).")] = False,
    record: Record = None,
    mqtt: Annotated[
        str | None, typer.Option("--mqtt", metavar="HOST[:PORT]", help="Obey and tell this MQTT broker.")
    ] = None,
    lesson: options.LessonName = None,
    portrait: options.PortraitName = None,
    landmarks: options.Landmarks = None,
    voice: options.VoiceName = None,
    rate: options.RateWpm = None,
    volume: options.Volume = None,
    seed: options.Seed = None,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Talks with you: your microphone in, its voice and its face out, until you leave (Q or Ctrl-C).

    It takes its own voice out of what the microphone hears, so you can interrupt it. Space stops it (with
    --push-to-talk it opens the microphone), P pauses it and lets it go on.

    Examples:
    `visavis talk --window`

    `visavis talk --headphones --camera --speaker "CABLE Input"`

    `visavis talk --fullscreen --portrait ada`

    `visavis talk --microphone none --mqtt 127.0.0.1 --record robot.mp4`
    """
    check_target(record, *VIDEO_SUFFIXES)
    settings = configured(
        config,
        overrides,
        portrait=portrait,
        landmarks=landmarks,
        voice=voice,
        rate_wpm=rate,
        volume=volume,
        seed=seed,
        more=_device_settings(microphone, speaker, camera, window or fullscreen or None)
        | _mqtt_settings(mqtt)
        | {
            "tutor.lesson": lesson,
            "devices.headphones": headphones,
            "devices.push_to_talk": push_to_talk,
            "window.fullscreen": fullscreen or None,
        },
    )
    begin_log(settings, "talk")
    check_lesson(settings)
    check_video(record, settings)
    check_devices(settings)
    signals.run(Talk(settings, record, quiet=quiet).run())


def mirror(
    microphone: MicrophoneName = None,
    speaker: SpeakerName = None,
    camera: Camera = None,
    window: Window = None,
    record: Record = None,
    portrait: options.PortraitName = None,
    landmarks: options.Landmarks = None,
    seed: options.Seed = None,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Lends you its face: you speak, it says the same at the same moment, until you leave (Q or Ctrl-C).

    The sound goes to the speaker a fifth of a second later, in step with the face. In a meeting, let the speaker be
    the virtual cable that the meeting program takes as its microphone.

    Examples:
    `visavis mirror --camera --speaker "CABLE Input"`

    `visavis mirror --window --portrait me.jpg --speaker none`
    """
    check_target(record, *VIDEO_SUFFIXES)
    more = _device_settings(microphone, speaker, camera, window)
    settings = configured(config, overrides, portrait=portrait, landmarks=landmarks, seed=seed, more=more)
    begin_log(settings, "mirror")
    check_video(record, settings)
    check_devices(settings)
    if settings.devices.microphone == NO_DEVICE:
        raise InputError("mirror: expected a microphone, got 'none'; `visavis devices` lists them")
    signals.run(mirror_live(settings, record, quiet))


def devices(as_json: options.AsJson = False) -> None:
    """Lists microphones and speakers.

    Example:
    `visavis devices`
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from speech.devices.listing import sound_devices

    found = sound_devices()
    if as_json:
        print(json.dumps([asdict(device) for device in found], indent=2, ensure_ascii=False))
        return
    if not found:
        print("No microphone or speaker is connected.")
        return
    table = Table("number", "name", "microphone", "speaker", "prefers", "system", box=None)
    for device in found:
        microphone = ("default" if device.is_default_input else "yes") if device.inputs else ""
        speaker = ("default" if device.is_default_output else "yes") if device.outputs else ""
        table.add_row(str(device.number), device.name, microphone, speaker, f"{device.rate_hz} Hz", device.system)
    Console().print(table)


def check_devices(config: Config) -> None:
    """Refuses a device that is named and not there, before anything is loaded.

    Raises:
        InputError: no such device; names those that there are.
    """
    from speech.devices.listing import find_device

    if config.devices.microphone not in ("", NO_DEVICE):
        find_device("microphone", config.devices.microphone)
    if config.devices.speaker not in ("", NO_DEVICE):
        find_device("speaker", config.devices.speaker)


def _device_settings(
    microphone: str | None, speaker: str | None, camera: bool | None, window: bool | None
) -> dict[str, object]:
    return {
        "devices.microphone": microphone,
        "devices.speaker": speaker,
        "camera.enabled": camera,
        "window.enabled": window,
    }


def _mqtt_settings(address: str | None) -> dict[str, object]:
    """HOST or HOST:PORT as settings."""
    if address is None:
        return {}
    host, colon, port = address.rpartition(":")
    if not colon:
        return {"mqtt.host": address}
    return {"mqtt.host": host.strip("[]"), "mqtt.port": port}


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    app.command()(talk)
    app.command()(mirror)
    app.command()(devices)
