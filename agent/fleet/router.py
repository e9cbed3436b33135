"""Which replica a request goes to: a visitor's own, else the one with the most room."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ray.serve.request_router import PendingRequest, RequestRouter, RunningReplica

SESSION_PATH = re.compile(r"/api/sessions/([^/~]+)~[^/]+")
"""A session's id begins with the replica that holds it."""


class VisitRouter(RequestRouter):  # type: ignore[misc]  # Ray has no types
    """Routes what belongs to a session to the replica that holds it, or to any where that one is gone.

    What begins a session goes to the replica with the most free places; replicas tell them every second
    (`Replica.record_routing_stats`), and what was routed since then counts here.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._begun: dict[str, tuple[dict[str, Any], int]] = {}

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """See `RequestRouter.choose_replicas`."""
        if not candidate_replicas or pending_request is None:
            return [candidate_replicas] if candidate_replicas else []
        pending_request.routing_context.should_backoff = True
        method, path = _asked(pending_request.args)
        if found := SESSION_PATH.search(path):
            own = [replica for replica in candidate_replicas if replica.replica_id.unique_id == found[1]]
            return [own or candidate_replicas]
        by_room = sorted(candidate_replicas, key=self._free, reverse=True)
        if method == "POST" and path.endswith("/api/sessions"):
            self._count(by_room[0])
        return [[replica] for replica in by_room]

    def _free(self, replica: RunningReplica) -> int:
        stats = replica.routing_stats
        told, begun = self._begun.get(replica.replica_id.unique_id, (stats, 0))
        return int(stats.get("free", 0)) - (begun if told is stats else 0)

    def _count(self, replica: RunningReplica) -> None:
        stats, name = replica.routing_stats, replica.replica_id.unique_id
        told, begun = self._begun.get(name, (stats, 0))
        self._begun[name] = (stats, begun + 1 if told is stats else 1)


def _asked(arguments: Sequence[Any]) -> tuple[str, str]:
    """Method and path of the HTTP request that a call to a replica carries."""
    scope = getattr(arguments[0], "asgi_scope", {}) if arguments else {}
    return scope.get("method", ""), scope.get("path", "")
