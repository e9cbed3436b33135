"""What a lesson is: a goal, and questions with the answers that are expected."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from pathlib import Path

from agent.text.words import tokens


class Kind(StrEnum):
    """How an answer is compared with what is expected."""

    WORDS = "words"
    """These very words, alone or in a sentence."""
    MEANING = "meaning"
    """The same in whatever words."""
    ITEMS = "items"
    """Several things, in any order."""
    NUMBER = "number"
    YES_OR_NO = "yes or no"


@dataclass(frozen=True, slots=True)
class Expected:
    """One answer that is right.

    Attributes:
        kind: how it is compared.
        text: as it is said.
        keys: of MEANING: parts that must not be missing; of ITEMS: the items, each with its other names after " / ".
        needed: of ITEMS: how many are enough.
    """

    kind: Kind
    text: str
    keys: tuple[str, ...] = ()
    needed: int = 0

    @property
    def as_told(self) -> str:
        """How the right answer is told: of several ways to say an item, the first."""
        if self.kind is not Kind.ITEMS:
            return self.text
        names = [key.split(" / ")[0] for key in self.keys]
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong answer that people often give.

    Attributes:
        text: the answer.
        remark: what is said to it; "" for nothing in particular.
    """

    text: str
    remark: str


@dataclass(frozen=True, slots=True)
class LessonQuestion:
    """One question.

    Attributes:
        text: as it is asked; "___" is a gap.
        answers: what is right, at least one; the first is told when the learner does not find it.
        mistakes: what is wrong.
        hints: in the order in which they are given.
        why: said after the right answer was told; "" for nothing.
    """

    text: str
    answers: tuple[Expected, ...]
    mistakes: tuple[Mistake, ...] = ()
    hints: tuple[str, ...] = ()
    why: str = ""

    @property
    def key(self) -> str:
        """What progress knows it by: its words, so that a file may be edited around it."""
        return hashlib.sha256(" ".join(tokens(self.text.replace("_", " gap "))).encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Lesson:
    """A whole lesson.

    Attributes:
        title: what it is called.
        goal: said in the beginning, after the greeting; "" for nothing.
        questions: at least one, in the file's order.
        at_once: how many are asked in one sitting.
        is_shuffled: whether their order is drawn by lot.
        pass_share: share of right answers with which the lesson is passed.
    """

    title: str
    goal: str
    questions: tuple[LessonQuestion, ...]
    at_once: int
    is_shuffled: bool = False
    pass_share: float = 0.7

    @property
    def key(self) -> str:
        """What progress knows it by."""
        return " ".join(tokens(self.title)) or self.title

    def phrases(self) -> list[str]:
        """What learners may say, for the recogniser: right answers, and the usual mistakes, which count as much.

        Returns:
            Lower-case words without duplicates.
        """
        said: list[str] = []
        for question in self.questions:
            for answer in question.answers:
                said += [name for key in answer.keys for name in key.split(" / ")] if answer.keys else []
                said += [answer.text] if answer.kind is not Kind.ITEMS else []
            said += [mistake.text for mistake in question.mistakes]
        phrases = dict.fromkeys(" ".join(tokens(one)) for one in said)
        phrases.pop("", None)
        return list(phrases)


def shipped_lessons() -> list[str]:
    """The names of the lessons that come with the program."""
    folder = resources.files("agent").joinpath("data/lessons")
    return sorted(file.name.removesuffix(".md") for file in folder.iterdir() if file.name.endswith(".md"))


def lesson_path(name: str) -> Path:
    """What `tutor.lesson` means: a shipped lesson's name, else a file."""
    if name in shipped_lessons():
        return Path(str(resources.files("agent").joinpath("data/lessons", f"{name}.md")))
    return Path(name)
