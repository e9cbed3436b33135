"""A language model on this computer, through transformers, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import itertools
import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from agent.knowledge.file import Knowledge
from agent.llm.base import Conversation, Message
from agent.llm.gguf_folder import is_made
from agent.llm.prompt import KNOWLEDGE_CHARACTERS, Prompt
from agent.llm.short_prompt import ShortPrompt, asks_to_invent
from agent.llm.short_reply import ShortReply
from agent.models.packaged_catalogue import PackagedModel
from agent.text.reasoning import ReasoningFilter
from speech.errors import BackendError, InputError, VisavisError
from speech.files.input_file import read_input_file
from speech.worker.call import Item
from speech.worker.kept import KeptWorker
from speech.worker.process import Worker

_LARGEST_CONFIG_BYTES = 5_000_000
_KNOWLEDGE_CHARACTERS_PER_TOKEN = 2
"""Of the model's context: half of it, at four characters a token. The rest is for the conversation."""

_MOST_CHATTED, _MOST_INVENTED = 3, 6
"""Sentences of a small model's reply: what it says after the third is rarely about the question any more; a story and
a rhyme may have more."""

_CALM = 0.5
"""Share of the temperature at which a small model speaks: it talks nonsense sooner than others do."""


_READ_AHEAD = 0
"""The number of the conversation in which nobody speaks: what stands before all others is read in it."""


class TransformersLLM:
    """A chat model from a folder; nothing is ever downloaded. The process is started again if it died.

    What was read in a conversation is kept (the keys and values of its attention), so that a turn reads only what is
    new. Conversations are answered token by token in turn.

    Args:
        model: folder in the Hugging Face format: config.json, a tokenizer, *.safetensors; of the packaged model its
            GGUF file, which is made into such a folder once, when it is entered.
        name: what the avatar calls itself.
        persona: who it is; "" for the default.
        knowledge: what it knows beside what the model does.
        device: "auto" (a GPU where there is one), "cpu", "cuda", "mps".
        temperature: 0 always says the likeliest.
        max_tokens: longest reply, tokens.
        seed: the same seed, conversation and question give the same reply.
        packaged: the packaged model, if this is it: small, so that it is told little, and no knowledge, and may say
            little (`agent.llm.short_prompt`, `agent.llm.short_reply`).

    Attributes:
        name: the model's name.
        preparing: see `agent.llm.base.LLM`.

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
        seed: int = 0,
        packaged: PackagedModel | None = None,
    ) -> None:
        if importlib.util.find_spec("transformers") is None:
            raise InputError(
                "language model: expected the package transformers, it is not installed; "
                "run: pip install 'visavis[transformers]'"
            )
        self.name = packaged.name if packaged else model.name
        self.problem = self.preparing = ""
        self._prompt: Prompt | ShortPrompt
        if packaged:
            self._prompt = ShortPrompt(name=name, persona=persona)
            if not is_made(packaged):
                self.preparing = f"preparing the language model {self.name}, once; this takes about half a minute"
        else:
            room = _KNOWLEDGE_CHARACTERS_PER_TOKEN * _context_tokens(model / "config.json")
            self._prompt = Prompt(
                name=name,
                persona=persona,
                knowledge=knowledge,
                knowledge_characters=min(KNOWLEDGE_CHARACTERS, room),
            )
        self._is_small = packaged is not None
        self._first = self._prompt.messages([], "Hello.")
        setup = {"model": str(model), "packaged": packaged and packaged.name, "device": device, "shortest": self._first}
        self._kept = KeptWorker("agent.llm.transformers_worker", setup, what=self.name, beside=self._read_ahead)
        temperature *= _CALM if packaged else 1.0
        self._settings = {"temperature": temperature, "max_tokens": max_tokens, "seed": seed}
        self._numbers = itertools.count(_READ_AHEAD + 1)

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

    @contextmanager
    def conversation(self) -> Iterator[Conversation]:
        """Begins a conversation; leaving it frees what the model keeps of it."""
        number = next(self._numbers)
        try:
            yield _TransformersConversation(self, number)
        finally:
            self._kept.notify({"forget": number})

    async def _read_ahead(self, worker: Worker) -> None:
        """Lets the model read persona and knowledge before the first question; one that comes meanwhile waits for it.

        What goes wrong here goes wrong again with the first question, and is told then.
        """
        call = {"conversation": _READ_AHEAD, "messages": self._first, **self._settings, "max_tokens": 1}
        with contextlib.suppress(VisavisError):
            async with aclosing(worker.request(call)) as items:
                async for _ in items:
                    pass


class _TransformersConversation:
    """One of the conversations with a model; `number` is what its worker calls it."""

    def __init__(self, llm: TransformersLLM, number: int) -> None:
        self._llm, self._number = llm, number
        self.name = llm.name

    async def stream(self, history: Sequence[Message], text: str) -> AsyncGenerator[str, None]:
        """Answers `text`; see `agent.llm.base.Conversation.stream`.

        The oldest of a history that the model can't hold is left out.

        Raises:
            BackendError: the process died, or the model has nothing to say.
        """
        llm = self._llm
        messages = await asyncio.to_thread(llm._prompt.messages, history, text)
        with _named():
            worker = await llm._kept.running()
        is_empty = True
        call = worker.request({"conversation": self._number, "messages": messages, **llm._settings})
        async with aclosing(call) as items, aclosing(self._spoken(items, text)) as deltas:
            async for delta in deltas:
                is_empty = False
                yield delta
        if is_empty:
            raise BackendError(
                "expected a reply, got an empty one; is it a chat model, and mind.max_tokens high enough?"
            )

    async def _spoken(self, items: AsyncGenerator[Item, None], asked: str) -> AsyncGenerator[str, None]:
        """What of the model's text is to be said."""
        reasoning = ReasoningFilter()
        most = _MOST_INVENTED if asks_to_invent(asked) else _MOST_CHATTED
        short = ShortReply(most) if self._llm._is_small else None
        was_cut = False
        async for item in items:
            was_cut = item.fields["was_cut"]
            delta = reasoning.push(str(item.fields["text"]))
            if delta and (said := short.push(delta) if short else delta):
                yield said
            if short and short.is_over:
                return
        rest = reasoning.flush()
        if short:
            rest = short.push(rest) + short.flush(was_cut=was_cut)
        if rest:
            yield rest


@contextlib.contextmanager
def _named() -> Iterator[None]:
    """Says in what goes wrong whose work it was."""
    try:
        yield
    except VisavisError as error:
        raise type(error)(f"language model: {error}") from None


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
