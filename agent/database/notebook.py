"""What is kept as a conversation uses it: read and written beside it, which goes on without where that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Generic, Protocol, TypeVar

from speech.errors import VisavisError

_QUEUED = 64
"""Things that wait to be written; where more would wait, they are kept back by whoever has them."""


class Kept(Protocol):
    """What a notebook reads and writes."""

    def take_problem(self) -> str:
        """What was wrong with its file since this was last called, in one line, or ""."""
        ...


Kept_ = TypeVar("Kept_", bound=Kept)
_Read = TypeVar("_Read")


class Notebook(Generic[Kept_]):
    """What one conversation reads and writes; `open_notebook` makes it.

    Args:
        kept: None where nothing is kept.
        on_problem: called with what went wrong, in one line.
    """

    def __init__(self, kept: Kept_ | None, on_problem: Callable[[str], None]) -> None:
        self._kept, self._on_problem, self._told = kept, on_problem, ""
        self._writes: asyncio.Queue[tuple[Callable[[Kept_], object], asyncio.Future[bool]] | None]
        self._writes = asyncio.Queue(_QUEUED)

    @property
    def is_open(self) -> bool:
        """Whether anything can be kept."""
        return self._kept is not None

    async def read(self, read: Callable[[Kept_], _Read], otherwise: _Read) -> _Read:
        """What `read` returns, in a thread; `otherwise` where nothing is kept or it can't be read."""
        if self._kept is None:
            return otherwise
        try:
            return await asyncio.to_thread(read, self._kept)
        except VisavisError as error:
            self._tell(str(error))
            return otherwise
        finally:
            self._tell_problem()

    def write(self, write: Callable[[Kept_], object]) -> asyncio.Future[bool] | None:
        """Has something written, after what was to be written before.

        Returns:
            Whether it is written, once that is known; None where nothing is kept, or too much waits.
        """
        if self._kept is None or self._writes.full():
            return None
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._writes.put_nowait((write, written))
        return written

    async def serve(self) -> None:
        """Writes until `close`."""
        while (next_one := await self._writes.get()) is not None:
            write, written = next_one
            assert self._kept is not None
            is_written = True
            try:
                await asyncio.to_thread(write, self._kept)
            except VisavisError as error:
                is_written = False
                self._tell(str(error))
            if not written.cancelled():
                written.set_result(is_written)
            self._tell_problem()

    async def close(self) -> None:
        """What waits is still written, then `serve` ends."""
        await self._writes.put(None)

    def _tell_problem(self) -> None:
        if self._kept is not None and (problem := self._kept.take_problem()):
            self._tell(problem)

    def _tell(self, problem: str) -> None:
        """The same is told once, and not with every answer."""
        if problem != self._told:
            self._told = problem
            self._on_problem(problem)


@asynccontextmanager
async def open_notebook(kept: Kept_ | None, on_problem: Callable[[str], None]) -> AsyncGenerator[Notebook[Kept_], None]:
    """A notebook; everything is written before it is closed."""
    notebook = Notebook(kept, on_problem)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(notebook.serve(), name="notebook")
        try:
            yield notebook
        finally:
            await notebook.close()
