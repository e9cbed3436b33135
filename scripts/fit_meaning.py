"""Fits the weights of agent/meaning.py on questions with known answers; takes a few minutes the first time.

Run as `python -m scripts.fit_meaning` in the project's folder. The questions are the dev half of
benchmarks/paraphrases, and those of tests/test_knowledge.py, heard by a recogniser. Among the entries of a file and
"something else", the right one is to be the most probable (a conditional logit, McFadden 1974). Prints the weights; and
what becomes of the dev half, each eighth judged by weights that were fitted without it, for several numbers that could
be chosen in agent.knowledge.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from agent.knowledge import Knowledge, above_chance
from benchmarks.retrieval import Question, give_meaning, load_files, read_questions
from tests.test_knowledge import ELSEWHERE, HEARD, pairs

_DECAY = 5e-5
"""Keeps the weights small: there are few questions."""
_ROUNDS = 300
_START = (15.0, 10.0, 10.0, 0.0, -10.0, -10.0)
_PARTS = 8
_MEANT, _PERHAPS, _CLEARLY = (0.5, 1.0, 1.5, 2.0), (-1.5, -1.0, -0.5), (0.5, 1.0, 1.5, 2.0)
"""What is tried for agent.knowledge's numbers of these names."""
_SHOWN = 20

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Row:
    """One question.

    Attributes:
        here: float32 [answers, 3], what is weighed for each answer.
        there: float32 [3], what is weighed for something else.
        is_right: bool [answers].
        section: int [answers], which answers are rows of one table.
        is_dev: it is one of the dev half.
    """

    here: Floats
    there: Floats
    is_right: npt.NDArray[np.bool_]
    section: npt.NDArray[np.intp]
    is_dev: bool


def main() -> None:
    """Fits, and prints."""
    files = load_files()
    give_meaning(files)
    dev = [question for question in read_questions() if question.split == "dev"]
    rows = [_row(files[one.file], one.text, _right(files[one.file], one), is_dev=True) for one in dev]
    shipped = files["visavis"]
    for heard, title in (*pairs(HEARD), *((other, "") for other in ELSEWHERE.strip().splitlines())):
        is_right = np.array([entry.title == title for entry in shipped.answers])
        rows.append(_row(shipped, heard, is_right, is_dev=False))
    weights = _fit(rows, _START)
    print("HERE", np.round(weights[:3], 1), "ELSEWHERE", np.round(-weights[3:], 1))
    order = np.random.default_rng(0).permutation(len(rows))
    odds: dict[int, Floats] = {}
    for part in range(_PARTS):
        left_out = set(order[part::_PARTS].tolist())
        fitted = _fit([row for number, row in enumerate(rows) if number not in left_out], tuple(weights))
        odds |= {number: rows[number].here @ fitted[:3] + rows[number].there @ fitted[3:] for number in left_out}
    _print_table([(row, odds[number]) for number, row in enumerate(rows) if row.is_dev])


def _right(knowledge: Knowledge, question: Question) -> npt.NDArray[np.bool_]:
    return np.array([question.is_answered_by(entry) for entry in knowledge.answers])


def _row(knowledge: Knowledge, question: str, is_right: npt.NDArray[np.bool_], *, is_dev: bool) -> _Row:
    assert knowledge.meaning is not None
    likeness, there = knowledge.meaning.likeness(question)
    number_of = {id(entry): number for number, entry in enumerate(knowledge.answers)}
    by_words = np.zeros(len(knowledge.answers), np.float32)
    for hit in knowledge.search(question, len(by_words)):
        by_words[number_of[id(hit.entry)]] = hit.score
    section = np.arange(len(by_words))
    for number, entry in enumerate(knowledge.entries):
        section[[number_of[id(row)] for row in entry.rows]] = number
    return _Row(np.column_stack([likeness, above_chance(by_words)]), there, is_right, section, is_dev)


def _fit(rows: list[_Row], start: tuple[float, ...]) -> npt.NDArray[np.float64]:
    weights = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=_ROUNDS, line_search_fn="strong_wolfe")

    def step() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.stack([_surprise(row, weights) for row in rows]).mean() + _DECAY * (weights**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(step)  # type: ignore[no-untyped-call]
    fitted: npt.NDArray[np.float64] = weights.detach().numpy()
    return fitted


def _surprise(row: _Row, weights: torch.Tensor) -> torch.Tensor:
    """-log of the probability of what is right."""
    entries = torch.tensor(row.here, dtype=torch.float64) @ weights[:3]
    other = -(torch.tensor(row.there, dtype=torch.float64) @ weights[3:])
    total = torch.logsumexp(torch.cat([entries, other[None]]), 0)
    right = torch.logsumexp(entries[torch.tensor(row.is_right)], 0) if row.is_right.any() else other
    return total - right


def _print_table(judged: list[tuple[_Row, Floats]]) -> None:
    """The best choices first: a wrong answer is worse than a question back."""
    table = []
    for meant, perhaps, clearly in itertools.product(_MEANT, _PERHAPS, _CLEARLY):
        counts = Counter(_outcome(row, odds, meant, perhaps, clearly) for row, odds in judged)
        worth = counts["right"] + 0.7 * counts["offered"] - 1.2 * counts["wrong"] - 0.3 * counts["asked back"]
        table.append((worth - 1.5 * counts["answered"], meant, perhaps, clearly, counts))
    for _, meant, perhaps, clearly, counts in sorted(table, key=lambda line: -line[0])[:_SHOWN]:
        print(f"MEANT {meant:4.1f} PERHAPS {perhaps:4.1f} CLEARLY {clearly:4.1f}  {dict(counts)}")


def _outcome(row: _Row, odds: Floats, meant: float, perhaps: float, clearly: float) -> str:
    best = int(odds.argmax())
    others = np.where(row.section == row.section[best], -np.inf, odds)
    second = int(others.argmax())
    has_answer = bool(row.is_right.any())
    if odds[best] >= meant and odds[best] - others[second] >= clearly:
        return ("right" if row.is_right[best] else "wrong") if has_answer else "answered"
    if odds[best] >= perhaps:
        return ("offered" if row.is_right[[best, second]].any() else "others offered") if has_answer else "asked back"
    return "no answer" if has_answer else "refused"


if __name__ == "__main__":
    main()
