"""The web application: the page, and the API behind it."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version
from pathlib import Path

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from fastapi.security import HTTPBearer

from agent.web.api import about, choices, health, media, portraits, requests, sessions
from agent.web.api.faults import answer_faults, faults
from agent.web.safety.access import Access
from agent.web.safety.guard import Guard
from agent.web.visits.hall import Hall

STATIC = Path(__file__).parent / "static"

# Only described here: the guard knows the token.
_token = HTTPBearer(auto_error=False, scheme_name="token", description="The server's token; browsers have a cookie.")


def make_app(hall: Hall, access: Access) -> FastAPI:
    """The application.

    Args:
        hall: open for as long as the application runs.
        access: who may reach it.
    """
    app = FastAPI(
        title="Visavis",
        version=version("visavis"),
        openapi_url="/api/openapi.json",
        docs_url=None,  # their pages fetch scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.hall, app.state.answers = hall, Counter[int]()
    answer_faults(app)
    described = [Depends(_token)] if access.token else []
    for part in (about, sessions, media, requests, portraits, choices, health):
        app.include_router(part.router, responses=faults(), dependencies=described)
    if hall.config.web.kiosk:
        app.add_api_route("/", kiosk_page, include_in_schema=False)
    app.frontend("/", directory=STATIC, fallback=None)
    app.add_middleware(Guard, access=access, answers=app.state.answers)
    return app


async def kiosk_page(request: Request) -> Response:
    """The page where every page is a kiosk's: before it begins a conversation its address says so."""
    if "kiosk" in request.query_params:
        return FileResponse(STATIC / "index.html")
    return RedirectResponse(f"?{request.url.include_query_params(kiosk=1).query}")
