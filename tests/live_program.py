"""A live command as a user runs it, in the background: what it says is waited for, but never for ever."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.pulse import Pulse

ROOT = Path(__file__).parent.parent


class LiveProgram:
    """A command that runs in the background; made by `live_program`.

    Attributes:
        process: the command.
        said: what it has said so far.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = ""
        self._has_ended = False
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="what a program says", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                with self._news:
                    self.said += line
                    self._news.notify_all()
        with self._news:
            self._has_ended = True
            self._news.notify_all()

    def wait_for(self, text: str, within_s: float = 120.0, *, times: int = 1) -> None:
        """Waits until it has said this, so often."""
        with self._news:
            self._news.wait_for(lambda: self.said.count(text) >= times or self._has_ended, within_s)
            assert self.said.count(text) >= times, (
                f"{'it ended' if self._has_ended else f'after {within_s:g} s'}: {self.said}"
            )

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """Ends it as Ctrl-C does, and reads the rest."""
        self.process.send_signal(number)
        self.wait()

    def wait(self, within_s: float = 30.0) -> None:
        """Waits until it has ended, and reads the rest."""
        self.process.wait(within_s)
        self._reader.join(within_s)  # its children may still have the pipe open
        assert self._has_ended, f"its children still run: {self.said}"


@contextmanager
def live_program(server: Pulse, folder: Path, *arguments: str) -> Iterator[LiveProgram]:
    """Runs a command with these sound devices; kills it where the context is left before it has ended."""
    environ = {**server.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(Path.home() / ".cache")}
    command = [sys.executable, "-m", "agent", *arguments]
    process = subprocess.Popen(
        command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    program = LiveProgram(process)
    try:
        yield program
    finally:
        process.kill()
        program.wait()
