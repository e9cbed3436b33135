"""What waits between a conversation and the broker. Both ways are bounded, and say what they throw away."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.mqtt.messages import Command

if TYPE_CHECKING:
    from aiomqtt import Message

MAX_WAITING = 256
"""Messages each way: half an hour of conversation while the broker is away."""

MAX_INTERIM = 16
"""Of the unfinished transcripts only the newest matter."""


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to the broker.

    Attributes:
        topic: whole.
        payload: UTF-8.
        qos: 0 may get lost, 1 arrives at least once.
        retain: whether the broker gives it to later subscribers.
        is_interim: it will be superseded soon, so it is the first to be thrown away.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    is_interim: bool = False


class Outbox:
    """Messages on their way out, in order. Never blocks: when it is full, the oldest of the same kind goes."""

    def __init__(self) -> None:
        self._waiting: deque[OutgoingMessage] = deque()
        self._filled = asyncio.Event()
        self._interim = 0
        self.dropped = 0
        """Messages thrown away so far, interim transcripts not counted."""

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: OutgoingMessage) -> None:
        """Adds a message; drops the oldest of its kind where there is no room."""
        if message.is_interim:
            if self._interim == MAX_INTERIM:
                self.remove(next(waiting for waiting in self._waiting if waiting.is_interim))
            self._interim += 1
        elif len(self._waiting) - self._interim == MAX_WAITING:
            self.remove(next(waiting for waiting in self._waiting if not waiting.is_interim))
            self.dropped += 1
        self._waiting.append(message)
        self._filled.set()

    async def first(self) -> OutgoingMessage:
        """Waits for the oldest message; it stays until it is removed."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        return self._waiting[0]

    def remove(self, message: OutgoingMessage) -> None:
        """Removes this very object, if it is still there."""
        for index, waiting in enumerate(self._waiting):
            if waiting is message:
                del self._waiting[index]
                self._interim -= message.is_interim
                return

    def remove_topic(self, topic: str) -> None:
        """Removes all messages of a topic."""
        self._waiting = deque(message for message in self._waiting if message.topic != topic)
        self._interim = sum(message.is_interim for message in self._waiting)


def inbox_type(on_dropped: Callable[[], None]) -> type[asyncio.Queue[Message]]:
    """The queue for aiomqtt's client: bounded.

    A stop outruns what was to be said before it: whatever waits to be said or asked is thrown away. Otherwise the
    oldest command goes when there is no more room, but never a stop.

    Args:
        on_dropped: called on the event loop for every command that finds no room.
    """

    class Inbox(asyncio.Queue["Message"]):
        def _init(self, maxsize: int) -> None:
            self._queue: deque[Message] = deque()

        def _put(self, item: Message) -> None:
            if is_stop(item):
                kept = (message for message in self._queue if not is_speech(message) and not is_stop(message))
                self._queue = deque(kept)
            if len(self._queue) >= MAX_WAITING:
                del self._queue[1 if is_stop(self._queue[0]) else 0]
                on_dropped()
            self._queue.append(item)

        def _get(self) -> Message:
            return self._queue.popleft()

    def is_stop(message: Message) -> bool:
        return not message.retain and message.topic.value.endswith(f"/{Command.STOP}")

    def is_speech(message: Message) -> bool:
        return message.topic.value.endswith((f"/{Command.SAY}", f"/{Command.ASK}"))

    return Inbox
