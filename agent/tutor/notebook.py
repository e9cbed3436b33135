"""Progress as a lesson uses it: read and written beside the conversation, which goes on without where that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from agent.tutor.progress import Progress
from agent.tutor.state import Result
from speech.errors import VisavisError

_QUEUED = 64
"""Things that wait to be written; where more would wait, they are kept back by whoever has them."""

_Read = TypeVar("_Read")


class Notebook:
    """What one lesson reads and writes of the progress; `open_notebook` makes it.

    Args:
        progress: None where nothing is remembered.
        on_problem: called with what went wrong, in one line.
    """

    def __init__(self, progress: Progress | None, on_problem: Callable[[str], None]) -> None:
        self._progress, self._on_problem = progress, on_problem
        self._writes: asyncio.Queue[tuple[Callable[[Progress], object], asyncio.Future[bool]] | None]
        self._writes = asyncio.Queue(_QUEUED)

    @property
    def is_open(self) -> bool:
        """Whether anything can be remembered."""
        return self._progress is not None

    async def known(self, name: str) -> str:
        """See `Progress.known`."""
        return await self._read(lambda progress: progress.known(name), "")

    async def due(self, name: str, lesson: str, questions: Sequence[str]) -> list[str] | None:
        """See `Progress.due`."""
        return await self._read(lambda progress: progress.due(name, lesson, questions), None)

    def record(self, name: str, lesson: str, results: Sequence[Result]) -> bool:
        """Has answers written; False where too much waits."""
        return self._write(lambda progress: progress.record(name, lesson, results)) is not None

    def forget(self, name: str) -> asyncio.Future[bool]:
        """Has all that is kept of somebody deleted, after what was to be written before.

        Returns:
            Whether nothing is kept any more, once that is known; False, too, where too much waits.
        """
        if (written := self._write(lambda progress: progress.forget(name))) is not None:
            return written
        told = asyncio.get_running_loop().create_future()
        told.set_result(self._progress is None)
        return told

    async def serve(self) -> None:
        """Writes until `close`."""
        while (next_one := await self._writes.get()) is not None:
            write, written = next_one
            assert self._progress is not None
            is_written = True
            try:
                await asyncio.to_thread(write, self._progress)
            except VisavisError as error:
                is_written = False
                self._on_problem(str(error))
            if not written.cancelled():
                written.set_result(is_written)
            self._tell_problem()

    async def close(self) -> None:
        """What waits is still written, then `serve` ends."""
        await self._writes.put(None)

    async def _read(self, read: Callable[[Progress], _Read], otherwise: _Read) -> _Read:
        if self._progress is None:
            return otherwise
        try:
            return await asyncio.to_thread(read, self._progress)
        except VisavisError as error:
            self._on_problem(str(error))
            return otherwise
        finally:
            self._tell_problem()

    def _write(self, write: Callable[[Progress], object]) -> asyncio.Future[bool] | None:
        if self._progress is None or self._writes.full():
            return None
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._writes.put_nowait((write, written))
        return written

    def _tell_problem(self) -> None:
        if self._progress is not None and self._progress.problem:
            problem, self._progress.problem = self._progress.problem, ""
            self._on_problem(problem)


@asynccontextmanager
async def open_notebook(progress: Progress | None, on_problem: Callable[[str], None]) -> AsyncGenerator[Notebook, None]:
    """A notebook; everything is written before it is closed."""
    notebook = Notebook(progress, on_problem)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(notebook.serve(), name="progress")
        try:
            yield notebook
        finally:
            await notebook.close()
