"""A local Ray cluster of simulated nodes that holds the page; a program of its own, since Ray takes over its process.

It prints one JSON object: what visitors met with when a replica died.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.update(
    RAY_USAGE_STATS_ENABLED="0", RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0", RAY_raylet_start_wait_time_s="120"
)

import httpx
import ray
from ray import serve
from ray.cluster_utils import Cluster

sys.path.insert(0, str(Path(__file__).parent.parent))

from agent.fleet.app import Replica
from tests.rtc_visitor import Visitor, until

NODES = 3
SETTINGS = [
    "ears.backend=pocketsphinx",
    "voice.backend=espeak",
    "mind.backend=knowledge",
    "output.size=256",
    "web.sessions=2",
    "web.waiting=0",
]
STORE_BYTES = 80 * 2**20
QUESTION = "What is your name?"


class Page:
    """A page, without its looks."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.id = ""

    async def begin(self) -> None:
        """Begins a conversation and connects."""
        begun = await self._client.post("/api/sessions", json={})
        begun.raise_for_status()
        self.id = begun.json()["id"]
        await self.connect()

    @property
    def replica(self) -> str:
        """That began it."""
        return self.id.partition("~")[0]

    async def connect(self) -> None:
        """Connects, and sees the face."""
        self._peer, headers = Visitor(), {"Content-Type": "application/sdp"}
        offer = await self._peer.offer()
        answered = await self._client.post(f"/api/sessions/{self.id}/whep", content=offer, headers=headers)
        answered.raise_for_status()
        await self._peer.take(answered.text)
        await until(lambda: self.pictures > 0)

    @property
    def pictures(self) -> int:
        """That came over this connection."""
        return len({timestamp for timestamp, _ in self._peer.streams["video"].packets})

    async def hang_up(self) -> None:
        """Ends the connection."""
        await self._peer.peer.close()

    async def ask(self, question: str) -> None:
        """Asks, and waits until the turn is over."""
        turns = len(await self.turns())
        (await self._client.post(f"/api/sessions/{self.id}/ask", json={"text": question})).raise_for_status()
        while len(await self.turns()) == turns:  # noqa: ASYNC110 - the API tells by events; this asks
            await asyncio.sleep(0.2)

    async def turns(self) -> list[dict[str, Any]]:
        """The conversation so far."""
        read = await self._client.get(f"/api/sessions/{self.id}")
        read.raise_for_status()
        turns: list[dict[str, Any]] = read.json()["turns"]
        return turns

    async def come_back(self) -> None:
        """Connects again, as often as it takes."""
        await self.hang_up()
        for _ in range(60):
            try:
                await self.turns()
                await self.connect()
            except httpx.HTTPError:
                await asyncio.sleep(0.5)
            else:
                return
        raise AssertionError("nobody goes on with the conversation")


async def meet(address: str, seen: dict[str, Any]) -> None:
    """Two visitors at two replicas; one of these dies."""
    async with httpx.AsyncClient(base_url=address, timeout=30) as client:
        one, other = Page(client), Page(client)
        for visitor in (one, other):
            await visitor.begin()
        await asyncio.gather(one.ask(QUESTION), other.ask("What can you do?"))
        seen["apart"] = one.replica != other.replica
        seen["turns"] = [len(await visitor.turns()) for visitor in (one, other)]
        pictures = other.pictures
        await asyncio.to_thread(_kill, one.replica)
        await one.come_back()
        kept = await one.turns()
        seen["kept"] = [turn["question"] for turn in kept]
        await one.ask("What can you do?")
        seen["goes_on"] = len(await one.turns())
        seen["other_undisturbed"] = other.pictures > pictures and len(await other.turns()) == 1
        unknown = await client.get(f"/api/sessions/{one.replica}~nobody-was-ever-called-this")
        seen["unknown"] = unknown.status_code
        for visitor in (one, other):
            left = await client.delete(f"/api/sessions/{visitor.id}")
            assert left.status_code == 204, left.text
            await visitor.hang_up()


def _kill(replica: str) -> None:
    """Ends its process at once."""
    ray.kill(ray.get_actor(f"SERVE_REPLICA::visavis#Replica#{replica}", namespace="serve"))


def main() -> None:
    """Starts the cluster, lets visitors meet it, and stops it."""
    seen: dict[str, Any] = {}
    head = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(NODES - 1):
            cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
        cluster.wait_for_nodes()
        serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
        options = {"num_replicas": 2, "ray_actor_options": {"num_cpus": 0.5}, "graceful_shutdown_timeout_s": 3.0}
        serve.run(Replica.options(**options).bind("", SETTINGS), name="visavis", route_prefix="/")
        seen["nodes"] = sum(node["Alive"] for node in ray.nodes())
        asyncio.run(meet(f"http://127.0.0.1:{sys.argv[1]}", seen))
        serve.shutdown()
    finally:
        print(json.dumps(seen), flush=True)
        ray.shutdown()
        cluster.shutdown()


if __name__ == "__main__":
    main()
