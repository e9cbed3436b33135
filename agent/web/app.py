"""The web application: the page, and the API behind it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from agent.web.api import about, sessions
from agent.web.visits.hall import Hall

STATIC = Path(__file__).parent / "static"


def make_app(hall: Hall) -> FastAPI:
    """The application.

    Args:
        hall: open for as long as the application runs.
    """
    app = FastAPI(title="Visavis", version=version("visavis"))
    app.state.hall = hall
    app.include_router(sessions.router)
    app.include_router(about.router)
    app.mount("/", StaticFiles(directory=STATIC, html=True), name="page")
    return app
