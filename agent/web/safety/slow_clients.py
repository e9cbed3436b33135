"""Connections whose other end does not do its part are closed: heads that never end, answers that nobody reads."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""A request's first line and headers may take so long."""

READING_S = 30.0
"""So long an answer may wait for somebody who does not read it."""

MOST_CONNECTIONS = 400
"""Of all visitors; each page keeps one or two."""

MOST_PER_ADDRESS = 100


class ImpatientProtocol(H11Protocol):
    """Uvicorn's HTTP/1.1 with an end to waiting."""

    most_per_address = MOST_PER_ADDRESS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A visitor connects."""
        self._asking = _Deadline(HEAD_S, self.loop, transport)
        self._reading = _Deadline(READING_S, self.loop, transport)
        super().connection_made(transport)
        near = sum(1 for other in self.connections if self._is_near(other))
        if len(self.connections) > MOST_CONNECTIONS or near > self.most_per_address:
            transport.abort()
        else:
            self._asking.begin()

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._asking.end()
        else:  # the next head, or the rest of a body that was refused
            self._asking.begin()

    def pause_writing(self) -> None:
        """The visitor reads too slowly, or not at all."""
        super().pause_writing()
        self._reading.begin()

    def resume_writing(self) -> None:
        """The visitor has read."""
        super().resume_writing()
        self._reading.end()

    def connection_lost(self, exc: Exception | None) -> None:
        """The visitor is gone."""
        self._asking.end()
        self._reading.end()
        super().connection_lost(exc)

    def _is_near(self, other: object) -> bool:
        client = getattr(other, "client", None)
        return bool(self.client and client and client[0] == self.client[0])


class BehindProxyProtocol(ImpatientProtocol):
    """The same where all visitors come from the proxy's address."""

    most_per_address = MOST_CONNECTIONS


class _Deadline:
    """Cuts a connection when something has not happened in time."""

    def __init__(self, seconds: float, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._seconds, self._loop, self._transport = seconds, loop, transport
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._transport.abort)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
