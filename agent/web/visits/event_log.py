"""What happens in a visit, as numbered messages that a page can read from where it left off."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

KEPT = 200
"""Messages that a page which comes back may still read; of more, the oldest go."""

MOST_FOLLOWERS = 4
"""Who read at once: a page or two and what they left behind when they reloaded; of more, the first to come goes."""


@dataclass(frozen=True, slots=True)
class WebEvent:
    """One message.

    Attributes:
        id: 1 for the first of a visit.
        kind: such as "state"; docs of the API list them.
        data: what JSON holds.
        passing: whether the next of its kind takes its place, such as an interim transcript.
    """

    id: int
    kind: str
    data: dict[str, Any]
    passing: bool = False


class EventLog:
    """The newest messages. Nothing is kept for anybody: a follower that reads slowly finds what is still there.

    Args:
        next_id: of the first message.
        on_followers: called with how many read now, whenever that changes.
    """

    def __init__(self, next_id: int = 1, on_followers: Callable[[int], None] = lambda count: None) -> None:
        self._kept: deque[WebEvent] = deque(maxlen=KEPT)
        self.next_id = next_id
        self._on_followers = on_followers
        self._followers: list[asyncio.Event] = []
        self._is_over = False

    def add(self, kind: str, *, passing: bool = False, **data: Any) -> None:
        """Adds a message; on the event loop."""
        if self._kept and self._kept[-1].passing and self._kept[-1].kind == kind:
            self._kept.pop()
        self._kept.append(WebEvent(self.next_id, kind, data, passing))
        self.next_id += 1
        self._wake()

    def forget(self) -> None:
        """Drops all messages; ids go on."""
        self._kept.clear()

    def close(self) -> None:
        """There will be no more."""
        self._is_over = True
        self._wake()

    async def since(self, last_id: int) -> AsyncGenerator[WebEvent, None]:
        """Every message after that one which is still kept, those to come included, until the log is closed.

        Args:
            last_id: 0 for all; one that was never given is of another server's, and counts as 0.
        """
        if last_id >= self.next_id:
            last_id = 0
        news = asyncio.Event()
        self._follow(news)
        try:
            while news in self._followers:
                event = self._after(last_id)
                if event is not None:
                    last_id = event.id
                    yield event
                elif self._is_over:
                    return
                else:
                    news.clear()
                    await news.wait()
        finally:
            if news in self._followers:
                self._followers.remove(news)
                self._on_followers(len(self._followers))

    def _follow(self, news: asyncio.Event) -> None:
        if len(self._followers) == MOST_FOLLOWERS:
            self._followers.pop(0).set()
        self._followers.append(news)
        self._on_followers(len(self._followers))

    def _after(self, last_id: int) -> WebEvent | None:
        return next((event for event in self._kept if event.id > last_id), None)

    def _wake(self) -> None:
        for news in self._followers:
            news.set()
