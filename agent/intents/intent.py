"""The kinds of intents."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What is wanted."""

    BACKCHANNEL = auto()
    """Nothing: the user only shows that they listen ("mhm", "right")."""
    STOP = auto()
    WAIT = auto()
    GO_ON = auto()
    REPEAT = auto()
    SLOWER = auto()
    FASTER = auto()
    LOUDER = auto()
    QUIETER = auto()
    LANGUAGE = auto()
    NEVER_MIND = auto()
    GREETING = auto()
    GOODBYE = auto()
    REMEMBER = auto()
    RECALL = auto()
    FORGET = auto()


@dataclass(frozen=True, slots=True)
class Intent:
    """What is wanted, and of what.

    Attributes:
        kind: as above.
        what: the language asked for ("de"), what is to be remembered, the name that was said; "" where there is none.
    """

    kind: Kind
    what: str = ""
