"""A language model on this computer, through transformers, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.knowledge import Knowledge
from agent.llm import Message
from agent.prompt import KNOWLEDGE_CHARACTERS, Prompt
from agent.reasoning import ReasoningFilter
from speech.errors import InputError
from speech.input_file import read_input_file
from speech.kept_worker import KeptWorker
from speech.worker import Worker

_LARGEST_CONFIG_BYTES = 5_000_000
_KNOWLEDGE_CHARACTERS_PER_TOKEN = 2
"""Of the model's context: half of it, at four characters a token. The rest is for the conversation."""


class TransformersLLM:
    """A chat model from a folder; nothing is ever downloaded. The process is started again if it died.

    What was read is kept (the keys and values of its attention), so that a turn reads only what is new.

    Args:
        model: folder in the Hugging Face format: config.json, a tokenizer, *.safetensors.
        name: what the avatar calls itself.
        persona: who it is; "" for the default.
        knowledge: what it knows beside what the model does.
        device: "auto" (a GPU where there is one), "cpu", "cuda", "mps".
        temperature: 0 always says the likeliest.
        max_tokens: longest reply, tokens.

    Attributes:
        name: the model's name.

    Raises:
        InputError: transformers is not installed, or the folder is not there; (on entering) it could not be loaded.
    """

    def __init__(
        self,
        *,
        model: Path,
        name: str,
        persona: str = "",
        knowledge: Knowledge | None = None,
        device: str = "auto",
        temperature: float = 0.6,
        max_tokens: int = 220,
    ) -> None:
        if importlib.util.find_spec("transformers") is None:
            raise InputError(
                "language model: expected the package transformers, it is not installed; "
                "run: pip install 'visavis[transformers]'"
            )
        self.name = model.name
        self.problem = ""
        self._prompt = Prompt(
            name=name,
            persona=persona,
            knowledge=knowledge,
            knowledge_characters=min(
                KNOWLEDGE_CHARACTERS, _KNOWLEDGE_CHARACTERS_PER_TOKEN * _context_tokens(model / "config.json")
            ),
        )
        self._first = self._prompt.messages([], "Hello.")
        setup = {"model": str(model), "device": device, "shortest": self._first}
        self._kept = KeptWorker("agent.transformers_worker", setup, what=self.name, beside=self._read_ahead)
        self._settings = {"temperature": temperature, "max_tokens": max_tokens}

    async def __aenter__(self) -> Self:
        """Loads the model, which then begins to read what stands before every conversation."""
        with _named():
            await self._kept.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Ends the process."""
        await self._kept.stop()

    async def stream(self, history: Sequence[Message], text: str) -> AsyncGenerator[str, None]:
        """Answers `text`; see `agent.llm.LLM.stream`. The oldest of a history that the model can't hold is left out.

        Raises:
            InputError: the process died, or the model has nothing to say.
        """
        messages = await asyncio.to_thread(self._prompt.messages, history, text)
        with _named():
            worker = await self._kept.running()
        reasoning = ReasoningFilter()
        is_empty = True
        async with aclosing(worker.request({"messages": messages, **self._settings})) as items:
            async for item in items:
                if delta := reasoning.push(str(item.fields["text"])):
                    is_empty = False
                    yield delta
        if delta := reasoning.flush():
            yield delta
        elif is_empty:
            raise InputError("expected a reply, got an empty one; is it a chat model, and mind.max_tokens high enough?")

    async def _read_ahead(self, worker: Worker) -> None:
        """Lets the model read persona and knowledge before the first question; one that comes meanwhile waits for it.

        What goes wrong here goes wrong again with the first question, and is told then.
        """
        call = {"messages": self._first, "temperature": 0, "max_tokens": 1}
        with contextlib.suppress(InputError):
            async with aclosing(worker.request(call)) as items:
                async for _ in items:
                    pass


@contextlib.contextmanager
def _named() -> Iterator[None]:
    """Says in what goes wrong whose work it was."""
    try:
        yield
    except InputError as error:
        raise InputError(f"language model: {error}") from None


def _context_tokens(config: Path) -> int:
    """How many tokens the model can hold.

    Raises:
        InputError: the folder has no configuration of a model.
    """
    if not config.exists():
        folder = config.parent
        found = "a folder without config.json" if folder.is_dir() else "a file" if folder.exists() else "nothing"
        raise InputError(
            f"language model: expected a folder in the Hugging Face format at {folder}, found {found}; check mind.model"
        )
    content = read_input_file(config, "a model's configuration (JSON)", most_bytes=_LARGEST_CONFIG_BYTES)
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"language model: {config}: expected JSON, could not read it ({error})") from None
    stated = fields.get("text_config", fields) if isinstance(fields, dict) else {}
    text = stated if isinstance(stated, dict) else {}
    tokens = text.get("max_position_embeddings", text.get("n_positions"))
    return tokens if isinstance(tokens, int) and tokens > 0 else KNOWLEDGE_CHARACTERS
