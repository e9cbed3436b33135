"""The visitors of `benchmarks.visits`: peers without a browser, one after the other, each going in another way.

python -m benchmarks.web_visitor http://127.0.0.1:8080/ 200
"""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from typing import Any

from aiortc.mediastreams import AudioStreamTrack

from tests.rtc_visitor import Visitor, until

WAYS = 5
"""In which they go."""

BATCH = 10
"""After so many it is waited until the server has seen all of them off."""

QUESTION = "What is your name?"
HEARS_S = 0.7
"""Of the answer, before the visitor goes."""

PATIENCE_S = 60.0


class Api:
    """The server's HTTP interface.

    Args:
        url: of its page.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    async def call(self, method: str, path: str, body: str = "", kind: str = "application/json") -> str:
        """One request; returns what came."""

        def ask() -> str:
            data = body.encode() if method == "POST" else None
            request = urllib.request.Request(f"{self._url}api/{path}", data, {"Content-Type": kind}, method=method)
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                told: str = answer.read().decode()
                return told

        return await asyncio.to_thread(ask)

    async def json(self, method: str, path: str, body: str = "") -> Any:
        """One request; what came, parsed."""
        return json.loads(await self.call(method, path, body))


async def connected(api: Api, session: str) -> Visitor:
    """A peer that sees the face."""
    visitor = Visitor(AudioStreamTrack())
    answer = await api.call("POST", f"sessions/{session}/whep", await visitor.offer(), "application/sdp")
    await visitor.take(answer)
    await until(lambda: len(visitor.streams["video"].packets) > 0, PATIENCE_S)
    return visitor


async def ask(api: Api, session: str, visitor: Visitor) -> None:
    """Asks, and hears the beginning of the answer: packets of silence are rare, and short."""
    heard = visitor.streams["audio"].packets
    heard.clear()
    await api.call("POST", f"sessions/{session}/ask", json.dumps({"text": QUESTION}))
    try:
        await until(lambda: sum(len(payload) > 40 for _, payload in heard) > 10, PATIENCE_S)
    except TimeoutError:
        told = await api.call("GET", f"sessions/{session}")
        sizes = [len(payload) for _, payload in heard]
        raise SystemExit(
            f"no answer within {PATIENCE_S:.0f} s; {told}; sound came in packets of {sizes} bytes"
        ) from None
    await asyncio.sleep(HEARS_S)


async def visit(api: Api, way: int) -> None:
    """One visit."""
    session = (await api.json("POST", "sessions", "{}"))["id"]
    if way == 4:
        await api.call("DELETE", f"sessions/{session}")
        return
    visitor = await connected(api, session)
    await ask(api, session, visitor)
    if way == 2:
        await visitor.vanish()
    if way == 3:
        await visitor.peer.close()
        visitor = await connected(api, session)
        await ask(api, session, visitor)
    if way in (0, 3):
        await api.call("DELETE", f"sessions/{session}")
    await visitor.peer.close()


async def main(url: str, visits: int) -> None:
    """All visits; prints a line whenever nobody is there."""
    api = Api(url)
    places = (await api.json("GET", "ready"))["places"]
    for number in range(1, visits + 1):
        await visit(api, number % WAYS)
        if number % BATCH == 0:
            while (await api.json("GET", "ready"))["places"] < places:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.5)
            await asyncio.sleep(1.0)
            print(json.dumps({"visits": number}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
