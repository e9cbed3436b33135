"""All visits: each is one task of the hall's group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from agent.engine import Engine
from agent.web.visits.choices import Choices
from agent.web.visits.visit import Visit, wait_for_session
from agent.web.visits.wishes import Wishes


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
        """A new visit, ready to be connected to."""
        visit = Visit(self._engine, await self.choices.config_for(wishes))
        self._visits[visit.id] = visit
        running = self._tasks.create_task(visit.run(), name="visit")
        running.add_done_callback(lambda _: self._visits.pop(visit.id, None))
        await wait_for_session(visit, running)
        return visit

    def close(self) -> None:
        """Everybody is asked to leave."""
        for visit in list(self._visits.values()):
            visit.leave()


@asynccontextmanager
async def open_hall(engine: Engine) -> AsyncGenerator[Hall, None]:
    """A hall whose visits end with it."""
    async with asyncio.TaskGroup() as tasks:
        hall = Hall(engine, tasks)
        try:
            yield hall
        finally:
            hall.close()
