"""Places for so many, and a line in which the others wait: first come, first served."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from speech.errors import VisavisError

RETRY_AFTER_S = 30
"""Whoever finds even the line full may ask again after so long."""


class HallFullError(VisavisError):
    """There is neither a place nor room in the line.

    Attributes:
        retry_after_s: when it is worth asking again.
    """

    status = 4
    retry_after_s = RETRY_AFTER_S


class Ticket:
    """A place, or one in the line; `Places.join` gives it.

    Args:
        places: which gave it.

    Attributes:
        number: in the line, 1 is next; 0 is a place.
        on_moved: called with the number whenever it changes.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._called = asyncio.Event()
        self.number = -1
        self.on_moved: Callable[[int], None] = lambda number: None

    def move(self, number: int) -> None:
        """Takes another number."""
        if number == self.number:
            return
        self.number = number
        if number == 0:
            self._called.set()
        self.on_moved(number)

    async def called(self) -> None:
        """Waits for a place."""
        await self._called.wait()

    def give_back(self) -> None:
        """The place, or the one in the line, is somebody else's now."""
        self._places.leave(self)


class Places:
    """Who is in, and who waits.

    Args:
        count: places.
        waiting: room in the line.
    """

    def __init__(self, count: int, waiting: int) -> None:
        self.count = count
        self._waiting = waiting
        self._in: set[Ticket] = set()
        self._line: list[Ticket] = []

    @property
    def taken(self) -> int:
        """Places that somebody has."""
        return len(self._in)

    @property
    def free(self) -> int:
        """Places that nobody has or waits for."""
        return self.count - len(self._in)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._line)

    def join(self, *, first: bool = False) -> Ticket:
        """A place if there is one, else one in the line.

        Args:
            first: whether it goes before all who wait: a conversation that goes on has been let in before.

        Raises:
            HallFullError: the line is full, too.
        """
        if self.free <= 0 and len(self._line) >= self._waiting:
            raise HallFullError(
                f"all {self.count} places are taken, and {len(self._line)} visitors wait already: "
                f"please try again in {RETRY_AFTER_S} s"
            )
        ticket = Ticket(self)
        self._line.insert(0 if first else len(self._line), ticket)
        self._move_up()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Whoever has the ticket goes; the next ones move up."""
        self._in.discard(ticket)
        if ticket in self._line:
            self._line.remove(ticket)
        self._move_up()

    def _move_up(self) -> None:
        while self._line and self.free > 0:
            ticket = self._line.pop(0)
            self._in.add(ticket)
            ticket.move(0)
        for number, ticket in enumerate(self._line, 1):
            ticket.move(number)
