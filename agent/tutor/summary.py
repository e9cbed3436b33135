"""How a lesson went."""

from __future__ import annotations

from collections.abc import Sequence

from agent.tutor.lesson import Kind, Lesson
from agent.tutor.state import Act, Outcome, State


def summary(lesson: Lesson, state: State, *, is_stopped: bool = False) -> list[Act]:
    """What was found, and what is worth another look."""
    done = len(state.outcomes)
    if not done:
        return []
    right, share = state.right, state.right / done
    name = "all_right" if right == done > 1 else "passed" if share >= lesson.pass_share else "not_passed"
    name = "so_far" if is_stopped else name
    acts = [Act(name, {"right": counted(right), "done": counted(done), "of": _of(right, done)})]
    missed = [number for number, outcome in state.outcomes.items() if outcome is Outcome.MISSED]
    told = [lesson.questions[number].answers[0] for number in missed]
    words = [one.text for one in told if one.kind is Kind.WORDS and len(one.text) < 20][:3]
    if words:
        acts.append(Act("look_again", {"words": enumerated([f'"{word}"' for word in words])}))
    return acts


def score(state: State) -> Act:
    """What was found so far, and how many questions are left."""
    left = len({*state.queue, state.current} - set(state.outcomes))
    done = len(state.outcomes)
    return Act("score" if done else "score_none", {"of": _of(state.right, done), "left": counted(left)})


_COUNTS = dict(enumerate("no one two three four five six seven eight nine ten eleven twelve".split()))


def counted(number: int) -> str:
    """A number as it is said."""
    return _COUNTS.get(number, str(number))


def _of(right: int, done: int) -> str:
    return f"{counted(right)} of {counted(done)}"


def enumerated(parts: Sequence[str]) -> str:
    """Parts as they are listed in speech: a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
