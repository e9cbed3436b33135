"""Commands as a user runs them, each in a process of its own, without importing PyTorch and the rest for every one.

A server (this file, run as a module) imports what the commands need, once, and forks for each of them. What a child
does from there is what `python -m agent` does: its own arguments, folder, environment, streams and end.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_IMPORTED = (
    "agent.command_line",
    "agent.engine",
    "agent.conversation.questions",
    "agent.console.subtitles",
    "avatar.mesh.full_frame",
    "avatar.outputs.video_file",
    "matplotlib.pyplot",
    "mediapipe",
    "speech.asr.pocketsphinx",
    "speech.turns.detector",
    "speech.turns.vad",
    "torch",
)
_LONGEST_S = 100.0


class Commands:
    """Runs commands; made by `commands`."""

    def __init__(self) -> None:
        environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(_ROOT)}  # no threads before a fork
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.commands"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            env=environ,
            start_new_session=True,
        )

    def run(self, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Runs one command in a folder, as `subprocess.run(["visavis", *arguments], …)` does."""
        assert self._server.stdin is not None and self._server.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            streams = [Path(folder) / name for name in ("out", "err")]
            command = {"arguments": [*map(str, arguments)], "folder": str(cwd), "environ": dict(os.environ)}
            line = json.dumps({**command, "streams": [*map(str, streams)]})
            self._server.stdin.write(line.encode() + b"\n")
            self._server.stdin.flush()
            ready, _, _ = select.select([self._server.stdout], [], [], _LONGEST_S)
            if not ready:
                raise TimeoutError(f"{arguments}: not done after {_LONGEST_S:g} s")
            status = int(self._server.stdout.readline())
            out, err = (path.read_text(encoding="utf-8") for path in streams)
        return subprocess.CompletedProcess([*map(str, arguments)], status, out, err)

    def close(self) -> None:
        """Ends the server and what it still runs."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()
        for pipe in (self._server.stdin, self._server.stdout):
            assert pipe is not None
            pipe.close()


@contextlib.contextmanager
def commands() -> Iterator[Commands]:
    """Keeps a server while the context lasts."""
    with contextlib.closing(Commands()) as running:
        yield running


def _serve() -> None:
    """The server; returns in its children, as what they are to run."""
    for name in _IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # children would copy what the collector touches
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(asked)
            return
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    os._exit(0)


def _become(asked: dict[str, object]) -> None:
    """Takes over the arguments, folder, environment and streams of a command."""
    os.environ.clear()
    os.environ.update(asked["environ"])  # type: ignore[call-overload]
    os.chdir(str(asked["folder"]))
    sys.argv = ["visavis", *asked["arguments"]]  # type: ignore[misc]
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in enumerate(asked["streams"], start=1):  # type: ignore[arg-type, var-annotated]
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)


if __name__ == "__main__":
    _serve()
    from agent.__main__ import main

    main()
