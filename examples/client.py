"""Asks the avatar of a running `visavis serve` a question, and keeps its answer as a film or as sound.

    pip install aiortc httpx
    python examples/client.py "When are you open?" -o answer.mp4
    python examples/client.py "Who are you?" --portrait ada -o answer.wav --url http://127.0.0.1:8080

It shows all that another client needs: a session is begun, its events are followed, its voice and face come over
WebRTC (a WHEP offer is posted, the answer comes back), a question is asked, and in the end the session is left.
The token of a server that wants one is taken from the environment variable VISAVIS_WEB_TOKEN.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

AFTERWARDS_S = 0.5
"""After the answer the face is filmed a little longer."""


class Film:
    """Writes the tracks of a connection into a file, in step with each other.

    Args:
        path: of the file: .mp4 for voice and face, .wav for the voice alone.
    """

    def __init__(self, path: Path) -> None:
        self._container = av.open(str(path), "w")
        self._begun_s: float | None = None
        self._is_sized = asyncio.Event()  # a file's head says how large its pictures are
        if path.suffix == ".wav":
            self._streams: dict[str, Any] = {"audio": self._container.add_stream("pcm_s16le", rate=48_000)}
            self._is_sized.set()
        else:
            video = self._container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            self._streams = {"audio": self._container.add_stream("aac", rate=48_000), "video": video}

    async def take(self, track: MediaStreamTrack) -> None:
        """Writes a track until it ends."""
        stream = self._streams.get(track.kind)
        offset: Fraction | None = None
        try:
            while True:
                frame = await track.recv()
                if stream is None:
                    continue
                if offset is None:
                    # Each track counts from a number of its own: what arrives together belongs together.
                    now = asyncio.get_running_loop().time()
                    self._begun_s = self._begun_s or now
                    offset = Fraction(now - self._begun_s).limit_denominator(1000) - frame.pts * frame.time_base
                    if track.kind == "video":
                        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
                        self._is_sized.set()
                    await self._is_sized.wait()
                frame.pts = round((frame.pts * frame.time_base + offset) / frame.time_base)
                self._container.mux(stream.encode(frame))
        except MediaStreamError:
            return

    def end(self) -> None:
        """Nothing is waited for any more."""
        self._is_sized.set()

    def close(self) -> None:
        """Finishes the file."""
        for stream in self._streams.values():
            if stream.codec_context.is_open:
                self._container.mux(stream.encode(None))
        self._container.close()


async def events(client: httpx.AsyncClient, session: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """The session's events as they come: kind and data (https://html.spec.whatwg.org/#server-sent-events)."""
    async with client.stream("GET", f"{session}/events", timeout=None) as response:
        checked(response)
        kind = ""
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                yield kind, json.loads(value)


async def connect(client: httpx.AsyncClient, session: str, peer: RTCPeerConnection) -> None:
    """Posts an offer, and takes the answer: from here on voice and face come."""
    peer.addTransceiver("audio", direction="recvonly")
    peer.addTransceiver("video", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    offered = {"content": peer.localDescription.sdp, "headers": {"Content-Type": "application/sdp"}}
    answer = checked(await client.post(f"{session}/whep", **offered))
    await peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))


async def ask(client: httpx.AsyncClient, question: str, wishes: dict[str, str], path: Path) -> None:
    """Asks one question, and keeps the answer."""
    begun = checked(await client.post("/api/sessions", json=wishes)).json()
    session, film, peer = f"/api/sessions/{begun['id']}", Film(path), RTCPeerConnection()
    try:
        async with asyncio.TaskGroup() as tasks:

            @peer.on("track")
            def film_it(track: MediaStreamTrack) -> None:
                tasks.create_task(film.take(track))

            await converse(client, session, peer, question)
            await peer.close()  # ends the tracks
            film.end()
    finally:
        await peer.close()
        film.close()
        await client.delete(session)


async def converse(client: httpx.AsyncClient, session: str, peer: RTCPeerConnection, question: str) -> None:
    """Connects as soon as there is a place, asks, and prints the answer as it is heard."""
    is_asked = False
    async for kind, data in events(client, session):
        if kind in ("ready", "state") and not is_asked:
            is_asked = True
            await connect(client, session, peer)
            checked(await client.post(f"{session}/ask", json={"text": question}))
        elif kind == "place":
            print(f"busy: you are number {data['place']} in the line")
        elif kind == "sentence":
            print(data["text"], flush=True)
        elif kind == "problem":
            print(f"({data['message']})", file=sys.stderr)
        elif kind == "turn":
            await asyncio.sleep(AFTERWARDS_S)
            return
        elif kind == "ended":
            sys.exit(f"the conversation has ended: {data.get('message', data['why'])}")


def checked(response: httpx.Response) -> httpx.Response:
    """The response, unless it is an error: then its one line ends the program."""
    if response.is_error:
        is_told = response.is_stream_consumed and response.headers.get("Content-Type") == "application/json"
        sys.exit(response.json()["detail"] if is_told else f"the server answered {response.status_code}")
    return response


async def main() -> None:
    """Reads the command line, and asks."""
    parser = argparse.ArgumentParser(description="Asks the avatar of a running `visavis serve` a question.")
    parser.add_argument("question", help="what is asked")
    parser.add_argument("-o", "--output", type=Path, default=Path("answer.mp4"), help=".mp4, or .wav for sound alone")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="where the server is")
    parser.add_argument("--portrait", help="whose face: the id of one of /api/portraits")
    parser.add_argument("--voice", help="the id of one of /api/voices")
    given = parser.parse_args()
    if given.output.suffix not in (".mp4", ".wav"):
        parser.error(f"expected a name that ends in .mp4 or .wav, got {given.output}")
    wishes = {name: value for name in ("portrait", "voice") if (value := getattr(given, name))}
    token = os.environ.get("VISAVIS_WEB_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(base_url=given.url, headers=headers, timeout=60.0) as client:
        try:
            await ask(client, given.question, wishes, given.output)
        except httpx.TransportError as error:
            sys.exit(f"{given.url}: could not reach the server: {error}")


if __name__ == "__main__":
    asyncio.run(main())
