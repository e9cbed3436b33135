"""What routes are handed: the hall, the visit that a path names, its conversation.

All are coroutines, as FastAPI would run plain functions on a thread.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, HTTPException, Path, Request

from agent.conversation.session import Session
from agent.web.visits.hall import Hall
from agent.web.visits.visit import Visit


async def the_hall(request: Request) -> Hall:
    """The hall of this application."""
    hall: Hall = request.app.state.hall
    return hall


TheHall = Annotated[Hall, Depends(the_hall)]


async def the_visit(
    session_id: Annotated[str, Path(max_length=100, description="Secret: whoever knows it is the visitor.")],
    hall: TheHall,
) -> Visit:
    """The visit that a path names."""
    visit = hall.find(session_id)
    if visit is None:
        raise HTTPException(404, "no such session: it has ended, or never was")
    return visit


TheVisit = Annotated[Visit, Depends(the_visit)]


async def the_session(visit: TheVisit) -> Session:
    """Its running conversation."""
    if visit.session is None:
        raise HTTPException(409, "the session has not begun yet, or is over")
    return visit.session


TheSession = Annotated[Session, Depends(the_session)]
