"""A visit as another server needs it to go on with: the turns, and what the visitor chose.

It stays on the servers: the browser holds nothing but the visit's id. What a browser brought back would go straight
into a language model's prompt as the avatar's own words, signed or not, and a signature would only say that these
words were once ours, not that they are this visitor's latest; it would need a key that all servers share besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from agent.llm.base import Message
from agent.web.visits.wishes import Wishes

MOST_TURNS = 50
"""That a visit keeps for its page, and another server for the mind; more than any history holds is of no use."""


class HeardTurn(BaseModel):
    """One exchange that is over.

    Attributes:
        question: what was heard or typed.
        heard: what of the answer was played.
        interrupted: whether it was cut off.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str
    heard: str
    interrupted: bool


class Snapshot(BaseModel):
    """What goes on elsewhere.

    Attributes:
        id: of the visit; secret.
        wishes: what the visitor chose.
        turns: the newest, oldest first.
        lesson_place: where its lesson is; "" for none.
        next_event_id: of the visit's messages.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(min_length=16, max_length=100)]
    wishes: Wishes
    turns: Annotated[tuple[HeardTurn, ...], Field(max_length=MOST_TURNS)] = ()
    lesson_place: str = ""
    next_event_id: Annotated[int, Field(ge=1)] = 1


def messages(turns: Iterable[HeardTurn]) -> Iterator[Message]:
    """The turns as a mind is told of them."""
    for turn in turns:
        yield Message("user", turn.question)
        yield Message("assistant", turn.heard, turn.interrupted)
