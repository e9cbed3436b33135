"""The course of a lesson, move by move."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agent.tutor.course import COMES_BACK_AFTER, MOST_RETURNS, Course
from agent.tutor.lesson import Expected, Kind, Lesson, LessonQuestion
from agent.tutor.state import Agreed, AskedForMeaning, Elsewhere, Move, NoName, Outcome, Phase, State, Unfinished
from agent.tutor.verdict import Grade, Verdict
from agent.tutor.wishes import Named, Wish

RIGHT, WRONG, NEARLY = Verdict(Grade.RIGHT), Verdict(Grade.WRONG), Verdict(Grade.NEARLY)


def lesson(count: int = 5, hints: Sequence[str] = ("h",), why: str = "w") -> Lesson:
    questions = (
        LessonQuestion(f"question {number}", (Expected(Kind.WORDS, f"word{number}"),), (), tuple(hints), why)
        for number in range(count)
    )
    return Lesson("T", "Goal.", tuple(questions), count)


def play(course: Course, *moves: Move, state: State | None = None) -> tuple[State, list[str]]:
    """The state after some moves from the beginning, and what was done last."""
    state, acts = course.begin(state or State())
    for move in moves:
        state, acts = course.advance(state, move)
    return state, [act.name for act in acts]


@pytest.mark.parametrize(
    ("moves", "done"),
    [
        ((), ["greet", "goal", "who_are_you", "ask_first"]),
        ((RIGHT,), ["praise", "ask_next"]),
        ((WRONG,), ["not_quite", "hint"]),
        ((WRONG, RIGHT), ["praise_found", "why", "ask_next"]),
        ((WRONG, WRONG), ["not_that_either", "told_word", "why", "comes_back", "ask_next"]),
        ((Verdict(Grade.WRONG, remark="r"),), ["not_quite", "remark", "try_again"]),
        ((NEARLY,), ["nearly", "hint"]),
        ((NEARLY, NEARLY), ["nearly_still", "told_word", "why", "comes_back", "ask_next"]),
        ((Verdict(Grade.NEARLY, is_other_form=True),), ["other_form", "hint"]),
        ((Verdict(Grade.NEARLY, is_choice=True),), ["choose_one"]),
        ((Verdict(Grade.NEARLY, ("red",), 2),), ["nearly_list", "hint"]),
        ((Wish.DONT_KNOW,), ["no_matter", "hint"]),
        ((Wish.DONT_KNOW, Wish.DONT_KNOW), ["no_matter_told", "told_word", "why", "comes_back", "ask_next"]),
        ((Wish.HINT,), ["hint"]),
        ((Wish.HINT, Wish.HINT), ["first_letter"]),
        ((Wish.REPEAT,), ["ask_repeat"]),
        ((Wish.WAIT,), ["take_your_time"]),
        ((Unfinished(),), ["take_your_time"]),
        ((Wish.SKIP,), ["skipped", "ask_next"]),
        ((Wish.SCORE,), ["score_none", "ask_back"]),
        ((RIGHT, Wish.SCORE), ["score", "ask_back"]),
        ((RIGHT, Wish.WHY), ["why_before", "ask_back"]),
        ((Elsewhere("x"),), ["elsewhere", "ask_back"]),
        ((AskedForMeaning("r"),), ["what_it_means", "ask_back"]),
        ((AskedForMeaning(""),), ["no_dictionary", "ask_back"]),
        ((Named("Anna"),), ["nice_to_meet", "ask_back"]),
        ((Wish.FORGET,), ["nothing_to_forget", "ask_back"]),
        ((RIGHT, Wish.STOP), ["stopped", "so_far", "may_i_remember"]),
        ((Wish.STOP,), ["stopped", "goodbye"]),
        ((RIGHT, Wish.AGAIN), ["greet", "goal", "who_are_you", "ask_first"]),
    ],
)
def test_moves(moves: tuple[Move, ...], done: list[str]) -> None:
    assert play(Course(lesson()), *moves)[1] == done


def test_what_was_missed_comes_back_and_not_for_ever() -> None:
    course = Course(lesson())
    state, _ = play(course, WRONG, WRONG)
    asked = []
    while state.phase is Phase.ASKING:
        asked.append(state.current)
        first = state.current == 0
        state, _ = course.advance(state, WRONG if first else RIGHT)
        if first:
            state, _ = course.advance(state, WRONG)
    assert asked == [1, 2, 3, 0, 4, 0][: 4 + MOST_RETURNS] and asked.index(0) == COMES_BACK_AFTER
    assert state.outcomes[0] is Outcome.MISSED and state.right == 4
    assert [result.is_right for result in state.results] == [False, True, True, True, False, True, False]


def test_a_question_that_is_found_later_was_missed_all_the_same() -> None:
    course = Course(lesson(2))
    state, done = play(course, WRONG, WRONG, RIGHT, RIGHT)
    assert done[0] == "praise_return" and (state.right, len(state.outcomes)) == (1, 2)


def test_skipped_questions_come_at_the_end() -> None:
    course = Course(lesson(3))
    state, done = play(course, Wish.SKIP, RIGHT, RIGHT)
    assert state.current == 0 and done[-1] == "ask_return"


def test_nothing_is_kept_without_a_yes_and_a_name() -> None:
    course = Course(lesson(1))
    state, done = play(course, RIGHT)
    assert (state.phase, state.agreed) == (Phase.AGREEING, None) and done[-1] == "may_i_remember"
    refused, done = course.advance(state, Agreed(False))
    assert (refused.phase, refused.agreed, done[0].name) == (Phase.OVER, False, "not_kept")
    asked, done = course.advance(state, Agreed(True))
    assert (asked.phase, done[0].name) == (Phase.NAMING, "your_name")
    named, done = course.advance(asked, Named("Anna"))
    assert (named.learner, named.agreed, named.phase, done[0].name) == ("Anna", True, Phase.OVER, "kept")
    unclear, done = course.advance(state, Agreed(None))
    assert (unclear.phase, done[0].name) == (Phase.AGREEING, "may_i_remember_again")
    assert course.advance(unclear, Agreed(None))[0].agreed is False
    nameless, _ = course.advance(course.advance(asked, NoName())[0], NoName())
    assert (nameless.agreed, nameless.phase) == (False, Phase.OVER)


def test_remembering_in_the_middle_goes_on_with_the_question() -> None:
    course = Course(lesson())
    state, _ = play(course, RIGHT, Wish.REMEMBER)
    assert state.phase is Phase.NAMING
    state, acts = course.advance(state, Named("Anna"))
    assert (state.phase, state.current, state.agreed) == (Phase.ASKING, 1, True)
    assert [act.name for act in acts] == ["kept", "ask_back"]
    promised, acts = course.advance(state, Wish.FORGET)
    assert (promised.learner, promised.agreed, acts[0].name) == ("Anna", False, "forgetting"), "nothing is gone yet"
    failed, acts = course.forgotten(promised, is_gone=False)
    assert (failed.learner, [act.name for act in acts]) == ("Anna", ["not_forgotten", "ask_back"])
    state, acts = course.forgotten(course.advance(failed, Wish.FORGET)[0], is_gone=True)
    assert (state.learner, state.agreed, [act.name for act in acts]) == ("", False, ["forgotten", "ask_back"])
    state, acts = course.advance(state, Wish.STOP)
    assert acts[-1].name == "goodbye", "who wanted to be forgotten is not asked again"


def test_where_nothing_can_be_remembered_nobody_is_asked() -> None:
    course = Course(lesson(1), may_remember=False)
    assert play(course)[1] == ["greet", "goal", "ask_first"]
    assert play(course, RIGHT)[1][-1] == "goodbye"
    assert play(Course(lesson(2), may_remember=False), Wish.REMEMBER)[1] == ["cant_remember", "ask_back"]


def test_an_answer_to_a_question_that_was_drowned_is_not_held_against_anybody() -> None:
    from dataclasses import replace

    course = Course(lesson())
    state, _ = play(course, RIGHT)
    drowned = replace(state, was_unheard=True)
    again, acts = course.advance(drowned, WRONG)
    assert [act.name for act in acts] == ["ask_again", "ask"] and again == state
    assert course.advance(drowned, RIGHT)[0].current == 2


def test_what_is_due_comes_first_and_is_said() -> None:
    course = Course(lesson())
    keys = [question.key for question in course.lesson.questions]
    state, acts = course.begin(State(learner="Anna", agreed=True), [keys[3], keys[1]])
    assert (state.current, state.queue, state.total, acts[0].name) == (3, (1,), 2, "greet_again")
    state, acts = course.begin(State(learner="Anna", agreed=True), [])
    assert (state.total, acts[0].name) == (5, "greet_known")
