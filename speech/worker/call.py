"""One call to a worker process, as the program sees it: what is sent for it, and the pieces of its result."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from speech.errors import VisavisError, error_named
from speech.worker.messages import WINDOW_BYTES, Kind, pack_message

_LOG = logging.getLogger(__name__)

_TOLD_BYTES = WINDOW_BYTES // 8
"""The worker hears how much was read whenever it is so much more: it need not know of each item."""


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of a call's result.

    Attributes:
        fields: what the worker says of it.
        payload: bytes that come with it.
    """

    fields: Mapping[str, Any]
    payload: bytes


class WorkerCall:
    """One call to a worker; made by `Worker.open`, ended by `close`.

    What its reader has not taken yet waits here: at most `WINDOW_BYTES` and an item, as the worker then stops.

    Args:
        number: the call's.
        what: whose work it is, for the log.
        send: sends the worker a message.
        forget: called once, when the call is over.
    """

    def __init__(self, number: int, what: str, send: Callable[[bytes], None], forget: Callable[[int], None]) -> None:
        self._number, self._what, self._send, self._forget = number, what, send, forget
        self._replies: deque[tuple[Kind, Item, int]] = deque()
        self._has_reply = asyncio.Event()
        self._read_bytes = 0
        self._is_over = False

    def send(self, payload: bytes) -> None:
        """Sends more for the call; the caller bounds how far it is ahead of the answers."""
        self._send(pack_message(Kind.DATA, self._number, None, payload))

    def end(self) -> None:
        """Says that all was sent."""
        self._send(pack_message(Kind.END, self._number))

    def fail(self, error: VisavisError) -> None:
        """Ends the reading of this call with an error, after what has come of it."""
        self._replies.append((Kind.ERROR, Item({"message": str(error), "error": type(error).__name__}, b""), 0))
        self._has_reply.set()

    async def reply(self) -> tuple[Kind, Item]:
        """The next message of the worker about this call."""
        while not self._replies:
            self._has_reply.clear()
            await self._has_reply.wait()
        kind, item, length = self._replies.popleft()
        self._read_bytes += length
        if self._read_bytes >= _TOLD_BYTES and not self._is_over:
            self._send(pack_message(Kind.TAKEN, self._number, {"bytes": self._read_bytes}))
            self._read_bytes = 0
        return kind, item

    async def items(self) -> AsyncGenerator[Item, None]:
        """The pieces of the result as they come.

        Raises:
            BackendError: the call failed, or the worker died.
            InputError: the worker found fault with what it was given.
        """
        while True:
            kind, item = await self.reply()
            if kind is Kind.ERROR:
                raise error_named(item.fields["error"], str(item.fields["message"]))
            if kind is Kind.DONE:
                return
            yield item

    def close(self) -> None:
        """Nothing more of this call is wanted: the worker stops working on it."""
        if not self._is_over:
            self._end()
            self._send(pack_message(Kind.CANCEL, self._number))
        self._replies.clear()

    def take(self, kind: Kind, item: Item, length: int) -> None:
        """Takes a message about this call, of `length` bytes: the worker's answer, never waited for."""
        self._replies.append((kind, item, length))
        self._has_reply.set()
        if kind is not Kind.ITEM and not self._is_over:
            self._end()
        if kind is Kind.ERROR and self._number:  # without its message, which may hold what somebody has said
            _LOG.warning("%s: a call failed: %s%s", self._what, item.fields["error"], item.fields.get("where", ""))

    def _end(self) -> None:
        self._is_over = True
        self._forget(self._number)
