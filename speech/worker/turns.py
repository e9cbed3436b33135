"""Several calls of one worker that need the same network or library: one at a time, step by step in turn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Turns:
    """Who may compute: one call at a time, in the order in which they asked, urgent ones first.

    A call takes a turn for each step, so that calls that go on for long are served alternately.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self._waiting: list[_Waiting] = []

    @contextmanager
    def taken(self, is_urgent: Callable[[], bool] = bool) -> Iterator[None]:
        """Waits for a turn, and has it while the context lasts.

        Args:
            is_urgent: whether it goes before others; asked whenever a turn ends, so it may become so while it waits.
        """
        self._take(is_urgent)
        try:
            yield
        finally:
            self._give_back()

    @property
    def is_urgent_waiting(self) -> bool:
        """Whether an urgent one waits for the turn that is going on."""
        with self._lock:
            waiting = list(self._waiting)
        return any(one.is_urgent() for one in waiting)

    def _take(self, is_urgent: Callable[[], bool]) -> None:
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return
            mine = _Waiting(is_urgent)
            self._waiting.append(mine)
        mine.has_come.wait()

    def _give_back(self) -> None:
        with self._lock:
            if not self._waiting:
                self._is_taken = False
                return
            following = next((one for one in self._waiting if one.is_urgent()), self._waiting[0])
            self._waiting.remove(following)
        following.has_come.set()  # the turn is handed over, so that nobody else can take it between


class _Waiting:
    def __init__(self, is_urgent: Callable[[], bool]) -> None:
        self.is_urgent = is_urgent
        self.has_come = threading.Event()
