"""Commands with a microphone: talk, mirror, devices."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.commands import options
from agent.commands.options import check_target, configured, say
from agent.config import Config
from speech.audio import rms
from speech.errors import InputError

if TYPE_CHECKING:
    from agent.events import Event
    from agent.session import Service, Session
    from avatar.outputs.base import Output
    from avatar.portrait import Portrait
    from speech.sound_card import SoundCard
    from speech.sound_track import SoundTrack

NONE = "none"
"""What a microphone or a speaker is called where there is to be none."""

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
Record = Annotated[Path | None, typer.Option("--record", metavar="FILE.mp4", help="Record picture and sound.")]


def talk(
    microphone: MicrophoneName = None,
    speaker: SpeakerName = None,
    headphones: Annotated[
        bool | None,
        typer.Option("--headphones/--no-headphones", help="You wear headphones: interrupt it by speaking."),
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
    portrait: options.PortraitName = None,
    voice: options.VoiceName = None,
    rate: options.RateWpm = None,
    volume: options.Volume = None,
    seed: options.Seed = None,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Talks with you: your microphone in, its voice and its face out, until you leave (Q or Ctrl-C).

    Without headphones it does not listen while it speaks, since it would hear itself. Space always stops it.

    Examples:
    `visavis talk --window`

    `visavis talk --headphones --camera --speaker "CABLE Input"`

    `visavis talk --fullscreen --portrait ada`

    `visavis talk --microphone none --mqtt 127.0.0.1 --record robot.mp4`
    """
    check_target(record, ".mp4")
    settings = configured(
        config,
        overrides,
        portrait=portrait,
        voice=voice,
        rate_wpm=rate,
        volume=volume,
        seed=seed,
        more=_device_settings(microphone, speaker, camera, window or fullscreen or None)
        | _mqtt_settings(mqtt)
        | {
            "devices.headphones": headphones,
            "devices.push_to_talk": push_to_talk,
            "window.fullscreen": fullscreen or None,
        },
    )
    check_devices(settings)
    asyncio.run(Talk(settings, record, quiet=quiet).run())


def mirror(
    microphone: MicrophoneName = None,
    speaker: SpeakerName = None,
    camera: Camera = None,
    window: Window = None,
    record: Record = None,
    portrait: options.PortraitName = None,
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
    check_target(record, ".mp4")
    more = _device_settings(microphone, speaker, camera, window)
    settings = configured(config, overrides, portrait=portrait, seed=seed, more=more)
    check_devices(settings)
    if settings.devices.microphone == NONE:
        raise InputError("mirror: expected a microphone, got 'none'; `visavis devices` lists them")
    asyncio.run(_mirror(settings, record, quiet))


async def _mirror(config: Config, record: Path | None, quiet: bool) -> None:
    from agent.commands.status_line import StatusLine, shown
    from agent.keyboard import keyboard
    from agent.live_outputs import open_live_outputs
    from agent.mirror import load_mirror_face, run_mirror
    from speech.sound_track import SoundTrack

    def problem(message: str) -> None:
        say(f"! {message}", quiet)

    began = time.perf_counter()
    face = await load_mirror_face(config)
    for notice in face.portrait.notices:
        say(f"{face.portrait.path.name}: {notice}", quiet)
    loop, left, track, line = asyncio.get_running_loop(), asyncio.Event(), SoundTrack(), StatusLine("(q: leave)")

    def key(name: str, pressed: bool = True) -> None:
        if pressed and name in ("q", "escape"):
            loop.call_soon_threadsafe(left.set)

    outputs = open_live_outputs(
        config, face.portrait, record=record, on_problem=problem, on_key=key, on_close=lambda: key("q")
    )
    async with sound_card(config, track, problem) as card:
        with leaving_on_signals(left.set), keyboard(key), shown(line, quiet):
            say(f"(loaded in {time.perf_counter() - began:.1f} s; speak)", quiet)
            renderer = await run_mirror(
                config,
                card=card,
                track=track,
                face=face,
                outputs=outputs,
                until_left=left,
                on_problem=problem,
                on_chunk=lambda chunk: line.level(rms(chunk.samples)),
                on_state=lambda state: setattr(line, "state", state),
            )
    report_losses(renderer.frames_late, renderer.frames, card, quiet)
    if record is not None:
        say(f"{record}: what was mirrored", quiet)


def devices(as_json: options.AsJson = False) -> None:
    """Lists microphones and speakers.

    Example:
    `visavis devices`
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from speech.devices import sound_devices

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


class Talk:
    """One live conversation.

    Args:
        config: the whole configuration.
        record: MP4 file to record into, or None.
        quiet: tell nothing.
    """

    def __init__(self, config: Config, record: Path | None, *, quiet: bool) -> None:
        from agent.commands.status_line import StatusLine
        from agent.commands.telling import Teller

        self._config, self._record, self._quiet = config, record, quiet
        keys = "space: talk" if config.devices.push_to_talk else "space: stop it"
        self._line = StatusLine(f"({keys}, q: leave)")
        self._teller = Teller(config, quiet=quiet, show_state=self._show_state, show_guess=self._show_guess)

    async def run(self) -> None:
        """Loads everything and talks until the user leaves."""
        from agent.assemble import open_session
        from agent.commands.status_line import shown
        from agent.keyboard import keyboard
        from agent.live import Microphone
        from agent.live_outputs import open_live_outputs
        from agent.mqtt import MqttBridge

        began = time.perf_counter()
        config, loop = self._config, asyncio.get_running_loop()
        bridge = MqttBridge(config.mqtt, lambda problem: self._tell(problem)) if config.mqtt.host else None
        self._listeners: list[Callable[[Event], None]] = [self._teller.tell, *([bridge.tell] if bridge else [])]
        card: SoundCard
        source: Microphone
        session: Session
        portraits: list[Portrait] = []

        def make_card(track: SoundTrack) -> SoundCard:
            nonlocal card
            card = sound_card(config, track, self._problem)
            return card

        def loaded(portrait: Portrait) -> None:
            portraits.append(portrait)
            for notice in portrait.notices:
                say(f"{portrait.path.name}: {notice}", self._quiet)

        def key(name: str) -> None:
            if name in ("q", "escape"):
                source.leave()
            elif name == "space" and config.devices.push_to_talk:
                source.press()
                self._line.is_open = source.is_open
            elif name == "space":
                session.interrupt()

        def window_key(name: str, pressed: bool) -> None:
            # A real key can be held: its release closes the microphone again.
            if pressed or (name == "space" and config.devices.push_to_talk):
                loop.call_soon_threadsafe(key, name)

        def outputs() -> list[Output]:
            opened = open_live_outputs(
                config,
                portraits[0],
                record=self._record,
                on_problem=self._problem,
                on_key=window_key,
                on_close=lambda: window_key("q", True),
            )
            motion = bridge.motion_output() if bridge else None
            return [*opened, motion] if motion else opened

        async with open_session(
            config,
            real_time=True,
            outputs=outputs,
            apologise=True,
            on_event=self._tell,
            on_loaded=loaded,
            make_card=make_card,
        ) as session:
            source = Microphone(
                card,
                headphones=config.devices.headphones,
                push_to_talk=config.devices.push_to_talk,
                on_level=self._line.level,
            )
            self._line.is_open = source.is_open
            services: list[Service] = [lambda _: card.watch()]
            if bridge is not None:
                services.append(bridge.run)
            with leaving_on_signals(source.leave), keyboard(key), shown(self._line, self._quiet):
                say(f"(loaded in {time.perf_counter() - began:.1f} s; speak)", self._quiet)
                await session.run(source, services)
            report_losses(session.frames_late, session.frames, card, self._quiet)
        self._teller.write(self._record)
        if self._record is not None:
            say(f"{self._record}: the conversation", self._quiet)

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)

    def _problem(self, message: str) -> None:
        from agent.events import Problem

        self._tell(Problem(message))

    def _show_state(self, state: str) -> None:
        self._line.state = state

    def _show_guess(self, words: str) -> None:
        self._line.guess = words


def sound_card(config: Config, track: SoundTrack, on_problem: Callable[[str], None]) -> SoundCard:
    """The configured microphone and speaker; the speaker plays the track."""
    from speech.sound_card import SoundCard

    wanted = config.devices
    return SoundCard(
        speaker=None if wanted.speaker == NONE else wanted.speaker,
        microphone=None if wanted.microphone == NONE else wanted.microphone,
        source=track.take,
        on_problem=on_problem,
        delay_s=wanted.speaker_delay_s,
    )


def report_losses(late: int, frames: int, card: SoundCard, quiet: bool) -> None:
    """Tells what did not go out or come in as it should have; nothing where all did."""
    for count, what in (
        (late, f"of {frames} pictures came too late and were left out"),
        (card.underflows, "times the speaker ran dry"),
        (card.chunks_lost, "pieces (20 ms) of the microphone's sound were lost"),
    ):
        if count:
            say(f"{count} {what}", quiet)


def check_devices(config: Config) -> None:
    """Refuses a device that is named and not there, before anything is loaded.

    Raises:
        InputError: no such device; names those that there are.
    """
    from speech.devices import find_device

    if config.devices.microphone not in ("", NONE):
        find_device("microphone", config.devices.microphone)
    if config.devices.speaker not in ("", NONE):
        find_device("speaker", config.devices.speaker)


@contextmanager
def leaving_on_signals(leave: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and a service manager's stop end the session as leaving does: recordings become whole."""
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":
        before = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(leave))
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, leave)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


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
