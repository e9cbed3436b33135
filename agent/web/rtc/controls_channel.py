"""The data channel "controls": what the visitor asks of the face, often many times a second, as with a pointer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiortc import RTCDataChannel

from agent.web.rtc.controls import ControlsChange

LABEL = "controls"
"""Of the channel; others are closed."""

LONGEST = 500
"""Bytes of a message."""

AT_MOST_EVERY_S = 0.04
"""A frame's time: of what comes quicker, the newest of each control wins."""

MOST_MESSAGES_A_SECOND = 250
"""A pointer moves 60 to 120 times a second. A peer that sends more floods us, and is hung up."""


class ControlsChannel:
    """Reads one peer's channel.

    Args:
        on_change: called on the event loop, at most every 40 ms.
        on_flood: called when too much comes.

    Attributes:
        refused: messages that were no controls.
    """

    def __init__(self, on_change: Callable[[ControlsChange], None], on_flood: Callable[[], None]) -> None:
        self._on_change, self._on_flood = on_change, on_flood
        self._pending: dict[str, Any] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._second = self._messages = 0
        self.refused = 0

    def open(self, channel: RTCDataChannel) -> None:
        """Takes a channel that the peer has opened."""
        if channel.label == LABEL:
            channel.on("message", self.receive)
        else:
            channel.close()

    def close(self) -> None:
        """Nothing more is wanted."""
        if self._timer is not None:
            self._timer.cancel()

    def receive(self, message: str | bytes) -> None:
        """Takes a message: JSON as `ControlsChange` describes it."""
        if self._is_flood():
            self._on_flood()
            return
        try:
            if len(message) > LONGEST:
                raise ValueError
            change = ControlsChange.model_validate(json.loads(message))
        except ValueError:
            self.refused += 1
            return
        named = change.model_dump(exclude_unset=True)
        if "emotion" in named:
            self._pending.pop("intensity", None)  # it belongs to the emotion before
        self._pending |= named
        if self._timer is None:
            self._tell()

    def _tell(self) -> None:
        self._timer = None
        if self._pending:
            change, self._pending = ControlsChange.model_validate(self._pending), {}
            self._timer = asyncio.get_running_loop().call_later(AT_MOST_EVERY_S, self._tell)
            self._on_change(change)

    def _is_flood(self) -> bool:
        second = int(asyncio.get_running_loop().time())
        if second != self._second:
            self._second, self._messages = second, 0
        self._messages += 1
        return self._messages > MOST_MESSAGES_A_SECOND
