"""Conversations over HTTP: begin, connect (WHEP), ask, say, stop, follow, leave."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Header, HTTPException, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from agent.conversation.session import Session
from agent.web.visits.hall import Hall, HallClosing
from agent.web.visits.visit import Visit
from agent.web.visits.wishes import Wishes

router = APIRouter(prefix="/api/sessions", tags=["sessions"])


class Begun(BaseModel):
    """A conversation that has begun."""

    id: str


class Text(BaseModel):
    """What is asked or said."""

    text: Annotated[str, Field(min_length=1, max_length=2000)]


def the_hall(request: Request) -> Hall:
    """The hall of this application."""
    hall: Hall = request.app.state.hall
    return hall


def the_visit(session_id: str, hall: Annotated[Hall, Depends(the_hall)]) -> Visit:
    """The visit that a path names."""
    visit = hall.find(session_id)
    if visit is None:
        raise HTTPException(404, "no such session: it has ended, or never was")
    return visit


def the_session(visit: Annotated[Visit, Depends(the_visit)]) -> Session:
    """Its running conversation."""
    if visit.session is None:
        raise HTTPException(409, "the session has not begun yet, or is over")
    return visit.session


TheVisit = Annotated[Visit, Depends(the_visit)]
TheSession = Annotated[Session, Depends(the_session)]


@router.post("", status_code=201)
async def begin(wishes: Wishes, hall: Annotated[Hall, Depends(the_hall)]) -> Begun:
    """Begins a conversation."""
    try:
        return Begun(id=(await hall.enter(wishes)).id)
    except HallClosing as closing:
        raise HTTPException(503, str(closing), {"Retry-After": "5"}) from None


@router.delete("/{session_id}", status_code=204)
async def leave(visit: TheVisit) -> None:
    """Ends a conversation."""
    visit.leave()


@router.post("/{session_id}/whep", status_code=201, response_class=Response)
async def connect(
    visit: TheVisit, offer: Annotated[str, Body(media_type="application/sdp", max_length=200_000)]
) -> Response:
    """Answers an SDP offer: microphone in, voice and face out."""
    answer = await visit.connect(offer)
    return Response(answer, 201, media_type="application/sdp", headers={"Location": f"/api/sessions/{visit.id}/whep"})


@router.delete("/{session_id}/whep", status_code=204)
async def disconnect(visit: TheVisit) -> None:
    """Hangs up; the conversation may be connected to again."""
    await visit.disconnect()


@router.get("/{session_id}/events", response_class=EventSourceResponse)
async def follow(visit: TheVisit, last_event_id: Annotated[int, Header()] = 0) -> AsyncIterable[ServerSentEvent]:
    """States and captions, as they come."""
    async for event in visit.events.since(last_event_id):
        yield ServerSentEvent(data=event.data, event=event.kind, id=str(event.id))


@router.post("/{session_id}/ask", status_code=202)
async def ask(session: TheSession, asked: Text) -> None:
    """Asks a question."""
    if not session.ask(asked.text):
        raise HTTPException(429, "too many things wait to be said")


@router.post("/{session_id}/say", status_code=202)
async def say(session: TheSession, said: Text) -> None:
    """Has it say a text as it is."""
    if not session.say(said.text):
        raise HTTPException(429, "too many things wait to be said")


@router.post("/{session_id}/stop", status_code=202)
async def stop(visit: TheVisit) -> None:
    """Silences the avatar."""
    visit.stop()
