"""Which of a language model's conversations have a cache, and for how long; with the library's caches, and no model."""

from __future__ import annotations

import importlib.util
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from agent.llm.conversation_caches import ConversationCaches, ReadSoFar

pytestmark = pytest.mark.skipif(importlib.util.find_spec("transformers") is None, reason="needs transformers")


def fresh() -> Any:
    from transformers import DynamicCache

    return DynamicCache()


def read(known: ReadSoFar, prompt: list[int]) -> None:
    """What a model does: keys and values, here the tokens themselves, of what is not known yet."""
    import torch

    if new := prompt[known.cache.get_seq_length() : -1]:
        values = torch.tensor(new, dtype=torch.float32).view(1, 1, -1, 1)
        known.cache.update(values, values, 0)


def held(known: ReadSoFar) -> list[float]:
    layers = known.cache.layers
    values: list[float] = layers[0].keys.flatten().tolist() if layers and layers[0].is_initialized else []
    return values


def reply(caches: ConversationCaches, conversation: int, prompt: list[int]) -> ReadSoFar:
    known = caches.begin(conversation, prompt)
    read(known, prompt)
    caches.end(conversation, known, prompt, len(prompt))
    return known


def test_each_conversation_holds_its_own_tokens_and_copies_stay_apart() -> None:
    caches = ConversationCaches(fresh)
    reply(caches, 0, [1, 2, 3, 4])
    one = caches.begin(5, [1, 2, 7, 8])
    assert held(one) == [1, 2]
    other = caches.begin(6, [1, 2, 3, 9])
    assert held(other) == [1, 2, 3]
    read(one, [1, 2, 7, 8])
    read(other, [1, 2, 3, 9])
    assert (held(one), held(other), held(caches._read[0])) == ([1, 2, 7], [1, 2, 3], [1, 2, 3])
    caches.end(5, one, [1, 2, 7, 8], 4)
    again = caches.begin(5, [1, 2, 7, 8, 9])
    assert again is one and held(again) == [1, 2, 7], "its own is taken, not copied"


def test_a_conversation_that_is_over_before_its_reply_could_begin_leaves_nothing() -> None:
    caches = ConversationCaches(fresh)
    ahead = caches.begin(0, [1, 2, 3])
    waiting = threading.Event()

    def late() -> ReadSoFar:
        waiting.set()
        return reply(caches, 5, [1, 2, 4])

    with ThreadPoolExecutor(1) as threads:
        replying = threads.submit(late)
        assert waiting.wait(10)
        time.sleep(0.1)  # until it waits for what all have in common
        caches.forget(5)
        assert not replying.done()
        read(ahead, [1, 2, 3])
        caches.end(0, ahead, [1, 2, 3], 3)
        assert held(replying.result(10)) == [1, 2]
    assert list(caches._read) == [0]


def test_of_two_replies_in_one_conversation_the_later_is_kept() -> None:
    caches = ConversationCaches(fresh)
    first, second = caches.begin(5, [1, 2]), caches.begin(5, [1, 3])
    assert first is not second
    for known, prompt in ((second, [1, 3]), (first, [1, 2])):
        read(known, prompt)
        caches.end(5, known, prompt, 2)
    assert caches._read == {5: second}
