"""Text as Flite can say it: in the letters that it knows, and no more at once than is made quickly."""

from __future__ import annotations

import re

from speech.text.latin import to_latin, transliterate_words
from speech.text.spoken_text import SpokenWord

# Letters in one go: about 10 and 30 s of speech, for which Flite needs half a second and one and a half.
_LONGEST_FIRST, _LONGEST = 150, 450


def in_flites_letters(words: list[SpokenWord]) -> list[SpokenWord]:
    """Writes words in the letters that Flite knows; see `speech.text.latin.transliterate_words`."""
    # Flite takes "Ca", but not "ca", for California.
    return transliterate_words(
        words, lambda text: _TWO_LETTERS.sub(lambda found: found.group().lower(), to_latin(text))
    )


_TWO_LETTERS = re.compile(r"\b[A-Z][a-z]\b")


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
