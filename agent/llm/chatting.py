"""The knowledge file answers what it knows; a language model chats about the rest, and says that it only chats."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, contextmanager
from types import TracebackType
from typing import Self

from agent.knowledge.asking_back import offered
from agent.llm.base import LLM, Apology, Conversation, Message
from agent.llm.knowledge_file import KnowledgeLLM, in_words
from agent.llm.short_prompt import asks_to_invent
from speech.errors import VisavisError

ONLY_CHATTING = "I don't have that in my notes, so this is only chat, and I may be wrong."
"""Said before the model's first words in a conversation: it sounds as sure as the file does."""

INVENTING = "I'll make something up."
"""The same before a story or a rhyme, which nobody takes for facts."""


class ChattingLLM:
    """Answers from a knowledge file, and chats with a language model where the file has no answer.

    A model that fails before its first word is replaced by the honest "I don't know"; one that can't be loaded too,
    unless it was asked for by name.

    Args:
        knowledge: what answers first; small talk is its too.
        model: what chats.
        may_do_without: whether a model that can't be loaded is a `problem` only, and no error.

    Attributes:
        name: the knowledge's.
        preparing: the model's.
        problem: why the model may not be able to chat, or "".
    """

    def __init__(self, knowledge: KnowledgeLLM, model: LLM, *, may_do_without: bool = False) -> None:
        self._knowledge, self._model, self._may_do_without = knowledge, model, may_do_without
        self._entered = AsyncExitStack()
        self._can_chat = False
        self.name, self.preparing, self.problem = knowledge.name, model.preparing, ""

    async def __aenter__(self) -> Self:
        """Loads the model."""
        try:
            await self._entered.enter_async_context(self._model)
        except VisavisError as error:
            if not self._may_do_without:
                raise
            self.problem = f"only the knowledge file answers: {error}"
        else:
            self._can_chat = True
            self.problem = self._model.problem
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Frees it."""
        await self._entered.__aexit__(exc_type, exc, traceback)

    @contextmanager
    def conversation(self) -> Iterator[Conversation]:
        """Begins a conversation, and one of the model's for it."""
        if not self._can_chat:
            yield _ChattingConversation(self._knowledge, None)
            return
        with self._model.conversation() as chat:
            yield _ChattingConversation(self._knowledge, chat)


class _ChattingConversation:
    """One conversation; `chat` is the model's, None for a model that could not be loaded."""

    def __init__(self, knowledge: KnowledgeLLM, chat: Conversation | None) -> None:
        self._knowledge, self._chat = knowledge, chat
        self.name = knowledge.name

    async def stream(self, history: Sequence[Message], text: str) -> AsyncGenerator[str, None]:
        """Answers `text`; see `agent.llm.base.Conversation.stream`.

        Raises:
            Apology: the model failed, and "I don't know" was said in its place.
            VisavisError: the model failed in the middle of its reply.
        """
        chat = self._chat
        answer = await asyncio.to_thread(self._knowledge.answer, history, text)
        if answer is not None and chat is not None and asks_to_invent(text) and offered(answer):
            answer = None  # a story is what a model is for, not "Did you mean …?"
        if answer is None and chat is None:
            answer = self._knowledge.do_not_know(history)
        if answer is not None:
            async for delta in in_words(answer):
                yield delta
            return
        assert chat is not None
        has_begun = False
        try:
            async with aclosing(chat.stream(without_notes(history), text)) as deltas:
                if notice := _notice(history, text):
                    async for delta in in_words(f"{notice} "):
                        yield delta
                async for delta in deltas:
                    has_begun = True
                    yield delta
        except (VisavisError, OSError) as error:
            if has_begun:
                raise
            async for delta in in_words(self._knowledge.do_not_know(history)):
                yield delta
            raise Apology(f"{chat.name}: {error}") from None


def _notice(history: Sequence[Message], text: str) -> str:
    """What is said before the model speaks, unless it was said before in this conversation."""
    notice = INVENTING if asks_to_invent(text) else ONLY_CHATTING
    return "" if any(notice in message.text for message in history if message.role == "assistant") else notice


def without_notes(history: Sequence[Message]) -> list[Message]:
    """The conversation as the model is told it: it would learn to say our notices itself."""
    return [
        Message(one.role, _without_notices(one.text), one.interrupted) if one.role == "assistant" else one
        for one in history
    ]


def _without_notices(text: str) -> str:
    for notice in (ONLY_CHATTING, INVENTING):
        text = text.replace(notice, "").strip()
    return text
