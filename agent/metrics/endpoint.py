"""Where Prometheus reads a conversation's figures, on this machine only: GET http://127.0.0.1:PORT/metrics."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.util import find_spec

from agent.metrics.figures import ConversationFigures
from speech.errors import InputError

HOST = "127.0.0.1"

_LONGEST_HEAD = 8192
"""Bytes of a request."""

_PATIENCE_S = 5.0
"""Whoever has not asked by then is hung up on."""

_MOST_AT_ONCE = 8


def check_metrics(port: int) -> None:
    """Refuses to go on without the package that metrics need, where they are wanted.

    Raises:
        InputError: it is not installed; says what installs it.
    """
    if port and find_spec("prometheus_client") is None:
        raise InputError(
            "metrics.port: expected the package prometheus-client, not installed; run: pip install 'visavis[metrics]'"
        )


@asynccontextmanager
async def metrics_endpoint(port: int, figures: Callable[[], ConversationFigures]) -> AsyncGenerator[None, None]:
    """Answers while it is entered.

    Args:
        port: 0 for not at all.
        figures: asked on the event loop at each request.

    Raises:
        InputError: somebody else has the port.
    """
    if not port:
        yield
        return
    answering = _Answering(figures)
    try:
        server = await asyncio.start_server(answering.answer, HOST, port, limit=_LONGEST_HEAD)
    except OSError as error:
        raise InputError(f"metrics.port: expected a free port, got {port}: {os.strerror(error.errno or 0)}") from None
    async with server:
        yield


class _Answering:
    def __init__(self, figures: Callable[[], ConversationFigures]) -> None:
        self._figures, self._open = figures, 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= _MOST_AT_ONCE:
                async with asyncio.timeout(_PATIENCE_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._reply(head.partition(b"\r\n")[0].split(b" ")))
                    await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asks so gets no answer
        finally:
            self._open -= 1
            writer.close()

    def _reply(self, request: list[bytes]) -> bytes:
        from agent.metrics.series import TEXT, as_text, conversation_series

        if len(request) != 3 or not request[2].startswith(b"HTTP/1."):
            return _response(HTTPStatus.BAD_REQUEST)
        if request[0] != b"GET":
            return _response(HTTPStatus.METHOD_NOT_ALLOWED)
        if request[1].partition(b"?")[0] != b"/metrics":
            return _response(HTTPStatus.NOT_FOUND)
        return _response(HTTPStatus.OK, TEXT, as_text(lambda: conversation_series(self._figures())))


def _response(status: HTTPStatus, kind: str = "text/plain; charset=utf-8", body: bytes = b"") -> bytes:
    body = body or f"{status.phrase}\n".encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
