"""The life of a visit: waiting → ready → connected ⇄ lost → ended; and what is called as it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from agent.conversation.events import Event

if TYPE_CHECKING:
    from agent.web.visits.visit import Visit


class Life(StrEnum):
    """Where a visit is in its life."""

    WAITING = "waiting"
    """For a place, or for its portrait and voice to be loaded."""
    READY = "ready"
    """It has a place, and nobody has connected to it yet."""
    CONNECTED = "connected"
    LOST = "lost"
    """The connection broke, or was hung up: it may come back to the conversation."""
    ENDED = "ended"


FOLLOWING = {
    Life.WAITING: {Life.READY, Life.ENDED},
    Life.READY: {Life.CONNECTED, Life.ENDED},
    Life.CONNECTED: {Life.CONNECTED, Life.LOST, Life.ENDED},
    Life.LOST: {Life.CONNECTED, Life.ENDED},
    Life.ENDED: set[Life](),
}
"""What may come after what. Another connection replaces the one that is there."""


class Why(StrEnum):
    """Why a visit ended."""

    LEFT = "left"
    GONE = "gone"
    NEVER_CONNECTED = "never_connected"
    LOST = "lost"
    IDLE = "idle"
    FAILED = "failed"
    CLOSED = "closed"


TOLD = {
    Why.LEFT: "you have left",
    Why.GONE: "you went away while you waited",
    Why.NEVER_CONNECTED: "the place was free, and nobody connected",
    Why.LOST: "the connection broke, and did not come back in time",
    Why.IDLE: "nothing happened for a while, and somebody else waited",
    Why.FAILED: "something went wrong here: the conversation can't go on",
    Why.CLOSED: "the server is being stopped",
}
"""For people to read."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a visit calls, on the event loop.

    Attributes:
        on_event: with everything that its sessions tell.
        on_turns: when there is another turn, or all were forgotten.
        on_idle: when it may make room for somebody else.
        on_resumed: when a broken connection has come back.
        on_reset: when a conversation was forgotten and a fresh one begins.
    """

    on_event: Callable[[Event], None]
    on_turns: Callable[[Visit], None]
    on_idle: Callable[[], None]
    on_resumed: Callable[[], None]
    on_reset: Callable[[], None]
