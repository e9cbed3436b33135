"""Visits in a row over real connections: join, ask, leave, hang up, vanish, come back. Nothing of them may stay."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from aiortc.mediastreams import AudioStreamTrack

from agent.web.app import make_app
from agent.web.rtc import connection
from agent.web.safety.access import Access
from agent.web.visits import attendance
from agent.web.visits.hall import Hall
from agent.web.visits.life import Life, Why
from agent.web.visits.visit import Visit
from agent.web.visits.wishes import Wishes
from avatar.decoder import Image
from avatar.motion import Floats
from avatar.secondary_motion import NO_LAG
from tests.rtc_visitor import Visitor, decoded, until
from tests.visiting import FakePeer, Follower, opened

REPLIES = {"hello": "One two three. " * 8, "again": "Seven."}
WAYS = 4
"""In which visitors go."""


class GrayFace:
    """Pictures that are quickly made."""

    def decode(self, values: Floats, breath: float = 0.0, lag: Floats = NO_LAG) -> Image:
        return np.full((64, 64, 3), 128, np.uint8)


def left_over() -> tuple[int, int, int]:
    """Tasks, open files and sockets, threads."""
    gc.collect()
    # The event loop keeps its own threads, and gets more when it has much to do.
    threads = [thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")]
    return len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd")), len(threads)


async def ask(visit: Visit, question: str) -> Visitor:
    """Somebody connects, asks, and hears the beginning of the answer."""
    visitor = Visitor(AudioStreamTrack())
    await visitor.take(await visit.connect(await visitor.offer()))
    await until(lambda: len(visitor.streams["video"].packets) > 0)
    assert visit.session is not None and visit.session.ask(question)
    await until(lambda: visit.state == "speaking")
    await asyncio.sleep(0.3)
    assert np.abs(decoded(visitor.streams["audio"].packets)).max() > 0.1
    return visitor


async def one_visit(visit: Visit, way: int) -> None:
    """Every visitor goes in another way."""
    visitor = await ask(visit, "hello")
    match way:
        case 0:
            visit.leave()
        case 1:
            await visitor.peer.close()
        case 2:
            await visitor.vanish()
        case 3:
            await visitor.peer.close()
            await until(lambda: visit.life is Life.LOST)
            again = await ask(visit, "again")
            assert visit.turns[0].interrupted
            visit.leave()
            await again.peer.close()
    await visitor.peer.close()


def test_who_closes_the_page_gives_up_the_place_in_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told of the visit goes over HTTP: its end is noticed there."""
    monkeypatch.setattr(attendance, "ABSENT_S", 0.1)
    FakePeer.take_the_place(monkeypatch)

    async def evening() -> None:
        async with opened(REPLIES, "web.sessions=1") as (hall, _), served(hall) as port:
            await (await hall.enter(Wishes())).connect("offer")
            waits = await hall.enter(Wishes())
            page, asks = await asyncio.open_connection("127.0.0.1", port)
            path = f"/api/sessions/{waits.id}/events"
            asks.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            assert b'{"place": 1}' in await page.readuntil(b"}\n")
            await asyncio.sleep(0.3)
            assert waits.why is None, "as long as the page is there"
            asks.close()
            await until(lambda: waits.why is Why.GONE)

    asyncio.run(evening())


@asynccontextmanager
async def served(hall: Hall) -> AsyncGenerator[int, None]:
    """The application before a hall, at a port of this machine."""
    options = uvicorn.Config(make_app(hall, Access()), log_config=None)
    server, listening = uvicorn.Server(options), socket.create_server(("127.0.0.1", 0))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve([listening]), name="server")
        yield listening.getsockname()[1]
        server.should_exit = True


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts files as Linux does")
def test_visits_in_a_row_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SILENT_S", 3.0)

    async def evening() -> None:
        async with opened(REPLIES, f"web.sessions={WAYS}", "web.resume_s=3") as (hall, engine):
            engine.decoder = GrayFace()
            left: list[tuple[int, int, int]] = []
            for _ in range(2):  # after the first time, what is loaded lazily is there
                visits = [await hall.enter(Wishes()) for _ in range(WAYS)]
                pages = [Follower(visit) for visit in visits]
                for way, visit in enumerate(visits):
                    await one_visit(visit, way)
                told = [(await page.to_the_end())[-1][1]["why"] for page in pages]
                assert told == ["left", "lost", "lost", "left"]
                left.append(left_over())
            assert hall.places == WAYS and hall.figures.resumed == 2
            assert left[0] == left[1]

    asyncio.run(evening())
