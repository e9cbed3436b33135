"""What a visitor and the avatar say: an engine session, and at a kiosk a fresh one for whoever comes next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from agent.config.config import Config
from agent.conversation.events import Event, Problem, SaidGoodbye, TurnFinished
from agent.conversation.live_audio import LiveAudio
from agent.conversation.session import Session
from agent.countdown import Countdown
from agent.engine import Engine, OutputFailure
from agent.memory.loading import for_visitors
from agent.sound_devices import echo_canceller
from agent.tutor.teacher import Teacher
from agent.web.rtc.face_track import PeerFace
from agent.web.rtc.peer_sound import PeerSound
from agent.web.visits.captions import Captions
from agent.web.visits.snapshot import messages
from speech.events import Transcript

STILL_BUSY_S = 5.0
"""Somebody speaks when a conversation would be idle: it is looked at again so much later."""

AFTER_GOODBYE_S = 3.0
"""A kiosk forgets so soon who said goodbye."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a dialogue calls, on the event loop.

    Attributes:
        on_begun: whenever a session can be talked with.
        on_event: with everything that a session tells.
        on_turns: when there is another turn, or all were forgotten.
        on_idle: when nothing has been said, typed or touched for `web.idle_leave_s`; not at a kiosk.
    """

    on_begun: Callable[[], None]
    on_event: Callable[[Event], None]
    on_turns: Callable[[], None]
    on_idle: Callable[[], None]


class Dialogue:
    """Session after session on one visitor's sound and face.

    Args:
        engine: shared with all others.
        config: with this visitor's wishes.
        seeds: gives each session a seed, so that no two faces move alike.
        captions: told to the page; the turns that they hold are what was said before.
        hooks: what is called.

    Attributes:
        session: None before it has begun and after its end.
        sound: of the visitor, whichever connection it goes over.
        face: likewise.
        idle_since: the event loop's time since which it may make room for somebody else; None while it may not.
    """

    def __init__(self, engine: Engine, config: Config, seeds: Iterator[int], captions: Captions, hooks: Hooks) -> None:
        self._engine, self._seeds, self._captions, self._hooks = engine, seeds, captions, hooks
        self._config = for_visitors(config)
        self.session: Session | None = None
        self.sound = PeerSound()
        self.face = PeerFace(self.sound)
        self.idle_since: float | None = None
        self._audio = LiveAudio(self.sound, full_duplex=True)
        self._idle = Countdown(self._nothing_happened)
        self._until_forgotten: asyncio.Timeout | None = None
        self._is_fresh = True
        self._frames_before = self._late_before = 0

    async def run(self) -> None:
        """Converses until it is cancelled.

        Raises:
            ExceptionGroup: what failed; a VisavisError in it is for the visitor to read.
        """
        try:
            while True:
                await self._converse()
        finally:
            self._idle.stop()

    async def _converse(self) -> None:
        """One session, until it is forgotten."""
        # Behind the browser's own canceller, for what that leaves, or where it has none.
        canceller = echo_canceller(self._config, lambda problem: self._take(Problem(problem)))
        self._audio = LiveAudio(self.sound, full_duplex=True, canceller=canceller)
        face = self._config.face.model_copy(update={"seed": next(self._seeds)})
        opening = self._engine.session(
            self._audio,
            [self.face],
            on_event=self._take,
            config=self._config.model_copy(update={"face": face}),
            output_failure=OutputFailure.IS_TOLD,
            earlier=list(messages(self._captions.turns)),
            lesson_place=self._captions.lesson_place,
            greets_at_once=not self._config.web.kiosk,  # there nobody may be before the face yet
        )
        until_forgotten = asyncio.timeout(None)
        try:
            async with until_forgotten as self._until_forgotten, opening as self.session:
                self._is_fresh = True
                self._hooks.on_begun()
                self._captions.begin()
                self.wake()
                await self.session.run()
        except TimeoutError:
            if not until_forgotten.expired():
                raise
            # Only now: until its end the session may have told something.
            self._captions.forget()
            self._hooks.on_turns()
        finally:
            if self.session is not None:
                self._frames_before += self.session.frames
                self._late_before += self.session.frames_late
                self.session = None

    @property
    def teacher(self) -> Teacher | None:
        """Who teaches; None where nothing is taught, or there is no session."""
        mind = self.session.mind if self.session is not None else None
        return mind if isinstance(mind, Teacher) else None

    # ---- what the visitor does beside speaking

    def stop(self) -> None:
        """Silences the avatar."""
        self.touch()
        self._audio.stop()

    def greet(self) -> None:
        """Somebody has come to the face: a teacher speaks first, unless something was said already."""
        self.touch()
        if self.session is not None:
            self.session.greet()

    def touch(self) -> None:
        """The visitor is there: they typed, touched, or asked for something."""
        if self.session is not None:
            self._is_fresh = False
            self.session.touch()
            self.wake()

    def wake(self) -> None:
        """It is not idle now."""
        web = self._config.web
        self.idle_since = None
        self._idle.start(web.idle_reset_s if web.kiosk else web.idle_leave_s)

    # ---- what happens in it

    def _take(self, event: Event) -> None:
        self._hooks.on_event(event)
        self._captions.tell(event)
        match event:
            case Transcript(text) if text.strip() and self._captions.is_awake:  # else they talk to each other
                self.touch()
            case TurnFinished(record):
                if self._is_fresh or (record.question and not record.is_unanswered):
                    self.wake()
                self._is_fresh = False
                self._hooks.on_turns()
            case SaidGoodbye() if self._config.web.kiosk:
                self._idle.start(AFTER_GOODBYE_S)

    def _nothing_happened(self) -> None:
        if self.session is None or not self.session.is_quiet:
            self._idle.start(STILL_BUSY_S)
        elif not self._config.web.kiosk:
            self.idle_since = asyncio.get_running_loop().time()
            self._hooks.on_idle()
        elif not self._is_fresh:
            self._forget()

    def _forget(self) -> None:
        """The next person is somebody else: nothing of this session stays, and another one begins in its place."""
        assert self._until_forgotten is not None
        self._until_forgotten.reschedule(asyncio.get_running_loop().time())

    # ---- how it does

    @property
    def frames(self) -> int:
        """Pictures rendered so far, late ones included."""
        return self._frames_before + (self.session.frames if self.session is not None else 0)

    @property
    def frames_late(self) -> int:
        """Pictures left out so far because they came too late."""
        return self._late_before + (self.session.frames_late if self.session is not None else 0)
