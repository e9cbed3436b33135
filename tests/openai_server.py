"""A small HTTP server that speaks OpenAI's streaming protocol for chats, well or badly, as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self


@dataclass(frozen=True, slots=True)
class Answer:
    """How one request is answered.

    Attributes:
        deltas: the pieces of the reply.
        delay_s: before each of them.
        then: what comes after them: the proper end; silence; the connection cut; an end without a last word; something
            that is no JSON, or no piece of a chat; an error report; all deltas again, and so on for ever.
        status: of the response; other than 200 there is only `body`.
        body: of an error, or in place of a stream.
        headers: further ones.
        raw: the response as it goes over the wire, head and all, piece by piece with `delay_s` before each; then the
            connection ends.
    """

    deltas: Sequence[str] = ("Hello", ".")
    delay_s: float = 0.0
    then: Literal["end", "stall", "cut", "stop", "garbage", "nonsense", "error", "again"] = "end"
    status: int = 200
    body: str = ""
    headers: Sequence[str] = ()
    raw: Iterable[bytes] | None = None


class ChatServer:
    """Listens on a free loopback port as long as it is entered.

    Args:
        models: what it lists; a chat with another one is refused.
        key: what it wants; "" for nothing.

    Attributes:
        answers: what the next requests for a chat get, in order; the last one goes for all later ones too.
        lists_models: how it answers when it is asked for its models; None for well.
        chats: the chats that were asked for: the requests' JSON.
        headers: of the latest request, names in lower case.
    """

    def __init__(self, *, models: Sequence[str] = ("tiny", "other"), key: str = "") -> None:
        self.models, self._key = models, key
        self.answers: list[Answer] = [Answer()]
        self.lists_models: Answer | None = None
        self.chats: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}
        self._server: asyncio.Server | None = None
        self._left: asyncio.Queue[None] = asyncio.Queue()
        self._connections: set[asyncio.Task[None]] = set()
        self._port = 0

    @property
    def url(self) -> str:
        """For `base_url`."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Starts it, also again, on the port that it had before."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Ends it, with all connections."""
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        await asyncio.sleep(0)  # the transports close

    async def client_left(self, within_s: float) -> None:
        """Waits until a client has gone before its answer was over; each counts once."""
        await asyncio.wait_for(self._left.get(), within_s)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while (request := await _read_request(reader)) is not None:
                target, self.headers, body = request
                await self._respond(target, body, reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _respond(
        self, target: str, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._key and self.headers.get("authorization") != f"Bearer {self._key}":
            given = self.headers.get("authorization", "").removeprefix("Bearer ")
            return await _plain(writer, Answer(status=401, body=_error(f"Incorrect API key provided: {given}")))
        if target == "GET /v1/models":
            listed = json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})
            return await _plain(writer, self.lists_models or Answer(body=listed))
        if target != "POST /v1/chat/completions":
            return await _plain(writer, Answer(status=404, body=_error("no such page")))
        chat = json.loads(body)
        self.chats.append(chat)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer.status == 200 and chat["model"] not in self.models:
            return await _plain(writer, Answer(status=404, body=_error(f"model '{chat['model']}' not found")))
        if answer.raw is None and (answer.status != 200 or answer.body):
            return await _plain(writer, answer)
        sent = _stream(writer, answer) if answer.raw is None else _raw(writer, answer.raw, answer.delay_s)
        streaming = asyncio.create_task(sent)
        leaving = asyncio.create_task(reader.read(1))
        await asyncio.wait({streaming, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not streaming.done() or streaming.exception() is not None:
            self._left.put_nowait(None)
        for task in (streaming, leaving):
            task.cancel()
        await asyncio.gather(streaming, leaving, return_exceptions=True)
        if answer.raw is not None:
            raise ConnectionResetError  # nobody speaks HTTP on it any more


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes] | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return head[0].rpartition(" ")[0], headers, body


async def _plain(writer: asyncio.StreamWriter, answer: Answer) -> None:
    if answer.then == "stall":
        await asyncio.Event().wait()
    kind = "application/json" if answer.body.startswith("{") else "text/html"
    head = [f"HTTP/1.1 {answer.status} X", f"Content-Type: {kind}", f"Content-Length: {len(answer.body.encode())}"]
    writer.write("\r\n".join([*head, *answer.headers, "", answer.body]).encode())
    await writer.drain()


async def _raw(writer: asyncio.StreamWriter, pieces: Iterable[bytes], delay_s: float) -> None:
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            await asyncio.sleep(delay_s)
            writer.write(piece)
            await writer.drain()
    writer.close()


async def _stream(writer: asyncio.StreamWriter, answer: Answer) -> None:
    async def send(data: str) -> None:
        writer.write(f"{len(data.encode()):x}\r\n{data}\r\n".encode())
        await writer.drain()

    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    await send(_event({"role": "assistant", "content": ""}))
    while True:
        for delta in answer.deltas:
            await asyncio.sleep(answer.delay_s)
            await send(_event({"content": delta}))
        if answer.then != "again":
            break
    match answer.then:
        case "end":
            await send(_event({}, finish_reason="stop"))
            await send('data: {"id": "x", "object": "chat.completion.chunk", "choices": [], "usage": null}\n\n')
            await send("data: [DONE]\n\n")
        case "stall":
            await asyncio.Event().wait()
        case "cut":
            writer.transport.abort()
            return
        case "garbage":
            await send("data: {not json\n\n")
        case "nonsense":
            await send('data: {"choices": [{"delta": 3}]}\n\ndata: [1]\n\n')
        case "error":
            await send(f"data: {_error('out of memory')}\n\n")
    await send("")


def _event(delta: dict[str, str], finish_reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "tiny", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n"


def _error(message: str) -> str:
    return json.dumps({"error": {"message": message, "type": "error"}})
