"""Who else publishes to the state topic: a last will that is wrong, or another program under the same base topic."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto

from agent.mqtt.messages import OFFLINE

_MOST_ECHOES = 64


class Heard(Enum):
    """What a message on the state topic means."""

    OURS = auto()
    DEATH = auto()
    """Somebody says that we are dead: the will of a connection that is long gone, or another program that ended."""
    ANOTHER = auto()
    """Another program lives under the same base topic."""


class Presence:
    """Tells the broker's echoes of our own states from what others publish; one a connection."""

    def __init__(self) -> None:
        self._echoes: deque[bytes] = deque(maxlen=_MOST_ECHOES)

    def publishing(self, state: bytes) -> None:
        """We are about to publish this, and have subscribed to it."""
        self._echoes.append(state)

    def heard(self, state: bytes, retained: bool) -> Heard:
        """Takes what came on the state topic. What is retained says nothing of who is there now, except that we are."""
        if state == OFFLINE.encode():
            return Heard.DEATH
        if retained:
            return Heard.OURS
        if state not in self._echoes:
            return Heard.ANOTHER
        while self._echoes.popleft() != state:  # a broker may leave some out
            pass
        return Heard.OURS
