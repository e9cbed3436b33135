"""One visitor: a conversation that outlives a broken connection, and what the page is told of it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from typing import Any

from aiortc import RTCConfiguration

from agent.config.config import Config
from agent.conversation.events import Event, Problem, RequestDropped, StateChanged, TurnFinished
from agent.conversation.live_audio import LiveAudio
from agent.conversation.session import Session
from agent.engine import Engine, OutputFailure
from agent.text.sentences import Sentence
from agent.web.rtc.connection import Connection
from agent.web.rtc.face_track import PeerFace
from agent.web.rtc.peer_sound import PeerSound
from agent.web.visits.event_log import EventLog
from speech.events import Transcript

TURNS_KEPT = 50
"""Turns that a page which is loaded again may show."""


IN_FLIGHT_S = 0.3
"""So long after it was sent a voice is still on its way to the visitor's ear."""


class Visit:
    """A visitor's conversation.

    Args:
        engine: shared with all others.
        config: with this visitor's wishes.

    Attributes:
        id: secret; who knows it is the visitor.
        events: what the page is told.
        session: None before it has begun and after its end.
        place: in the waiting line, 1 is next; 0 is in.
        turns: those that are over, as the API tells them, the oldest first.
    """

    def __init__(self, engine: Engine, config: Config) -> None:
        self.id = secrets.token_urlsafe(16)
        self.events = EventLog()
        self.session: Session | None = None
        self.place = 0
        self.turns: deque[dict[str, Any]] = deque(maxlen=TURNS_KEPT)
        self._engine, self._config = engine, config
        self._sound, self._face = PeerSound(), PeerFace()
        self._audio = LiveAudio(self._sound, full_duplex=True)
        self._connection: Connection | None = None
        self._frames_late = 0

    async def run(self) -> None:
        """Converses until the visitor leaves."""
        try:
            opening = self._engine.session(
                self._audio,
                [self._face],
                on_event=self._tell,
                config=self._config,
                output_failure=OutputFailure.IS_TOLD,
            )
            async with opening as self.session:
                self.events.add("state", state="idle")
                await self.session.run()
        finally:
            if self.session is not None:
                self._frames_late = self.session.frames_late
            self.session = None
            await self.disconnect()
            self.events.close()

    async def connect(self, offer: str) -> str:
        """Answers a peer's SDP offer; a connection that there was is closed."""
        await self.disconnect()
        self._connection = Connection(self._sound, self._face, on_lost=lambda: None, servers=RTCConfiguration([]))
        return await self._connection.answer(offer)

    async def disconnect(self) -> None:
        """Hangs up; the conversation stays."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def leave(self) -> None:
        """The conversation ends."""
        self._audio.leave()

    async def say_farewell(self, why: str, within_s: float) -> None:
        """Lets the sentence that is being said end, then tells why the conversation does, and ends it.

        Args:
            why: what the page is told.
            within_s: a sentence that takes longer is cut.
        """
        if self.session is not None and not self._sound.is_paused:  # else nobody listens
            with contextlib.suppress(TimeoutError):
                if await asyncio.wait_for(self.session.finish_sentence(), within_s):
                    await asyncio.sleep(IN_FLIGHT_S)
        self.events.add("ended", why=why)
        self.leave()

    @property
    def frames(self) -> int | None:
        """Pictures rendered so far; None where no conversation is going on, or nobody looks."""
        return None if self.session is None or self._sound.is_paused else self.session.frames

    def losses(self) -> dict[str, int]:
        """How much did not go out or come in as it should have, so far."""
        late = self._frames_late if self.session is None else self.session.frames_late
        return {"frames_late": late, "chunks_lost": self._sound.chunks_lost}

    def stop(self) -> None:
        """Silences the avatar."""
        self._audio.stop()

    def _tell(self, event: Event) -> None:
        match event:
            case StateChanged(state):
                self.events.add("state", state=state.value)
            case Transcript(text, is_final):
                self.events.add("transcript", text=text, final=is_final)
            case Sentence(index, text):
                self.events.add("sentence", index=index, text=text)
            case TurnFinished(record):
                turn = {"question": record.question, "heard": record.heard, "interrupted": record.interrupted}
                self.turns.append(turn)
                self.events.add("turn", **turn)
            case Problem(message):
                self.events.add("problem", message=message)
            case RequestDropped(request, why):
                self.events.add("dropped", text=request.text, why=why)


async def wait_for_session(visit: Visit, running: asyncio.Task[None]) -> None:
    """Waits until a visit has its session, or has failed."""
    async for _ in visit.events.since(0):
        return
    await running
