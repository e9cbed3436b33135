"""`visavis serve` as a command: why it can't, how it stops, and what it tells systemd."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiortc")
pytest.importorskip("fastapi")

from aiortc import RTCPeerConnection, RTCSessionDescription

from agent.__main__ import main
from agent.commands import serve as serve_command
from agent.web import server
from agent.web.liveness import Liveness
from agent.web.service_manager import ServiceManager
from speech.errors import InputError
from speech.worker import signals
from tests.browser import DEAF, SMALL, Server, serving
from tests.virtual_time import run as run_in_virtual_time


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = serve_command.find_spec
    monkeypatch.setattr(serve_command, "find_spec", lambda name: None if name in ("aiortc", "uvicorn") else found(name))
    told = r"expected the packages aiortc, uvicorn, not installed; run: pip install 'visavis\[web\]'"
    with pytest.raises(InputError, match=told):
        serve_command.check_packages()


# ---- systemd


@contextlib.contextmanager
def _service_manager(address: str) -> Iterator[Callable[[], list[str]]]:
    """A socket like systemd's; gives what was told since the last call."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearing:
        hearing.bind("\0" + address[1:] if address.startswith("@") else address)
        hearing.setblocking(False)

        def told() -> list[str]:
            lines: list[str] = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    lines += hearing.recv(4096).decode().split("\n")
            return lines

        yield told


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_the_service_manager_is_told(kind: str, tmp_path: Path) -> None:
    address = str(tmp_path / "notify") if kind == "path" else f"@visavis-test-{os.getpid()}"
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}
    with _service_manager(address) as told:
        manager = ServiceManager.of(environ)
        manager.tell("READY=1", "STATUS=ready")
        assert told() == ["READY=1", "STATUS=ready"]
        assert manager.watchdog_s == 3.0
    assert environ == {"HOME": "/"}
    manager.tell("STOPPING=1")  # nobody listens any more: nothing happens


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"NOTIFY_SOCKET": "@x"},
        {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"},
        {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "3000000"},
    ],
)
def test_there_is_no_watchdog_where_none_is_ours(environ: dict[str, str]) -> None:
    assert ServiceManager.of(environ).watchdog_s is None


def test_the_watchdog_hungers_without_a_proof(tmp_path: Path) -> None:
    proofs: list[Callable[[], Awaitable[str]]] = []

    async def proven() -> str:
        return "1 in conversation"

    async def failed() -> str:
        raise RuntimeError("1 of 1 conversations render no pictures any more")

    async def hanging() -> str:
        await asyncio.Event().wait()
        return ""

    async def prove() -> str:
        return await proofs.pop(0)()

    async def watch(times: int, expected: int) -> None:
        with _service_manager(str(tmp_path / f"notify{times}{expected}")) as told:
            manager = ServiceManager(str(tmp_path / f"notify{times}{expected}"), 3.0)
            watching = asyncio.create_task(manager.feed_watchdog(prove))
            await asyncio.sleep(times + 0.5)
            watching.cancel()
            assert told().count("WATCHDOG=1") == expected

    proofs[:] = [proven, proven, proven]
    run_in_virtual_time(watch(3, 3))
    proofs[:] = [proven, failed, proven]
    run_in_virtual_time(watch(3, 2))
    proofs[:] = [hanging, proven]
    run_in_virtual_time(watch(3, 1))


class _Watched:
    """A hall of which only pictures are asked for."""

    def __init__(self) -> None:
        self.now: dict[str, int] = {}

    def frames(self) -> dict[str, int]:
        return self.now


def test_a_conversation_without_new_pictures_is_no_life() -> None:
    hall = _Watched()
    liveness = Liveness(None, hall)  # type: ignore[arg-type]
    hall.now = {"one": 10, "two": 10}
    assert asyncio.run(liveness.prove()) == "2 in conversation"
    hall.now = {"one": 11, "two": 10}
    with pytest.raises(RuntimeError, match="1 of 2 conversations render no pictures any more"):
        asyncio.run(liveness.prove())
    hall.now = {"one": 12}  # the other has left
    assert asyncio.run(liveness.prove()) == "1 in conversation"


# ---- how it ends


class _Answering:
    """A web server that only waits for its end."""

    async def serve(self, sockets: list[socket.socket]) -> None:
        await asyncio.Event().wait()


class _Parting:
    """A hall whose farewell takes as long as it takes."""

    def __init__(self, parting: Callable[[], Awaitable[None]]) -> None:
        self._parting = parting

    async def farewell(self, why: str, within_s: float) -> None:
        await self._parting()


def test_a_second_signal_does_not_wait() -> None:
    async def endless() -> None:
        signal.raise_signal(signal.SIGTERM)
        await asyncio.Event().wait()

    async def ended_by_signal() -> None:
        asyncio.get_running_loop().call_later(0.05, signal.raise_signal, signal.SIGTERM)
        hall: Any = _Parting(endless)
        await server._answer(_Answering(), None, hall, {}, ServiceManager(), lambda line: None)  # type: ignore[arg-type]

    began = time.monotonic()
    with signals.handled():
        with pytest.raises(KeyboardInterrupt):
            signals.run(ended_by_signal())
        assert signals.interrupted_by() == signal.SIGTERM
    assert time.monotonic() - began < 3.0


@contextlib.asynccontextmanager
async def _visiting(url: str) -> AsyncIterator[str]:
    """A visitor who only watches and listens; gives the id."""
    visit = json.loads(await asyncio.to_thread(_post, f"{url}api/sessions", {}))["id"]
    peer = RTCPeerConnection()
    for kind in ("audio", "video"):
        peer.addTransceiver(kind, direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    answer = await asyncio.to_thread(_post, f"{url}api/sessions/{visit}/whep", peer.localDescription.sdp)
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    try:
        yield visit
    finally:
        await peer.close()


def _post(url: str, body: dict[str, object] | str) -> str:
    kind, sent = ("application/sdp", body) if isinstance(body, str) else ("application/json", json.dumps(body))
    request = urllib.request.Request(url, sent.encode(), {"Content-Type": kind}, method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode()  # type: ignore[no-any-return]


class _Events:
    """What a visitor's page is told; read on a thread."""

    def __init__(self, url: str) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self._answer = urllib.request.urlopen(url, timeout=60)

    def until(self, kind: str) -> dict[str, Any]:
        name = ""
        for line in self._answer:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                self.told.append((name, json.loads(value)))
                if name == kind:
                    return self.told[-1][1]
        raise AssertionError(f"no {kind}: {self.told}")

    def close(self) -> None:
        self._answer.close()


FIRST = "The first sentence takes a while to be said, since it has so many words in it, and then it is over."
SECOND = "Nobody may hear the second sentence any more."


@pytest.mark.real_time
def test_it_serves_tells_systemd_and_ends_with_the_sentence(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "3000000", "XDG_STATE_HOME": str(tmp_path)}
    with _service_manager(address) as told, serving(*SMALL, *DEAF, "--sessions", "1", **environ) as running:
        assert running.output[0] == "loading …\n"
        _wait_for(told, "READY=1")
        told_alone = _wait_for(told, "WATCHDOG=1")
        assert "STATUS=0 in conversation" in told_alone
        heard, ended, status_of_late = asyncio.run(_leave_in_mid_sentence(running, told))
        running.process.wait(20)
        assert "STOPPING=1" in told()
    assert heard["heard"] == FIRST and heard["interrupted"]
    assert "the server restarts" in json.dumps(ended)
    assert status_of_late == 503
    assert running.process.returncode == 0
    assert any(line.startswith("leaving: what is being said ends with its sentence") for line in running.output)
    log = (tmp_path / "visavis" / "visavis.log").read_text()
    for event in ('start command="serve"', "ready loaded_s=", "turn number=", 'stop why="left, asked to by SIGTERM"'):
        assert event in log
    assert "Nobody may hear" not in log


def _wait_for(told: Callable[[], list[str]], line: str) -> list[str]:
    lines: list[str] = []
    until = time.monotonic() + 20
    while line not in lines and time.monotonic() < until:
        time.sleep(0.05)
        lines += told()
    assert line in lines, lines
    return lines


async def _leave_in_mid_sentence(
    running: Server, told: Callable[[], list[str]]
) -> tuple[dict[str, Any], dict[str, Any], int]:
    """Stops the server while it says a sentence; returns the turn, the last event, and how a late visitor fares."""
    async with _visiting(running.url) as visit:
        session = f"{running.url}api/sessions/{visit}"
        events = await asyncio.to_thread(_Events, f"{session}/events")
        await asyncio.to_thread(_wait_for, told, "STATUS=1 in conversation")
        await asyncio.to_thread(_post, f"{session}/say", {"text": f"{FIRST} {SECOND}"})
        await asyncio.to_thread(events.until, "sentence")
        running.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(1.0)
        late = await asyncio.to_thread(_status_of_entering, running.url)
        turn = await asyncio.to_thread(events.until, "turn")
        ended = await asyncio.to_thread(events.until, "ended")
        events.close()
        return turn, ended, late


def _status_of_entering(url: str) -> int:
    try:
        _post(f"{url}api/sessions", {})
    except urllib.error.HTTPError as error:
        return error.code
    return 201


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--port", "99999"), "web.port"),
        (("--tls-key", "/nowhere/key.pem"), "web.tls_certificate: expected a PEM file"),
        (("--host", "0.0.0.0"), "token"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_stands_in_the_way_is_one_line_and_a_status(
    options: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["visavis", "serve", *options])
    monkeypatch.setattr(server, "prefer_live", lambda: None)  # the tests' process would keep it
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    errors = capfd.readouterr().err
    assert told in errors and len(errors.strip().splitlines()) == 1
