"""How words and meaning are weighed together into a grade.

Three grades in their order, as two logistic regressions: whether an answer is at least nearly right, and whether it is
right (cumulative link model, McCullagh 1980). Fitted on the calibration half of tests/data/answers.tsv by
`python -m benchmarks.tutor --fit`, with a penalty on large weights as there are few answers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from agent.tutor.verdict import Grade


@dataclass(frozen=True, slots=True)
class Features:
    """What is known of an answer beside one that is expected.

    Attributes:
        near: how near the meanings of both are, -1 … 1.
        around: the same of question and answer together.
        own: the same of both without the question's words.
        covered: share of the expected answer's telling words that are there.
        keys: share of the parts that must not be missing; 0 where the lesson marks none.
        lacking: share of those that are missing; 0 likewise.
        is_opposite: one of the two is negated, and not the other.
        other_number: it has another number.
    """

    near: float
    around: float
    own: float
    covered: float
    keys: float
    lacking: float
    is_opposite: bool
    other_number: bool

    def row(self) -> tuple[float, ...]:
        """The numbers that are weighed."""
        return self.near, self.around, self.own, self.covered, self.keys, -self.lacking


WITH_MEANING = (3.51, 4.37, 4.09, 2.28, 0.13, 1.26)
"""Weights of `Features.row`."""
NEARLY_FROM, RIGHT_FROM = 7.94, 8.65
"""What must be reached."""

BY_WORDS = (0.0, 0.0, 0.0, 5.77, 0.96, 1.15)
"""The same where no meanings are compared."""
NEARLY_FROM_BY_WORDS, RIGHT_FROM_BY_WORDS = 1.32, 1.87

_SURELY = 0.8
"""Probability from which a second opinion is not asked for."""


def weigh(features: Features, *, with_meaning: bool) -> tuple[Grade, bool]:
    """The grade, and whether it is sure."""
    weights = WITH_MEANING if with_meaning else BY_WORDS
    nearly_from = NEARLY_FROM if with_meaning else NEARLY_FROM_BY_WORDS
    right_from = RIGHT_FROM if with_meaning else RIGHT_FROM_BY_WORDS
    sum_ = math.fsum(weight * value for weight, value in zip(weights, features.row(), strict=True))
    is_right, is_nearly = (1 / (1 + math.exp(start - sum_)) for start in (right_from, nearly_from))
    grade = Grade.RIGHT if is_right >= 0.5 else Grade.NEARLY if is_nearly >= 0.5 else Grade.WRONG
    if grade is Grade.RIGHT:
        return grade, is_right >= _SURELY
    # Without meanings, other words for the same look as wrong as anything.
    return grade, grade is Grade.WRONG and with_meaning and 1 - is_nearly >= _SURELY
