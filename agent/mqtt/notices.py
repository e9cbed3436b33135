"""Notices about commands that were not obeyed: a flood of them stays readable."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

NOTICES = 5
NOTICE_WINDOW_S = 10.0
"""More notices of one kind than this, in so many seconds, are counted, not published; the count comes after them."""


class Notices:
    """Passes on the first few notices of a kind, and of the others their number.

    Args:
        publish: called on the event loop with kind, message, and whether the user is to see it as well.
    """

    def __init__(self, publish: Callable[[str, str, bool], None]) -> None:
        self._publish = publish
        self._recent: dict[str, deque[float]] = {}
        self._counted: dict[str, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def add(self, kind: str, message: str, show: bool) -> None:
        """Publishes a notice, or counts it. Called on the event loop."""
        loop = asyncio.get_running_loop()
        recent = self._recent.setdefault(kind, deque(maxlen=NOTICES))
        if len(recent) == NOTICES and loop.time() - recent[0] < NOTICE_WINDOW_S:
            self._counted[kind] = self._counted.get(kind, 0) + 1
            if kind not in self._timers:
                self._timers[kind] = loop.call_later(NOTICE_WINDOW_S, self._publish_count, kind, show)
            return
        recent.append(loop.time())
        self._publish(kind, message, show)

    def close(self) -> None:
        """Cancels the counts that are still to come."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _publish_count(self, kind: str, show: bool) -> None:
        del self._timers[kind]
        self._publish(kind, f"{self._counted.pop(kind)} more like those before", show)
