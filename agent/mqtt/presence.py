"""Who else publishes to the state topic: a last will that is wrong, or another program under the same base topic."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto

from agent.mqtt.messages import OFFLINE

_MOST_ECHOES = 64


class StateOrigin(Enum):
    """What a message on the state topic means."""

    OURS = auto()
    DEATH = auto()
    """Somebody says that we are dead: the will of a connection that is long gone, or another program that ended."""
    ANOTHER = auto()
    """Another program lives under the same base topic."""


class Presence:
    """Distinguishes the broker's echoes of our own states from what others publish; one a connection."""

    def __init__(self) -> None:
        self._echoes: deque[bytes] = deque(maxlen=_MOST_ECHOES)

    def expect_echo(self, state: bytes) -> None:
        """Notes a state that is about to be published: the broker will send it back."""
        self._echoes.append(state)

    def classify(self, state: bytes, retained: bool) -> StateOrigin:
        """Says what a message on the state topic means; a retained one says nothing of who is there now but us."""
        if state == OFFLINE.encode():
            return StateOrigin.DEATH
        if retained:
            return StateOrigin.OURS
        if state not in self._echoes:
            return StateOrigin.ANOTHER
        while self._echoes.popleft() != state:  # a broker may leave some out
            pass
        return StateOrigin.OURS
