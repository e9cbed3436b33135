"""Who is there, what they were asked, and what may be said to them next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from agent.memory.store import Fact, Memories


@dataclass(frozen=True, slots=True)
class MemoryPolicy:
    """How somebody is remembered.

    Attributes:
        language: gives that of the conversation, which may change.
        name: what the avatar is called by.
        person: who talks, where that is known; "" to go by what they say.
        chats: whether the mind is a language model, which makes its own of what it is told of a person.
        is_public: many people talk here: nothing is ever kept, and nobody is told how that is changed.
    """

    language: Callable[[], str] = lambda: "en"
    name: str = ""
    person: str = ""
    chats: bool = False
    is_public: bool = False


class Asked(Enum):
    """What the avatar asked: the next words may be the answer."""

    NOTHING = auto()
    NAME_TO_KEEP = auto()
    NAME_TO_RECALL = auto()
    CONSENT = auto()


@dataclass(frozen=True, slots=True)
class State:
    """Who is there, and what they were asked.

    Attributes:
        person: their name; "" for nobody known.
        is_kept: they are remembered, or agreed to be.
        asked: what their next words may answer.
        waits: what is kept once their name is known.
        last: what was kept last: "forget that" means this.
    """

    person: str = ""
    is_kept: bool = False
    asked: Asked = Asked.NOTHING
    waits: Fact | None = None
    last: Fact | None = None


@dataclass(slots=True)
class Proposal:
    """A reply that may be heard.

    Attributes:
        reply: what is said.
        state: from when it begins to be heard.
        write: what is written or deleted then, if anything.
        if_not: what is said where that fails.
        forgets: what was said in this conversation is forgotten, too.
        rest: what the mind answers after it; "" for nothing.
        written: whether it was; set when the reply is heard.
    """

    reply: str
    state: State
    write: Callable[[Memories], object] | None = None
    if_not: str = "not_kept"
    forgets: bool = False
    rest: str = ""
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    written: asyncio.Future[bool] | None = None
