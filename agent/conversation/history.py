"""The conversation so far, as it was heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agent.llm.base import Message

MAX_MESSAGES = 40
"""Twenty exchanges: more than a kiosk visitor or a call needs, and small enough for a local model's context."""

MAX_CHARACTERS = 16_000
"""About 4,000 tokens of English (4 characters a token), half of the smallest context window in use today (8,192)."""


class History:
    """Keeps what was said and heard, and forgets the oldest exchanges when it grows too long.

    Two messages in a row from the same side (the avatar was cut off before anything was heard) become one, because
    chat templates of several models insist on alternating roles.

    Args:
        max_messages: most messages kept, at least 2.
        max_characters: most characters kept, over all messages; the newest message is always kept.
        earlier: what was said before, where a conversation goes on.
    """

    def __init__(
        self,
        *,
        max_messages: int = MAX_MESSAGES,
        max_characters: int = MAX_CHARACTERS,
        earlier: Sequence[Message] = (),
    ) -> None:
        if max_messages < 2 or max_characters < 1:
            raise ValueError(
                f"History: expected max_messages >= 2 and max_characters >= 1, got {max_messages}, {max_characters}"
            )
        self._max_messages = max_messages
        self._max_characters = max_characters
        self._messages: list[Message] = []
        for message in earlier:
            self._add(replace(message, text=message.text.strip()))

    def add_user(self, text: str) -> None:
        """Notes what the person said; nothing but blanks is not noted."""
        self._add(Message("user", text.strip()))

    def add_assistant(self, text: str, interrupted: bool) -> None:
        """Notes what of the reply was heard; a reply of which nothing was heard is not noted."""
        self._add(Message("assistant", text.strip(), interrupted))

    def messages(self) -> tuple[Message, ...]:
        """The conversation, oldest first; begins with the person's words unless only the avatar spoke."""
        return tuple(self._messages)

    def clear(self) -> None:
        """Forgets everything: the next person is somebody else."""
        self._messages.clear()

    def _add(self, message: Message) -> None:
        if not message.text:
            return
        if self._messages and self._messages[-1].role == message.role:
            last = self._messages.pop()
            message = Message(message.role, f"{last.text} {message.text}", message.interrupted)
        self._messages.append(message)
        while len(self._messages) > 1 and self._too_long():
            del self._messages[0]
            # An answer whose question is forgotten would only puzzle a model.
            while len(self._messages) > 1 and self._messages[0].role == "assistant":
                del self._messages[0]

    def _too_long(self) -> bool:
        characters = sum(len(message.text) for message in self._messages)
        return len(self._messages) > self._max_messages or characters > self._max_characters
