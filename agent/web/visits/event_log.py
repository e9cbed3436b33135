"""What happens in a visit, as numbered messages that a page can read from where it left off."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

KEPT = 200
"""Messages that a page which comes back may still read."""


@dataclass(frozen=True, slots=True)
class WebEvent:
    """One message.

    Attributes:
        id: 1 for the first of a visit.
        kind: such as "state"; docs of the API list them.
        data: what JSON holds.
    """

    id: int
    kind: str
    data: dict[str, Any]


class EventLog:
    """The newest messages; the oldest go."""

    def __init__(self) -> None:
        self._kept: deque[WebEvent] = deque(maxlen=KEPT)
        self._next_id = 1
        self._news = asyncio.Event()
        self._is_over = False

    def add(self, kind: str, **data: Any) -> None:
        """Adds a message; on the event loop."""
        self._kept.append(WebEvent(self._next_id, kind, data))
        self._next_id += 1
        self._wake()

    def close(self) -> None:
        """There will be no more."""
        self._is_over = True
        self._wake()

    async def since(self, last_id: int) -> AsyncGenerator[WebEvent, None]:
        """Every message after that one, those to come included, until the log is closed."""
        while True:
            news, nothing_new = [event for event in self._kept if event.id > last_id], self._news
            for event in news:
                yield event
                last_id = event.id
            if news:
                continue
            if self._is_over:
                return
            await nothing_new.wait()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
