"""Reads what a knowledge file means, beside everything else that is going on; the mind searches without until then."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.knowledge.file import Knowledge
from agent.knowledge.meaning import Meaning, elsewhere, texts_of
from agent.knowledge.vector_cache import vectors_of
from agent.models.packaged import any_installed, packaged_path
from agent.models.packaged_catalogue import PackagedModel, packaged_of
from speech.errors import InputError, VisavisError
from speech.worker.priority import let_others_first


class Understanding:
    """Gives a knowledge file its meaning (`Knowledge.meaning`), in a thread of its own, as soon as it is read.

    As a context manager: reading begins on entering, and stops on leaving. Entering takes no longer than a look at the
    weights; without them nothing is read, and nothing is wrong.

    Args:
        knowledge: what is to be read; None for nothing.

    Attributes:
        problem: once entered: why weights that are there can't be used, in one line, or "".
    """

    def __init__(self, knowledge: Knowledge | None) -> None:
        self.problem = ""
        self._knowledge = knowledge
        self._stopped = threading.Event()
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Checks the weights, and begins to read."""
        model = packaged_of("embeddings")[0]
        if self._knowledge is None or not any_installed(model):
            return self
        try:
            folder = await asyncio.to_thread(packaged_path, model)
            if find_spec("tokenizers") is None:
                raise InputError(f"{model.title}: expected the package tokenizers, it is not installed")
        except VisavisError as error:
            self.problem = f"{error}; until then, {model.without}"
            return self
        self._reading = asyncio.create_task(self._read(self._knowledge, model, folder), name="read meaning")
        return self

    async def ready(self) -> None:
        """Waits until everything is read; at once if there is nothing to read."""
        if self._reading is not None:
            await asyncio.shield(self._reading)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stops reading within a tenth of a second."""
        self._stopped.set()
        if self._reading is not None:
            await self._reading

    async def _read(self, knowledge: Knowledge, model: PackagedModel, folder: Path) -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "meaning", initializer=let_others_first) as reader:
            try:
                knowledge.meaning = await loop.run_in_executor(reader, self._meaning_of, knowledge, model, folder)
            finally:
                self._stopped.set()  # cancelled, the thread would read on

    def _meaning_of(self, knowledge: Knowledge, model: PackagedModel, folder: Path) -> Meaning | None:
        """None if it was stopped."""
        from agent.knowledge.minilm import MiniLM  # imports PyTorch, which takes seconds

        network = MiniLM(folder)
        read = [
            vectors_of(
                texts,
                network.encode,
                size=network.size,
                model=model.files[0].sha256,
                is_stopped=self._stopped.is_set,
            )
            for texts in (elsewhere(), texts_of(knowledge.answers)[0])
        ]
        others, vectors = read
        if others is None or vectors is None:
            return None
        meaning = Meaning(knowledge.answers, vectors, others, network.encode)
        meaning.likeness(elsewhere()[0])  # the first time takes longer
        return meaning
