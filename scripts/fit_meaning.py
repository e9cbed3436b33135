"""Fits the weights of agent/knowledge/meaning.py on questions with known answers; takes a few minutes the first time.

Run as `python -m scripts.fit_meaning` in the project's folder. The questions are the dev half of
benchmarks/paraphrases; those of tests/test_knowledge.py, heard by a recogniser; and each line of
agent/data/elsewhere.txt, as if it and those very near to it were not there: the dev half's own questions about
something else were known when these lines were written. Among the entries of a file and "something else", the right
one is to be the most probable (a conditional logit, McFadden 1974). Prints the weights; and what becomes of the dev
half and of those lines, each eighth judged by weights that were fitted without it, for several numbers that could be
chosen in agent.knowledge.file.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from agent.knowledge.file import Knowledge, above_chance
from agent.knowledge.meaning import elsewhere, nearest
from benchmarks.retrieval import Question, load_files, load_meaning, read_questions
from tests.test_knowledge import ELSEWHERE, HEARD, pairs

_DECAY = 1e-5
"""Keeps the weights small: there are few questions."""
_ROUNDS = 300
_START = (15.0, 10.0, 10.0, -25.0, 2.0)
_PARTS = 8
_TOO_NEAR = 0.8
"""Lines with a higher cosine ask the same; none is so near to a question of the benchmark either."""
_WEIGHT_OF_LINE = 0.1
"""There are several times as many lines as other questions."""
_MEANT, _PERHAPS, _CLEARLY = (0.5, 1.0, 1.5, 2.0), (-3.0, -2.5, -2.0, -1.5), (0.6, 0.8, 1.0, 1.2, 1.5)
"""What is tried for agent.knowledge.file's numbers of these names."""
_SHOWN = 20

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Row:
    """One question.

    Attributes:
        here: float32 [answers, 3], what is weighed for each answer.
        there: how near something else is.
        is_right: bool [answers].
        section: int [answers], which answers are rows of one table.
        kind: "dev", "heard" or "line".
    """

    here: Floats
    there: float
    is_right: npt.NDArray[np.bool_]
    section: npt.NDArray[np.intp]
    kind: str


def main() -> None:
    """Fits, and prints."""
    files = load_files()
    network = load_meaning(files)
    dev = [question for question in read_questions() if question.split == "dev"]
    rows = [_row(files[one.file], one.text, _right(files[one.file], one), "dev") for one in dev]
    shipped = files["visavis"]
    for heard, title in (*pairs(HEARD), *((other, "") for other in ELSEWHERE.strip().splitlines())):
        rows.append(_row(shipped, heard, np.array([entry.title == title for entry in shipped.answers]), "heard"))
    others = np.concatenate([network.encode([line]) for line in elsewhere()])
    for line, asked, knowledge in zip(elsewhere(), others, itertools.cycle(files.values()), strict=False):
        near = others @ asked
        row = _row(knowledge, line, np.zeros(len(knowledge.answers), bool), "line")
        rows.append(replace(row, there=nearest(near[near < _TOO_NEAR])))
    weights = _fit(rows, _START)
    print("HERE", np.round(weights[:3], 1), "ELSEWHERE", round(-weights[3], 1), "AT_ALL", round(weights[4], 1))
    order = np.random.default_rng(0).permutation(len(rows))
    odds: dict[int, Floats] = {}
    for part in range(_PARTS):
        left_out = set(order[part::_PARTS].tolist())
        fitted = _fit([row for number, row in enumerate(rows) if number not in left_out], tuple(weights))
        for number in left_out:
            odds[number] = rows[number].here @ fitted[:3] + rows[number].there * fitted[3] + fitted[4]
    _print_table([(row, odds[number]) for number, row in enumerate(rows) if row.kind != "heard"])


def _right(knowledge: Knowledge, question: Question) -> npt.NDArray[np.bool_]:
    return np.array([question.is_answered_by(entry) for entry in knowledge.answers])


def _row(knowledge: Knowledge, question: str, is_right: npt.NDArray[np.bool_], kind: str) -> _Row:
    assert knowledge.meaning is not None
    likeness, there = knowledge.meaning.likeness(question)
    number_of = {id(entry): number for number, entry in enumerate(knowledge.answers)}
    by_words = np.zeros(len(knowledge.answers), np.float32)
    for hit in knowledge.search(question, len(by_words)):
        by_words[number_of[id(hit.entry)]] = hit.score
    section = np.arange(len(by_words))
    for number, entry in enumerate(knowledge.entries):
        section[[number_of[id(row)] for row in entry.rows]] = number
    return _Row(np.column_stack([likeness, above_chance(by_words)]), there, is_right, section, kind)


def _fit(rows: list[_Row], start: tuple[float, ...]) -> npt.NDArray[np.float64]:
    weights = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=_ROUNDS, line_search_fn="strong_wolfe")
    counts = torch.tensor([_WEIGHT_OF_LINE if row.kind == "line" else 1.0 for row in rows], dtype=torch.float64)

    def step() -> torch.Tensor:
        optimiser.zero_grad()
        surprise = torch.stack([_negative_log_likelihood(row, weights) for row in rows])
        loss = (surprise * counts).sum() / counts.sum() + _DECAY * (weights**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(step)  # type: ignore[no-untyped-call]
    fitted: npt.NDArray[np.float64] = weights.detach().numpy()
    return fitted


def _negative_log_likelihood(row: _Row, weights: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of what is right."""
    entries = torch.tensor(row.here, dtype=torch.float64) @ weights[:3]
    other = -(row.there * weights[3] + weights[4])
    total = torch.logsumexp(torch.cat([entries, other[None]]), 0)
    right = torch.logsumexp(entries[torch.tensor(row.is_right)], 0) if row.is_right.any() else other
    return total - right


def _print_table(judged: list[tuple[_Row, Floats]]) -> None:
    """The best choices first: a wrong answer is worse than a question back."""
    table = []
    for meant, perhaps, clearly in itertools.product(_MEANT, _PERHAPS, _CLEARLY):
        counts = Counter((row.kind, _outcome(row, odds, meant, perhaps, clearly)) for row, odds in judged)
        worth = counts["dev", "right"] + 0.7 * counts["dev", "offered"] - 1.2 * counts["dev", "wrong"]
        worth -= 0.05 * counts["line", "asked back"] + 0.3 * counts["line", "answered"]
        table.append((worth, meant, perhaps, clearly, counts))
    for _, meant, perhaps, clearly, counts in sorted(table, key=lambda line: -line[0])[:_SHOWN]:
        told = "  ".join(f"{kind}: {what} {count}" for (kind, what), count in sorted(counts.items()))
        print(f"MEANT {meant:4.1f} PERHAPS {perhaps:4.1f} CLEARLY {clearly:4.1f}  {told}")


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
