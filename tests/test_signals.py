"""Ctrl-C, a service manager's stop and a closed terminal: what each ends, in which order, and what is left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.console.keyboard import keyboard
from speech.files.draft import Draft
from speech.worker import signals
from speech.worker.messages import HEADER, Kind, pack_message

if sys.platform == "win32":
    pytest.skip("Windows has one of the three", allow_module_level=True)

ALL = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


class Ended(BaseException):
    """The process would have ended at once, with this status."""


@pytest.fixture(autouse=True)
def _ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(status: int) -> None:
        raise Ended(status)

    monkeypatch.setattr(os, "_exit", ended)


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def raised(number: int) -> int:
    """Sends a signal to ourselves; returns the status with which that would have ended the process at once, or 0."""
    try:
        signal.raise_signal(number)
    except Ended as ended:
        return int(ended.args[0])
    return 0


@pytest.mark.parametrize("number", ALL)
def test_before_anything_was_made_the_first_signal_ends_at_once(number: int, capfd: pytest.CaptureFixture[str]) -> None:
    with signals.handled(is_empty=True):
        assert raised(number) == 128 + number
    assert capfd.readouterr().err == "interrupted\n"


@pytest.mark.parametrize("number", ALL)
def test_a_running_task_is_cancelled_and_a_second_signal_does_not_wait(number: int, tmp_path: Path) -> None:
    statuses = []

    async def work() -> None:
        draft = Draft(tmp_path / "a.csv")
        try:
            signal.raise_signal(number)
            await asyncio.sleep(60)
        finally:
            statuses.append(raised(number))
            assert not left(tmp_path), "not even then anything stays"
            draft.discard()

    with signals.handled():
        with pytest.raises(KeyboardInterrupt):
            signals.run(work())
        assert signals.interrupted_by() == number
    assert statuses == [128 + number]


@pytest.mark.parametrize("number", ALL)
def test_without_a_task_the_work_is_interrupted(number: int) -> None:
    with signals.handled():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        assert signals.interrupted_by() == number
    assert signal.getsignal(number) is not signals._on_signal


def test_who_can_leave_is_asked_first_then_interrupted_then_not_waited_for() -> None:
    called = []
    with signals.handled(), signals.leaving(lambda: called.append("leave")):
        signal.raise_signal(signal.SIGTERM)
        assert called == ["leave"] and signals.interrupted_by() == 0
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        assert raised(signal.SIGINT) == 130


def test_leaving_works_without_the_command_line() -> None:
    called = []
    with signals.leaving(lambda: called.append("leave")):
        signal.raise_signal(signal.SIGHUP)
    assert called == ["leave"]


def test_a_clean_up_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(signals, "_CLEAN_UP_S", 0.05)
    monkeypatch.setattr(signals, "end_at_once", ended.append)
    with signals.handled():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        deadline = time.monotonic() + 30
        while not ended and time.monotonic() < deadline:
            time.sleep(0.01)
    assert ended == [signal.SIGTERM]


def test_threads_that_compute_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, ended = threading.Event(), list[int]()

    def end(number: int) -> None:
        ended.append(number)
        go_on.set()  # the process would be gone

    async def work() -> None:
        signal.raise_signal(signal.SIGTERM)
        await asyncio.to_thread(go_on.wait, 60)

    monkeypatch.setattr(signals, "_CLEAN_UP_S", 120.0)
    monkeypatch.setattr(signals, "_THREADS_S", 0.05)
    monkeypatch.setattr(signals, "end_at_once", end)
    with signals.handled(), pytest.raises(KeyboardInterrupt):
        signals.run(work())
    assert ended == [signal.SIGTERM]


def test_what_was_to_be_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with signals.handled(is_empty=True):
            assert raised(signal.SIGHUP) == 0 and raised(signal.SIGTERM) == 143
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_interruption_inside_a_destructor_is_not_lost() -> None:
    class Interrupted:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    statuses = []

    def end(number: int) -> None:
        statuses.append(number)

    with signals.handled(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(signals, "end_at_once", end)
        Interrupted()
        assert statuses == [signal.SIGINT]


def test_the_terminal_gets_its_settings_back_even_then(monkeypatch: pytest.MonkeyPatch) -> None:
    import pty
    import termios

    leader, follower = pty.openpty()
    with os.fdopen(follower) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        before = termios.tcgetattr(terminal)

        async def talk() -> None:
            with keyboard(lambda name: None):
                assert termios.tcgetattr(terminal) != before
                with pytest.raises(Ended):
                    signals.end_at_once(signal.SIGTERM)
                assert termios.tcgetattr(terminal) == before
                # A terminal that is closed is not read from for ever.
                os.close(leader)
                await asyncio.sleep(0.05)
                assert not asyncio.get_running_loop().remove_reader(terminal.fileno())

        asyncio.run(talk())


@contextlib.contextmanager
def running(*arguments: str, cwd: Path, **more: object) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, *arguments], cwd=cwd, **more)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


COMMAND = """
import asyncio, sys
from pathlib import Path
from agent.__main__ import main
from agent.command_line import app
from speech.worker import signals
from speech.files.draft import Draft

@app.command()
def hold():
    async def writing():
        with Draft(Path("long.mp4")):
            await asyncio.sleep(600)
    signals.run(writing())

sys.argv = ["visavis", "hold"]
main()
"""


def test_three_commands_that_write_the_same_file_end_by_three_signals(tmp_path: Path) -> None:
    """And none of them takes another's draft along."""
    options = {"stderr": subprocess.PIPE, "env": {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}}
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(running("-c", COMMAND, cwd=tmp_path, **options)) for _ in ALL]
        drafts = lambda: len(list(tmp_path.glob(".visavis-*")))  # noqa: E731
        wait_until(lambda: drafts() == 3, "the three did not begin to write")
        for number, process in enumerate(processes):
            process.send_signal(ALL[number])
            _, told = process.communicate(timeout=120)
            assert (process.returncode, told.decode().splitlines()[-1:]) == (128 + ALL[number], ["interrupted"])
            assert "Traceback" not in told.decode() and drafts() == 2 - number
    assert not left(tmp_path)


WORKER = """
import sys, tempfile
from speech.files.scratch import scratch_folder
from speech.worker.main import serve

def busy():
    while True:
        sum(range(1000))

def load(setup):
    tempfile.tempdir = setup["folder"]
    with scratch_folder():
        print("busy", file=sys.stderr, flush=True)
        if setup["while_loading"]:
            busy()
        return lambda call: busy()

if __name__ == "__main__":
    serve(load)
"""


@pytest.mark.parametrize("while_loading", [True, False])
def test_a_worker_ends_with_its_caller_whatever_it_is_doing(while_loading: bool, tmp_path: Path) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with running("-c", WORKER, cwd=tmp_path, env=env, **pipes) as worker:
        assert worker.stdin and worker.stdout and worker.stderr
        setup = {"folder": str(tmp_path), "while_loading": while_loading}
        worker.stdin.write(pack_message(Kind.SETUP, 0, setup))
        worker.stdin.flush()
        assert worker.stderr.readline() == b"busy\n"
        if not while_loading:
            assert Kind(HEADER.unpack(worker.stdout.read(HEADER.size))[0]) is Kind.READY
            worker.stdin.write(pack_message(Kind.OPEN, 1))
            worker.stdin.flush()
        worker.stdin.close()  # as when the caller is killed
        assert worker.wait(timeout=60) == 0
        worker.stdout.close()
        worker.stderr.close()
    assert list(tmp_path.iterdir()) == []
