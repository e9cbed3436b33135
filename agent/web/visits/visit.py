"""One visitor: a place, a connection that may break and come back, and a dialogue that outlives it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Iterator

from aiortc import RTCConfiguration

from agent.config.config import Config
from agent.conversation.session import Session
from agent.engine import Engine
from agent.text.foreign_text import without_folders
from agent.web.rtc.controls import ControlsChange
from agent.web.visits import dialogue
from agent.web.visits.attendance import Attendance
from agent.web.visits.captions import Captions
from agent.web.visits.connections import Connections
from agent.web.visits.event_log import EventLog
from agent.web.visits.life import TOLD, Hooks, Life, Why
from agent.web.visits.places import Ticket
from agent.web.visits.snapshot import HeardTurn, Snapshot
from agent.web.visits.wishes import Wishes
from speech.errors import BackendError, VisavisError, first_of_ours

IN_FLIGHT_S = 0.3
"""So long after it was sent a voice is still on its way to the visitor's ear."""

_LOG = logging.getLogger(__name__)


class Visit:
    """A visitor; `Hall` makes it, and runs it as one task.

    Args:
        engine: shared with all others.
        config: with this visitor's wishes.
        wishes: these.
        ticket: its place, or the one in the line; given back in the end.
        seeds: gives each session a seed, so that no two faces move alike.
        servers: STUN and TURN.
        hooks: what is called.
        id_prefix: what the id begins with.
        goes_on: what another server knew of it.

    Attributes:
        id: secret; who knows it is the visitor.
        events: what the page is told.
        why: it ended, or is about to; None before.
    """

    def __init__(
        self,
        engine: Engine,
        config: Config,
        wishes: Wishes,
        ticket: Ticket,
        *,
        seeds: Iterator[int],
        servers: RTCConfiguration,
        hooks: Hooks,
        id_prefix: str = "",
        goes_on: Snapshot | None = None,
    ) -> None:
        before = goes_on or Snapshot(id=id_prefix + secrets.token_urlsafe(16), wishes=wishes)
        self.id = before.id
        self.why: Why | None = None
        self._ticket, self._wishes, self._hooks = ticket, wishes, hooks
        self._attendance = Attendance(config.web.resume_s, self._stayed_away)
        self.events = EventLog(before.next_event_id, self._followed)
        self._captions = Captions(self.events, before.turns, before.lesson_place)
        self._dialogue = dialogue.Dialogue(
            engine,
            config,
            seeds,
            self._captions,
            dialogue.Hooks(self._begun, hooks.on_event, lambda: hooks.on_turns(self), hooks.on_idle),
        )
        self._connections = Connections(
            self._dialogue.sound,
            self._dialogue.face,
            servers,
            on_controls=self.change_controls,
            on_connected=self._connected,
            on_lost=lambda connection: self._break_off(connection.heard_from_s),
        )
        self._until_ended: asyncio.Timeout | None = None
        self._has_begun = asyncio.Event()
        self._error: VisavisError | None = None
        self._message = ""
        ticket.on_moved = self._moved
        self._moved(ticket.number)

    # ---- its life

    @property
    def life(self) -> Life:
        """Where it is in its life."""
        return self._attendance.life

    async def run(self) -> None:
        """Waits for the place, then converses until it ends. Whatever fails in it ends it alone, and is told."""
        try:
            async with asyncio.timeout(None) as self._until_ended:
                if self.why is None:
                    await self._ticket.called()
                    self._attendance.called()
                    await self._dialogue.run()
        except Exception as error:  # one of them is that of `end`
            self._ended_by(error)
        finally:
            self.why = self.why or Why.CLOSED
            self._attendance.become(Life.ENDED)
            await self._connections.hang_up()
            self.events.add("ended", why=self.why.value, message=self._message or TOLD[self.why])
            self.events.close()
            self._has_begun.set()
            self._ticket.give_back()

    async def begun(self) -> None:
        """Waits until it can be connected to.

        Raises:
            VisavisError: it ended before.
        """
        await self._has_begun.wait()
        if self.life is Life.ENDED:
            raise self._error or BackendError(self._message)

    def end(self, why: Why, message: str = "") -> None:
        """Ends it, wherever it is in its life.

        Args:
            why: counted, and told.
            message: told for people to read, instead of the usual one.
        """
        if self.why is None:
            self.why, self._message = why, message or TOLD[why]
            if self._until_ended is not None:
                self._until_ended.reschedule(asyncio.get_running_loop().time())

    def leave(self) -> None:
        """The visitor leaves."""
        self.end(Why.LEFT)

    async def say_farewell(self, message: str, within_s: float) -> None:
        """Lets the sentence that is being said end, then ends the visit.

        Args:
            message: why, for people to read.
            within_s: a sentence that takes longer is cut.
        """
        if self.session is not None and self.is_watched:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    was_speaking = await self.session.finish_sentence()
                if was_speaking:
                    await asyncio.sleep(IN_FLIGHT_S)
        self.end(Why.CLOSED, message)

    def _begun(self) -> None:
        if self.life is Life.WAITING:
            self._attendance.become(Life.READY)
            self.events.add("ready")
            self._has_begun.set()
        else:
            self.events.add("reset")
            self._hooks.on_reset()

    def _stayed_away(self) -> None:
        if self.life is Life.CONNECTED:  # in writing, and nobody has begun to read
            self._connections.nobody_follows()
        else:
            self.end(self._attendance.why_absent)

    def _ended_by(self, error: Exception) -> None:
        if self.why is not None and isinstance(error, TimeoutError):
            return
        self._error = first_of_ours(error)
        if self._error is None:
            _LOG.error("a visit failed", exc_info=error)
        if self.why is None:
            self.why, self._message = Why.FAILED, without_folders(str(self._error or TOLD[Why.FAILED]))

    # ---- who waits

    @property
    def place(self) -> int:
        """In the waiting line, 1 is next; 0 is in."""
        return self._ticket.number

    def _moved(self, place: int) -> None:
        if place:
            self.events.add("place", passing=True, place=place)

    def _followed(self, followers: int) -> None:
        if not followers:
            self._connections.nobody_follows()
        self._attendance.followed(followers)

    # ---- its connection

    async def connect(self, offer: str) -> str:
        """Answers a peer's SDP offer; a connection that was there is closed once the new one is answered.

        Raises:
            VisavisError: it has not begun yet, is over, or the offer can't be answered; a connection that was there
                stays.
        """
        return await self._connections.answer(offer, self._check_begun)

    async def read(self) -> None:
        """Goes on in writing, without a peer, for as long as the events are followed."""
        await self._connections.read(self._check_begun)
        self._attendance.reads()

    async def disconnect(self) -> None:
        """Hangs up; the conversation may be connected to again for a while."""
        if self.life is Life.CONNECTED:
            self._break_off(asyncio.get_running_loop().time())
        await self._connections.hang_up()

    def _connected(self) -> None:
        if self.life is Life.LOST:
            self._hooks.on_resumed()
        self._attendance.become(Life.CONNECTED)
        self._dialogue.wake()

    def _break_off(self, heard_until_s: float) -> None:
        """An answer in mid-air ends where it was heard; that nobody is there any more is noticed later."""
        self._attendance.become(Life.LOST)
        if self.session is not None:
            self.session.interrupt(self._dialogue.sound.sample_heard(heard_until_s))

    def _check_begun(self) -> None:
        if self.session is None:
            raise BackendError("the session has not begun yet, or is over")

    # ---- what happens in it

    @property
    def session(self) -> Session | None:
        """The running conversation; None before it has begun and after its end."""
        return self._dialogue.session

    @property
    def turns(self) -> list[HeardTurn]:
        """Those that are over, the oldest first."""
        return list(self._captions.turns)

    @property
    def lesson(self) -> dict[str, str | int | bool] | None:
        """Where its lesson is, as its page was told; None for none."""
        return self._captions.lesson

    @property
    def attention(self) -> dict[str, str | bool] | None:
        """Whether the avatar must be called, as its page was told; None where nobody need call it."""
        return self._captions.attention

    @property
    def state(self) -> str:
        """What the avatar does: "idle", "listening", "thinking" or "speaking"."""
        return self._captions.state

    @property
    def idle_since(self) -> float | None:
        """The event loop's time since which it may make room for somebody else; None while it may not."""
        return self._dialogue.idle_since

    def snapshot(self) -> Snapshot:
        """What another server needs to go on with it."""
        turns = tuple(self._captions.turns)
        return Snapshot(
            id=self.id,
            wishes=self._wishes,
            turns=turns,
            lesson_place=self._captions.lesson_place,
            next_event_id=self.events.next_id,
        )

    def stop(self) -> None:
        """Silences the avatar."""
        self._dialogue.stop()

    def greet(self) -> None:
        """Somebody has come to the face: a teacher speaks first, unless something was said already."""
        self._dialogue.greet()

    async def forget_learner(self) -> bool:
        """Deletes what is remembered of the learner in this visit's lesson.

        Returns:
            Whether there is a lesson.

        Raises:
            BackendError: it could not be deleted.
        """
        teacher = self._dialogue.teacher
        if teacher is not None:
            await teacher.forget()
        return teacher is not None

    def change_controls(self, change: ControlsChange) -> None:
        """Changes what is asked of the face."""
        self.touch()
        if self.session is not None:
            self.session.set_controls(change.applied_to(self.session.controls))

    def touch(self) -> None:
        """The visitor is there: they typed, touched, or asked for something."""
        self._attendance.seen()
        self._dialogue.touch()

    @property
    def is_watched(self) -> bool:
        """Whether somebody sees and hears it now; else its time stands still."""
        return self.session is not None and not self._dialogue.sound.is_paused

    @property
    def frames(self) -> int:
        """Pictures rendered so far, late ones included."""
        return self._dialogue.frames

    @property
    def frames_late(self) -> int:
        """Pictures left out so far because they came too late."""
        return self._dialogue.frames_late

    @property
    def chunks_lost(self) -> int:
        """Pieces of the microphone's sound that nobody took in time."""
        return self._dialogue.sound.chunks_lost
