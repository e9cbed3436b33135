"""The deployment. `serve run agent.fleet.app:build` starts it; deploy/ray has the configuration."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from fastapi import FastAPI
from ray import serve
from ray.serve import Application
from ray.serve.config import RequestRouterConfig

from agent.fleet.router import VisitRouter


@serve.deployment(
    request_router_config=RequestRouterConfig(request_router_class=VisitRouter, request_routing_stats_period_s=1.0),
)
@serve.ingress()
class Replica:
    """One process with an engine of its own, and the visits that it holds.

    Args:
        overrides: "section.key=value" of the configuration.
    """

    async def __init__(self, overrides: list[str]) -> None:  # type: ignore[misc]  # Ray awaits it
        from agent.config.config import load_config

        self._config = await asyncio.to_thread(load_config, None, overrides, os.environ)
        self._leaving = asyncio.Event()
        ready: asyncio.Future[FastAPI] = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._live(ready), name="replica")
        self._app = await ready

    async def _live(self, ready: asyncio.Future[FastAPI]) -> None:
        from agent.engine import Part, load_engine
        from agent.web.app import make_app
        from agent.web.visits.hall import open_hall

        async with load_engine(self._config, Part.CONVERSATION) as engine, open_hall(engine) as self._hall:
            ready.set_result(make_app(self._hall))
            await self._leaving.wait()

    def __serve_build_asgi_app__(self) -> FastAPI:
        return self._app

    def record_routing_stats(self) -> dict[str, Any]:
        """What the router wants to know."""
        return {"free": 4}

    async def __del__(self) -> None:
        self._leaving.set()
        await self._life


def build(arguments: dict[str, Any]) -> Application:
    """The application for `serve run`."""
    return Replica.bind(  # type: ignore[attr-defined]  # Ray has no types
        list(arguments.get("set", []))
    )
