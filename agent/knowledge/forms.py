"""The ways to ask for each entry, compared with a question: which words they share, and how alike they sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agent.knowledge.vocabulary import Vocabulary
from agent.text.letter_to_sound import phrase_sounds, word_sounds
from agent.text.phonetic_similarity import encode, similarity, sound_histograms
from agent.text.words import COMMON_WORDS, QUESTION_WORDS, STOP_WORDS, tokens

_ALIKE_BY_CHANCE = 0.35
"""Two English questions of about the same length sound this much alike anyhow."""
_TOPIC_INSIDE, _INSIDE_BY_CHANCE = 0.6, 0.6
"""A title that is a mere topic ("Opening hours") is looked for inside the question; there is more room for chance
then."""

SAME_WORDS, SAME_SOUND = 0.25, 0.5
"""Shares of an entry's final score, see `agent.knowledge.ranking`."""


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to ask for an entry.

    Attributes:
        text: as written.
        terms: the terms in it with their rarity.
        sounds: how it sounds.
        weights: how much each of the sounds matters.
        is_topic: it is the name of something, not a question.
    """

    text: str
    terms: dict[int, float]
    sounds: str
    weights: tuple[float, ...]
    is_topic: bool


class Forms:
    """The titles and questions of all entries.

    Args:
        texts: for each entry, the ways to ask for it: its title first.
        words: the words of each of them.
        is_topic: for each entry, whether its title names something and is no question.
        vocabulary: has all these words.
        rarity: of each of its terms.
    """

    def __init__(
        self,
        texts: Sequence[Sequence[str]],
        words: Sequence[Sequence[Sequence[str]]],
        is_topic: Sequence[bool],
        vocabulary: Vocabulary,
        rarity: Sequence[float],
    ) -> None:
        self._texts, self._is_topic = texts, is_topic
        self._vocabulary, self._rarity = vocabulary, rarity
        self._owners = np.array([number for number, asked in enumerate(words) for _ in asked], np.intp)
        self._histograms = sound_histograms([phrase_sounds(form) for asked in words for form in asked])
        self._forms: dict[int, tuple[_Form, ...]] = {}

    def nearest(self, words: Sequence[str], count: int) -> npt.NDArray[np.intp]:
        """The entries of the `count` forms that have about the same sounds as the question as a whole."""
        near = self._histograms @ sound_histograms([phrase_sounds(words)])[0]
        count = min(count, len(near))
        owners: npt.NDArray[np.intp] = self._owners[np.argpartition(-near, count - 1)[:count]]
        return owners

    def fit(
        self,
        words: Sequence[str],
        importance: npt.NDArray[np.float32],
        said: Sequence[Mapping[int, float]],
        entries: npt.NDArray[np.intp],
    ) -> list[tuple[float, str]]:
        """How well each entry's best-fitting form fits a question, and which one that is.

        Args:
            words: the question's.
            importance: float32 [W], of each of them.
            said: for each of them, the known terms it may stand for and how surely, 0 … 1; more may follow.
            entries: the numbers of the entries, at least one.

        Returns:
            For each entry a share of its final score, at most `SAME_WORDS` + `SAME_SOUND`, and the form's text.
        """
        forms = [(place, form) for place, number in enumerate(entries) for form in self._forms_of(int(number))]
        alike = self._alike(words, [form for _, form in forms])
        surest = surest_terms(said)
        told = [(float(value), at) for value, at in zip(importance, said, strict=False) if value > 0]
        total = sum(value for value, _ in told)
        best = [(0.0, self._texts[int(number)][0]) for number in entries]
        for (place, form), sounding in zip(forms, alike.tolist(), strict=True):
            rarity = sum(form.terms.values())
            asked = sum(value * surest.get(term, 0.0) for term, value in form.terms.items())
            heard = sum(value * max((w for t, w in at.items() if t in form.terms), default=0.0) for value, at in told)
            # Both ways: how much of the form was said, and how much of what was said is in the form.
            both = 0.0
            if asked and heard:
                both = 2 / (rarity / asked + total / heard)
            score = SAME_WORDS * both + SAME_SOUND * sounding
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
        text_weights = np.array([said_weights], np.float32)
        whole = above(similarity(patterns, text, weights=weights, text_weights=text_weights), _ALIKE_BY_CHANCE)
        topics = np.array([form.is_topic for form in forms])
        if topics.any():
            inside = similarity(patterns[topics], text, weights=weights[topics], anywhere=True)
            whole[topics] = np.maximum(whole[topics], _TOPIC_INSIDE * above(inside, _INSIDE_BY_CHANCE))
        return whole

    def _forms_of(self, number: int) -> tuple[_Form, ...]:
        if number not in self._forms:
            self._forms[number] = tuple(
                self._form(text, self._is_topic[number] and not place) for place, text in enumerate(self._texts[number])
            )
        return self._forms[number]

    def _form(self, text: str, is_topic: bool) -> _Form:
        words = tokens(text)
        terms = {self._vocabulary.add(word) for word in words if word not in STOP_WORDS}
        return _Form(text, {term: self._rarity[term] for term in terms}, *_sounds_and_weights(words), is_topic)


def _sounds_and_weights(words: Sequence[str]) -> tuple[str, tuple[float, ...]]:
    spoken = [word_sounds(word) for word in words]
    return "".join(spoken), tuple(_sound_share(word) for word, part in zip(words, spoken, strict=True) for _ in part)


def _sound_share(word: str) -> float:
    """Half of all questions begin with "how do I": such words must not make them alike."""
    return 0.5 if word in STOP_WORDS else 0.7 if word in QUESTION_WORDS else 0.85 if word in COMMON_WORDS else 1.0


def surest_terms(said: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """How surely each known term was said, 0 … 1, wherever that was."""
    surest: dict[int, float] = {}
    for at_place in said:
        for term, weight in at_place.items():
            surest[term] = max(surest.get(term, 0.0), weight)
    return surest


def above(alike: npt.NDArray[np.float32], chance: float) -> npt.NDArray[np.float32]:
    """What is over chance, as a share of what can be: 0 at or below `chance`, 1 at 1."""
    share: npt.NDArray[np.float32] = np.clip((alike - chance) / (1 - chance), 0.0, 1.0)
    return share
