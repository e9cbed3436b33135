"""All visits: each is one task of the hall's group."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from agent.config.config import Config
from agent.conversation.events import Event
from agent.engine import Engine
from agent.log.log import LOG
from agent.log.session_log import SessionLog
from agent.web.rtc.ice_servers import rtc_configuration
from agent.web.visits.capacity import measure_capacity
from agent.web.visits.choices import Choices
from agent.web.visits.figures import Figures
from agent.web.visits.life import Hooks, Life, Why
from agent.web.visits.places import HallFullError, Places
from agent.web.visits.snapshot import Snapshot
from agent.web.visits.visit import Visit
from agent.web.visits.wishes import Wishes

LARGEST_SEED = 2**32 - 1

Keep = Callable[[str, Snapshot | None], None]
"""Takes what a visit (by its id) needs to go on elsewhere, on the event loop; None when it is over."""


class HallClosing(HallFullError):
    """Nobody is let in any more: the server is about to end."""

    retry_after_s = 5


class Hall:
    """The visits of one process; `open_hall` makes it.

    Args:
        engine: shared by all.
        tasks: own the visits.
        count: of places: conversations at once.
        keep: see `Keep`.
        id_prefix: what the ids of visits begin with.

    Attributes:
        choices: what visitors may choose from.
    """

    def __init__(self, engine: Engine, tasks: asyncio.TaskGroup, count: int, keep: Keep, id_prefix: str) -> None:
        self._engine, self._tasks, self._keep, self._id_prefix = engine, tasks, keep, id_prefix
        self.choices = Choices(engine.config)
        self._places = Places(count, engine.config.web.waiting)
        self._servers = rtc_configuration(engine.config.web)
        self._visits: dict[str, Visit] = {}
        self._figures, self._log = Figures(), SessionLog(LOG.redaction)
        self._seeds = (seed % (LARGEST_SEED + 1) for seed in itertools.count(engine.config.face.seed))
        self._hooks = Hooks(self._take, self._turned, self._make_room, self._resumed, self._reset)
        self._closing_why: str | None = None

    @property
    def config(self) -> Config:
        """Of the server; a visitor's wishes change it for one visit."""
        return self._engine.config

    @property
    def is_closing(self) -> bool:
        """Nobody is let in any more."""
        return self._closing_why is not None

    @property
    def places(self) -> int:
        """Conversations that could begin now."""
        return max(0, self._places.free) if self._closing_why is None else 0

    @property
    def taken(self) -> int:
        """Conversations that go on."""
        return self._places.taken

    @property
    def waiting(self) -> int:
        """Visitors in the line."""
        return self._places.waiting

    def find(self, visit_id: str) -> Visit | None:
        """The visit with this id, if there is one."""
        return self._visits.get(visit_id)

    # ---- in

    async def enter(self, wishes: Wishes) -> Visit:
        """A new visit: it can be connected to, or waits in the line.

        Raises:
            HallFullError: there is no room in the line, or nobody is let in any more.
            VisavisError: what the visitor chose can't be had.
        """
        return await self._let_in(wishes, None)

    async def take_over(self, snapshot: Snapshot) -> Visit:
        """A visit that another server had goes on here, under its id, before all who wait.

        It may be asked for several times: a page asks for events and a connection at once.

        Raises:
            HallFullError: there is no room in the line, or nobody is let in any more.
            VisavisError: what the visitor chose can't be had.
        """
        return await self._let_in(snapshot.wishes, snapshot)

    async def _let_in(self, wishes: Wishes, goes_on: Snapshot | None) -> Visit:
        if self._closing_why is not None:
            raise HallClosing(self._closing_why)
        config = await self.choices.config_for(wishes)
        visit = self.find(goes_on.id) if goes_on is not None else None
        if visit is None:
            visit = self._new_visit(config, wishes, goes_on)
        if not visit.place:
            await visit.begun()
        return visit

    def _new_visit(self, config: Config, wishes: Wishes, goes_on: Snapshot | None) -> Visit:
        try:
            ticket = self._places.join(first=goes_on is not None)
        except HallFullError:
            self._figures.turned_away += 1
            raise
        visit = Visit(
            self._engine,
            config,
            wishes,
            ticket,
            seeds=self._seeds,
            servers=self._servers,
            hooks=self._hooks,
            id_prefix=self._id_prefix,
            goes_on=goes_on,
        )
        self._visits[visit.id] = visit
        # What a mind is told, and may repeat in an error: treated like words that were said.
        LOG.redaction.note(wishes.persona)
        for turn in visit.turns:
            LOG.redaction.note(turn.question)
            LOG.redaction.note(turn.heard)
        self._figures.begun += 1
        self._tasks.create_task(self._host(visit), name="visit")
        self._make_room()
        return visit

    async def _host(self, visit: Visit) -> None:
        await visit.run()
        del self._visits[visit.id]
        assert visit.why is not None, "a visit ends for a reason"
        self._figures.ended[visit.why.value] += 1
        self._figures.add(visit.frames, visit.frames_late, visit.chunks_lost)
        if visit.why is not Why.CLOSED:  # else it may go on elsewhere
            self._keep(visit.id, None)

    # ---- what visits tell

    def _take(self, event: Event) -> None:
        self._log.on_event(event)
        self._figures.observe(event)

    def _turned(self, visit: Visit) -> None:
        self._keep(visit.id, visit.snapshot())

    def _resumed(self) -> None:
        self._figures.resumed += 1

    def _reset(self) -> None:
        self._figures.resets += 1

    def _make_room(self) -> None:
        """Whoever has been idle longest goes where somebody waits, unless enough are about to go."""
        visits = self._visits.values()
        leaving = sum(visit.why is not None and not visit.place for visit in visits)
        idle = [(visit.idle_since, visit) for visit in visits if visit.idle_since is not None and visit.why is None]
        if self._places.waiting > leaving and idle:
            min(idle, key=lambda one: one[0])[1].end(Why.IDLE)

    # ---- out

    async def farewell(self, why: str, within_s: float) -> None:
        """Lets nobody in any more; what is being said ends with its sentence, and the pages are told.

        Args:
            why: what the pages are told.
            within_s: a sentence that takes longer is cut.
        """
        self._closing_why = why
        async with asyncio.TaskGroup() as farewells:
            for visit in self._visits.values():
                farewells.create_task(visit.say_farewell(why, within_s), name="farewell")

    def close(self) -> None:
        """Everybody has to leave."""
        for visit in self._visits.values():
            visit.end(Why.CLOSED)

    # ---- how it does

    @property
    def figures(self) -> Figures:
        """The numbers of all visits so far, those that go on included."""
        figures = replace(self._figures)
        for visit in self._visits.values():
            figures.add(visit.frames, visit.frames_late, visit.chunks_lost)
        return figures

    def lives(self) -> Counter[Life]:
        """How many visits are where in their lives."""
        return Counter(visit.life for visit in self._visits.values())

    def frames(self) -> dict[str, int]:
        """Pictures rendered so far, by its id, for each visit that somebody watches."""
        return {visit.id: visit.frames for visit in self._visits.values() if visit.is_watched}

    def losses(self) -> dict[str, int]:
        """How much did not go out or come in as it should have so far, of all visits together."""
        figures = self.figures
        return {"frames_late": figures.frames_late, "chunks_lost": figures.chunks_lost}


@asynccontextmanager
async def open_hall(
    engine: Engine, *, places: int = 0, keep: Keep = lambda visit_id, snapshot: None, id_prefix: str = ""
) -> AsyncGenerator[Hall, None]:
    """A hall whose visits end with it.

    Args:
        engine: shared by all visits, with its face and motion model loaded.
        places: conversations at once; 0 for as many as are configured or, where none are, as this machine is measured
            to hold.
        keep: takes what another server would need to go on with a visit.
        id_prefix: what the ids of visits begin with, where others must know whose they are.

    Raises:
        InputError: STUN or TURN are configured wrongly.
    """
    count = places or engine.config.web.sessions or (await measure_capacity(engine)).sessions
    async with asyncio.TaskGroup() as tasks:
        hall = Hall(engine, tasks, count, keep, id_prefix)
        try:
            yield hall
        finally:
            hall.close()
            hall.choices.close()
