"""Which replica a request goes to: a visitor's own, else the one with the most room."""

from __future__ import annotations

import asyncio
import pickle
import re
from collections.abc import Sequence
from typing import Any

from ray.exceptions import RayError
from ray.serve.request_router import PendingRequest, RequestRouter, RunningReplica

from agent.fleet.keeper import shared_conversations

SESSION_PATH = re.compile(r"/api/sessions/(?P<id>(?P<replica>[^/~]+)~[^/]+)(?P<rest>/[^?]*)?$")
"""A session's id begins with the replica that began it."""

KEEPER_S = 2.0
"""The keeper answers within a millisecond or two; a request does not wait longer for it."""


class VisitRouter(RequestRouter):  # type: ignore[misc]  # Ray has no types
    """Routes what belongs to a session to the replica that has it; where that has died, to its successor.

    What begins a session goes to the replica with the most free places; replicas tell them every second
    (`Replica.record_routing_stats`), and what was routed since then counts here.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._begun: dict[str, tuple[dict[str, Any], int]] = {}
        self._keeper: Any = None

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """See `RequestRouter.choose_replicas`."""
        if not candidate_replicas or pending_request is None:
            return [candidate_replicas] if candidate_replicas else []
        pending_request.routing_context.should_backoff = True
        method, path = _asked(pending_request.args)
        by_room = sorted(candidate_replicas, key=self._free, reverse=True)
        if found := SESSION_PATH.search(path):
            by_name = {replica.replica_id.unique_id: replica for replica in by_room}
            name = found["replica"]
            if name not in by_name:
                name = await self._holder(found["id"], list(by_name))
            return [[by_name[name]]]
        if method == "POST" and path.endswith("/api/sessions"):
            self._count(by_room[0])
        return [[replica] for replica in by_room]

    async def _holder(self, session_id: str, living: list[str]) -> str:
        try:
            self._keeper = self._keeper or await asyncio.to_thread(shared_conversations)
            holder: str = await asyncio.wait_for(self._keeper.holder.remote(session_id, living, living[0]), KEEPER_S)
        except (RayError, TimeoutError):
            return min(living)  # without it the others are asked by the same rule at least
        return holder

    def _free(self, replica: RunningReplica) -> int:
        stats = replica.routing_stats
        told, begun = self._begun.get(replica.replica_id.unique_id, (stats, 0))
        return int(stats.get("free", 0)) - (begun if told is stats else 0)

    def _count(self, replica: RunningReplica) -> None:
        stats, name = replica.routing_stats, replica.replica_id.unique_id
        told, begun = self._begun.get(name, (stats, 0))
        self._begun[name] = (stats, begun + 1 if told is stats else 1)

    def update_replicas(self, replicas: list[RunningReplica]) -> None:
        """Takes the replicas that there are now; what was counted of others is forgotten."""
        super().update_replicas(replicas)
        names = {replica.replica_id.unique_id for replica in replicas}
        self._begun = {name: counted for name, counted in self._begun.items() if name in names}


def _asked(arguments: Sequence[Any]) -> tuple[str, str]:
    """Method and path of the HTTP request that a call to a replica carries; the proxy, in this process, pickled it."""
    carried = arguments[0] if arguments else None
    if isinstance(carried, bytes):
        carried = pickle.loads(carried)
    scope = getattr(carried, "asgi_scope", {})
    return scope.get("method", ""), scope.get("path", "")
