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
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from agent.sound_alike import SOUNDS, encode, likeness, sounds, spell_out
from agent.words import COMMON_WORDS, QUESTION_WORDS, STOP_WORDS, stem, tokens

CONFIDENT = 0.25
"""A score from here on is an answer; below it, "I don't know" is the better one. Chosen on questions heard by PocketSphinx
and questions about other things (tests/test_knowledge.py holds both): see there for the rates."""

_TITLE_WEIGHT, _CONTEXT_WEIGHT, _TEXT_WEIGHT = 5.0, 2.0, 0.6
"""A word in the title or a question says what the entry is about; one of the text may have come there by chance."""
_K1, _B = 1.0, 0.5
"""BM25's saturation and length normalisation; answers are short, so both are a little below the usual 1.2 and 0.75."""
_QUESTION_WORD_SHARE, _COMMON_SHARE = 0.25, 0.5
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
_REREAD, _REREAD_ALIKE = 24, 24
_ALIKE_BY_CHANCE = 0.35
"""Two English questions of about the same length sound this much alike anyhow."""
_ALL_WORDS, _SAME_WORDS, _SAME_SOUND = 0.25, 0.25, 0.5


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


@dataclass(frozen=True, slots=True)
class Found:
    """An entry found.

    Attributes:
        number: which one.
        score: 0 … 1, see `CONFIDENT`.
        form: its title or the one of its questions that fits best.
    """

    number: int
    score: float
    form: str


@dataclass(slots=True)
class _Query:
    """A question, looked up.

    Attributes:
        words: as said.
        importance: float32 [W], of each word.
        cover: float32 [W, entries] in [0, 1], how well each entry has each word.
        said: for each word, the known terms it may stand for and how surely, 0 … 1.
    """

    words: list[str]
    importance: npt.NDArray[np.float32]
    cover: npt.NDArray[np.float32]
    said: list[dict[int, float]]

    @property
    def terms(self) -> dict[int, float]:
        """How surely each known term was said, 0 … 1."""
        surest: dict[int, float] = {}
        for at_place in self.said:
            for term, weight in at_place.items():
                surest[term] = max(surest.get(term, 0.0), weight)
        return surest


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to ask for an entry.

    Attributes:
        text: as written.
        terms: the terms in it with their rarity.
        sounds: how it sounds.
        weights: how much each of the sounds matters.
    """

    text: str
    terms: dict[int, float]
    sounds: str
    weights: tuple[float, ...]


class Index:
    """Finds entries by number.

    Args:
        fields: the entries' texts.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = fields
        self._terms: dict[str, int] = {}
        self._term_of_word: dict[str, int] = {}
        self._surface: list[str] = []
        asked: set[int] = set()
        postings: list[list[int]] = []
        weights: list[list[float]] = []
        lengths = np.ones(len(fields), np.float32)
        asking_texts: list[list[str]] = []
        owners: list[int] = []
        for number, entry in enumerate(fields):
            asking = [tokens(text) for text in dict.fromkeys((entry.title, *entry.questions))]
            asking_texts += asking
            owners += [number] * len(asking)
            weight_of, lengths[number] = self._weigh(entry, asking, asked)
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
        self._rarity = [
            math.log(1 + (total - len(found) + 0.5) / (len(found) + 0.5)) * _importance_share(word)
            for word, found in zip(self._surface, self._postings, strict=True)
        ]
        self._unknown_rarity = math.log(1 + (total + 0.5) / 0.5) * _UNKNOWN_SHARE
        self._forms: dict[int, tuple[_Form, ...]] = {}
        self._form_owners = np.array(owners, np.intp)
        self._form_shapes = _shapes([spell_out(words) for words in asking_texts])
        self._sound_terms, self._sound_codes, self._sound_shapes = self._sound_index(asked)

    def search(self, question: str, k: int, *, topic: str = "") -> list[Found]:
        """The `k` best entries, best first; those with nothing in common are left out."""
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
                query.said.append({term: weight * _TOPIC_SHARE for term, weight in about.terms.items()})
        scores = covered / max(total, 1e-6)
        by_words = np.argsort(-scores, kind="stable")[: max(_REREAD, k)]
        best = np.unique(np.concatenate([by_words[scores[by_words] > 0], self._alike_entries(query.words)]))
        found = [
            Found(int(number), min(_ALL_WORDS * float(scores[number]) + fit, 1.0), form)
            for number, (fit, form) in zip(best, self._reread(query, best), strict=True)
        ]
        return sorted((one for one in found if one.score > 0), key=lambda one: (-one.score, one.number))[:k]

    def _alike_entries(self, words: Sequence[str]) -> npt.NDArray[np.intp]:
        """Entries of which one form has about the same sounds as the question as a whole."""
        near = self._form_shapes @ _shapes([spell_out(words)])[0]
        count = min(_REREAD_ALIKE, len(near))
        return self._form_owners[np.argpartition(-near, count - 1)[:count]]

    def _term(self, word: str) -> int:
        number = self._term_of_word.get(word)
        if number is None:
            number = self._terms.setdefault(stem(word), len(self._surface))
            self._term_of_word[word] = number
            if number == len(self._surface):
                self._surface.append(word)
        return number

    def _weigh(self, entry: Field, asking: list[list[str]], asked: set[int]) -> tuple[dict[int, float], int]:
        """The weight of each term in an entry, and the length of its text; notes in `asked` what one may ask with."""
        text = [self._term(word) for part in entry.paragraphs for word in tokens(part) if word not in STOP_WORDS]
        weight_of = {term: _TEXT_WEIGHT * count for term, count in Counter(text).items()}
        asking_terms = [{self._term(word) for word in words} for words in asking]
        heading = set().union(*asking_terms)
        for term in heading:
            share = sum(term in terms for terms in asking_terms) / len(asking_terms)
            weight_of[term] = weight_of.get(term, 0.0) + _TITLE_WEIGHT * (0.4 + 0.6 * share)
        context = {self._term(word) for part in entry.context for word in tokens(part)} - heading
        for term in context:
            weight_of[term] = weight_of.get(term, 0.0) + _CONTEXT_WEIGHT
        asked |= heading | context
        return weight_of, 1 + len(text)

    def _sound_index(
        self, asked: set[int]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
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
        count = len(words)
        cover = np.zeros((count, len(self._fields)), np.float32)
        query = _Query(words, np.zeros(count, np.float32), cover, [{} for _ in words])
        for place, word in enumerate(words):
            if word in STOP_WORDS:
                continue
            term = self._terms.get(stem(word))
            if term is None:
                query.importance[place] = self._unknown_rarity * _importance_share(word)
            else:
                query.importance[place] = self._rarity[term]
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
            query.said[place][term] = max(query.said[place].get(term, 0.0), weight)

    def _reread(self, query: _Query, entries: npt.NDArray[np.intp]) -> list[tuple[float, str]]:
        """For each entry, how well the best-fitting way to ask for it fits the question, and which one that is."""
        forms = [(place, form) for place, number in enumerate(entries) for form in self._forms_of(int(number))]
        alike = self._alike(query.words, [form for _, form in forms])
        surest = query.terms
        told = [(float(value), at) for value, at in zip(query.importance, query.said, strict=False) if value > 0]
        total = sum(value for value, _ in told)
        best = [(0.0, self._fields[int(number)].title) for number in entries]
        for (place, form), sounding in zip(forms, alike.tolist(), strict=True):
            rarity = sum(form.terms.values())
            asked = sum(value * surest.get(term, 0.0) for term, value in form.terms.items())
            heard = sum(value * max((w for t, w in at.items() if t in form.terms), default=0.0) for value, at in told)
            # Both ways: how much of the form was said, and how much of what was said is in the form.
            both = 0.0
            if asked and heard:
                both = 2 / (rarity / asked + total / heard)
            score = _SAME_WORDS * both + _SAME_SOUND * sounding
            if score > best[place][0]:
                best[place] = (score, form.text)
        return best

    def _alike(self, words: Sequence[str], forms: Sequence[_Form]) -> npt.NDArray[np.float32]:
        """How alike a question and each form sound: float32 [F], 0 (by chance) … 1."""
        width = max(len(form.sounds) for form in forms)
        weights = np.zeros((len(forms), width), np.float32)
        for row, form in enumerate(forms):
            weights[row, : len(form.weights)] = form.weights
        said, said_weights = _sounds_and_weights(words)
        patterns, text = encode([form.sounds for form in forms]), encode([said])
        alike = likeness(patterns, text, weights=weights, text_weights=np.array([said_weights], np.float32))
        return np.clip((alike - _ALIKE_BY_CHANCE) / (1 - _ALIKE_BY_CHANCE), 0.0, 1.0)

    def _forms_of(self, number: int) -> tuple[_Form, ...]:
        if number not in self._forms:
            entry = self._fields[number]
            self._forms[number] = tuple(self._form(text) for text in dict.fromkeys((entry.title, *entry.questions)))
        return self._forms[number]

    def _form(self, text: str) -> _Form:
        words = tokens(text)
        terms = {}
        for word in words:
            if word not in STOP_WORDS:
                terms[self._terms[stem(word)]] = self._rarity[self._terms[stem(word)]]
        return _Form(text, terms, *_sounds_and_weights(words))


def _sounds_and_weights(words: Sequence[str]) -> tuple[str, tuple[float, ...]]:
    spoken = [sounds(word) for word in words]
    return "".join(spoken), tuple(_sound_share(word) for word, part in zip(words, spoken, strict=True) for _ in part)


def _sound_share(word: str) -> float:
    """Half of all questions begin with "how do I": such words must not make them alike."""
    return 0.5 if word in STOP_WORDS else 0.7 if word in QUESTION_WORDS else 0.85 if word in COMMON_WORDS else 1.0


def _importance_share(word: str) -> float:
    return _QUESTION_WORD_SHARE if word in QUESTION_WORDS else _COMMON_SHARE if word in COMMON_WORDS else 1.0


def _likeness_floor(length: int) -> float:
    """Short words sound like many others, so they must sound more alike to be taken for each other."""
    return 0.7 if length >= 5 else 0.76 if length == 4 else 0.84 if length == 3 else 0.97


_CLASSES = ("ieaou@YW", "pb", "fv", "tdTD", "szSZCJ", "kg", "mnN", "lr", "wjh")
_CLASS_TABLE = np.zeros(len(SOUNDS) + 1, np.uint8)
for _place, _group in enumerate(_CLASSES):
    _CLASS_TABLE[[SOUNDS.index(sound) + 1 for sound in _group]] = _place + 1


def _shapes(spoken: Sequence[str]) -> npt.NDArray[np.float32]:
    """Counts of sound classes and of pairs of them, length 1: float32 [B, 110]; a quick first look at what is alike."""
    codes = _CLASS_TABLE[encode(spoken)].astype(np.int64)  # [B, longest]
    edge = np.zeros((len(spoken), 1), np.int64)
    before, after = np.concatenate([edge, codes], axis=1), np.concatenate([codes, edge], axis=1)
    rows = np.broadcast_to(np.arange(len(spoken))[:, None], before.shape)
    size = len(_CLASSES) + 1
    width = size + size * size
    places = np.concatenate([(rows * width + after).ravel(), (rows * width + size + before * size + after).ravel()])
    counts = np.bincount(places, minlength=len(spoken) * width).reshape(len(spoken), width).astype(np.float32)
    counts[:, [0, size]] = 0  # padding
    shapes: npt.NDArray[np.float32] = counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-6)
    return shapes


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
