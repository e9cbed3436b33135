"""Voice and face over WebRTC, signalled as WHEP does: an SDP offer is posted, the answer comes back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response

from agent.web.api.dependencies import TheVisit
from agent.web.api.faults import faults

router = APIRouter(prefix="/api/sessions/{session_id}", tags=["media"])


@router.post(
    "/whep",
    status_code=201,
    response_class=Response,
    responses={201: {"content": {"application/sdp": {"schema": {"type": "string"}}}}, **faults(404, 409)},
)
async def connect(visit: TheVisit, offer: Annotated[str, Body(media_type="application/sdp")]) -> Response:
    """Answers an SDP offer: the microphone goes in, voice and face come out. It replaces the connection before it."""
    answer = await visit.connect(offer)
    return Response(answer, 201, media_type="application/sdp", headers={"Location": f"/api/sessions/{visit.id}/whep"})


@router.delete("/whep", status_code=204, responses=faults(404))
async def disconnect(visit: TheVisit) -> None:
    """Hangs up; the conversation may be connected to again."""
    await visit.disconnect()


@router.post("/reading", status_code=204, responses=faults(404, 409))
async def read_along(visit: TheVisit) -> None:
    """Goes on without media, where WebRTC is not to be had: answers come as captions, while the events are followed."""
    await visit.read()
