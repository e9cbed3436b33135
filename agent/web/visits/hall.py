"""All visits: each is one task of the hall's group."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from agent.config.config import Config
from agent.engine import Engine
from agent.web.visits.choices import Choices
from agent.web.visits.visit import Visit, wait_for_session
from agent.web.visits.wishes import Wishes
from speech.errors import BackendError


class HallClosing(BackendError):
    """Nobody is let in any more: the server is about to end."""


class Hall:
    """The visits of one process; `open_hall` makes it.

    Args:
        engine: shared by all.
        tasks: own the visits.

    Attributes:
        choices: what visitors may choose from.
    """

    def __init__(self, engine: Engine, tasks: asyncio.TaskGroup) -> None:
        self._engine, self._tasks = engine, tasks
        self.choices = Choices(engine.config)
        self._visits: dict[str, Visit] = {}
        self._lost: Counter[str] = Counter()
        self._closing_why: str | None = None

    @property
    def config(self) -> Config:
        """Of the server; a visitor's wishes change it for one visit."""
        return self._engine.config

    @property
    def places(self) -> int:
        """Conversations that could begin now."""
        return 1

    @property
    def waiting(self) -> int:
        """Visitors in the waiting line."""
        return 0

    def find(self, visit_id: str) -> Visit | None:
        """The visit with this id, if there is one."""
        return self._visits.get(visit_id)

    async def enter(self, wishes: Wishes) -> Visit:
        """A new visit, ready to be connected to.

        Raises:
            HallClosing: after `farewell`.
        """
        if self._closing_why is not None:
            raise HallClosing(self._closing_why)
        visit = Visit(self._engine, await self.choices.config_for(wishes))
        self._visits[visit.id] = visit
        running = self._tasks.create_task(visit.run(), name="visit")
        running.add_done_callback(lambda _: self._forget(visit))
        await wait_for_session(visit, running)
        return visit

    def frames(self) -> dict[str, int]:
        """Pictures rendered so far, by its id, for each conversation that goes on and is looked at."""
        return {visit.id: frames for visit in self._visits.values() if (frames := visit.frames) is not None}

    def losses(self) -> dict[str, int]:
        """How much did not go out or come in as it should have so far, of all visits together."""
        lost = self._lost.copy()
        for visit in self._visits.values():
            lost.update(visit.losses())
        return dict(lost)

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
        """Everybody is asked to leave."""
        for visit in list(self._visits.values()):
            visit.leave()

    def _forget(self, visit: Visit) -> None:
        self._lost.update(visit.losses())
        self._visits.pop(visit.id, None)


@asynccontextmanager
async def open_hall(engine: Engine) -> AsyncGenerator[Hall, None]:
    """A hall whose visits end with it."""
    async with asyncio.TaskGroup() as tasks:
        hall = Hall(engine, tasks)
        try:
            yield hall
        finally:
            hall.close()
            hall.choices.close()
