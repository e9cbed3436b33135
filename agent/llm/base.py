"""What a mind is: it holds conversations; what was said and a question go in, pieces of the reply come out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol, Self

from speech.errors import BackendError


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that was said.

    Attributes:
        role: who said it: the person ("user") or the avatar ("assistant").
        text: for the avatar, only what was really heard, which is less than the whole reply if it was interrupted.
        interrupted: the person cut the avatar off here.
        is_background: it was not said: it stands before the conversation, and tells a language model of the person.
    """

    role: Literal["user", "assistant"]
    text: str
    interrupted: bool = False
    is_background: bool = False


class Apology(BackendError):
    """A mind failed, and its reply says so already; the message is what went wrong, in one line."""


class Conversation(Protocol):
    """One conversation with a mind, which may hold several at once: none hears of another, or waits for its end.

    Attributes:
        name: the mind's.
    """

    name: str

    def stream(self, history: Sequence[Message], text: str) -> AsyncGenerator[str, None]:
        """Answers `text`.

        Args:
            history: what was said before, oldest first, without `text`.
            text: what the person has just said.

        Returns:
            Text deltas; joined, they are the reply. Closing or cancelling the iteration really stops the work.

        Raises:
            Apology: it failed, and what it said is a reply nevertheless.
            VisavisError: it failed.
        """
        ...


class LLM(Protocol):
    """A mind. It is an async context manager: entering loads it, leaving frees it.

    Attributes:
        name: what the mind calls itself, or the model's name.
        preparing: before it is entered: what will take long this time, in one line, or "".
        problem: once entered: why it may not be able to answer, in one line, or "".
    """

    name: str
    preparing: str
    problem: str

    def conversation(self) -> AbstractContextManager[Conversation]:
        """Begins a conversation; leaving it frees what the mind keeps of it, such as a language model's cache.

        Where nothing is kept but the history that `stream` is called with, `nullcontext(self)` will do.
        """
        ...

    async def __aenter__(self) -> Self:
        """Loads whatever is needed to answer."""
        ...

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Frees it."""
        ...
