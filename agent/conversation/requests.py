"""What others ask of the avatar at any moment: it waits for the floor, and nothing of it is lost in silence."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from agent.conversation.events import Event, RequestDropped, Say, TypedText
from agent.conversation.floor import Floor

QUEUED_REQUESTS = 16
"""Things that others asked for and that wait for the floor; more are refused."""

LISTENS_S = 5.0
"""So long they wait for the user to finish; where it is noisy, a turn may never end."""


class Requests:
    """Those that wait, in their order.

    Args:
        floor: which they wait for.
        answer: takes the floor for one.
        on_event: called with each that is taken back.
    """

    def __init__(
        self, floor: Floor, answer: Callable[[TypedText | Say], None], on_event: Callable[[Event], None]
    ) -> None:
        self._floor, self._answer, self._on_event = floor, answer, on_event
        self._waiting: deque[TypedText | Say] = deque()
        self._asked, self._nothing_waits = asyncio.Event(), asyncio.Event()
        self._nothing_waits.set()
        self._is_closed = False

    def put(self, request: TypedText | Say) -> bool:
        """Keeps a request until the floor is free; False if too many wait already, or the conversation is over."""
        if len(self._waiting) >= QUEUED_REQUESTS or self._is_closed:
            return False
        self._waiting.append(request)
        self._asked.set()
        self._nothing_waits.clear()
        return True

    def drop(self, why: str) -> None:
        """Takes back what waits; each is told."""
        while self._waiting:
            self._on_event(RequestDropped(self._waiting.popleft(), why))
        self._nothing_waits.set()

    def close(self, why: str) -> None:
        """Takes no more, and takes back what waits."""
        self._is_closed = True
        self.drop(why)

    async def finish(self) -> None:
        """Lets what waits, and the last answer, be played to the end; then takes no more."""
        while self._waiting or not self._floor.is_free:
            await self._nothing_waits.wait()
            await self._floor.free()
        self._is_closed = True

    async def serve(self) -> None:
        """Answers what was asked for, one after the other, when nobody speaks; a barge-in makes it wait, not go."""
        while True:
            await self._asked.wait()
            while self._waiting:
                request = self._waiting[0]
                await self._nobody_speaks()
                if self._waiting and self._waiting[0] is request:  # else it was taken back
                    self._waiting.popleft()
                    self._answer(request)
            self._asked.clear()
            self._nothing_waits.set()

    async def _nobody_speaks(self) -> None:
        floor, is_patient = self._floor, True
        while True:
            try:
                async with asyncio.timeout(LISTENS_S):  # `wait_for` forgets a cancellation that comes with the event
                    await floor.quiet()
            except TimeoutError:
                is_patient = False
            await floor.free()
            if floor.user_is_quiet or not is_patient:
                return
