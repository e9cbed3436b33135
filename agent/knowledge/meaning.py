"""Which entry answers a question by what both mean, in whatever words; and whether it is about something else.

Questions, titles and sentences become vectors (`agent.knowledge.minilm`); those that mean about the same lie close
together. How close is close enough depends on the question ("When does the supermarket close?" lies nearer to a
museum's opening hours than "Does someone show people around?" does to its guided tours), so the file's entries are
compared with what people ask a talking machine about anything and everything, data/elsewhere.txt: what lies nearer to
that is declined.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from agent.knowledge.entry import Entry

Vectors = npt.NDArray[np.float32]
"""[N, size]: N texts, each of length 1."""

MOST_TEXTS = 12_000
"""Of a file: titles and questions first, then paragraphs, then their sentences. More would take minutes to read, and a
question more than a few milliseconds to compare."""

HERE = np.array([15.6, 9.6, 14.3], np.float32)
"""Weights of an entry's likeness to the question, by how it is asked for or by what it says: of the larger, and of the
smaller one; and of how much better than by chance its words and sounds fit."""
ELSEWHERE, AT_ALL = 27.2, 2.2
"""Weight of the likeness to questions about something else, and a constant. The difference is the logarithm of the odds
that the entry is meant; fitted by scripts/fit_meaning.py."""
_AROUND = 3

_OTHER_PARAGRAPH = 0.1
"""So much closer than the first paragraph must another one be to be said in its place."""

_QUESTIONS_KEPT = 16
"""A question is compared several times, and while somebody speaks it is often the same."""

_SENTENCE = re.compile(r".+?(?:[.!?…]+[\"”’)]*(?=\s)|$)", re.DOTALL)


def texts_of(answers: Sequence[Entry]) -> tuple[list[str], npt.NDArray[np.int32]]:
    """What is read of a file.

    Args:
        answers: entries, and rows of tables.

    Returns:
        The texts, and for each of them [answer, paragraph]: the paragraph's number, or -1 for a way to ask.
    """
    section = {id(row): entry.title for entry in answers for row in entry.rows}
    asked = [
        (text, number, -1)
        for number, entry in enumerate(answers)
        for text in dict.fromkeys((entry.title, *entry.questions))
    ]
    said, sentences = [], []
    for number, entry in enumerate(answers):
        for place, paragraph in enumerate(entry.paragraphs):
            said += [(f"{section.get(id(entry), entry.title)}: {paragraph}", number, place)]
            # By itself it counts as a sentence does: its title is what all paragraphs of an entry share.
            parts = [paragraph, *(match[0].strip() for match in _SENTENCE.finditer(paragraph))]
            sentences += [(part, number, place) for part in dict.fromkeys(parts) if part]
    chosen = [*asked, *said, *sentences][:MOST_TEXTS]
    owners = np.array([owner for _, *owner in chosen], np.int32).reshape(-1, 2)
    return [text for text, *_ in chosen], owners


@cache
def elsewhere() -> tuple[str, ...]:
    """Questions about anything and everything, from data/elsewhere.txt."""
    lines = resources.files("agent").joinpath("data/elsewhere.txt").read_text("utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def nearest(near: npt.NDArray[np.float32]) -> float:
    """How like something else a question is: the nearest of the likenesses to such questions, on average."""
    return float(np.sort(near)[::-1][:_AROUND].mean())


class Meaning:
    """Compares questions with a file's entries.

    Args:
        answers: entries, and rows of tables.
        vectors: of `texts_of(answers)`.
        others: of `elsewhere()`.
        encode: makes vectors of texts.
    """

    def __init__(
        self,
        answers: Sequence[Entry],
        vectors: Vectors,
        others: Vectors,
        encode: Callable[[Sequence[str]], Vectors],
    ) -> None:
        self._texts, owners = texts_of(answers)
        self._count = len(answers)
        self._asks = owners[:, 1] < 0
        self._answer, self._paragraph = owners.T
        self._vectors, self._others = vectors, others
        self.encode = encode
        self._vector = lru_cache(_QUESTIONS_KEPT)(lambda question: encode([question])[0])

    def odds(self, question: str, by_words: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """For each answer, how surely it is meant, not something else: the logarithm of the odds.

        Args:
            question: as asked.
            by_words: float32 [answers], how much better than by chance each fits by words and sounds, 0 … 1.

        Returns:
            float32 [answers].
        """
        here, there = self.likeness(question)
        odds: npt.NDArray[np.float32] = np.column_stack([here, by_words]) @ HERE - ELSEWHERE * there + AT_ALL
        return odds

    def likeness(self, question: str) -> tuple[npt.NDArray[np.float32], float]:
        """What `odds` is made of, beside the words.

        Returns:
            float32 [answers, 2]: how near a question is to the nearest way to ask for each answer, or the nearest part
            of what it says: first the larger of the two. And how near the nearest questions about something else are.
        """
        asked = self._vector(question)
        near = self._vectors @ asked
        by_asking, by_saying = np.zeros((2, self._count), np.float32)
        np.maximum.at(by_asking, self._answer[self._asks], near[self._asks])
        np.maximum.at(by_saying, self._answer[~self._asks], near[~self._asks])
        here = np.stack([np.maximum(by_asking, by_saying), np.minimum(by_asking, by_saying)], axis=1)
        return here, nearest(self._others @ asked)

    def form(self, question: str, answer: int) -> str:
        """The way to ask for an answer that is nearest to a question."""
        mine = np.flatnonzero((self._answer == answer) & self._asks)
        return self._texts[mine[int((self._vectors[mine] @ self._vector(question)).argmax())]] if len(mine) else ""

    def paragraph(self, question: str, answer: int) -> int:
        """The number of the paragraph that answers a question; the first one unless another is clearly closer."""
        asked = self._vector(question)
        mine = (self._answer == answer) & ~self._asks
        near = np.full(int(self._paragraph.max(initial=0)) + 1, -1.0, np.float32)
        np.maximum.at(near, self._paragraph[mine], self._vectors[mine] @ asked)
        best = int(near.argmax())
        return best if near[best] > near[0] + _OTHER_PARAGRAPH else 0
