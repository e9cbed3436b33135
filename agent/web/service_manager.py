"""systemd, where it started the program: told when the server is ready and when it stops, and fed its watchdog.

The protocol is a few lines of text in a datagram (sd_notify(3)), which needs no library.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Self

_LOG = logging.getLogger(__name__)


class ServiceManager:
    """Whoever supervises this process; nobody, where `address` is "".

    Args:
        address: of its datagram socket; "@" stands for Linux's abstract names.
        watchdog_s: it restarts a service that it has not heard of for so long; None for never.
    """

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        self._address, self.watchdog_s = address, watchdog_s

    @classmethod
    def of(cls, environ: MutableMapping[str, str]) -> Self:
        """As the environment names it, out of which it is taken: processes that we start are not the service."""
        address = environ.pop("NOTIFY_SOCKET", "")
        process, microseconds = environ.pop("WATCHDOG_PID", ""), environ.pop("WATCHDOG_USEC", "")
        is_ours = process in ("", str(os.getpid())) and microseconds.isdigit()
        return cls(address, int(microseconds) / 1e6 if address and is_ours and int(microseconds) else None)

    def tell(self, *assignments: str) -> None:
        """Tells it, such as "READY=1"; one that does not listen is no reason to fail."""
        if not self._address:
            return
        name = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaking:
                speaking.setblocking(False)
                speaking.sendto("\n".join(assignments).encode(), name)
        except OSError as error:
            _LOG.warning("the service manager can't be told %s: %s", assignments[0], error.strerror)

    async def feed_watchdog(self, prove: Callable[[], Awaitable[str]]) -> None:
        """Feeds the watchdog for as long as the proof of life succeeds in time; returns where there is none.

        Args:
            prove: whether everything works, within a third of the watchdog's time; returns a line on how it is.

        Raises:
            RuntimeError: never; what `prove` raises is logged, and the watchdog hungers.
        """
        if self.watchdog_s is None:
            return
        while True:
            await asyncio.sleep(self.watchdog_s / 3)
            try:
                status = await asyncio.wait_for(prove(), self.watchdog_s / 3)
            except Exception as error:
                _LOG.error("no sign of life for the watchdog: %s", error or type(error).__name__)
            else:
                self.tell("WATCHDOG=1", f"STATUS={status}")
