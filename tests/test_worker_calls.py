"""Several calls to one worker at once: in turn, never mixed up, nobody held up by another; and what the log is told."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from speech.errors import BackendError
from speech.worker.call import WorkerCall
from speech.worker.messages import HEADER, WINDOW_BYTES, Kind, pack_message
from speech.worker.process import Worker
from speech.worker.turns import Turns

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are killed with SIGKILL")

MODULE = """
import os, signal, sys, time
from speech.worker.main import serve
from speech.worker.turns import Turns

def load(setup):
    if setup.get("exits"):
        sys.exit("not on this machine")
    if setup.get("fails"):
        raise KeyError("no such part")
    turns, made = Turns(), {}
    for number in range(60):
        print(f"line {number}", "x" * 1000, file=sys.stderr)
    sys.stderr.flush()

    def work(call):
        if "forks" in call.fields:
            if not (child := os.fork()):
                signal.pause()
            call.emit({"number": child})
            return
        if "made" in call.fields:
            call.emit({"number": made.get(call.fields["made"], 0)})
            return
        label = call.fields["label"]
        for number in range(call.fields["items"]):
            with call.turn(turns):
                time.sleep(call.fields.get("step_s", 0.0))
                made[label] = number + 1
            if number == call.fields.get("fails_at"):
                raise KeyError("what somebody has said")
            if number == call.fields.get("exits_at"):
                sys.exit("no more")
            call.emit({"label": label, "number": number}, bytes(call.fields.get("bytes", 0)))

    return work

if __name__ == "__main__":
    serve(load)
"""
KIND = "a worker of several"


@asynccontextmanager
async def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Worker]:
    (tmp_path / "worker_of_several.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    running = await Worker.start("worker_of_several", {}, what=KIND)
    try:
        yield running
    finally:
        await running.stop()


async def read(
    call: WorkerCall, order: list[str] | None = None, *, has_begun: asyncio.Event | None = None
) -> list[int]:
    """A call's numbers; `order` takes the labels as they come, `has_begun` is set with the fifth."""
    numbers = []
    async with aclosing(call.items()) as items:
        async for item in items:
            numbers.append(item.fields["number"])
            if order is not None:
                order.append(item.fields["label"])
            if has_begun is not None and len(numbers) == 5:
                has_begun.set()
    call.close()
    return numbers


async def made(running: Worker, label: str) -> int:
    """Steps that the worker has worked on a call."""
    return (await read(running.open({"made": label})))[0]


def test_four_calls_are_worked_on_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        async with worker(tmp_path, monkeypatch) as running:
            order: list[str] = []
            has_begun = asyncio.Event()
            async with asyncio.TaskGroup() as reading:
                long = running.open({"label": "a", "items": 60, "step_s": 0.01})
                first = reading.create_task(read(long, order, has_begun=has_begun), name="a")
                await has_begun.wait()
                later = [
                    reading.create_task(
                        read(running.open({"label": label, "items": 15, "step_s": 0.01}), order), name=label
                    )
                    for label in "bcd"
                ]
            assert first.result() == list(range(60))
            assert [task.result() for task in later] == [list(range(15))] * 3
            ends = [max(place for place, one in enumerate(order) if one == label) for label in "abcd"]
            assert max(ends[1:]) < ends[0] - 20, "those that came later were not kept waiting for the long one"
            begun = max(order.index(label) for label in "bcd")
            together = order[begun : min(ends[1:])]
            shares = [together.count(label) for label in "abcd"]
            assert max(shares) - min(shares) <= 3, "while all four were open, each had as many turns"

    asyncio.run(scene())


def test_a_reader_that_sleeps_holds_nobody_up_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size, count = 50_000, 100

    async def scene() -> None:
        async with worker(tmp_path, monkeypatch) as running:
            asleep = running.open({"label": "asleep", "items": count, "bytes": size})
            for _ in range(3):
                awake = await read(running.open({"label": "awake", "items": count, "bytes": size}))
                assert awake == list(range(count))
            waiting = sum(length for _, _, length in asleep._replies)
            assert WINDOW_BYTES <= waiting <= WINDOW_BYTES + 2 * size, "as much as it may be behind, and no more"
            assert await made(running, "asleep") <= WINDOW_BYTES // size + 2
            assert await read(asleep) == list(range(count))
            assert not running.has_ended

    asyncio.run(scene())


def test_one_that_is_cancelled_stops_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        async with worker(tmp_path, monkeypatch) as running:
            other = asyncio.create_task(read(running.open({"label": "b", "items": 30, "step_s": 0.01})), name="b")
            async with aclosing(running.request({"label": "a", "items": 10_000, "step_s": 0.01})) as items:
                async for item in items:
                    if item.fields["number"] == 3:
                        break
            sleeping = running.open({"label": "c", "items": 100, "bytes": WINDOW_BYTES})
            async with aclosing(sleeping.items()) as items:
                await anext(items)
            sleeping.close()  # while the worker waits for its reader
            at_once = await made(running, "a")
            assert await other == list(range(30))
            assert await made(running, "a") <= at_once + 1 < 100
            assert await made(running, "c") <= 3
            assert not running._calls

    asyncio.run(scene())


def test_one_that_fails_is_one_line_and_its_place_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with worker(tmp_path, monkeypatch) as running:
            other = asyncio.create_task(read(running.open({"label": "b", "items": 30, "step_s": 0.01})), name="b")
            with pytest.raises(BackendError, match="what somebody has said") as caught:
                await read(running.open({"label": "a", "items": 10, "fails_at": 3}))
            assert "\n" not in str(caught.value)
            assert await other == list(range(30))
            assert await read(running.open({"label": "a", "items": 3})) == [0, 1, 2]

    with caplog.at_level(logging.WARNING, "speech.worker"):
        asyncio.run(scene())
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{KIND}: a call failed: KeyError\n")
    assert "worker_of_several.py" in record.getMessage() and "somebody has said" not in record.getMessage().replace(
        'raise KeyError("what somebody has said")', ""
    )


def test_a_library_that_would_end_the_thread_fails_its_call_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rust's panics in Python, and sys.exit, are no `Exception`."""

    async def scene() -> None:
        async with worker(tmp_path, monkeypatch) as running, asyncio.timeout(20):
            for _ in range(2):
                with pytest.raises(BackendError, match="no more"):
                    await read(running.open({"label": "a", "items": 10, "exits_at": 3}))
            assert await read(running.open({"label": "a", "items": 3})) == [0, 1, 2]
        with pytest.raises(BackendError, match=r"^could not load: not on this machine$"):
            await Worker.start("worker_of_several", {"exits": True}, what=KIND)

    asyncio.run(scene())


def test_calls_of_a_worker_that_is_stopped_fail_though_its_children_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        async with worker(tmp_path, monkeypatch) as running:
            (child,) = await read(running.open({"forks": True}))
            try:
                call = asyncio.create_task(
                    read(running.open({"label": "a", "items": 10_000, "step_s": 0.01})), name="a"
                )
                await made(running, "a")
                await running.stop()
                async with asyncio.timeout(5):
                    with pytest.raises(BackendError, match=rf"^{KIND} ended"):
                        await call
                    with pytest.raises(BackendError, match=rf"^{KIND} ended"):
                        await read(running.open({"label": "b", "items": 1}))
            finally:
                os.kill(child, signal.SIGKILL)

    asyncio.run(scene())


def test_a_worker_ends_when_its_caller_is_gone_in_the_middle_of_a_message(tmp_path: Path) -> None:
    (tmp_path / "worker_of_several.py").write_text(MODULE)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    command = [sys.executable, "-m", "worker_of_several"]
    running = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert running.stdin is not None and running.stdout is not None
    with running.stdout, running.stdin as stdin:
        stdin.write(pack_message(Kind.SETUP, 0, {"x": 1}))
        stdin.flush()
        assert running.stdout.read(HEADER.size)[:1] == Kind.READY.value
        stdin.write(pack_message(Kind.OPEN, 1, {"label": "a", "items": 1})[:-5])
        stdin.close()
        try:
            assert running.wait(10) == 0
        finally:
            running.kill()
            running.wait()


def test_a_process_that_can_not_be_started_is_a_backends_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object, **__: object) -> None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(asyncio, "create_subprocess_exec", full)
    with pytest.raises(BackendError, match=rf"^{KIND} could not be started: Resource temporarily unavailable$"):
        asyncio.run(Worker.start("worker_of_several", {}, what=KIND))


def test_a_worker_that_is_killed_fails_all_its_calls_with_one_line_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with worker(tmp_path, monkeypatch) as running:
            calls = [
                asyncio.create_task(read(running.open({"label": label, "items": 1000, "step_s": 0.01})), name=label)
                for label in "abcd"
            ]
            while await made(running, "d") < 2:
                pass
            os.kill(running._process.pid, signal.SIGKILL)
            async with asyncio.timeout(20):
                for call in calls:
                    with pytest.raises(BackendError, match=rf"^{KIND} ended unexpectedly \(status -9: line 59 x+\); "):
                        await call

    with caplog.at_level(logging.WARNING, "speech.worker"):
        asyncio.run(scene())
    (record,) = caplog.records
    first, *tail = record.getMessage().splitlines()
    assert record.levelno == logging.ERROR and first.endswith("it is started again; open calls: 4")
    assert [line.split()[1] for line in tail] == [str(number) for number in range(10, 60)], "the last fifty"
    assert max(map(len, tail)) <= 404


def test_one_that_can_not_load_says_where_in_the_log_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        (tmp_path / "worker_of_several.py").write_text(MODULE)
        monkeypatch.syspath_prepend(str(tmp_path))
        with pytest.raises(BackendError, match=r"^could not load: 'no such part'$"):
            await Worker.start("worker_of_several", {"fails": True}, what=KIND)

    with caplog.at_level(logging.WARNING, "speech.worker"):
        asyncio.run(scene())
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{KIND} could not load: 'no such part' (KeyError)\n")
    assert "in load" in record.getMessage()


def test_the_urgent_go_first_and_may_become_so_while_they_wait() -> None:
    turns, order = Turns(), list[str]()
    urgent = {"b": False, "c": False}
    threads = []

    def step(label: str) -> None:
        with turns.taken(lambda: urgent[label]):
            order.append(label)

    with turns.taken():
        for count, label in enumerate(urgent, 1):
            threads.append(threading.Thread(target=step, args=(label,)))
            threads[-1].start()
            while len(turns._waiting) < count:
                pass
        assert not turns.is_urgent_waiting
        urgent["c"] = True
        assert turns.is_urgent_waiting and not order
    for thread in threads:
        thread.join(10)
    assert order == ["c", "b"]
    with turns.taken():
        pass
