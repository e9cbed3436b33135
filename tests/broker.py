"""A real mosquitto on a free loopback port, to be killed, frozen and started again."""

from __future__ import annotations

import getpass
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

START_S = 10.0


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """A broker without persistence; entering starts it, leaving ends it.

    Args:
        folder: where its configuration goes, and what `lines` name relatively.
        lines: further lines of its configuration; without a word about passwords everybody may come in.
        port: to listen on; None for a free one.
    """

    def __init__(self, folder: Path, *lines: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self._folder = folder
        self._config = folder / f"mosquitto-{self.port}.conf"
        anonymous = (
            "allow_anonymous false" if any("password_file" in line for line in lines) else "allow_anonymous true"
        )
        # Started by root it would become a user who can't read the test's folder.
        settings = [f"user {getpass.getuser()}", "persistence false", f"listener {self.port} 127.0.0.1", anonymous]
        self._config.write_text("\n".join([*settings, *lines, ""]), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kill()

    def start(self) -> None:
        """Starts it and waits until it accepts connections."""
        assert self._process is None
        self._process = subprocess.Popen(
            ["mosquitto", "-c", str(self._config)],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_S
        while True:
            assert self._process.poll() is None, f"mosquitto ended with {self._process.returncode}"
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1.0).close()
                return
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, f"mosquitto does not listen after {START_S:g} s"
                time.sleep(0.02)

    def kill(self) -> None:
        """Ends it as a crash does: nobody is told."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Its port still accepts connections, but nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
