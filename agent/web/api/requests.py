"""What is asked of the avatar in a conversation: answer, say, stop, look."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from agent.web.api.dependencies import TheSession, TheVisit, the_session
from agent.web.api.faults import faults
from agent.web.rtc.controls import ControlsChange

router = APIRouter(prefix="/api/sessions/{session_id}", tags=["requests"])

_TEXT = r"^[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F]*[^\s\x00-\x1F\x7F][^\x00-\x08\x0B\x0C\x0E-\x1F\x7F]*$"
"""Something other than blanks, and no control characters but tabs and line ends."""

_TOO_MANY = "too many things wait to be said; try again when one was"


class Text(BaseModel):
    """What is asked or said."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"text": "When are you open?"}]}
    )

    text: Annotated[str, Field(max_length=2000, pattern=_TEXT)]


@router.post("/ask", status_code=202, responses=faults(404, 409))
async def ask(visit: TheVisit, session: TheSession, asked: Text) -> None:
    """Asks a question, which is answered when nobody speaks."""
    visit.touch()
    if not session.ask(asked.text):
        raise HTTPException(429, _TOO_MANY)


@router.post("/say", status_code=202, responses=faults(404, 409))
async def say(visit: TheVisit, session: TheSession, said: Text) -> None:
    """Has it say a text as it is, when nobody speaks."""
    visit.touch()
    if not session.say(said.text):
        raise HTTPException(429, _TOO_MANY)


@router.post("/greet", status_code=202, responses=faults(404, 409), dependencies=[Depends(the_session)])
async def greet(visit: TheVisit) -> None:
    """Tells that somebody has come to the face: a kiosk's teacher then speaks first. Others say nothing."""
    visit.greet()


@router.post("/touch", status_code=202, responses=faults(404))
async def touch(visit: TheVisit) -> None:
    """Tells that the visitor is there, as while they type: the avatar need not ask whether they are."""
    visit.touch()


@router.post("/stop", status_code=202, responses=faults(404))
async def stop(visit: TheVisit) -> None:
    """Silences the avatar, and takes back what waits to be said."""
    visit.touch()
    visit.stop()


@router.post("/hold", status_code=202, responses=faults(404, 409))
async def hold(visit: TheVisit, session: TheSession) -> None:
    """Pauses the answer that is being said; what was not heard of it is kept."""
    visit.touch()
    if not session.hold() and not session.is_held:
        raise HTTPException(409, "nothing is being said that could be paused")


@router.post("/resume", status_code=202, responses=faults(404, 409))
async def resume(visit: TheVisit, session: TheSession) -> None:
    """Lets a paused answer go on from the word in which it fell silent."""
    visit.touch()
    if not session.resume():
        raise HTTPException(409, "no answer is paused")


@router.post("/controls", status_code=202, responses=faults(404, 409), dependencies=[Depends(the_session)])
async def control(visit: TheVisit, change: ControlsChange) -> None:
    """Changes emotion, gaze, distance or composure; the face moves there as a face does."""
    visit.change_controls(change)
