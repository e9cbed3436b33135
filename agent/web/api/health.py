"""For those who run the server: is it alive, has it room, how does it do."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel

from agent.metrics.series import TEXT, as_text
from agent.web.api.dependencies import TheHall
from agent.web.api.faults import faults
from agent.web.api.metrics import hall_series

router = APIRouter(prefix="/api", tags=["operation"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Everything is loaded.

    Attributes:
        places: conversations that could begin now; at 0 the next visitor waits.
        waiting: visitors who wait.
    """

    status: Literal["ready"] = "ready"
    places: int
    waiting: int


@router.get("/health")
async def health() -> Health:
    """Says that the process is alive."""
    return Health()


@router.get("/ready", responses=faults(503))
async def ready(hall: TheHall) -> Readiness:
    """Says whether visitors may come, and how many find a place."""
    if hall.is_closing:
        raise HTTPException(503, "the server is about to end")
    return Readiness(places=hall.places, waiting=hall.waiting)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request, hall: TheHall) -> Response:
    """Gives numbers in Prometheus' text format."""
    return Response(as_text(lambda: hall_series(hall, request.app.state.answers)), media_type=TEXT)
