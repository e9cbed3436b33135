"""The web page as a deployment of Ray Serve: `serve run deploy/ray/serve.yaml`.

    visitor ─ HTTP ─ Serve's proxy ─ VisitRouter ─ Replica: the app of `visavis serve`, with Arrivals behind its guard
                                                      │ after every turn
                                                      └─ Conversations, from which another replica goes on

Sound and pictures go straight between the visitor and the replica.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import ray
from ray import serve
from ray.serve import Application
from ray.serve.config import RequestRouterConfig
from starlette.types import ASGIApp

from agent.countdown import Countdown
from agent.fleet.router import VisitRouter

FAREWELL_S = 8.0
"""A sentence that is being said when a replica is stopped may take so long."""

UNASKED_S = 6.0
"""Serve asks a running replica for its free places every second; one that it has not asked for so long is being
stopped, which it isn't told before all its visitors have gone."""


@serve.deployment(
    request_router_config=RequestRouterConfig(request_router_class=VisitRouter, request_routing_stats_period_s=1.0)
)
@serve.ingress()
class Replica:
    """One process with an engine of its own, and the visits that it holds.

    Args:
        file: configuration file on the replica's machine; "" for the shipped one.
        overrides: "section.key=value" over it.
    """

    async def __init__(self, file: str, overrides: list[str]) -> None:  # type: ignore[misc]  # Ray awaits it
        from agent.config.config import load_config

        path = Path(file) if file else None
        self._config = await asyncio.to_thread(load_config, path, overrides, os.environ)
        self._leaving = asyncio.Event()
        ready: asyncio.Future[ASGIApp] = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._live(ready), name="replica")
        either: list[asyncio.Future[Any]] = [ready, self._life]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            await self._life  # it failed, and says why
        self._app = ready.result()
        self._unasked = Countdown(self._leaving.set)

    async def _live(self, ready: asyncio.Future[ASGIApp]) -> None:
        """Loads everything, and keeps it until the replica ends."""
        from agent.engine import Part, load_engine
        from agent.fleet.arrivals import arrive_in
        from agent.fleet.keeper import shared_conversations
        from agent.web.app import make_app
        from agent.web.liveness import Liveness
        from agent.web.safety.access import check_web
        from agent.web.visits.hall import open_hall
        from agent.web.visits.snapshot import Snapshot

        def keep(session_id: str, snapshot: Snapshot | None) -> None:
            if snapshot is None:
                conversations.forget.remote(session_id)
            else:
                conversations.keep.remote(session_id, name, snapshot.model_dump_json().encode())

        access = check_web(self._config, os.environ)
        conversations = await asyncio.to_thread(shared_conversations)
        name = serve.get_replica_context().replica_id.unique_id
        async with (
            load_engine(self._config, Part.CONVERSATION, drawing_processes=_own_cores()) as engine,
            open_hall(engine, keep=keep, id_prefix=f"{name}~") as self._hall,
        ):
            self._liveness = Liveness(engine, self._hall)
            app = make_app(self._hall, access)
            arrive_in(app, self._hall, conversations, name)
            ready.set_result(app)
            await self._leaving.wait()
            await self._hall.farewell("the server restarts", FAREWELL_S)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return self._app

    def record_routing_stats(self) -> dict[str, Any]:
        """What the router wants to know: whether a visitor fits in."""
        self._unasked.start(UNASKED_S)
        return {"free": self._hall.places}

    def record_autoscaling_stats(self) -> dict[str, float]:
        """What `agent.fleet.scaling.by_free_places` wants to know."""
        taken = self._hall.taken
        return {"taken": float(taken + self._hall.waiting), "places": float(taken + self._hall.places)}

    async def check_health(self) -> None:
        """Raises where pictures have stopped; Serve then starts another replica in place of this one."""
        if self._life.done():
            raise RuntimeError("it is being stopped")
        await self._liveness.prove()

    async def __del__(self) -> None:
        self._unasked.stop()
        self._leaving.set()
        await self._life


def _own_cores() -> int:
    """Whole cores that Ray has set aside for this replica; 0 where it shares one."""
    return int(ray.get_runtime_context().get_assigned_resources().get("CPU", 0.0))


def build(arguments: dict[str, Any]) -> Application:
    """The application for `serve run`.

    Args:
        arguments: "config": a configuration file on every machine; "set": list of "section.key=value" over it.
    """
    deployment: Any = Replica
    return deployment.bind(str(arguments.get("config", "")), list(arguments.get("set", [])))
