"""Motion sampled in another process, so that hundreds of small steps a block don't wait for Python's lock here."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self

from speech.errors import BackendError, error_named
from speech.worker.call import WorkerCall
from speech.worker.kept import KeptWorker
from speech.worker.messages import Kind


class MotionProcess:
    """Samples batches of blocks, one after the other; entered with `async with`.

    It deals in bytes, and so needs no PyTorch; `avatar.processes.packing` makes blocks of them.

    Args:
        weights: of the motion model; None for those that ship with the package.
    """

    def __init__(self, weights: Path | None) -> None:
        setup = {"weights": None if weights is None else str(weights)}
        self._worker = KeptWorker("avatar.processes.sampling_worker", setup, what="the motion process")
        self._loop = asyncio.get_running_loop()
        self._call: WorkerCall | None = None

    async def __aenter__(self) -> Self:
        await self._worker.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._worker.stop()

    def sample(self, packed: bytes) -> bytes:
        """Samples a packed batch; to be called in one thread at a time, not in the event loop's, which must be running.

        Raises:
            BackendError: the process has died, was started again, and has died again.
        """
        return asyncio.run_coroutine_threadsafe(self._sample(packed), self._loop).result()

    async def _sample(self, packed: bytes) -> bytes:
        try:
            return await self._ask(packed)
        except BackendError:
            return await self._ask(packed)

    async def _ask(self, packed: bytes) -> bytes:
        if self._call is None:
            self._call = (await self._worker.running()).open()
        try:
            self._call.send(packed)
            kind, item = await self._call.reply()
            if kind is not Kind.ITEM:
                raise error_named(item.fields.get("error"), str(item.fields.get("message")))
        except BaseException:  # cancelled as well: what it still answers must not be taken for the next batch
            self._call.close()
            self._call = None
            raise
        return item.payload
