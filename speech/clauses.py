"""A sentence as a voice can say it that makes no sound before all is made: in its letters, not too much at once."""

from __future__ import annotations

from collections.abc import Callable

from speech.spoken_text import SpokenWord

# Letters in one go: about 10 and 30 s of speech, for which Flite needs half a second and one and a half.
_LONGEST_FIRST, _LONGEST = 150, 450


def in_letters(words: list[SpokenWord], write: Callable[[str], str]) -> list[SpokenWord]:
    """Writes words in the letters that a voice knows; it would leave others out.

    Words of which nothing is left (of a script without such letters) are shown with the word before or after them.

    Args:
        words: what is to be said.
        write: writes a text in the voice's letters.
    """
    kept: list[SpokenWord] = []
    unsaid = ""
    for word in words:
        spoken = write(word.spoken)
        if any(letter.isalnum() for letter in spoken):
            kept.append(SpokenWord(f"{unsaid}{word.text}", spoken))
            unsaid = ""
        elif kept:
            kept[-1] = SpokenWord(f"{kept[-1].text} {word.text}", kept[-1].spoken)
        else:
            unsaid += f"{word.text} "
    return kept


def clauses_of(words: list[SpokenWord]) -> list[list[SpokenWord]]:
    """Cuts a sentence into what Flite is to say in one go: its first clause, and the rest; neither too long."""
    first, *rest = _first_clause_and_rest(words)
    clauses = _of_length(first, _LONGEST_FIRST)
    for clause in rest:
        clauses += _of_length(clause, _LONGEST)
    return clauses


def _of_length(words: list[SpokenWord], most: int) -> list[list[SpokenWord]]:
    runs: list[list[SpokenWord]] = [[]]
    letters = 0
    for word in words:
        letters += len(word.spoken) + 1
        if letters > most and runs[-1]:
            runs.append([])
            letters, most = len(word.spoken) + 1, _LONGEST
        runs[-1].append(word)
    return runs


def _first_clause_and_rest(words: list[SpokenWord]) -> list[list[SpokenWord]]:
    """Cuts after the first mark at which a reader pauses, unless only a word would stand alone before or after it."""
    for index, word in enumerate(words[:-2]):
        if word.spoken.endswith((".", "!", "?")) or (index > 0 and word.spoken.endswith((",", ";", ":"))):
            return [words[: index + 1], words[index + 1 :]]
    return [words]
