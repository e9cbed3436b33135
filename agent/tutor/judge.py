"""Judges an answer: by rules where the very words count, by words and meaning together where they don't."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from agent.text.words import STOP_WORDS, tokens
from agent.tutor.answer_words import NEGATIONS, SaidAnswer, offers_a_choice, said_answer
from agent.tutor.expected import NUMBER_WORDS
from agent.tutor.lesson import Expected, Kind, LessonQuestion, Mistake
from agent.tutor.likeness import (
    are_opposite,
    base_form,
    content_words,
    has_word,
    in_full,
    is_misheard,
    place_of,
    words_of,
)
from agent.tutor.verdict import Grade, Verdict
from agent.tutor.weighing import Features, weigh
from speech.text.spoken_numbers import digit_words, year_words

Encode = Callable[[Sequence[str]], npt.NDArray[np.float32]]
"""Makes float32 [N, size] of texts, each of length 1."""

_YES = frozenset("yes yeah yep yup sure correct true right indeed certainly absolutely definitely".split())
_NO = frozenset("no nope nah never false wrong incorrect".split())
_LONGEST = 60
"""Words of an answer that are looked at."""
_SAME = 0.8
"""Likeness of meaning from which a part that must not be missing may well be there in another word."""
_MOST_EXTRA = 6
"""Words around a single right one: "I would say that it must be 'for' in this sentence"."""


class Judge:
    """Compares answers with what a lesson expects; safe to be called by several threads.

    Args:
        encode: makes vectors of meanings; None to go by words and sounds alone.
    """

    def __init__(self, encode: Encode | None = None) -> None:
        self._encode = encode
        self._vector = lru_cache(4096)(self._encoded)

    @property
    def knows_meaning(self) -> bool:
        """Whether meanings are compared."""
        return self._encode is not None

    def learn(self, encode: Encode, questions: Sequence[LessonQuestion]) -> None:
        """From now on meanings are compared; reads what is expected, so that no answer waits for it."""
        self._encode = encode
        for question in questions:
            for expected in question.answers:
                if expected.kind is Kind.MEANING:
                    self.features(question, expected, said_answer(expected.text))

    def judge(self, question: LessonQuestion, heard: str) -> Verdict:
        """What is thought of an answer.

        Args:
            question: what was asked.
            heard: the answer, as typed or as understood.
        """
        said = said_answer(" ".join(heard.split()[:_LONGEST]))
        verdicts = [self._one(question, expected, said) for expected in question.answers]
        best = max(verdicts, key=lambda verdict: _RANK[verdict.grade])
        mistake = _mistake(question, said)
        if mistake is not None and not (best.is_right and _is_said_rightly(question, said)):
            return Verdict(Grade.WRONG, remark=mistake.remark)
        if best.grade is not Grade.WRONG and _denies_a_key(question, said):
            return Verdict(Grade.WRONG)
        return best

    def _one(self, question: LessonQuestion, expected: Expected, said: SaidAnswer) -> Verdict:
        match expected.kind:
            case Kind.WORDS:
                return _by_words(question, expected, said)
            case Kind.NUMBER:
                return _by_number(question, expected, said)
            case Kind.YES_OR_NO:
                return _by_polarity(expected, said)
            case Kind.ITEMS:
                return _by_items(expected, said)
            case Kind.MEANING:
                return self._by_meaning(question, expected, said)

    def _by_meaning(self, question: LessonQuestion, expected: Expected, said: SaidAnswer) -> Verdict:
        features = self.features(question, expected, said)
        if not said.words:
            return Verdict(Grade.WRONG)
        if is_misheard(words_of(expected.text), words_of(said.text)):
            return Verdict(Grade.RIGHT)
        if features.is_opposite or features.other_number:
            return Verdict(Grade.WRONG)
        found, missing = _keys(expected, said)
        grade, is_sure = weigh(features, with_meaning=self.knows_meaning)
        if missing and not found and grade is Grade.RIGHT and features.own < _SAME:
            grade, is_sure = Grade.NEARLY, False
        elif found and not missing and grade is Grade.WRONG:
            grade, is_sure = Grade.NEARLY, False
        if grade is Grade.RIGHT and offers_a_choice(said) and not any(word == "or" for word in tokens(expected.text)):
            return Verdict(Grade.NEARLY, is_choice=True)
        return Verdict(grade, found if grade is Grade.NEARLY else (), missing=missing, is_sure=is_sure)

    def features(self, question: LessonQuestion, expected: Expected, said: SaidAnswer) -> Features:
        """What is weighed when an answer is compared by meaning."""
        words, wanted = in_full(said.words), content_words(words_of(expected.text))
        asked = {base_form(word) for word in words_of(question.text)}
        # What stands in the question already is no answer to it.
        own_wanted = [word for word in wanted if base_form(word) not in asked]
        own_said = [word for word in content_words(words) if base_form(word) not in asked]
        if own_wanted:
            telling, own_pair = own_wanted, (" ".join(own_said), " ".join(own_wanted))
        else:  # it is made of the question's words and of small ones: "Could I have a coffee?"
            telling, own_pair = wanted, (said.text, expected.text)
        keys = [has_all(key, words) for key in expected.keys]
        near = around = own = 0.0
        if self._encode is not None and own_pair[0]:
            pairs = (
                (said.text, expected.text),
                (_together(question, said.text), _together(question, expected.text)),
                own_pair,
            )
            near, around, own = (float(self._vector(given) @ self._vector(right)) for given, right in pairs)
        return Features(
            near=near,
            around=around,
            own=own,
            covered=sum(has_word(word, words) for word in telling) / max(len(telling), 1),
            keys=sum(keys) / max(len(keys), 1),
            lacking=keys.count(False) / max(len(keys), 1),
            # Where the expected answer denies something in passing, its marked parts decide.
            is_opposite=_is_opposite(words, words_of(expected.text)) and (_negates(words) or not all(keys) or not keys),
            other_number=_other_number(question, expected, said),
        )

    def _encoded(self, text: str) -> npt.NDArray[np.float32]:
        assert self._encode is not None
        vector: npt.NDArray[np.float32] = self._encode([text])[0]
        return vector


_RANK = {Grade.WRONG: 0, Grade.NEARLY: 1, Grade.RIGHT: 2}


def _together(question: LessonQuestion, answer: str) -> str:
    """Question and answer as one text: a short answer means little without it."""
    if "___" in question.text:
        return question.text.replace("___", answer)
    return f"{question.text} {answer}"


def has_all(key: str, said: Sequence[str]) -> bool:
    """Whether one of a key's names is among words, in any form."""
    return any(
        all(has_word(word, said) for word in content_words(words_of(name))) for name in key.split(" / ") if tokens(name)
    )


def _keys(expected: Expected, said: SaidAnswer) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which of the parts that must not be missing are there, and which are not."""
    words = in_full(said.words)
    found = tuple(key for key in expected.keys if has_all(key, words))
    return found, tuple(key for key in expected.keys if key not in found)


def _by_words(question: LessonQuestion, expected: Expected, said: SaidAnswer) -> Verdict:
    wanted = words_of(expected.text)
    whole, words = words_of(said.whole), in_full(said.words)
    taken_out = in_full(said.taken_out)
    if taken_out and place_of(wanted, taken_out) >= 0:
        return Verdict(Grade.WRONG)
    if wanted in (whole, words) or (is_misheard(wanted, words) and not _has_other_form(wanted, words)):
        return Verdict(Grade.RIGHT)
    place = place_of(wanted, words)
    negated = _negates(words) and not _negates(wanted)
    if place >= 0 and not negated:
        if offers_a_choice(said):
            return Verdict(Grade.NEARLY, is_choice=True)
        if len(words) - len(wanted) <= _MOST_EXTRA or _stands_in_gap(question, wanted, words, place):
            return Verdict(Grade.RIGHT)
    if not negated and not offers_a_choice(said) and len(wanted) == 1:
        other = [word for word in words if word != wanted[0] and base_form(word) == base_form(wanted[0])]
        if other and wanted[0] not in STOP_WORDS:
            return Verdict(Grade.NEARLY, is_other_form=True)
    return Verdict(Grade.WRONG)


def _has_other_form(wanted: Sequence[str], words: Sequence[str]) -> bool:
    """Whether a word is there in a form that is not the expected one: it was said so, and not misheard."""
    other = set(words) - set(wanted)
    return any(base_form(one) == base_form(word) for one in other for word in wanted if word not in words)


def _stands_in_gap(question: LessonQuestion, wanted: Sequence[str], words: Sequence[str], place: int) -> bool:
    """Whether the right words are said between the same neighbours as the gap has."""
    before, gap, after = question.text.partition("___")
    if not gap:
        return False
    left, right = words_of(before)[-1:], words_of(after)[:1]
    end = place + len(wanted)
    return bool((left and list(words[place - 1 : place]) == left) or (right and list(words[end : end + 1]) == right))


def _by_number(question: LessonQuestion, expected: Expected, said: SaidAnswer) -> Verdict:
    words = in_full(said.words)
    if _negates(words):
        return Verdict(Grade.WRONG)
    if offers_a_choice(said) and len(_numbers(words)) > 0:
        parts = re.split(r"\bor\b", said.text)
        if any(_numbers(tokens(part)) in _ways_to_say(expected.text) for part in parts):
            return Verdict(Grade.NEARLY, is_choice=True)
    numbers = _numbers(words)
    ways = _ways_to_say(expected.text)
    if numbers in ways or any(is_misheard(way, words) for way in ways):
        return Verdict(Grade.RIGHT)
    asked = set(_numbers(tokens(question.text)))
    rest = [word for word in numbers if word not in asked]
    return Verdict(Grade.RIGHT if rest in ways else Grade.WRONG)


def _numbers(words: Sequence[str]) -> list[str]:
    return [word for word in words if word in NUMBER_WORDS]


def _ways_to_say(number: str) -> list[list[str]]:
    """A number's words, and where it may be a year, how years are said, and its digits."""
    ways = [_numbers(tokens(number))]
    if number.isdecimal() and len(number) == 4:
        ways += [_numbers(tokens(year_words(int(number)))), _numbers(tokens(digit_words(number)))]
    return ways


def _other_number(question: LessonQuestion, expected: Expected, said: SaidAnswer) -> bool:
    """Whether an answer has a number that is not the expected one's, nor the question's."""
    wanted = set(_numbers(tokens(expected.text))) - {"one"}
    given = set(_numbers(in_full(said.words))) - {"one"} - set(_numbers(tokens(question.text)))
    return bool(wanted and given and wanted != given)


def _by_polarity(expected: Expected, said: SaidAnswer) -> Verdict:
    whole = words_of(said.whole)
    first = next((word for word in whole if word in _YES or word in _NO), "")
    says_no = first in _NO or (first not in _YES and _negates(whole))
    if first or _negates(whole) or set(whole) <= STOP_WORDS or "of course" in said.whole.lower():
        return Verdict(Grade.RIGHT if says_no == (tokens(expected.text) == ["no"]) else Grade.WRONG)
    return Verdict(Grade.WRONG, is_sure=False)


def _by_items(expected: Expected, said: SaidAnswer) -> Verdict:
    words = in_full(said.words)
    found = [key for key in expected.keys if has_all(key, words)]
    if _negates(words) and not any(set(words_of(key)) & NEGATIONS for key in found):
        return Verdict(Grade.WRONG)
    names = tuple(key.split(" / ")[0] for key in found)
    if len(found) >= expected.needed:
        return Verdict(Grade.RIGHT)
    if not found:
        return Verdict(Grade.WRONG)
    missing = tuple(key.split(" / ")[0] for key in expected.keys if key not in found)
    return Verdict(Grade.NEARLY, names, lacking=expected.needed - len(found), missing=missing)


def _negates(words: Sequence[str]) -> bool:
    """Whether words turn what they say into its opposite; twice makes none."""
    return sum(word in NEGATIONS for word in words) % 2 == 1


def _is_opposite(said: Sequence[str], expected: Sequence[str]) -> bool:
    """Whether one denies what the other says; "not heavy" is "light"."""
    is_comparison = any(
        word == "not" and said[place + 1 : place + 2] in (["as"], ["so"], ["only"]) for place, word in enumerate(said)
    )
    return (_negates(said) and not is_comparison) != (_negates(expected) != are_opposite(said, expected)) and not (
        is_comparison and are_opposite(said, expected)
    )


def _denies_a_key(question: LessonQuestion, said: SaidAnswer) -> bool:
    """Whether the very opposite is said of a part that must not be missing, and that part is not there."""
    words = in_full(said.words)
    return not _negates(words) and any(
        not has_all(key, words) and are_opposite(words, words_of(key))
        for expected in question.answers
        if expected.kind is Kind.MEANING
        for key in expected.keys
    )


def _mistake(question: LessonQuestion, said: SaidAnswer) -> Mistake | None:
    """The mistake that an answer is, if the lesson knows it."""
    words, whole = in_full(said.words), words_of(said.whole)
    for mistake in question.mistakes:
        wrong = words_of(mistake.text)
        if wrong in (words, whole):
            return mistake
    for mistake in sorted(question.mistakes, key=lambda one: -len(one.text)):
        wrong = words_of(mistake.text)
        taken_out = in_full(said.taken_out)
        if taken_out and place_of(wrong, taken_out) >= 0:
            continue
        if place_of(wrong, words) >= 0 or (len(wrong) > 2 and is_misheard(wrong, words)):
            return mistake
    return None


def _is_said_rightly(question: LessonQuestion, said: SaidAnswer) -> bool:
    """Whether a right answer is there beside what looks like a mistake: "go, went, gone"."""
    words = in_full(said.words)
    if offers_a_choice(said):
        return False
    return any(
        expected.kind is not Kind.WORDS
        or (words_of(expected.text) in (words, words_of(said.whole)))
        or (
            (place := place_of(words_of(expected.text), words)) >= 0
            and not any(_covers(words_of(mistake.text), words, place) for mistake in question.mistakes)
        )
        for expected in question.answers
    )


def _covers(wrong: Sequence[str], words: Sequence[str], place: int) -> bool:
    """Whether the mistake has the right word in it: then the whole is the mistake."""
    start = place_of(wrong, words)
    return start >= 0 and start <= place < start + len(wrong)
