"""Whatever goes wrong becomes {"detail": "one line"}: never a traceback, never a path of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from agent.text.foreign_text import without_folders
from speech.errors import InputError, VisavisError, one_line

RETRY_AFTER_S = 5
"""Of what may go better then, where nobody knows more."""

_SCHEMA = {
    "type": "object",
    "properties": {"detail": {"type": "string", "description": "What went wrong, one line for people to read."}},
    "required": ["detail"],
}
_ANY = {
    400: "It is not readable.",
    401: "The token is missing or wrong.",
    403: "Another site's page asked, or something is switched off here.",
    408: "It did not come in time.",
    413: "It is too large.",
    421: "The server is not called so.",
    422: "It is not what is expected.",
    429: "Too much is asked at once; Retry-After says when to come back.",
    500: "Something went wrong here.",
}
_SOME = {
    404: "There is no such thing.",
    409: "The conversation has not begun, or is over.",
    503: "Too busy, or about to end; Retry-After says when to come back.",
}


def faults(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How a route may fail, for OpenAPI.

    Args:
        statuses: of _SOME; none for those that any route may answer.
    """
    told = {status: _SOME[status] for status in statuses} or _ANY
    # Also where success is no JSON: a "model" would be described as what the route answers else.
    content = {"application/json": {"schema": _SCHEMA}}
    return {status: {"description": what, "content": content} for status, what in told.items()}


def answer_faults(app: FastAPI) -> None:
    """Has an application answer every error so."""

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        return fault(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return fault(422, _first_line(error))

    @app.exception_handler(VisavisError)
    async def ours(_: Request, error: VisavisError) -> JSONResponse:
        told = without_folders(str(error))
        if isinstance(error, InputError):
            return fault(422, told)
        return fault(503, told, {"Retry-After": str(getattr(error, "retry_after_s", RETRY_AFTER_S))})


def fault(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error's answer."""
    later = {"Retry-After": str(RETRY_AFTER_S)} if status in (429, 503) else {}
    return JSONResponse({"detail": one_line(detail) or HTTPStatus(status).phrase}, status, later | dict(headers or {}))


def _first_line(error: RequestValidationError) -> str:
    """The first thing that is wrong, and where; what came is not repeated."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return "expected JSON, could not read it"
    where = ".".join(str(part) for part in first["loc"][1:])
    return f"{where}: {first['msg']}" if where else str(first["msg"])
