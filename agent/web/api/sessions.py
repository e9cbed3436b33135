"""Conversations over HTTP: begin, read, follow, leave."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from agent.web.api.dependencies import TheHall, TheVisit, the_session
from agent.web.api.faults import faults
from agent.web.visits.snapshot import HeardTurn
from agent.web.visits.visit import Visit
from agent.web.visits.wishes import Wishes

router = APIRouter(prefix="/api/sessions", tags=["sessions"])


class Standing(BaseModel):
    """Where a visitor stands.

    Attributes:
        id: of the session, secret: whoever knows it is the visitor.
        state: whether the conversation has begun.
        place: in the waiting line, 1 is next; 0 is in.
    """

    id: str
    state: Literal["waiting", "ready"]
    place: Annotated[int, Field(ge=0)]


class Reading(Standing):
    """A conversation, for a page that was loaded again.

    Attributes:
        turns: so far, the oldest first.
        lesson: the last "lesson" event; null where nothing is taught.
        attention: the last "attention" event; null where nobody need call the avatar.
    """

    turns: list[HeardTurn]
    lesson: dict[str, str | int | bool] | None
    attention: dict[str, str | bool] | None


def _standing(visit: Visit) -> Standing:
    return Standing(id=visit.id, state="ready" if visit.place == 0 else "waiting", place=visit.place)


@router.post("", status_code=201, responses=faults(503))
async def begin(wishes: Wishes, hall: TheHall) -> Standing:
    """Begins a conversation, or takes a place in the waiting line."""
    return _standing(await hall.enter(wishes))


@router.get("/{session_id}", responses=faults(404))
async def read(visit: TheVisit) -> Reading:
    """Reads where a visitor stands, and the turns so far."""
    standing = _standing(visit).model_dump()
    return Reading(**standing, turns=visit.turns, lesson=visit.lesson, attention=visit.attention)


@router.delete("/{session_id}", status_code=204, responses=faults(404))
async def leave(visit: TheVisit) -> None:
    """Ends a conversation; it is forgotten."""
    visit.leave()


@router.delete(
    "/{session_id}/learner", status_code=204, responses=faults(404, 409), dependencies=[Depends(the_session)]
)
async def forget_learner(visit: TheVisit) -> None:
    """Deletes what is remembered of the learner of this conversation's lesson, as "forget me" does, without a word."""
    if not await visit.forget_learner():
        raise HTTPException(404, "there is no lesson in this session")


@router.get("/{session_id}/events", response_class=EventSourceResponse, responses=faults(404))
async def follow(
    visit: TheVisit, last_event_id: Annotated[int, Header(ge=0, description="The last one that came.")] = 0
) -> AsyncIterable[ServerSentEvent]:
    """Follows states and captions as they come; a comment every 15 seconds keeps the line open.

    Kinds are place, ready, state, paused, transcript, sentence, filler, turn, unanswered, lesson, attention,
    problem, dropped, reset and ended.
    """
    async for event in visit.events.since(last_event_id):
        yield ServerSentEvent(data=event.data, event=event.kind, id=str(event.id))
