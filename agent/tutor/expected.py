"""What stands after "Answer:" in a lesson file, and how it is to be compared."""

from __future__ import annotations

import re
from collections.abc import Callable

from agent.text.words import tokens
from agent.tutor.lesson import Expected, Kind
from speech.text.spoken_numbers import number_words

NUMBER_WORDS = frozenset(
    word
    for number in (*range(20), *range(20, 100, 10), 100, 1_000, 1_000_000)
    for word in number_words(str(number)).split()
    if word not in ("one", "a", "and")
) | {"one"}
"""Every word that a number up to millions is made of."""

MOST_ITEMS = 30
_ITEMS = re.compile(r"\s*(all|any|\w+)\s+of\s*:\s*(.+)", re.IGNORECASE | re.DOTALL)
_QUOTED = re.compile(r"\s*[\"“”„](.+)[\"“”]\s*", re.DOTALL)
_BOLD = re.compile(r"\*\*(.+?)\*\*|__(.+?)__")
_COUNTS = {number_words(str(number)): number for number in range(1, MOST_ITEMS + 1)}
_YES_OR_NO = frozenset(("yes", "no"))


def expected_answers(written: str, say: Callable[[str], str]) -> list[Expected]:
    """The answers of one line; " / " stands between several.

    Args:
        written: Markdown.
        say: Markdown as words.

    Raises:
        ValueError: a list of items that makes no sense, in words.
    """
    if items := _ITEMS.fullmatch(written):
        return [_items(items[1].lower(), [say(item) for item in items[2].split(";")], say(written))]
    return [_one(part.strip(), say) for part in re.split(r"\s/\s", written) if tokens(say(part))]


def _items(count: str, items: list[str], text: str) -> Expected:
    items = [item for item in items if tokens(item)]
    if not 2 <= len(items) <= MOST_ITEMS:
        raise ValueError(f"expected 2 to {MOST_ITEMS} items with ; between them, got {len(items)}")
    given = _COUNTS.get(count, int(count) if count.isdecimal() and len(count) < 4 else 0)
    needed = len(items) if count == "all" else 1 if count == "any" else given
    if not 1 <= needed <= len(items):
        raise ValueError(f"expected a number from 1 to {len(items)} or 'all' before 'of:', got '{count}'")
    return Expected(Kind.ITEMS, text, tuple(items), needed)


def _one(written: str, say: Callable[[str], str]) -> Expected:
    if quoted := _QUOTED.fullmatch(written):
        return Expected(Kind.WORDS, say(quoted[1]))
    text = say(written)
    words = set(tokens(text))
    if words <= _YES_OR_NO:
        return Expected(Kind.YES_OR_NO, text)
    if words <= NUMBER_WORDS | {"and"}:
        return Expected(Kind.NUMBER, text)
    keys = tuple(say(one or other) for one, other in _BOLD.findall(written))
    return Expected(Kind.MEANING, text, keys)
