"""Long sentences → what a voice says in one go, so that the beginning is heard while the rest is being made."""

from __future__ import annotations

from collections.abc import Sequence

_MARKS = (".", "!", "?", ";", ":", ",")
_SHORTEST = 12
"""Letters: what is shorter isn't said by itself."""


def clauses_of(words: Sequence[str], *, first: int, longest: int) -> list[list[str]]:
    """Cuts a sentence where a reader pauses; only where nobody could for very long, between any two words.

    Args:
        words: as they are read aloud, punctuation included.
        first: letters that the first clause should have at most; a sentence of up to half as many again stays whole.
        longest: letters that no clause exceeds by more than half.
    """
    clauses: list[list[str]] = []
    rest = list(words)
    while rest:
        cut = _cut(rest, longest if clauses else first, longest)
        clauses.append(rest[:cut])
        rest = rest[cut:]
    return clauses


def _cut(words: list[str], most: int, longest: int) -> int:
    """How many words to say next: up to the last mark before `most` letters, or the first one after it."""
    if sum(len(word) + 1 for word in words) <= 1.5 * most:
        return len(words)
    letters = cut = 0
    for index, word in enumerate(words):
        letters += len(word) + 1
        if letters > longest or (letters > most and cut):
            return cut or max(index, 1)
        if word.endswith(_MARKS) and letters >= _SHORTEST:
            cut = index + 1
            if letters > most:
                break
    return cut or len(words)
