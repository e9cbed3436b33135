"""What `visavis talk` and `visavis mirror` do once they know their settings: load, run, tell, end well."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands.options import say
from agent.config.config import Config
from speech.audio import rms
from speech.worker import signals
from speech.worker.priority import prefer_live

if TYPE_CHECKING:
    from agent.conversation.events import Event
    from agent.conversation.session import Service, Session
    from avatar.outputs.base import Output
    from avatar.portrait.portrait import Portrait
    from speech.devices.sound_card import SoundCard
    from speech.sound_track import SoundTrack


class Talk:
    """One live conversation.

    Args:
        config: the whole configuration.
        record: MP4 file to record into, or None.
        quiet: tell nothing.
    """

    def __init__(self, config: Config, record: Path | None, *, quiet: bool) -> None:
        from agent.commands.status_line import StatusLine
        from agent.commands.transcript_log import TranscriptLog

        self._config, self._record, self._quiet = config, record, quiet
        keys = "space: talk" if config.devices.push_to_talk else "space: stop it"
        self._line = StatusLine(f"({keys}, q: leave)")
        self._transcript_log = TranscriptLog(
            config, quiet=quiet, show_state=self._show_state, show_interim=self._show_interim
        )
        self._transcript_log.check(record)

    async def run(self) -> None:
        """Loads everything and talks until the user leaves."""
        from agent.backends.outputs import recorded, recording_among
        from agent.backends.planning import planned_outputs
        from agent.commands.status_line import show_status_line
        from agent.console.keyboard import keyboard
        from agent.conversation.microphone import Microphone
        from agent.engine import open_session, sound_card
        from agent.mqtt.bridge import MqttBridge
        from avatar.outputs.opening import open_outputs

        prefer_live()
        began = time.perf_counter()
        config, loop = self._config, asyncio.get_running_loop()
        bridge = MqttBridge(config.mqtt, lambda problem: self._tell(problem)) if config.mqtt.host else None
        self._listeners: list[Callable[[Event], None]] = [
            self._transcript_log.on_event,
            *([bridge.on_event] if bridge else []),
        ]
        card: SoundCard
        source: Microphone
        session: Session
        portraits: list[Portrait] = []
        shown_by: list[Output] = []

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

        @asynccontextmanager
        async def outputs() -> AsyncGenerator[Sequence[Output], None]:
            planned = planned_outputs(
                config,
                is_live=True,
                portrait=portraits[0],
                video=self._record,
                publish_motion=bridge.publish_motion if bridge else None,
                on_key=window_key,
                on_close=lambda: window_key("q", True),
            )
            async with open_outputs(planned, on_problem=self._problem) as opened:
                shown_by.extend(opened)
                if (recording := recording_among(opened)) is not None:
                    self._transcript_log.keep_beside(recording.written_to)
                yield opened

        try:
            async with open_session(
                config,
                real_time=True,
                outputs=outputs,
                apologise=True,
                on_event=self._tell,
                on_loaded=loaded,
                on_preparing=lambda notice: say(notice, self._quiet),
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
                with leaving_on_signals(source.leave), keyboard(key), show_status_line(self._line, self._quiet):
                    say(f"(loaded in {time.perf_counter() - began:.1f} s; speak)", self._quiet)
                    await session.run(source, services)
                report_losses(session.frames_late, session.frames, card, self._quiet)
        finally:  # what was said is kept even where the recording can't be finished
            self._transcript_log.write(self._record if recorded(shown_by) else None)
        if recorded(shown_by):
            say(f"{self._record}: the conversation", self._quiet)

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)

    def _problem(self, message: str) -> None:
        from agent.conversation.events import Problem

        self._tell(Problem(message))

    def _show_state(self, state: str) -> None:
        self._line.state = state

    def _show_interim(self, words: str) -> None:
        self._line.interim = words


async def mirror_live(config: Config, record: Path | None, quiet: bool) -> None:
    """Lends the user the face until they leave."""
    from agent.backends.outputs import recorded
    from agent.backends.planning import planned_outputs
    from agent.commands.status_line import StatusLine, show_status_line
    from agent.console.keyboard import keyboard
    from agent.engine import sound_card
    from agent.mirror import MOST_LATENCY_S, load_mirror_face, run_mirror
    from avatar.outputs.opening import open_outputs
    from speech.sound_track import SoundTrack

    def problem(message: str) -> None:
        say(f"! {message}", quiet)

    prefer_live()
    began = time.perf_counter()
    face = await load_mirror_face(config)
    for notice in face.portrait.notices:
        say(f"{face.portrait.path.name}: {notice}", quiet)
    loop, left, track, line = asyncio.get_running_loop(), asyncio.Event(), SoundTrack(), StatusLine("(q: leave)")

    def key(name: str, pressed: bool = True) -> None:
        if pressed and name in ("q", "escape"):
            loop.call_soon_threadsafe(left.set)

    planned = planned_outputs(
        config, is_live=True, portrait=face.portrait, video=record, on_key=key, on_close=lambda: key("q")
    )
    async with (
        open_outputs(planned, on_problem=problem) as outputs,
        sound_card(config, track, problem, most_latency_s=MOST_LATENCY_S) as card,
    ):
        with leaving_on_signals(left.set), keyboard(key), show_status_line(line, quiet):
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
    if recorded(outputs):
        say(f"{record}: what was mirrored", quiet)


def report_losses(late: int, frames: int, card: SoundCard, quiet: bool) -> None:
    """Tells what did not go out or come in as it should have; nothing where all did."""
    for count, what in (
        (late, f"of {frames} pictures came too late and were left out"),
        (card.underflows, "times the speaker ran dry while it spoke"),
        (card.chunks_lost, "pieces (20 ms) of the microphone's sound were lost"),
    ):
        if count:
            say(f"{count} {what}", quiet)


@contextmanager
def leaving_on_signals(leave: Callable[[], None]) -> Iterator[None]:
    """Whatever signal would end the program lets the session end as leaving does: recordings become whole."""
    loop = asyncio.get_running_loop()
    with signals.leaving(lambda: loop.call_soon_threadsafe(leave)):
        yield
