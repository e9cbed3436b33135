"""Clients that do not do their part, on real sockets: heads and bodies that never end, answers that nobody reads."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvicorn

from agent.web.app import make_app
from agent.web.safety import slow_clients
from agent.web.safety.access import Access
from agent.web.safety.limits import LARGEST_HEAD
from agent.web.safety.slow_clients import ImpatientProtocol
from agent.web.visits.wishes import Wishes
from tests.fake_hall import FakeHall, FakeVisit

SOON_S = 0.3
"""Instead of the seconds that these clients are given else."""


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[FakeHall, int, uvicorn.Server]]:
    """The application behind the real server, and its port."""
    hall = FakeHall()
    options = uvicorn.Config(
        make_app(hall, Access()),  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        ws="none",
        http=ImpatientProtocol,
        h11_max_incomplete_event_size=LARGEST_HEAD,
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(options)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve([listener]))
            await _until(lambda: server.started)
            try:
                yield hall, listener.getsockname()[1], server
            finally:
                server.should_exit = True
                await serving
    assert not server.server_state.connections


async def _visit(hall: FakeHall) -> FakeVisit:
    return await hall.enter(Wishes())


async def _ask(port: int, head: str, body: bytes = b"") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode() + body)
    answer = await reader.read()
    await _close(writer)
    return answer


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20.0):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def _closed_after(reader: asyncio.StreamReader) -> float:
    began = time.perf_counter()
    with contextlib.suppress(ConnectionError):
        while await reader.read(65_536):
            pass
    return time.perf_counter() - began


@pytest.mark.parametrize("beginning", [b"", b"GET / HTTP/1.1\r\nHost: local", b"GET"])
def test_a_head_that_never_ends_is_given_up(beginning: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "HEAD_S", SOON_S)

    async def main() -> None:
        async with listening() as (_, port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)

            async def dribble() -> None:
                with contextlib.suppress(ConnectionError):
                    while True:
                        await asyncio.sleep(SOON_S / 5)
                        writer.write(b"x" if beginning else b"")
                        await writer.drain()

            writer.write(beginning)
            dribbling = asyncio.create_task(dribble())
            assert SOON_S * 0.8 < await _closed_after(reader) < 10.0
            dribbling.cancel()
            await _close(writer)

    asyncio.run(main())


def test_the_second_request_of_a_connection_may_not_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "HEAD_S", SOON_S)

    async def main() -> None:
        async with listening() as (_, port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"alive" in await reader.readuntil(b"}")
            writer.write(b"GET /api/health HTTP/1.1\r\nHo")
            assert await _closed_after(reader) < 4.0  # uvicorn's own patience with idle connections is 5 s
            await _close(writer)

    asyncio.run(main())


def test_an_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "READING_S", SOON_S)

    async def main() -> None:
        async with listening() as (hall, port, server):
            visit = await _visit(hall)
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
            writer.write(f"GET /api/sessions/{visit.id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            for _ in range(150):
                visit.events.add("transcript", text="x" * 100_000, final=False)
            # Meanwhile others are served.
            assert b"alive" in await _ask(port, "GET /api/health HTTP/1.1")
            # The stream is over where nobody follows it any more.
            await _until(lambda: not server.server_state.tasks)
            await _close(writer)

    asyncio.run(main())


def test_a_200_mb_upload_is_refused_before_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "HEAD_S", SOON_S)

    async def main() -> None:
        async with listening() as (_, port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            head = "POST /api/portraits HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000000\r\n"
            writer.write(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode())
            answer = await reader.readuntil(b"}")
            assert answer.startswith(b"HTTP/1.1 413 ") and b"expected at most 20010000 bytes" in answer
            # Who goes on sending all the same is cut off.
            sent = 0
            with contextlib.suppress(ConnectionError):
                while sent < 200_000_000:
                    writer.write(bytes(100_000))
                    sent += 100_000
                    await writer.drain()
                    await asyncio.sleep(0.01)
            assert sent < 100_000_000
            await _close(writer)

    asyncio.run(main())


def test_one_address_has_so_many_connections_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImpatientProtocol, "most_per_address", 20)

    async def main() -> None:
        async with listening() as (_, port, server):
            open_ones = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
            for reader, _ in open_ones[20:]:
                with contextlib.suppress(ConnectionError):
                    assert await asyncio.wait_for(reader.read(1), 10.0) == b""
            assert not any(reader.at_eof() or reader.exception() for reader, _ in open_ones[:20])
            for _, writer in open_ones:
                await _close(writer)
            await _until(lambda: not server.server_state.connections)
            assert b"alive" in await _ask(port, "GET /api/health HTTP/1.1")

    asyncio.run(main())


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"POST /api/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabc",
        b"POST /api/sessions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /%ff%fe%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /..%2f..%2fconfig.toml HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_an_odd_head_is_refused_and_the_server_lives(head: bytes) -> None:
    async def main() -> None:
        async with listening() as (_, port, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head)
            answer = b""
            with contextlib.suppress(ConnectionError):
                answer = await asyncio.wait_for(reader.read(1000), 10.0)
            assert answer == b"" or answer[9:12] in (b"400", b"404", b"421", b"431"), answer
            await _close(writer)
            assert b"alive" in await _ask(port, "GET /api/health HTTP/1.1")

    asyncio.run(main())
