"""Faces loaded in a process of their own, so that a visitor who comes disturbs none of those who are there."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path
from typing import Self

from agent.config.config import Config
from agent.faces import Face, OneAtATime
from speech.errors import error_named
from speech.files.scratch import scratch_folder
from speech.worker.kept import KeptWorker
from speech.worker.messages import Kind


class FaceProcess:
    """Loads faces; entered with `async with`."""

    def __init__(self) -> None:
        self._worker = KeptWorker("agent.face_worker", {}, what="the portraits' process")

    async def __aenter__(self) -> Self:
        await self._worker.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._worker.stop()

    async def load(self, config: Config) -> Face:
        """See `agent.faces.load_face`.

        Raises:
            InputError: likewise.
            BackendError: the process has died.
        """
        sections = pickle.dumps({name: getattr(config, name) for name in ("output", "portrait", "face")})
        with scratch_folder() as folder:
            call = (await self._worker.running()).open({"face": str(folder / "face")})
            try:
                call.send(sections)
                kind, item = await call.reply()
            finally:
                call.close()
            if kind is not Kind.ITEM:
                raise error_named(item.fields.get("error"), str(item.fields.get("message")))
            return await asyncio.to_thread(_unpickled, folder / "face")


def _unpickled(path: Path) -> Face:
    import cv2

    cv2.setNumThreads(1)  # as `load_face` does in its process
    portrait, decoder = pickle.loads(path.read_bytes())
    return Face(portrait, OneAtATime(decoder))
