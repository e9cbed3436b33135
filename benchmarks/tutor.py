"""How well answers to a lesson's questions are judged, on labelled answers; and how long it takes.

Run as `python -m benchmarks.tutor`. tests/data/answers.tsv has the answers; those to questions with an odd number were
used to calibrate the judge (`--fit` fits its weights anew, and prints them), those to even ones only judge it.
`--mistakes calibrate` lists what is judged wrongly there.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.models.packaged import packaged_path
from agent.models.packaged_catalogue import packaged_of
from agent.tutor.answer_words import said_answer
from agent.tutor.judge import Encode, Judge
from agent.tutor.lesson import Kind, LessonQuestion, lesson_path
from agent.tutor.lesson_file import load_lesson
from agent.tutor.verdict import Grade

DATA = Path(__file__).parent.parent / "tests" / "data"
HALVES = ("calibrate", "judge")
_PENALTY = 0.002
_ROUNDS = 1500


@dataclass(frozen=True, slots=True)
class Answer:
    """One labelled answer.

    Attributes:
        question: what it answers.
        grade: what a teacher would say.
        text: the answer.
        half: "calibrate" or "judge".
        lesson: the lesson's name.
    """

    question: LessonQuestion
    grade: Grade
    text: str
    half: str
    lesson: str


def read_answers() -> list[Answer]:
    """All labelled answers."""
    found = []
    lessons = {}
    for line in (DATA / "answers.tsv").read_text("utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        place, grade, text = line.split("\t")
        name, number = place.split()
        if name not in lessons:
            own = DATA / "lessons" / f"{name}.md"
            lessons[name] = load_lesson(own if own.is_file() else lesson_path(name))
        question = lessons[name].questions[int(number) - 1]
        found.append(Answer(question, Grade(grade), text, HALVES[(int(number) + 1) % 2], name))
    return found


def load_encode() -> Encode:
    """The packaged network of meanings."""
    from agent.knowledge.minilm import MiniLM

    return MiniLM(packaged_path(packaged_of("embeddings")[0])).encode


def confusion(answers: Sequence[Answer], judge: Callable[[LessonQuestion, str], Grade]) -> Counter[tuple[Grade, Grade]]:
    """How often (label, judged)."""
    return Counter((answer.grade, judge(answer.question, answer.text)) for answer in answers)


def shares(table: Counter[tuple[Grade, Grade]]) -> tuple[float, float, float]:
    """Share of answers with their very grade; of wrong ones that were praised; of right ones that were called wrong."""
    all_, wrong = sum(table.values()), sum(count for (label, _), count in table.items() if label is Grade.WRONG)
    right = sum(count for (label, _), count in table.items() if label is Grade.RIGHT)
    return (
        sum(count for (label, judged), count in table.items() if label is judged) / all_,
        table[Grade.WRONG, Grade.RIGHT] / max(wrong, 1),
        table[Grade.RIGHT, Grade.WRONG] / max(right, 1),
    )


def fit(judge: Judge, answers: Sequence[Answer], columns: Sequence[int]) -> tuple[list[float], float, float]:
    """Weights of `Features.row`, of the columns that count, and the two thresholds; by gradient descent."""
    import torch

    rows, grades = [], []
    for answer in answers:
        said = said_answer(answer.text)
        own = [
            judge.features(answer.question, one, said) for one in answer.question.answers if one.kind is Kind.MEANING
        ]
        own = [one for one in own if not (one.is_opposite or one.other_number)]
        if own:
            rows.append([one.row() for one in own])
            grades.append([Grade.WRONG, Grade.NEARLY, Grade.RIGHT].index(answer.grade))
    mask = torch.zeros(len(rows[0][0]))
    mask[list(columns)] = 1.0
    weights = torch.full((len(rows[0][0]),), 2.0, requires_grad=True)
    start, gap = torch.tensor(3.0, requires_grad=True), torch.tensor(0.0, requires_grad=True)
    optimiser = torch.optim.Adam([weights, start, gap], 0.05)
    tensors = [torch.tensor(row) for row in rows]
    labels = torch.tensor(grades)
    for _ in range(_ROUNDS):
        # No feature may speak against an answer: a lesson would be hard to understand else.
        scores = torch.stack([(row @ (weights.clamp(min=0) * mask)).max() for row in tensors])
        nearly, right = scores - start, scores - start - torch.nn.functional.softplus(gap)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(nearly, (labels >= 1).float())
        loss = loss + torch.nn.functional.binary_cross_entropy_with_logits(right, (labels >= 2).float())
        loss = loss + _PENALTY * (weights * mask).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    first = start.item()
    return (weights.clamp(min=0) * mask).tolist(), first, first + torch.nn.functional.softplus(gap).item()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--mistakes", choices=HALVES)
    options = parser.parse_args()
    answers = read_answers()
    encode = load_encode()
    judges = {"by words, sounds and meaning": Judge(encode), "by words and sounds alone": Judge()}
    if options.fit:
        calibrate = [answer for answer in answers if answer.half == "calibrate"]
        for (name, judge), columns in zip(judges.items(), (range(6), range(3, 6)), strict=True):
            weights, nearly, right = fit(judge, calibrate, list(columns))
            print(f"{name}: {', '.join(f'{one:.2f}' for one in weights)}; from {nearly:.2f}, {right:.2f}")
        return
    print(f"Python {platform.python_version()}, NumPy {np.__version__}; {len(answers)} answers")
    print(f"{'':32}{'half':>10}{'answers':>9}{'same grade':>12}{'wrong praised':>15}{'right refused':>15}")
    for name, judge in judges.items():
        for half in HALVES:
            own = [answer for answer in answers if answer.half == half]
            table = confusion(own, lambda question, text: judge.judge(question, text).grade)  # noqa: B023
            same, praised, refused = shares(table)
            print(f"{name:32}{half:>10}{len(own):>9}{same:>12.1%}{praised:>15.1%}{refused:>15.1%}")
            if options.mistakes == half:
                for answer in own:
                    verdict = judge.judge(answer.question, answer.text)
                    if verdict.grade is not answer.grade:
                        print(f"    {answer.grade} judged {verdict.grade}: {answer.question.text} - {answer.text}")
    judge = judges["by words, sounds and meaning"]
    taken = []
    for answer in answers:
        began = time.perf_counter()
        judge.judge(answer.question, f"{answer.text} indeed")
        taken.append(1000 * (time.perf_counter() - began))
    print(f"one answer: p50 {np.percentile(taken, 50):.1f} ms, p95 {np.percentile(taken, 95):.1f} ms")


if __name__ == "__main__":
    main()
