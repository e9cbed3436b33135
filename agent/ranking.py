"""Which entry answers a question: BM25 over words, and likeness of sounds for what was misheard.

First every word of the question, and every stretch of up to four words, is looked up among the words of the knowledge: the
same stem, a word of the same meaning, or one that sounds alike. An entry's score from this is BM25 (Robertson & Zaragoza
2009; fields weighted as in BM25F), divided by what a perfect match would have got, so that it can be compared with a
threshold. Then the best entries are read again: how much of one of their questions was said, and how alike the two sound as
a whole, across the boundaries of words.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from agent.sound_alike import SOUNDS, encode, likeness, sounds, spell_out
from agent.words import QUESTION_WORDS, STOP_WORDS, stem, tokens

CONFIDENT = 0.50
"""A score from here on is an answer; below it, "I don't know" is the better one. Chosen on questions heard by PocketSphinx
and questions about other things (tests/test_knowledge.py holds both): see there for the rates."""

_TITLE_WEIGHT, _CONTEXT_WEIGHT = 5.0, 2.0
"""A word in the title or a question counts as much as this many in the text: it says what the entry is about."""
_K1, _B = 1.0, 0.5
"""BM25's saturation and length normalisation; answers are short, so both are a little below the usual 1.2 and 0.75."""
_QUESTION_WORD_SHARE = 0.25
_UNKNOWN_SHARE = 0.6
"""Importance of a word the knowledge does not have: it may mean another topic, or be a misheard particle."""
_SYNONYM_WEIGHT = 0.6
_TOPIC_SHARE = 0.35
_PRIOR_ENTRIES = 20
"""Added to the number of entries, so that word rarity also makes sense in a file of three."""

_MAX_WORDS = 48
"""Only the last words of a longer utterance are looked at: people talk first and ask last."""
_MAX_SPAN = 4
_MAX_SPAN_SOUNDS = 14
_SOUND_CANDIDATES = 12
_MAX_SOUND_VOCABULARY = 8000
_SOUND_WEIGHT = 0.9
_REREAD = 24


@dataclass(frozen=True, slots=True)
class Field:
    """The text of one entry.

    Attributes:
        title: its name.
        questions: ways to ask for it.
        context: names of what it belongs to.
        paragraphs: the answer.
    """

    title: str
    questions: Sequence[str]
    context: Sequence[str]
    paragraphs: Sequence[str]


@dataclass(slots=True)
class _Query:
    """A question, looked up.

    Attributes:
        words: as said.
        importance: float32 [W], of each word.
        cover: float32 [W, entries] in [0, 1], how well each entry has each word.
        terms: how surely each known term was said, 0 … 1.
    """

    words: list[str]
    importance: npt.NDArray[np.float32]
    cover: npt.NDArray[np.float32]
    terms: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to ask for an entry: its terms with their rarity, its whole sound, and the sound from first to last such term."""

    terms: tuple[tuple[int, float], ...]
    whole: str
    core: str


class Index:
    """Finds entries by number.

    Args:
        fields: the entries' texts.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = fields
        self._terms: dict[str, int] = {}
        self._surface: list[str] = []
        asked: set[int] = set()
        postings: list[list[int]] = []
        weights: list[list[float]] = []
        lengths = np.ones(len(fields), np.float32)
        for number, entry in enumerate(fields):
            counts: Counter[int] = Counter()
            body = [self._term(word) for text in entry.paragraphs for word in tokens(text) if word not in STOP_WORDS]
            counts.update(body)
            heading = {self._term(word) for text in (entry.title, *entry.questions) for word in tokens(text)}
            context = {self._term(word) for text in entry.context for word in tokens(text)}
            asked |= heading | context
            lengths[number] += len(body)
            weight_of: dict[int, float] = dict(counts)
            for term in heading:
                weight_of[term] = weight_of.get(term, 0.0) + _TITLE_WEIGHT
            for term in context - heading:
                weight_of[term] = weight_of.get(term, 0.0) + _CONTEXT_WEIGHT
            postings += [[] for _ in range(len(self._surface) - len(postings))]
            weights += [[] for _ in range(len(self._surface) - len(weights))]
            for term, weight in weight_of.items():
                postings[term].append(number)
                weights[term].append(weight)
        norm = _K1 * (1 - _B + _B * lengths / lengths.mean())
        self._postings = [np.array(numbers, np.int32) for numbers in postings]
        self._parts: list[npt.NDArray[np.float32]] = []
        for numbers, weight in zip(self._postings, weights, strict=True):
            heavy = np.array(weight, np.float32)
            self._parts.append(heavy / (heavy + norm[numbers]))
        total = len(fields) + _PRIOR_ENTRIES
        self._rarity = [math.log(1 + (total - len(p) + 0.5) / (len(p) + 0.5)) for p in self._postings]
        self._unknown_rarity = math.log(1 + (total + 0.5) / 0.5) * _UNKNOWN_SHARE
        self._forms: dict[int, tuple[_Form, ...]] = {}
        self._sound_terms, self._sound_codes, self._sound_shapes = self._sound_index(asked)

    def search(self, question: str, k: int, *, topic: str = "") -> list[tuple[int, float]]:
        """The `k` best entries as (number, score 0 … 1), best first; those with nothing in common are left out."""
        query = self._look_up(tokens(question)[-_MAX_WORDS:])
        if query is None:
            return []
        total = float(query.importance.sum())
        covered = query.importance @ query.cover
        if topic:
            about = self._look_up([word for word in tokens(topic) if word not in QUESTION_WORDS][:8], by_sound=False)
            if about is not None:
                share = _TOPIC_SHARE * total / max(float(about.importance.sum()), 1e-6)
                covered = covered + share * (about.importance @ about.cover)
                for term, weight in about.terms.items():
                    query.terms[term] = max(query.terms.get(term, 0.0), weight * _TOPIC_SHARE)
        scores = covered / max(total, 1e-6)
        best = np.argsort(-scores, kind="stable")[: max(_REREAD, k)]
        best = best[scores[best] > 0]
        if len(best) == 0:
            return []
        final = np.clip(0.5 * scores[best] + 0.5 * self._reread(query, best), 0.0, 1.0)
        order = np.argsort(-final, kind="stable")[:k]
        return [(int(best[place]), float(final[place])) for place in order]

    def _term(self, word: str) -> int:
        root = stem(word)
        number = self._terms.get(root)
        if number is None:
            number = self._terms[root] = len(self._surface)
            self._surface.append(word)
        return number

    def _sound_index(self, asked: set[int]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """Terms that can be found by sound: all, or of a large vocabulary those of titles and questions."""
        numbers = list(range(len(self._surface)))
        if len(numbers) > _MAX_SOUND_VOCABULARY:
            numbers = sorted(asked)[:_MAX_SOUND_VOCABULARY]
        kept = [n for n in numbers if self._surface[n] not in STOP_WORDS and self._surface[n] not in QUESTION_WORDS]
        spoken = [sounds(self._surface[n]) for n in kept]
        pairs = [(n, s) for n, s in zip(kept, spoken, strict=True) if 2 <= len(s) <= _MAX_SPAN_SOUNDS]
        strings = [s for _, s in pairs]
        return np.array([n for n, _ in pairs], np.int32), encode(strings), _shapes(strings)

    def _look_up(self, words: list[str], *, by_sound: bool = True) -> _Query | None:
        if not words:
            return None
        query = _Query(words, np.zeros(len(words), np.float32), np.zeros((len(words), len(self._fields)), np.float32))
        for place, word in enumerate(words):
            if word in STOP_WORDS:
                continue
            share = _QUESTION_WORD_SHARE if word in QUESTION_WORDS else 1.0
            term = self._terms.get(stem(word))
            if term is None:
                query.importance[place] = self._unknown_rarity * share
            else:
                query.importance[place] = self._rarity[term] * share
                self._cover(query, range(place, place + 1), term, 1.0)
            for other in _synonyms().get(stem(word), ()):
                if (same := self._terms.get(other)) is not None:
                    self._cover(query, range(place, place + 1), same, _SYNONYM_WEIGHT)
        if by_sound:
            self._look_up_by_sound(query)
        return query if query.importance.any() else None

    def _look_up_by_sound(self, query: _Query) -> None:
        words = query.words
        spans: list[tuple[range, str]] = []
        for start in range(len(words)):
            for end in range(start + 1, min(start + _MAX_SPAN, len(words)) + 1):
                single = words[start] if end == start + 1 else ""
                if single in STOP_WORDS or single in QUESTION_WORDS:
                    continue
                spoken = spell_out(words[start:end])
                if 2 <= len(spoken) <= _MAX_SPAN_SOUNDS:
                    spans.append((range(start, end), spoken))
        if not spans or len(self._sound_terms) == 0:
            return
        strings = [spoken for _, spoken in spans]
        near = _shapes(strings) @ self._sound_shapes.T  # [spans, vocabulary]
        count = min(_SOUND_CANDIDATES, near.shape[1])
        columns = np.argpartition(-near, count - 1, axis=1)[:, :count]
        rows = np.repeat(np.arange(len(spans)), count)
        alike = likeness(self._sound_codes[columns.ravel()], encode(strings)[rows])
        for row, column, same in zip(rows.tolist(), columns.ravel().tolist(), alike.tolist(), strict=True):
            places, spoken = spans[row]
            term = int(self._sound_terms[column])
            floor = _likeness_floor(min(len(spoken), len(sounds(self._surface[term]))))
            if same < floor:
                continue
            weight = _SOUND_WEIGHT * (0.4 + 0.6 * (same - floor) / (1 - floor))
            if any(stem(words[place]) in self._terms and words[place] not in STOP_WORDS for place in places):
                weight *= 0.7  # a word that the knowledge has was probably meant as it stands
            self._cover(query, places, term, weight)

    def _cover(self, query: _Query, places: range, term: int, weight: float) -> None:
        numbers, parts = self._postings[term], self._parts[term]
        for place in places:
            row = query.cover[place]
            row[numbers] = np.maximum(row[numbers], weight * parts)
        query.terms[term] = max(query.terms.get(term, 0.0), weight)

    def _reread(self, query: _Query, entries: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        """How well the best-fitting way to ask for each entry fits the question: float32 [E], 0 … 1."""
        forms = [(place, form) for place, number in enumerate(entries) for form in self._forms_of(int(number))]
        said = encode([spell_out(query.words)])
        whole = likeness(encode([form.whole for _, form in forms]), said)
        core = likeness(encode([form.core for _, form in forms]), said, anywhere=True)
        best = np.zeros(len(entries), np.float32)
        for (place, form), whole_alike, core_alike in zip(forms, whole.tolist(), core.tolist(), strict=True):
            rarity = sum(value for _, value in form.terms)
            part = sum(value * query.terms.get(term, 0.0) for term, value in form.terms) / rarity if rarity else 0.0
            alike = max(whole_alike, 0.9 * core_alike if len(form.core) >= 4 else 0.0, 0.0)
            best[place] = max(best[place], 0.5 * part + 0.5 * alike)
        return best

    def _forms_of(self, number: int) -> tuple[_Form, ...]:
        if number not in self._forms:
            entry = self._fields[number]
            self._forms[number] = tuple(self._form(tokens(text)) for text in dict.fromkeys((entry.title, *entry.questions)))
        return self._forms[number]

    def _form(self, words: list[str]) -> _Form:
        telling = [place for place, word in enumerate(words) if word not in STOP_WORDS and word not in QUESTION_WORDS]
        terms = {}
        for word in words:
            if word not in STOP_WORDS:
                share = _QUESTION_WORD_SHARE if word in QUESTION_WORDS else 1.0
                terms[self._terms[stem(word)]] = share * self._rarity[self._terms[stem(word)]]
        core = words[telling[0] : telling[-1] + 1] if telling else words
        return _Form(tuple(terms.items()), spell_out(words), spell_out(core))


def _likeness_floor(length: int) -> float:
    """Short words sound like many others, so they must sound more alike to be taken for each other."""
    return 0.7 if length >= 5 else 0.76 if length == 4 else 0.84 if length == 3 else 0.97


_CLASSES = ("ieaou@YW", "pb", "fv", "tdTD", "szSZCJ", "kg", "mnN", "lr", "wjh")
_CLASS_OF = {sound: place + 1 for place, group in enumerate(_CLASSES) for sound in group}
assert set(_CLASS_OF) == set(SOUNDS)


def _shapes(spoken: Iterable[str]) -> npt.NDArray[np.float32]:
    """Counts of sound classes and of pairs of them, length 1: float32 [B, 110]; a quick first look at what is alike."""
    strings = list(spoken)
    size = len(_CLASSES) + 1
    counts = np.zeros((len(strings), size + size * size), np.float32)
    for row, string in enumerate(strings):
        classes = [0, *(_CLASS_OF[sound] for sound in string), 0]
        for before, after in zip(classes, classes[1:], strict=False):
            counts[row, size + before * size + after] += 1
            counts[row, after] += 1
    return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-6)


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
