"""Visitors whose replica has died arrive at another one: it goes on with their conversation before it answers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from ray.exceptions import RayError
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from agent.fleet.router import SESSION_PATH
from agent.web.visits.hall import Hall
from agent.web.visits.places import HallFullError
from agent.web.visits.snapshot import Snapshot
from speech.errors import VisavisError

COMING_BACK = {("GET", ""), ("GET", "/events"), ("POST", "/whep")}
"""What a page asks for when its connection has broken. Other requests may come while its replica still ends: they
must not take the conversation away from under it."""


class Arrivals:
    """ASGI middleware.

    Args:
        app: answers requests.
        hall: of this replica.
        conversations: `agent.fleet.keeper.shared_conversations`.
        name: of this replica, with which the ids of its sessions begin.
    """

    def __init__(self, app: ASGIApp, *, hall: Hall, conversations: Any, name: str) -> None:
        self._app, self._hall, self._conversations, self._name = app, hall, conversations, name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        found = SESSION_PATH.search(scope["path"]) if scope["type"] == "http" else None
        if found is None or found["replica"] == self._name or self._hall.find(found["id"]) is not None:
            await self._app(scope, receive, send)
        elif (scope["method"], found["rest"] or "") in COMING_BACK:
            try:
                await self._go_on(found["id"])
            except HallFullError as error:
                await _refusal(str(error), error.retry_after_s)(scope, receive, send)
            except (VisavisError, RayError):
                await _refusal("the conversation can't go on here for now", 2)(scope, receive, send)
            else:
                await self._app(scope, receive, send)
        else:
            await _refusal("the conversation is moving to another server", 2)(scope, receive, send)

    async def _go_on(self, session_id: str) -> None:
        kept: bytes | None = await self._conversations.find.remote(session_id)
        if kept is not None:
            await self._hall.take_over(Snapshot.model_validate_json(kept))
            await self._conversations.keep.remote(session_id, self._name, kept)


def arrive_in(app: FastAPI, hall: Hall, conversations: Any, name: str) -> None:
    """Has visitors arrive in an application, behind its guard: who may not ask moves nobody's conversation."""
    app.user_middleware.append(Middleware(Arrivals, hall=hall, conversations=conversations, name=name))


def _refusal(detail: str, retry_after_s: int) -> JSONResponse:
    return JSONResponse({"detail": detail}, 503, {"Retry-After": str(retry_after_s)})
