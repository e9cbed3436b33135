"""Visits in a row over real connections: join, ask, leave, hang up, vanish, come back. Nothing of them may stay."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from agent.web.rtc import connection
from agent.web.visits.life import Life
from agent.web.visits.visit import Visit
from agent.web.visits.wishes import Wishes
from avatar.decoder import Image
from avatar.motion import Floats
from tests.visiting import Follower, opened
from tests.web_visitor import WebVisitor

REPLIES = {"hello": "One two three. Four five six.", "again": "Seven."}
VISITS = 8


class GrayFace:
    """Pictures that are quickly made."""

    def decode(self, values: Floats, breath: float = 0.0) -> Image:
        return np.full((64, 64, 3), 128, np.uint8)


def left_over() -> tuple[int, int, int]:
    """Tasks, open files and sockets, threads."""
    gc.collect()
    return len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd")), threading.active_count()


async def one_visit(visit: Visit, number: int) -> None:
    """Every visitor goes in another way."""
    visitor = WebVisitor(visit.connect)
    await visitor.connect()
    assert visit.session is not None and visit.session.ask("hello")
    await visitor.spoken_to()
    match number % 4:
        case 0:
            visit.leave()
            await visitor.hang_up()
        case 1:
            await visitor.hang_up()
        case 2:
            await visitor.vanish()
        case 3:
            await visitor.vanish()
            while visit.life is Life.CONNECTED:  # noqa: ASYNC110: it tells nobody
                await asyncio.sleep(0.02)
            again = WebVisitor(visit.connect)
            await again.connect()
            assert visit.turns[0].interrupted and visit.session.ask("again")
            await again.spoken_to()
            visit.leave()
            await again.hang_up()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts files as Linux does")
def test_visits_in_a_row_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SILENT_S", 1.0)

    async def evening() -> None:
        async with opened(REPLIES, "web.sessions=3", "web.resume_s=0.3") as (hall, engine):
            engine.decoder = GrayFace()
            before: tuple[int, int, int] | None = None
            for number in range(VISITS):
                visit = await hall.enter(Wishes())
                page = Follower(visit)
                await one_visit(visit, number)
                told = await page.to_the_end()
                assert told[-1][1]["why"] == ("left" if number % 4 in (0, 3) else "lost")
                if number == 3:  # every way once: what is loaded lazily is there
                    before = left_over()
            assert hall.places == 3 and hall.figures.resumed == 2
            assert before is not None and left_over() == before

    asyncio.run(evening())
