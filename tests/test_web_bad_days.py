"""Bad days of the web, at the real server in its own process: a crowd, a full disk, a dead voice, a dead server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.browser import Server, serving
from tests.rtc_visitor import Visitor, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.packaged("hibari/heart"),
    pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks into the server's process as Linux has it"),
]
QUICK = (
    *("--set", "ears.backend=pocketsphinx", "--set", "voice.backend=hibari"),
    *("--set", "web.sessions=2", "--set", "output.size=256"),
)
"""Loads soon, and leaves the processor to others. The voice is named: one that can't be loaded is not to be replaced by
another, which has no process that could die."""

LONG = "This is one of many sentences. " * 40
PORTRAIT = Path(__file__).parent.parent / "avatar" / "assets" / "portraits" / "jonas.png"
SOON_S = 120.0


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the servers keep what is theirs alone for a while."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def server(uploads: Path) -> Iterator[Server]:
    # What a full disk cuts off of a module that Python compiles then would fail every later process.
    with serving(*QUICK, TMPDIR=str(uploads), PYTHONDONTWRITEBYTECODE="1") as running:
        yield running


class Guest:
    """A client of the API: what it is told, and over which it hears."""

    def __init__(self, client: httpx.AsyncClient, session_id: str) -> None:
        self._client, self.path = client, f"/api/sessions/{session_id}"
        self.peer = Visitor(media=("audio",))
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.lost_line = False

    async def connect(self) -> None:
        offer = await self.peer.offer()
        headers = {"Content-Type": "application/sdp"}
        answer = await self._client.post(f"{self.path}/whep", content=offer, headers=headers)
        await self.peer.take(answer.raise_for_status().text)
        await until(lambda: self.peer.peer.connectionState == "connected", SOON_S)

    async def follow(self) -> None:
        kind = ""
        try:
            async with self._client.stream("GET", f"{self.path}/events", timeout=None) as events:
                async for line in events.aiter_lines():
                    name, _, value = line.partition(": ")
                    if name == "event":
                        kind = value
                    elif name == "data":
                        self.told.append((kind, json.loads(value)))
        except httpx.HTTPError:
            self.lost_line = True

    async def say(self, text: str) -> None:
        (await self._client.post(f"{self.path}/say", json={"text": text})).raise_for_status()

    def all_of(self, kind: str) -> list[dict[str, Any]]:
        return [data for name, data in self.told if name == kind]


@asynccontextmanager
async def guest_of(client: httpx.AsyncClient) -> AsyncIterator[Guest]:
    """Somebody who has come in, listens and reads."""
    begun = (await client.post("/api/sessions", json={}, timeout=SOON_S)).raise_for_status().json()
    guest = Guest(client, begun["id"])
    following = asyncio.create_task(guest.follow())
    try:
        await guest.connect()
        yield guest
    finally:
        await guest.peer.peer.close()
        with contextlib.suppress(httpx.HTTPError):
            await client.delete(guest.path)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def open_files(server: Server) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def helpers(server: Server) -> dict[int, str]:
    """The processes that work for it, and what each runs."""
    command = ["ps", "-ww", "--ppid", str(server.process.pid), "-o", "pid=,args="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = (line.split(maxsplit=1) for line in listed.stdout.splitlines())
    return {int(number): arguments for number, arguments in rows}


def voices(server: Server) -> list[int]:
    """The processes that speak for it: one, or none while that is being started again."""
    return [pid for pid, what in helpers(server).items() if "voice_worker" in what]


def is_running(pid: int) -> bool:
    """Whether it does anything still: one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_thousand_connections_of_one_address_keep_nobody_else_out(server: Server) -> None:
    address = urlsplit(server.url)
    before = open_files(server)
    with contextlib.ExitStack() as crowd:
        for _ in range(1000):
            crowd.enter_context(socket.create_connection((address.hostname, address.port), SOON_S))
        with httpx.Client(base_url=server.url, transport=httpx.HTTPTransport(local_address="127.0.0.2")) as elsewhere:
            assert elsewhere.get("/api/ready").status_code == 200
        wait_until(lambda: open_files(server) < before + 150)
    wait_until(lambda: open_files(server) <= before)
    assert httpx.get(f"{server.url}api/ready").status_code == 200


@contextmanager
def full_disk(server: Server, size: int) -> Iterator[None]:
    """Every file that the server writes fails beyond this size, as on a full disk."""
    resource = pytest.importorskip("resource")
    pid, limit = server.process.pid, resource.RLIMIT_FSIZE
    before = resource.prlimit(pid, limit)
    resource.prlimit(pid, limit, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, limit, before)


def bring(server: Server) -> httpx.Response:
    picture = {"picture": ("me.png", PORTRAIT.read_bytes(), "image/png")}
    return httpx.post(f"{server.url}api/portraits", files=picture, data={"consent": "true"}, timeout=SOON_S)


def test_a_full_disk_takes_no_picture_says_so_and_keeps_nothing(server: Server, uploads: Path) -> None:
    with full_disk(server, 100_000):
        refused = bring(server)
    assert refused.status_code == 503
    assert refused.json() == {"detail": "there is no room for a picture on the server's disk"}
    assert not [*uploads.rglob("picture*")]
    assert bring(server).status_code == 201


def test_a_voice_that_dies_costs_two_visitors_a_line_and_not_the_conversation(server: Server) -> None:
    async def main() -> None:
        async with (
            httpx.AsyncClient(base_url=server.url) as client,
            guest_of(client) as one,
            guest_of(client) as two,
        ):
            guests = (one, two)

            async def wait_for(what: str, holds: Callable[[], bool]) -> None:
                try:
                    await until(holds, SOON_S)
                except TimeoutError:
                    told = "\n".join(str(guest.told) for guest in guests)
                    raise AssertionError(f"no {what}; they were told\n{told}\n{server.output}") from None

            for guest in guests:
                await guest.say(LONG)
            await wait_for("sentence", lambda: all(guest.all_of("sentence") for guest in guests))
            await wait_for("voice", lambda: bool(voices(server)))
            (voice,) = voices(server)
            os.kill(voice, signal.SIGKILL)
            await wait_for("problem", lambda: all(guest.all_of("problem") for guest in guests))
            for guest in guests:
                await client.post(f"{guest.path}/stop")
                await guest.say("We go on.")
            await wait_for("answer", lambda: all(guest.all_of("turn")[-1:] == [GOES_ON] for guest in guests))
            for guest in guests:
                (problem,) = guest.all_of("problem")
                assert "started again" in problem["message"] and "\n" not in problem["message"]
                assert not guest.lost_line and not guest.all_of("ended")

    asyncio.run(main())


GOES_ON = {"question": "", "heard": "We go on.", "interrupted": False}


def test_a_server_that_is_killed_leaves_nothing_and_says_at_its_return_that_the_session_is_over(
    server: Server, uploads: Path
) -> None:
    """The last test of this file: no other one can have the server after it."""

    async def talk_until_it_dies() -> tuple[str, list[int]]:
        async with httpx.AsyncClient(base_url=server.url) as client, guest_of(client) as guest:
            await guest.say(LONG)
            await until(lambda: bool(guest.all_of("sentence")), SOON_S)
            assert bring(server).status_code == 201
            working = [*helpers(server)]
            server.process.kill()
            await until(lambda: guest.lost_line, SOON_S)
            return guest.path, working

    path, working = asyncio.run(talk_until_it_dies())
    assert working
    wait_until(lambda: not any(map(is_running, working)))
    port = str(urlsplit(server.url).port)
    with serving(*QUICK, "--port", port, TMPDIR=str(uploads)) as again:
        assert again.url == server.url
        assert not [*uploads.rglob("picture*")], "a face must not stay for ever"
        with httpx.Client(base_url=again.url, timeout=SOON_S) as client:
            for gone in (client.get(path), client.post(f"{path}/say", json={"text": "Hello?"})):
                assert gone.status_code == 404 and "has ended" in gone.json()["detail"]
            assert client.post("/api/sessions", json={}).json()["state"] == "ready"
