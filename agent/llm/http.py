"""A client for an OpenAI-compatible server that can neither be led astray nor flooded.

Imported where it is needed only: httpx takes its time.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import SplitResult

import httpx

from agent.llm.address import is_this_computer
from agent.llm.stream import ServerFault
from agent.text.foreign_text import redact_credentials, shortened
from speech.errors import InputError

MOST_BYTES = 8_000_000
"""Of one response: 20,000 tokens, or a list of thousands of models."""


def http_client(address: SplitResult, connect_s: float) -> httpx.AsyncClient:
    """A client for this server only.

    It follows no redirects, so that neither key nor conversation go where nobody sent them; it asks for bytes that are
    not compressed and takes no others; it reads at most `MOST_BYTES` of a response.

    Args:
        address: the server's.
        connect_s: how long connecting and sending may take; answering is for the caller to bound.

    Raises:
        InputError: the proxy that the environment names can't be used.
    """
    settings: dict[str, Any] = {
        "timeout": httpx.Timeout(None, connect=connect_s, write=connect_s, pool=connect_s),
        "follow_redirects": False,
        "headers": {"Accept-Encoding": "identity"},
        "event_hooks": {"response": [_bound]},
    }
    if is_this_computer(address.hostname or ""):
        # A proxy of the network's can't reach a server on this computer; whose certificate is the user's own.
        if address.scheme == "https":
            settings["verify"] = ssl.create_default_context()
        return httpx.AsyncClient(trust_env=False, **settings)
    try:
        return httpx.AsyncClient(**settings)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        names = [name for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY") if {name, name.lower()} & set(os.environ)]
        why = redact_credentials(shortened(str(error)))
        raise InputError(
            f"mind.base_url: expected a proxy that can be used in {' or '.join(names) or 'the environment'}, "
            f"got '{why}'; set it right, or name the server in NO_PROXY"
        ) from None


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, body: httpx.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MOST_BYTES
        async for received in self._body:
            left -= len(received)
            if left < 0:
                raise ServerFault(f"expected an answer of at most {MOST_BYTES // 1_000_000} MB, got more")
            yield received

    async def aclose(self) -> None:
        await self._body.aclose()


async def _bound(response: httpx.Response) -> None:
    """Comes between a response's head and its body."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise ServerFault(f"expected an answer that is not compressed, got '{shortened(encoding, 40)}'")
    assert isinstance(response.stream, httpx.AsyncByteStream)
    response.stream = _Bounded(response.stream)
