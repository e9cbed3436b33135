"""Lists as a person reads them out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from speech.text.spoken_numbers import ordinal_words

SHORT_WORDS = 8
"""Items up to this many words become one enumeration; longer ones a sentence each."""

_STOPS = (".", "!", "?", "…")
_PHRASE_WORDS = 3
"""More words with a full stop are a sentence: "Nuts are in the carrot cake."."""

MOST_ENUMERATED = 10
"""More than this in one breath nobody remembers; the rest is said when asked for more."""

PARAGRAPH_WORDS = 60
"""About as much as is said in one go."""


@dataclass(slots=True)
class Item:
    """An item of a list.

    Attributes:
        text: its words.
        is_done: of a task, whether its box is ticked; None if it is no task.
        items: the list below it.
        ordered: whether that one is numbered.
    """

    text: str
    is_done: bool | None = None
    items: list[Item] = field(default_factory=list)
    ordered: bool = False


def say_list(items: Sequence[Item], *, ordered: bool = False, start: int = 1) -> list[str]:
    """Says a list, in one paragraph or more.

    Args:
        items: none may be empty of words at all levels.
        ordered: numbered: the items are steps, and their order is said.
        start: the first one's number.
    """
    if any(item.is_done is not None for item in items):
        return _say_tasks(items)
    texts = [text for item in items if (text := _say_item(item))]
    if ordered and len(texts) > 1:
        return gather([f"{ordinal_words(start + place).capitalize()}: {end(text)}" for place, text in enumerate(texts)])
    if is_enumeration(texts):
        cuts = range(0, len(texts), MOST_ENUMERATED)
        return [f"{enumerate_words(texts[cut : cut + MOST_ENUMERATED])}." for cut in cuts]
    return gather([end(text) for text in texts])


def _say_tasks(items: Sequence[Item]) -> list[str]:
    said = []
    for is_done, name in ((None, ""), (True, "Done: "), (False, "To do: ")):
        texts = [text for item in items if item.is_done is is_done and (text := _say_item(item))]
        if texts:
            said.append(
                f"{name}{enumerate_words(texts)}." if is_enumeration(texts) else f"{name}{' '.join(map(end, texts))}"
            )
    return gather(said)


def _say_item(item: Item) -> str:
    text = " ".join(item.text.split())
    if not item.items:
        return text
    below = [said for child in item.items if (said := _say_item(child))]
    if not below:
        return text
    joined = enumerate_words(below) if is_enumeration(below) else " ".join(map(end, below))
    return f"{text.rstrip(' .:;,')}: {joined}" if text else joined


def is_enumeration(texts: Sequence[str]) -> bool:
    """Whether items are short enough to be named in one sentence."""
    bare = [text.rstrip(".;,") for text in texts]
    sentences = any(text[-1:] in _STOPS and len(text.split()) > _PHRASE_WORDS for text in texts)
    return (
        len(texts) > 1
        and not sentences
        and all(len(text.split()) <= SHORT_WORDS and not re.search(r"[.!?:]\s|[!?:]$|, ", text) for text in bare)
    )


def enumerate_words(texts: Sequence[str]) -> str:
    """Several things in one sentence: "a, b and c"."""
    bare = [text.rstrip(".;, ") for text in texts]
    return bare[0] if len(bare) == 1 else f"{', '.join(bare[:-1])} and {bare[-1]}"


def end(text: str) -> str:
    """A sentence with a mark at its end."""
    text = text.rstrip(" ,;:")
    return text if text[-1:] in _STOPS else f"{text}."


def gather(sentences: Sequence[str], *, most_words: int = PARAGRAPH_WORDS) -> list[str]:
    """Puts sentences together to paragraphs that can be said in one go."""
    paragraphs: list[str] = []
    room = 0
    for sentence in sentences:
        count = len(sentence.split())
        if paragraphs and count <= room:
            paragraphs[-1] += f" {sentence}"
            room -= count
        else:
            paragraphs.append(sentence)
            room = most_words - count
    return paragraphs
