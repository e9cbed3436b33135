"""Keeps what conversations have come to, so that they go on elsewhere when their replica dies: in memory only."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

NAME, NAMESPACE = "visavis conversations", "visavis"
"""Of the Ray actor."""

KEPT_S = 900.0
"""A conversation of which nothing was heard for so long is forgotten."""

MOST_KEPT = 10_000
"""Conversations; of more the ones go of which nothing was heard for longest."""

MOST_BYTES = 256 * 1024
"""Of one conversation; a longer one is not kept."""


@dataclass(slots=True)
class _Kept:
    heard_of_s: float
    snapshot: bytes | None
    holder: str = ""


class Conversations:
    """Conversations by their secret id, forgotten in time; nothing is written anywhere.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def keep(self, session_id: str, holder: str, snapshot: bytes) -> None:
        """Keeps the newest of a conversation, told by the replica that has it."""
        kept = self._heard_of(session_id)
        kept.holder, kept.snapshot = holder, snapshot if len(snapshot) <= MOST_BYTES else None

    def find(self, session_id: str) -> bytes | None:
        """What was kept of a conversation."""
        self._forget_old()
        kept = self._kept.get(session_id)
        return None if kept is None else kept.snapshot

    def holder(self, session_id: str, living: Sequence[str], wanted: str) -> str:
        """Which replica goes on with a conversation whose own has died: the same for everybody who asks.

        Nothing is noted of a conversation that was never told of: it can't go on, and its id may be made up.

        Args:
            session_id: of the conversation.
            living: replicas that there are.
            wanted: takes it where no living one has.
        """
        self._forget_old()
        if session_id not in self._kept:
            return min(living)
        kept = self._heard_of(session_id)
        if kept.holder not in living:
            kept.holder = wanted
        return kept.holder

    def forget(self, session_id: str) -> None:
        """A conversation is over."""
        self._kept.pop(session_id, None)

    def _heard_of(self, session_id: str) -> _Kept:
        kept = self._kept.pop(session_id, None) or _Kept(0.0, None)
        kept.heard_of_s = self._clock()
        self._kept[session_id] = kept
        self._forget_old()
        return kept

    def _forget_old(self) -> None:
        oldest = self._clock() - KEPT_S
        while self._kept and (len(self._kept) > MOST_KEPT or next(iter(self._kept.values())).heard_of_s < oldest):
            self._kept.popitem(last=False)


def shared_conversations() -> Any:
    """The cluster's keeper, a Ray actor with the methods of `Conversations`; started by whoever comes first."""
    import ray

    return (
        ray.remote(Conversations)
        .options(
            name=NAME,
            namespace=NAMESPACE,
            get_if_exists=True,
            lifetime="detached",
            num_cpus=0,
            max_restarts=-1,
            max_task_retries=3,
        )
        .remote()
    )
