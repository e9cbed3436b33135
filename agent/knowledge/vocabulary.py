"""The words of a knowledge file, and which of them a heard word may stand for: itself, a synonym, or a sound-alike."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from agent.text.letter_to_sound import phrase_sounds, word_sounds
from agent.text.phonetic_similarity import Codes, encode, similarity, sound_histograms
from agent.text.words import QUESTION_WORDS, STOP_WORDS, stem

_SYNONYM_WEIGHT = 0.75
_SOUND_WEIGHT = 0.9
"""A word that only sounds like the known one, be it exactly, is a little less sure than the word itself."""
_AS_IT_STANDS = 0.7
"""Factor for sound-alikes of a word that is known itself: it was probably meant as it stands."""

_MAX_SPAN = 4
"""Words in a row that may be one misheard word: "vis a vis", "poor trade"."""
_MAX_SPAN_SOUNDS = 14
_CANDIDATES = 12
_MAX_SOUND_VOCABULARY = 8000
"""Of a larger vocabulary only the words of titles and questions are found by sound; keeps a search below 50 ms."""


@dataclass(frozen=True, slots=True)
class TermMatch:
    """A known term that a stretch of the question may stand for.

    Attributes:
        places: the words of the question.
        term: the known term.
        weight: how sure this is, 0 … 1.
    """

    places: range
    term: int
    weight: float


class Vocabulary:
    """Numbers the terms (stems) of a knowledge file; `add` them all, then `listen`, then `matches`."""

    def __init__(self) -> None:
        self.surface: list[str] = []
        """For every term, the word that it was first seen as."""
        self._terms: dict[str, int] = {}
        self._term_of_word: dict[str, int] = {}
        self._by_sound: tuple[npt.NDArray[np.intp], Codes, npt.NDArray[np.float32]] | None = None

    def add(self, word: str) -> int:
        """Returns the number of a word's term, a new one if it was never seen."""
        number = self._term_of_word.get(word)
        if number is None:
            number = self._terms.setdefault(stem(word), len(self.surface))
            self._term_of_word[word] = number
            if number == len(self.surface):
                self.surface.append(word)
        return number

    def find(self, word: str) -> int | None:
        """Returns the number of a word's term, or None if it is not known."""
        return self._terms.get(stem(word))

    def listen(self, important: Collection[int]) -> None:
        """Prepares to find terms by their sound; `important` ones are preferred if there are too many."""
        numbers = range(len(self.surface))
        chosen = numbers if len(numbers) <= _MAX_SOUND_VOCABULARY else sorted(important)[:_MAX_SOUND_VOCABULARY]
        spoken = {number: word_sounds(self.surface[number]) for number in chosen if _tells(self.surface[number])}
        kept = {number: said for number, said in spoken.items() if 2 <= len(said) <= _MAX_SPAN_SOUNDS}
        if kept:
            strings = list(kept.values())
            self._by_sound = np.array(list(kept), np.intp), encode(strings), sound_histograms(strings)

    def matches(self, words: Sequence[str], *, by_sound: bool = True) -> Iterator[TermMatch]:
        """Yields what each word, and each stretch of words, of a question may stand for."""
        for place, word in enumerate(words):
            if word in STOP_WORDS:
                continue
            here = range(place, place + 1)
            if (term := self.find(word)) is not None:
                yield TermMatch(here, term, 1.0)
            for other in _synonyms().get(stem(word), ()):
                if (term := self._terms.get(other)) is not None:
                    yield TermMatch(here, term, _SYNONYM_WEIGHT)
        if by_sound:
            yield from self._matches_by_sound(words)

    def _matches_by_sound(self, words: Sequence[str]) -> Iterator[TermMatch]:
        spans = list(_spans(words))
        if not spans or self._by_sound is None:
            return
        terms, codes, term_shapes = self._by_sound
        strings = [spoken for _, spoken in spans]
        near = sound_histograms(strings) @ term_shapes.T  # [spans, terms]
        count = min(_CANDIDATES, near.shape[1])
        columns = np.argpartition(-near, count - 1, axis=1)[:, :count].ravel()
        rows = np.repeat(np.arange(len(spans)), count)
        alike = similarity(codes[columns], encode(strings)[rows])
        for row, term, same in zip(rows.tolist(), terms[columns].tolist(), alike.tolist(), strict=True):
            places, spoken = spans[row]
            floor = _floor(min(len(spoken), len(word_sounds(self.surface[term]))))
            if same >= floor:
                weight = _SOUND_WEIGHT * (0.4 + 0.6 * (same - floor) / (1 - floor))
                known = any(words[place] not in STOP_WORDS and self.find(words[place]) is not None for place in places)
                yield TermMatch(places, term, weight * _AS_IT_STANDS if known else weight)


def _tells(word: str) -> bool:
    return word not in STOP_WORDS and word not in QUESTION_WORDS


def _spans(words: Sequence[str]) -> Iterator[tuple[range, str]]:
    """Stretches of words that may be one misheard word, with their sounds."""
    for start in range(len(words)):
        for end in range(start + 1, min(start + _MAX_SPAN, len(words)) + 1):
            spoken = phrase_sounds(words[start:end])
            if 2 <= len(spoken) <= _MAX_SPAN_SOUNDS and (end > start + 1 or _tells(words[start])):
                yield range(start, end), spoken


def _floor(length: int) -> float:
    """The least likeness to be taken for each other: short words sound like many others, so they must be more alike."""
    return 0.7 if length >= 5 else 0.74 if length == 4 else 0.77 if length == 3 else 0.97


@cache
def _synonyms() -> dict[str, tuple[str, ...]]:
    """Stem → stems of the same meaning, from data/synonyms.txt."""
    lines = resources.files("agent").joinpath("data/synonyms.txt").read_text("utf-8").splitlines()
    groups = [[stem(word) for word in line.split()] for line in lines if line and not line.startswith("#")]
    found: dict[str, dict[str, None]] = {}
    for group in groups:
        for root in group:
            found.setdefault(root, {}).update(dict.fromkeys(other for other in group if other != root))
    return {root: tuple(others) for root, others in found.items()}
