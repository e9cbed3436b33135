"""Whether two spellings are the same words: case, punctuation and spacing aside."""

from __future__ import annotations

import re
import unicodedata

_SPOKEN = frozenset("%&@#*/+")
"""Unicode calls them punctuation, but they are said."""
_FEELING = re.compile(r"\[[^\]]*\]\s*")


def same_words(one: str, other: str) -> bool:
    """Whether both are said alike: "What's on, today?" is "whats on today", but 3.5 is not 35, and 5 is not five."""
    return _said(one) == _said(other)


def begins_with(reply: str, said: str) -> bool:
    """Whether a mind's reply begins with what was said of it, going by letters and digits; feelings are not said."""
    return _letters(_FEELING.sub("", reply)).startswith(_letters(said))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFC", text.casefold())))


def _said(text: str) -> str:
    folded = unicodedata.normalize("NFC", text.casefold())
    return "".join(
        letter for place, letter in enumerate(folded) if letter in _SPOKEN or not _is_written_only(folded, place)
    )


def _is_written_only(text: str, place: int) -> bool:
    if unicodedata.category(text[place])[0] not in "PZC":
        return False
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if text[place] in ".,:-" and after.isdigit():  # of a number
        return not (before.isdigit() or (text[place] == "-" and not before.strip()))
    return True
