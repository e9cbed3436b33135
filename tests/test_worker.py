"""Worker processes that stop, hang or die in the middle of their work."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from speech.errors import BackendError
from speech.worker import kept as kept_worker
from speech.worker import process as worker
from speech.worker.kept import KeptWorker
from speech.worker.process import Worker

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are stopped with SIGSTOP")

MODULE = """
import time
from speech.worker.main import serve

def load(setup):
    def work(call):
        for number in range(call.fields["items"]):
            time.sleep(call.fields["each_s"])
            call.emit({"number": number})
    return work

if __name__ == "__main__":
    serve(load)
"""


@pytest.fixture
def slow_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "slow_worker.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(worker, "PING_S", 0.1)
    monkeypatch.setattr(worker, "SILENT_S", 1.5)
    return "slow_worker"


async def numbers(running: Worker, items: int, each_s: float) -> list[int]:
    async with aclosing(running.request({"items": items, "each_s": each_s})) as found:
        return [item.fields["number"] async for item in found]


def test_a_worker_that_is_stopped_fails_its_calls_and_is_ended(slow_worker: str) -> None:
    async def scene() -> None:
        running = await Worker.start(slow_worker, {}, what="the slow one")
        calls = [asyncio.create_task(numbers(running, 1000, 0.01)) for _ in range(2)]
        await asyncio.sleep(0.2)
        os.kill(running._process.pid, signal.SIGSTOP)
        async with asyncio.timeout(20):
            for call in calls:
                with pytest.raises(BackendError, match=r"the slow one did not answer for 1\.5 s; it is started again"):
                    await call
        assert running.has_ended
        await running.stop()
        assert running._process.returncode == -signal.SIGKILL

    asyncio.run(scene())


def test_a_worker_that_computes_for_long_or_waits_for_its_reader_is_left_alone(slow_worker: str) -> None:
    async def scene() -> None:
        running = await Worker.start(slow_worker, {}, what="the slow one")
        assert await numbers(running, 1, 3.0) == [0], "twice as long as a silent one is given"
        call = running.open({"items": 5000, "each_s": 0.0})
        await asyncio.sleep(3.0)  # more items than anybody has room for, and nobody takes them
        async with aclosing(call.items()) as items:
            assert [item.fields["number"] async for item in items] == list(range(5000))
        call.close()
        assert not running.has_ended
        await running.stop()

    asyncio.run(scene())


def test_a_worker_that_is_killed_says_so(slow_worker: str) -> None:
    async def scene() -> None:
        running = await Worker.start(slow_worker, {}, what="the slow one")
        call = asyncio.create_task(numbers(running, 1000, 0.01))
        await asyncio.sleep(0.2)
        os.kill(running._process.pid, signal.SIGKILL)
        with pytest.raises(BackendError, match=r"the slow one ended unexpectedly \(status -9\); it is started again"):
            await call
        await running.stop()
        assert not [task for task in asyncio.all_tasks() if "slow" in task.get_name()]

    asyncio.run(scene())


def test_a_kept_worker_that_dies_is_started_again_before_anybody_needs_it(
    slow_worker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_worker, "_SHORTEST_LIFE_S", 0.0)
    begun: list[Worker] = []
    begun_twice = asyncio.Event()

    async def beside(running: Worker) -> None:
        begun.append(running)
        if len(begun) == 2:
            begun_twice.set()
        await asyncio.Event().wait()

    async def scene() -> None:
        kept = KeptWorker(slow_worker, {}, what="the slow one", beside=beside)
        await kept.start()
        first = await kept.running()
        os.kill(first._process.pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            await begun_twice.wait()
        second = await kept.running()
        assert begun == [first, second] and first is not second
        assert await numbers(second, 3, 0.0) == [0, 1, 2]
        await kept.stop()
        assert second._process.returncode is not None and len(asyncio.all_tasks()) == 1

    asyncio.run(scene())


def test_a_kept_worker_that_dies_young_waits_until_it_is_needed(
    slow_worker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Worker] = []
    begun_again = asyncio.Event()

    async def beside(running: Worker) -> None:
        begun.append(running)
        if len(begun) == 3:
            begun_again.set()

    async def scene() -> None:
        kept = KeptWorker(slow_worker, {}, what="the slow one", beside=beside)
        await kept.start()
        first = await kept.running()
        os.kill(first._process.pid, signal.SIGKILL)
        await first.ended()
        assert kept._keeping is not None
        await kept._keeping
        assert kept._worker is first
        second = await kept.running()
        assert await numbers(second, 2, 0.0) == [0, 1]
        monkeypatch.setattr(kept_worker, "_SHORTEST_LIFE_S", 0.0)
        os.kill(second._process.pid, signal.SIGKILL)  # nobody needs it now, but it has lived long enough
        async with asyncio.timeout(20):
            await begun_again.wait()
        await kept.stop()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scene())
