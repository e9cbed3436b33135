"""Which entry answers a question: BM25 over words, and likeness of sounds for what was misheard.

First every word of the question, and every stretch of up to four words, is looked up among the words of the
knowledge: the same stem, a word of the same meaning, or one that sounds alike. An entry's score from this is BM25
(Robertson & Zaragoza 2009; fields weighted as in BM25F), divided by what a perfect match would have got, so that it
can be compared with a threshold. Then the best entries are read again: how much of one of their questions was said,
and how alike the two sound as a whole, across the boundaries of words.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.knowledge.forms import Forms, above, surest_terms
from agent.knowledge.vocabulary import Vocabulary
from agent.text.words import COMMON_WORDS, QUESTION_WORDS, STOP_WORDS, tokens

CONFIDENT = 0.25
"""A score from here on is an answer; below it, "I don't know" is the better one. Chosen on questions heard by
PocketSphinx and questions about other things (tests/test_knowledge.py holds both): see there for the rates."""

UNSURE = 0.19
"""From here up to `CONFIDENT` the best entries are offered as a question: "Did you mean …?"."""

_TITLE_WEIGHT, _CONTEXT_WEIGHT, _TEXT_WEIGHT = 5.0, 2.0, 0.6
"""A word in the title or a question says what the entry is about; one of the text may have come there by chance."""
_K1, _B = 1.0, 0.5
"""BM25's saturation and length normalisation; answers are short, so both are a little below the usual 1.2 and 0.75."""
_QUESTION_WORD_SHARE, _COMMON_SHARE = 0.25, 0.5
"""Importance of "how", "what" … and of frequent words, against words that name a topic."""
_UNKNOWN_SHARE = 0.6
"""Importance of a word the knowledge does not have: it may mean another topic, or be a misheard particle."""
_TOPIC_SHARE = 0.85
"""What was talked about last counts as much as this share of the question itself: not quite enough for an answer if
nothing else fits, enough if a single word of the text does."""
_MAX_TOPIC_WORDS = 8
_PRIOR_ENTRIES = 20
"""Added to the number of entries, so that word rarity also makes sense in a file of three."""

_MAX_WORDS = 40
"""Only the last words of a longer utterance are looked at: people talk first and ask last."""
_REREAD, _REREAD_ALIKE = 24, 24
"""How many entries are read again: the best by words, and those with a question of about the same sounds."""
_SURE = 0.75
"""A match from this weight on is the word itself, its synonym, or one of the same sound."""
_TEXT_ALONE, _TEXT_SHARE, _RARE = 0.4, 0.5, 0.9
"""An entry can win by its text alone: with all words of the question it gets the first number, with half of
them nothing; and one of them must have at least this share of the importance of a word that the knowledge lacks."""
_NAMED, _ABOUT = 0.6, 0.5
"""From this certainty of the name on, and this share of what was said, the score of a table's row counts in full."""
_ALL_WORDS = 0.25
"""Share of BM25 over the entry in the final score. Words shared with one of its questions have `SAME_WORDS`, likeness
of sounds to it `SAME_SOUND` (`agent.knowledge.forms`). Found by trying all multiples of 0.1 on 370 questions, typed and
as heard by PocketSphinx, and 52 about other things; flat around here."""


@dataclass(frozen=True, slots=True)
class Field:
    """The text of one entry.

    Attributes:
        title: its name.
        questions: ways to ask for it.
        context: names of what it belongs to.
        paragraphs: the answer.
        is_topic: the title names something, and there is no question.
        needed: names of which one must be said, or something that sounds like it: a row of a table is about nothing
            else. None for no such names.
    """

    title: str
    questions: Sequence[str]
    context: Sequence[str]
    paragraphs: Sequence[str]
    is_topic: bool
    needed: Sequence[str] = ()


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
        present: float32 [W, entries] in [0, 1], how surely each entry has each word anywhere; unsure matches left out.
        said: for each word, the known terms it may stand for and how surely, 0 … 1.
    """

    words: list[str]
    importance: npt.NDArray[np.float32]
    cover: npt.NDArray[np.float32]
    present: npt.NDArray[np.float32]
    said: list[dict[int, float]]


class Index:
    """Finds entries by number.

    Args:
        fields: the entries' texts.
    """

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = fields
        self._vocabulary = Vocabulary()
        surface = self._vocabulary.surface
        asked: set[int] = set()
        postings: list[list[int]] = []
        weights: list[list[float]] = []
        lengths = np.ones(len(fields), np.float32)
        asking_texts = [tuple(dict.fromkeys((one.title, *one.questions))) for one in fields]
        asking_words = [[tokens(text) for text in texts] for texts in asking_texts]
        for number, entry in enumerate(fields):
            term_weights, lengths[number] = self._weigh(entry, asking_words[number], asked)
            postings += [[] for _ in range(len(surface) - len(postings))]
            weights += [[] for _ in range(len(surface) - len(weights))]
            for term, weight in term_weights.items():
                postings[term].append(number)
                weights[term].append(weight)
        self._needed: dict[int, list[set[int]]] = {}
        self._owned: dict[int, set[int]] = {}
        for number, entry in enumerate(fields):
            said = [[word for word in tokens(name) if word not in STOP_WORDS] for name in entry.needed]
            needed = [{self._vocabulary.add(word) for word in words} for words in said if words]
            if needed:
                texts = (*entry.questions, *entry.context, *entry.paragraphs)
                self._needed[number] = needed
                owned = {self._vocabulary.add(word) for text in texts for word in tokens(text)}
                self._owned[number] = owned.union(*needed)
        # A name may have words that are spoken in another way: "Mon-Fri".
        postings += [[] for _ in range(len(surface) - len(postings))]
        weights += [[] for _ in range(len(surface) - len(weights))]
        norm = _K1 * (1 - _B + _B * lengths / lengths.mean())
        self._postings = [np.array(numbers, np.int32) for numbers in postings]
        self._parts: list[npt.NDArray[np.float32]] = []
        for numbers, listed in zip(self._postings, weights, strict=True):
            heavy = np.array(listed, np.float32)
            self._parts.append(heavy / (heavy + norm[numbers]))
        total = len(fields) + _PRIOR_ENTRIES
        self._rarity = [
            math.log(1 + (total - len(found) + 0.5) / (len(found) + 0.5)) * _importance_share(word)
            for word, found in zip(surface, self._postings, strict=True)
        ]
        self._unknown_rarity = math.log(1 + (total + 0.5) / 0.5) * _UNKNOWN_SHARE
        self._forms = Forms(
            asking_texts, asking_words, [one.is_topic for one in fields], self._vocabulary, self._rarity
        )
        self._vocabulary.listen(asked)

    def knows(self, word: str) -> bool:
        """Whether a word's stem is in any entry."""
        return self._vocabulary.find(word) is not None

    def search(self, question: str, k: int, *, topic: str = "") -> list[Found]:
        """The `k` best entries, best first; those with nothing in common are left out."""
        words = tokens(question)[-_MAX_WORDS:]
        if not words:
            return []
        query = self._look_up(words)
        total = max(float(query.importance.sum()), 1e-6)
        covered = query.importance @ query.cover
        if topic:
            about = self._look_up(tokens(topic)[:_MAX_TOPIC_WORDS], by_sound=False)
            share = _TOPIC_SHARE * total / max(float(about.importance.sum()), 1e-6)
            covered = covered + share * (about.importance @ about.cover)
            query.said.append({term: weight * _TOPIC_SHARE for term, weight in surest_terms(about.said).items()})
        scores = np.maximum(covered / total, self._said_in_text(query) / _ALL_WORDS)
        by_words = np.argsort(-scores, kind="stable")[: max(_REREAD, k)]
        best = np.unique(
            np.concatenate([by_words[scores[by_words] > 0], self._forms.nearest(query.words, _REREAD_ALIKE)])
        )
        fits = self._forms.fit(query.words, query.importance, query.said, best)
        found = [
            Found(int(number), min(_ALL_WORDS * float(scores[number]) + fit, 1.0) * self._named(query, number), form)
            for number, (fit, form) in zip(best.tolist(), fits, strict=True)
        ]
        return sorted((one for one in found if one.score > 0), key=lambda one: (-one.score, one.number))[:k]

    def _named(self, query: _Query, number: int) -> float:
        """How surely the entry's name was said, 0 … 1, and how much of the question is about it; 1 if it needs none.

        Half of all questions to a table are alike ("how much is …"): what else was said must be in the row, too.
        """
        needed = self._needed.get(number)
        if needed is None:
            return 1.0
        surest = surest_terms(query.said)
        named = max(
            sum(self._rarity[term] * surest.get(term, 0.0) for term in name) / sum(self._rarity[term] for term in name)
            for name in needed
        )
        owned = self._owned[number]
        importance = query.importance.tolist()
        told = (max((weight for term, weight in at.items() if term in owned), default=0.0) for at in query.said)
        about = sum(value * weight for value, weight in zip(importance, told, strict=False)) / max(
            sum(importance), 1e-6
        )
        return float(min(named / _NAMED, 1.0) * min(about / _ABOUT, 1.0))

    def _said_in_text(self, query: _Query) -> npt.NDArray[np.float32]:
        """The score of entries that have nearly all that was said, be it only in their text: float32 [entries]."""
        telling = np.array([word not in COMMON_WORDS and word not in QUESTION_WORDS for word in query.words])
        found = query.importance[:, None] * query.present
        has_rare = (found[telling] >= _RARE * self._unknown_rarity).any(axis=0)
        share = found.sum(axis=0) / max(float(query.importance.sum()), 1e-6)
        score: npt.NDArray[np.float32] = np.where(has_rare, _TEXT_ALONE * above(share, _TEXT_SHARE), np.float32(0))
        return score

    def _weigh(self, entry: Field, asking: list[list[str]], asked: set[int]) -> tuple[dict[int, float], int]:
        """The weight of each term in an entry, and the length of its text; notes in `asked` what one may ask with."""
        text = [
            self._vocabulary.add(word) for part in entry.paragraphs for word in tokens(part) if word not in STOP_WORDS
        ]
        weight_of = {term: _TEXT_WEIGHT * count for term, count in Counter(text).items()}
        asking_terms = [{self._vocabulary.add(word) for word in words} for words in asking]
        heading = set().union(*asking_terms)
        for term in heading:
            share = sum(term in terms for terms in asking_terms) / len(asking_terms)
            weight_of[term] = weight_of.get(term, 0.0) + _TITLE_WEIGHT * (0.4 + 0.6 * share)
        context = {self._vocabulary.add(word) for part in entry.context for word in tokens(part)} - heading
        for term in context:
            weight_of[term] = weight_of.get(term, 0.0) + _CONTEXT_WEIGHT
        asked |= heading | context
        return weight_of, 1 + len(text)

    def _look_up(self, words: list[str], *, by_sound: bool = True) -> _Query:
        importance = [0.0 if word in STOP_WORDS else self._importance(word) for word in words]
        cover, present = np.zeros((2, len(words), len(self._fields)), np.float32)
        query = _Query(words, np.array(importance, np.float32), cover, present, [{} for _ in words])
        for match in self._vocabulary.matches(words, by_sound=by_sound):
            numbers, parts = self._postings[match.term], self._parts[match.term]
            for place in match.places:
                cover[place][numbers] = np.maximum(cover[place][numbers], match.weight * parts)
                if match.weight >= _SURE:
                    present[place][numbers] = np.maximum(present[place][numbers], match.weight)
                query.said[place][match.term] = max(query.said[place].get(match.term, 0.0), match.weight)
        return query

    def _importance(self, word: str) -> float:
        term = self._vocabulary.find(word)
        return self._unknown_rarity * _importance_share(word) if term is None else self._rarity[term]


def _importance_share(word: str) -> float:
    return _QUESTION_WORD_SHARE if word in QUESTION_WORDS else _COMMON_SHARE if word in COMMON_WORDS else 1.0
