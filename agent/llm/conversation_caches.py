"""What a language model has read in each of its conversations: the keys and values of its attention, reused per turn.

A conversation reads only what is new in it. A new one begins with a copy of what it has in common with another,
mostly who the avatar is. What is kept of conversations in which nobody is answered just now is bounded: the least
recently used go first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MOST_KEPT_BYTES = 256_000_000
"""Of all conversations in which nobody is answered: about 20 of the packaged model's, of 300 tokens each."""


@dataclass
class ReadSoFar:
    """What the model has read in one conversation.

    Attributes:
        cache: keys and values, of transformers.
        tokens: those that it holds.
        as_prompt: so many of them were read as a prompt, in parts; the rest one by one, as they were said.
        is_used: a reply is being made with it.
    """

    cache: Any
    tokens: list[int] = field(default_factory=list)
    as_prompt: int = 0
    is_used: bool = True

    @property
    def size_bytes(self) -> int:
        """Of its keys and values."""
        held = (getattr(layer, name, None) for layer in self.cache.layers for name in ("keys", "values"))
        return sum(tensor.nbytes for tensor in held if tensor is not None)


class ConversationCaches:
    """The conversations' caches. Several threads may use it.

    Args:
        fresh: makes an empty cache.
        part: where prompts are read in parts of so many tokens whose bounds matter: packed weights take their inputs in
            bfloat16, and a difference in the last digit, such as between tokens that are read one by one and together,
            grows until another word is drawn. There only parts are reused that would be read in the same way again, so
            that a conversation goes the same way whatever was read, and thrown away, between. 1 reuses every token.
        permanent: the conversation that is never dropped: what stands before all others.
        most_bytes: see `MOST_KEPT_BYTES`.
    """

    def __init__(
        self, fresh: Callable[[], Any], *, part: int = 1, permanent: int = 0, most_bytes: int = MOST_KEPT_BYTES
    ) -> None:
        self._fresh, self._part, self._permanent, self._most_bytes = fresh, part, permanent, most_bytes
        self._changed = threading.Condition()
        self._read: dict[int, ReadSoFar] = {}  # the least recently used first

    def begin(self, conversation: int, prompt: list[int]) -> ReadSoFar:
        """What need not be read again of a prompt, for a reply that is made in a conversation; to be `end`ed.

        Waits while the permanent one is being read: what all have in common is read once.

        Args:
            conversation: its number. Where another reply in it has not ended yet, that one is forgotten.
            prompt: all tokens before the reply; the last is never among those returned, as it gives the reply's first.
        """
        with self._changed:
            own = self._read.pop(conversation, None)
            if own is not None and own.is_used:
                own = None
            mine = self._read[conversation] = ReadSoFar(self._fresh())  # so that `forget` is seen while this waits
            while conversation != self._permanent and self._is_used(self._permanent):
                self._changed.wait()
            candidates = [own, *self._read.values()] if own else list(self._read.values())
            idle = [one for one in candidates if not one.is_used and _can_go_back(one.cache)]
            best = max(idle, key=lambda one: self._reusable(one, prompt), default=None)
            length = self._reusable(best, prompt) if best else 0
            if best is None or length == 0:
                read = mine
            elif best is own:
                best.cache.crop(length - len(best.tokens))
                read = best
            else:
                read = ReadSoFar(self._copied(best.cache, length))
            read.tokens, read.as_prompt, read.is_used = prompt[:length], min(read.as_prompt, length), True
            if self._read.get(conversation) is mine:
                self._read[conversation] = read
            return read

    def end(self, conversation: int, read: ReadSoFar, tokens: list[int], prompt_length: int) -> None:
        """Keeps what a reply has left, unless the conversation is over, or has another reply by now.

        Args:
            conversation: its number.
            read: as `begin` gave it.
            tokens: the prompt and the reply; the cache may hold fewer.
            prompt_length: tokens of the prompt.
        """
        with self._changed:
            if self._read.get(conversation) is not read:
                return
            self._changed.notify_all()
            read.tokens = tokens[: read.cache.get_seq_length()]
            read.as_prompt = min(len(read.tokens), prompt_length - 1)
            read.is_used = False
            idle = [number for number, one in self._read.items() if not one.is_used and number != self._permanent]
            kept = sum(self._read[number].size_bytes for number in idle)
            for number in idle:
                if kept <= self._most_bytes:
                    break
                kept -= self._read.pop(number).size_bytes

    def forget(self, conversation: int) -> None:
        """Frees what was read in a conversation."""
        with self._changed:
            self._read.pop(conversation, None)
            self._changed.notify_all()

    def _is_used(self, conversation: int) -> bool:
        return conversation in self._read and self._read[conversation].is_used

    def _reusable(self, read: ReadSoFar, prompt: list[int]) -> int:
        length = common_length(prompt[:-1], read.tokens)
        return length if self._part == 1 else min(length, read.as_prompt) // self._part * self._part

    def _copied(self, cache: Any, length: int) -> Any:
        copy = self._fresh()
        for number, layer in enumerate(cache.layers):
            if layer.is_initialized:
                copy.update(layer.keys[..., :length, :], layer.values[..., :length, :], number)
        return copy


def common_length(one: list[int], other: list[int]) -> int:
    """How many tokens both begin with."""
    length = 0
    for mine, others in zip(one, other, strict=False):
        if mine != others:
            break
        length += 1
    return length


def _can_go_back(cache: Any) -> bool:
    """Whether the last tokens can be taken off a cache of this kind."""
    return bool(cache.is_croppable) and not any(cache.is_sliding)
