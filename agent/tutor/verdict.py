"""What is thought of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How good an answer is."""

    RIGHT = "right"
    NEARLY = "nearly"
    """An important part is there, and another is missing; or it is the right word in a wrong form."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement on one answer.

    Attributes:
        grade: how good it is.
        found: what of the right answer was in it, as it is told.
        lacking: how many parts are missing; 0 where parts can't be counted.
        missing: what is missing, as it is told; never said while the learner is still to find it.
        remark: what the lesson says to this very mistake; "" for nothing.
        is_other_form: the word is right, its form is not.
        is_choice: two answers in one: the learner leaves the choice to the teacher.
        is_sure: far from any other grade; else a second opinion is worth asking for.
    """

    grade: Grade
    found: tuple[str, ...] = ()
    lacking: int = 0
    missing: tuple[str, ...] = ()
    remark: str = ""
    is_other_form: bool = False
    is_choice: bool = False
    is_sure: bool = True

    @property
    def is_right(self) -> bool:
        """Whether it is right."""
        return self.grade is Grade.RIGHT
