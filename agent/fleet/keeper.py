"""Keeps what conversations have come to, so that they go on elsewhere when their replica dies: in memory only."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

KEPT_S = 900.0
"""A conversation of which nothing was heard for so long is forgotten."""

MOST_KEPT = 10_000
"""Conversations; of more the ones go of which nothing was heard for longest."""

MOST_BYTES = 256 * 1024
"""Of one conversation; a longer one is not kept."""


class Histories:
    """Conversations by their secret id, forgotten in time; nothing is written anywhere.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def keep(self, session_id: str, history: bytes) -> None:
        """Keeps the newest of a conversation."""
        self._kept.pop(session_id, None)
        if len(history) <= MOST_BYTES:
            self._kept[session_id] = self._clock(), history
        self._forget_old()

    def take(self, session_id: str) -> bytes | None:
        """Gives a conversation to whoever goes on with it, once."""
        self._forget_old()
        kept = self._kept.pop(session_id, None)
        return None if kept is None else kept[1]

    def forget(self, session_id: str) -> None:
        """A conversation is over."""
        self._kept.pop(session_id, None)

    def _forget_old(self) -> None:
        oldest = self._clock() - KEPT_S
        while self._kept and (len(self._kept) > MOST_KEPT or next(iter(self._kept.values()))[0] < oldest):
            self._kept.popitem(last=False)


def shared_histories() -> Any:
    """The cluster's keeper, a Ray actor with the methods of `Histories`; started by whoever comes first."""
    import ray

    actor = ray.remote(Histories)
    return actor.options(
        name="visavis histories",
        namespace="visavis",
        get_if_exists=True,
        lifetime="detached",
        num_cpus=0,
        max_restarts=-1,
        max_task_retries=3,
    ).remote()
