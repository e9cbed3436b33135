"""What `visavis talk` and `visavis mirror` do once they know their settings: load, run, tell, end well."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands.options import say
from agent.config.config import Config
from agent.log.lines import Foreign, log_event
from speech.worker import signals
from speech.worker.priority import prefer_live

if TYPE_CHECKING:
    from agent.conversation.events import Event
    from agent.conversation.live_audio import LiveAudio, NoSound
    from agent.conversation.session import Session
    from agent.metrics.figures import ConversationFigures
    from avatar.outputs.base import Output
    from avatar.outputs.opening import PlannedOutput
    from avatar.portrait.portrait import Portrait
    from speech.devices.sound_card import SoundCard


_LOG = logging.getLogger(__name__)


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
        from agent.metrics.endpoint import check_metrics
        from agent.metrics.figures import ConversationFigures
        from agent.mqtt.bridge import MqttBridge

        self._config, self._record, self._quiet = config, record, quiet
        keys = "space: talk" if config.devices.push_to_talk else "space: stop it"
        self._line = StatusLine(f"({keys}, p: pause it or go on, q: leave)")
        self._transcript_log = TranscriptLog(
            config, quiet=quiet, is_endless=True, show_state=self._show_state, show_interim=self._show_interim
        )
        self._transcript_log.check(record)
        self._bridge = MqttBridge(config.mqtt, self._tell) if config.mqtt.host else None
        check_metrics(config.metrics.port)
        self._figures = ConversationFigures()

    async def run(self) -> None:
        """Loads everything and talks until the user leaves."""
        from agent.backends.outputs import recorded, recording_among
        from agent.commands.status_line import show_status_line
        from agent.console.keyboard import keyboard
        from agent.engine import OutputFailure, Part, load_engine
        from agent.log.vitals import log_vitals
        from agent.metrics.endpoint import metrics_endpoint
        from agent.sound_devices import live_audio, sound_device
        from avatar.outputs.opening import open_outputs

        prefer_live()
        began = time.perf_counter()
        config = self._config
        device = sound_device(config, self._tell_problem)
        audio = live_audio(config, device, self._line.level, self._tell_problem)
        keys = Keys(audio, push_to_talk=config.devices.push_to_talk, show_open=self._show_open)
        status_line = show_status_line(self._line, self._quiet)
        parts = Part.CONVERSATION if audio.hears else Part.TYPED_CONVERSATION
        outputs: tuple[Output, ...] = ()
        try:
            async with load_engine(config, parts, on_preparing=self._say) as engine, engine.face() as face:
                tell_notices(face.portrait, self._quiet)
                async with (
                    open_outputs(self._planned_outputs(face.portrait, keys), on_problem=self._tell_problem) as outputs,
                    engine.session(
                        audio, outputs, on_event=self._tell, output_failure=OutputFailure.IS_TOLD
                    ) as session,
                    metrics_endpoint(config.metrics.port, lambda: self._counted(session, device)),
                    asyncio.TaskGroup() as beside,
                ):
                    if (recording := recording_among(outputs)) is not None:
                        self._transcript_log.keep_beside(recording.written_to)
                    serving = [
                        beside.create_task(log_vitals(lambda: losses(session.frames_late, device)), name="vitals")
                    ]
                    if self._bridge is not None:
                        serving.append(beside.create_task(self._bridge.run(session), name="mqtt"))
                    with leaving_on_signals(audio.leave), keyboard(keys.press), status_line:
                        self._say(f"(loaded in {time.perf_counter() - began:.1f} s; speak)")
                        log_ready(time.perf_counter() - began, outputs)
                        await session.run()
                    for task in serving:
                        task.cancel()
                report_losses(session.frames_late, session.frames, device, self._quiet)
        finally:  # what was said is kept even where the recording can't be finished
            self._transcript_log.write(self._record if recorded(outputs) else None)
        if recorded(outputs):
            self._say(f"{self._record}: the conversation")

    def _planned_outputs(self, portrait: Portrait, keys: Keys) -> list[PlannedOutput]:
        from agent.backends.planning import planned_outputs

        return planned_outputs(
            self._config,
            is_live=True,
            portrait=portrait,
            video=self._record,
            publish_motion=self._bridge.publish_motion if self._bridge else None,
            on_key=keys.in_window,
            on_close=keys.window_closed,
        )

    def _counted(self, session: Session, device: SoundCard | NoSound) -> ConversationFigures:
        figures = replace(self._figures)
        figures.add(session.frames, session.frames_late, device.chunks_lost)
        return figures

    def _tell(self, event: Event) -> None:
        self._figures.observe(event)
        self._transcript_log.on_event(event)
        if self._bridge is not None:
            self._bridge.on_event(event)

    def _tell_problem(self, message: str) -> None:
        from agent.conversation.events import Problem

        self._tell(Problem(message))

    def _say(self, line: str) -> None:
        say(line, self._quiet)

    def _show_state(self, state: str) -> None:
        self._line.state = state

    def _show_interim(self, words: str) -> None:
        self._line.interim = words

    def _show_open(self, is_open: bool) -> None:
        self._line.is_open = is_open


class Keys:
    """What the user presses, on the keyboard or in the window; made on the event loop.

    Args:
        audio: the user's end of the conversation.
        push_to_talk: space opens and closes the microphone; else it stops the avatar.
        show_open: called with whether the microphone is open.
    """

    def __init__(self, audio: LiveAudio, *, push_to_talk: bool, show_open: Callable[[bool], None]) -> None:
        self._audio, self._push_to_talk, self._show_open = audio, push_to_talk, show_open
        self._loop = asyncio.get_running_loop()
        show_open(audio.is_open)

    def press(self, name: str) -> None:
        """A key of the keyboard."""
        if name in ("q", "escape"):
            self._audio.leave()
        elif name == "space" and self._push_to_talk:
            self._audio.press()
            self._show_open(self._audio.is_open)
        elif name == "space":
            self._audio.stop()
        elif name == "p":
            self._audio.pause()

    def in_window(self, name: str, pressed: bool) -> None:
        """A key of the window, on its thread: it can be held, and its release closes the microphone again."""
        if pressed or (name == "space" and self._push_to_talk):
            self._loop.call_soon_threadsafe(self.press, name)

    def window_closed(self) -> None:
        """The user closed the window, on its thread."""
        self._loop.call_soon_threadsafe(self._audio.leave)


async def mirror_live(config: Config, record: Path | None, quiet: bool) -> None:
    """Lends the user the face until they leave."""
    from agent.backends.outputs import recorded
    from agent.backends.planning import planned_outputs
    from agent.commands.status_line import StatusLine, show_status_line
    from agent.console.keyboard import keyboard
    from agent.conversation.live_audio import LiveAudio
    from agent.engine import Part, load_engine
    from agent.log.vitals import log_vitals
    from agent.mirror import MOST_LATENCY_S, open_mirror
    from agent.sound_devices import echo_canceller, sound_device
    from avatar.outputs.opening import open_outputs

    def problem(message: str) -> None:
        say(f"! {message}", quiet)
        log_event(_LOG, "problem", level=logging.WARNING, message=Foreign(message))

    def show_open(is_open: bool) -> None:
        line.is_open = is_open

    def show_state(state: str) -> None:
        line.state = state

    prefer_live()
    began = time.perf_counter()
    line = StatusLine("(q: leave)")
    device = sound_device(config, problem, most_latency_s=MOST_LATENCY_S)
    canceller = echo_canceller(config, problem)  # else speakers that the microphone hears would howl
    audio = LiveAudio(device, full_duplex=True, on_level=line.level, canceller=canceller)
    keys = Keys(audio, push_to_talk=False, show_open=show_open)
    async with load_engine(config, Part.MOTION | Part.FACE) as engine, engine.face() as face:
        tell_notices(face.portrait, quiet)
        planned = planned_outputs(
            config,
            is_live=True,
            portrait=face.portrait,
            video=record,
            on_key=keys.in_window,
            on_close=keys.window_closed,
        )
        async with (
            open_outputs(planned, on_problem=problem) as outputs,
            open_mirror(engine, audio, outputs, on_problem=problem, on_state=show_state) as mirror,
            asyncio.TaskGroup() as beside,
        ):
            vitals = beside.create_task(log_vitals(lambda: losses(mirror.frames_late, device)), name="vitals")
            with leaving_on_signals(audio.leave), keyboard(keys.press), show_status_line(line, quiet):
                say(f"(loaded in {time.perf_counter() - began:.1f} s; speak)", quiet)
                log_ready(time.perf_counter() - began, outputs)
                await mirror.run()
            vitals.cancel()
    report_losses(mirror.frames_late, mirror.frames, device, quiet)
    if recorded(outputs):
        say(f"{record}: what was mirrored", quiet)


def tell_notices(portrait: Portrait, quiet: bool) -> None:
    """Tells what the owner should know about the picture."""
    for notice in portrait.notices:
        say(f"{portrait.path.name}: {notice}", quiet)


def log_ready(loaded_s: float, outputs: Sequence[Output]) -> None:
    """Logs that all is loaded, and where the face goes."""
    log_event(_LOG, "ready", loaded_s=round(loaded_s, 1), outputs=[type(output).__name__ for output in outputs])


def losses(frames_late: int, device: SoundCard | NoSound) -> dict[str, int]:
    """How much did not go out or come in as it should have, so far."""
    return {"frames_late": frames_late, "underflows": device.underflows, "chunks_lost": device.chunks_lost}


def report_losses(late: int, frames: int, device: SoundCard | NoSound, quiet: bool) -> None:
    """Tells what did not go out or come in as it should have; nothing where all did."""
    lost = losses(late, device)
    log_event(_LOG, "totals", frames=frames, **lost)
    for name, what in (
        ("frames_late", f"of {frames} pictures came too late and were left out"),
        ("underflows", "times the speaker ran dry while it spoke"),
        ("chunks_lost", "pieces (20 ms) of the microphone's sound were lost"),
    ):
        if lost[name]:
            say(f"{lost[name]} {what}", quiet)


@contextmanager
def leaving_on_signals(leave: Callable[[], None]) -> Iterator[None]:
    """Whatever signal would end the program lets the session end as leaving does: recordings become whole."""
    loop = asyncio.get_running_loop()
    with signals.leaving(lambda: loop.call_soon_threadsafe(leave)):
        yield
