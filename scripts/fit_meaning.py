"""Fits the weights of agent/meaning.py on the dev half of benchmarks/paraphrases; takes a few minutes the first time.

Run as `python -m scripts.fit_meaning` in the project's folder. Among the entries of a file and "something else", the
right one is to be the most probable (a conditional logit, McFadden 1974). Prints the weights, and for several odds from
which an entry answers how many questions then get the right one, a wrong one, or none. For agent.knowledge.MEANT.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.retrieval import Question, give_meaning, load_files, read_questions

_DECAY = 2e-4
"""Keeps the weights small: there are few questions."""
_ROUNDS = 400
_START = (20.0, 10.0, 0.0, -15.0, -10.0)


def main() -> None:
    """Fits, and prints."""
    files = load_files()
    give_meaning(files)
    questions = [question for question in read_questions() if question.split == "dev"]
    rows = []
    for question in questions:
        knowledge = files[question.file]
        assert knowledge.meaning is not None
        here, there = knowledge.meaning.likeness(question.text)
        is_right = np.array([question.is_answered_by(entry) for entry in knowledge.answers])
        rows.append((here, there, is_right))
    weights = torch.tensor(_START, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=_ROUNDS, line_search_fn="strong_wolfe")

    def step() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.stack([_surprise(*row, weights) for row in rows]).mean() + _DECAY * (weights**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(step)
    fitted = weights.detach().numpy()
    print("HERE", np.round(fitted[:2], 1), "ELSEWHERE", np.round(-fitted[2:], 1))
    _print_table(questions, rows, fitted)


def _surprise(
    here: npt.NDArray[np.float32],
    there: npt.NDArray[np.float32],
    is_right: npt.NDArray[np.bool_],
    weights: torch.Tensor,
) -> torch.Tensor:
    """-log of the probability of what is right."""
    entries = torch.tensor(here, dtype=torch.float64) @ weights[:2]
    other = -(torch.tensor(there, dtype=torch.float64) @ weights[2:])
    total = torch.logsumexp(torch.cat([entries, other[None]]), 0)
    right = torch.logsumexp(entries[torch.tensor(is_right)], 0) if is_right.any() else other
    return total - right


def _print_table(
    questions: list[Question],
    rows: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.bool_]]],
    weights: npt.NDArray[np.float64],
) -> None:
    odds = [here @ weights[:2] + there @ weights[2:] for here, there, _ in rows]
    best = [int(one.argmax()) for one in odds]
    for least in np.arange(-1.0, 4.01, 0.25):
        counts = dict.fromkeys(("right", "wrong", "no answer", "refused", "answered"), 0)
        for question, one, place, (_, _, is_right) in zip(questions, odds, best, rows, strict=True):
            is_said = one[place] >= least
            if question.right:
                counts["no answer" if not is_said else "right" if is_right[place] else "wrong"] += 1
            else:
                counts["answered" if is_said else "refused"] += 1
        print(f"odds {least:5.2f}  " + "  ".join(f"{what} {count}" for what, count in counts.items()))


if __name__ == "__main__":
    main()
