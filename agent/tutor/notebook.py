"""Progress as a lesson uses it: beside the conversation, which goes on without where it can't be read or written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from agent.database.notebook import Notebook
from agent.tutor.progress import Progress
from agent.tutor.state import Result


class LearnersNotebook:
    """What one lesson reads and writes of the progress.

    Args:
        notebook: open.
    """

    def __init__(self, notebook: Notebook[Progress]) -> None:
        self._notebook = notebook

    @property
    def is_open(self) -> bool:
        """Whether anything can be remembered."""
        return self._notebook.is_open

    async def known(self, name: str) -> str:
        """See `Progress.known`."""
        return await self._notebook.read(lambda progress: progress.known(name), "")

    async def due(self, name: str, lesson: str, questions: Sequence[str]) -> list[str] | None:
        """See `Progress.due`."""
        return await self._notebook.read(lambda progress: progress.due(name, lesson, questions), None)

    def record(self, name: str, lesson: str, results: Sequence[Result]) -> bool:
        """Has answers written; False where too much waits."""
        return self._notebook.write(lambda progress: progress.record(name, lesson, results)) is not None

    def forget(self, name: str) -> asyncio.Future[bool]:
        """Has all that is kept of somebody deleted, after what was to be written before.

        Returns:
            Whether nothing is kept any more, once that is known; False, too, where too much waits.
        """
        if (written := self._notebook.write(lambda progress: progress.forget(name))) is not None:
            return written
        told = asyncio.get_running_loop().create_future()
        told.set_result(not self.is_open)
        return told
