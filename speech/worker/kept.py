"""A worker process that is there when it is needed: one that dies is started again at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from speech.errors import VisavisError
from speech.worker.process import Worker

_SHORTEST_LIFE_S = 10.0
"""One that died sooner is started again only when it is needed, or it might go on like that for ever."""


class KeptWorker:
    """Starts a worker, and starts it again whenever it has died: who needs it next need not wait until it has loaded.

    Args:
        module: see `Worker.start`.
        setup: see `Worker.start`.
        what: see `Worker.start`.
        beside: what is to be done beside every process from its start on; ended with it.
    """

    def __init__(
        self,
        module: str,
        setup: Mapping[str, Any],
        *,
        what: str,
        beside: Callable[[Worker], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self._module, self._setup, self._what = module, setup, what
        self._beside = beside
        self._worker: Worker | None = None
        self._doing_beside: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Starts the process and keeps it running until `stop`.

        Raises:
            VisavisError: it could not load; of the class that the worker raised.
        """
        await self.running()

    async def running(self) -> Worker:
        """The process; where it has died, waits until it has loaded again.

        Raises:
            VisavisError: it could not load; of the class that the worker raised.
        """
        async with self._starting:
            if self._worker is None or self._worker.has_ended:
                await self._end()
                self._worker = await Worker.start(self._module, self._setup, what=self._what)
                if self._beside is not None:
                    self._doing_beside = asyncio.create_task(
                        self._beside(self._worker), name=f"beside {self._what}'s start"
                    )
                if self._keeping is None or self._keeping.done():
                    self._keeping = asyncio.create_task(self._keep_running(), name=f"keep {self._what} running")
            return self._worker

    def notify(self, fields: Mapping[str, Any]) -> None:
        """Makes a call whose end nobody waits for; nothing where there is no process."""
        if self._worker is not None and not self._worker.has_ended:
            self._worker.open(fields).end()

    async def stop(self) -> None:
        """Ends the process, and what it still does."""
        await _cancelled(self._keeping)  # it may be starting one
        async with self._starting:
            await _cancelled(self._keeping)  # of one that was started meanwhile because somebody needed it
            await self._end()

    async def _keep_running(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(VisavisError):  # whoever needs it next is told
            while True:
                worker, began_s = await self.running(), loop.time()
                await worker.ended()
                if loop.time() - began_s < _SHORTEST_LIFE_S:
                    return

    async def _end(self) -> None:
        worker, self._worker = self._worker, None
        await _cancelled(self._doing_beside)
        if worker is not None:
            await worker.stop()


async def _cancelled(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
