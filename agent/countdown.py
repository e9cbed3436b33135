"""Something that happens unless somebody does something before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Countdown:
    """Calls something once, so long after it was started last.

    Args:
        on_over: called on the event loop.
    """

    def __init__(self, on_over: Callable[[], None]) -> None:
        self._on_over = on_over
        self._timer: asyncio.TimerHandle | None = None

    def start(self, seconds: float) -> None:
        """Starts, or starts again."""
        self.stop()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._on_over)

    def stop(self) -> None:
        """Nothing will happen."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
