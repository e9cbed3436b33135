"""The course of a lesson: what the teacher does next, for everything that a learner may do.

Nothing is said or kept here: from a state and a move come another state, and what is to be said.

    BEFORE ── greet ──► ASKING ──► … ──► AGREEING ──► NAMING ──► OVER
                         ▲  │ right, told or skipped: the next question, or one that was missed
                         └──┘ nearly, wrong, "I don't know", "hint", "repeat": the same one, with help

A question that had to be told comes back after some others, and once more at another visit (`agent.tutor.progress`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from agent.tutor.lesson import Kind, Lesson, LessonQuestion
from agent.tutor.state import (
    Act,
    Agreed,
    AskedForMeaning,
    Elsewhere,
    Move,
    Outcome,
    Phase,
    Result,
    State,
    Unfinished,
    unknown,
)
from agent.tutor.summary import counted, enumerated, score, summary
from agent.tutor.verdict import Grade, Verdict
from agent.tutor.wishes import Named, Wish

COMES_BACK_AFTER = 3
"""Other questions that lie between a missed one and its return: long enough to have to remember, short enough to be
able to (expanding retrieval: Landauer & Bjork 1978)."""

MOST_RETURNS = 2
"""So often a question comes back in one sitting; then another day is better."""


Step = tuple[State, list[Act]]


class Course:
    """Leads through a lesson; keeps nothing itself.

    Args:
        lesson: what is taught.
        seed: of the order, where that is drawn by lot.
        may_ask: whether the learner may be asked to be remembered.
        may_remember: whether progress can be remembered at all.
    """

    def __init__(self, lesson: Lesson, *, seed: int = 0, may_ask: bool = True, may_remember: bool = True) -> None:
        self.lesson, self._seed = lesson, seed
        self._may_ask, self._may_remember = may_ask and may_remember, may_remember

    def begin(self, state: State, due: Sequence[str] | None = None) -> Step:
        """Greets, and asks the first question.

        Args:
            state: BEFORE, with the learner if known.
            due: keys of the questions that are to come first, as progress has it, then those never asked; None where
                nothing is known of the learner.
        """
        numbers = self._chosen(due)
        state = replace(
            State(learner=state.learner, agreed=state.agreed, used=state.used, forgets=state.forgets),
            queue=numbers,
            total=len(numbers),
        )
        greeting = "greet_by_name" if state.learner else "greet"
        if due is not None:
            greeting = "greet_again" if due else "greet_known"
        acts = [
            Act(greeting, {"learner": state.learner}),
            Act("goal", {"goal": self.lesson.goal, "count": str(len(numbers))}),
        ]
        if due is None and self._may_remember and not state.learner:
            acts.append(Act("who_are_you"))
        return self._next(state, acts)

    def advance(self, state: State, move: Move) -> Step:
        """What comes of a learner's move."""
        unheard, state = state.was_unheard, replace(state, was_unheard=False)
        if move is Wish.FORGET:
            return self._forget(state)
        match state.phase:
            case Phase.BEFORE:
                return self.begin(state)
            case Phase.AGREEING | Phase.NAMING:
                return self._settle(state, move)
            case Phase.OVER:
                return self._after(state, move)
            case Phase.ASKING:
                if unheard and isinstance(move, Verdict) and not move.is_right:
                    return state, [Act("ask_again"), self._asked(state)]
                return self._asking(state, move)

    # ---- while a question is open

    def _asking(self, state: State, move: Move) -> Step:
        question = self.lesson.questions[state.current]
        match move:
            case Verdict():
                return self._judged(state, question, move)
            case Wish.DONT_KNOW:
                if question.hints[state.hints :] and not (state.hints and state.misses):
                    given, hint = self._hint(state, question)
                    return given, [Act("no_matter"), *hint]
                return self._tell(state, question, [Act("no_matter_told")])
            case Wish.HINT:
                given, hint = self._hint(state, question)
                return given, hint
            case Wish.SKIP:
                skipped = replace(state, outcomes={state.current: Outcome.MISSED, **state.outcomes})
                return self._next(self._again_later(skipped, len(state.queue)), [Act("skipped")])
            case Wish.STOP:
                return self._close(state, [Act("stopped")])
            case Wish.SCORE:
                return state, [score(state), self._asked(state, "back")]
            case Wish.WHY if state.last >= 0 and self.lesson.questions[state.last].why:
                why = Act("why_before", {"why": self.lesson.questions[state.last].why})
                return state, [why, self._asked(state, "back")]
            case Wish.WHY | Wish.REPEAT:
                return state, [self._asked(state, "repeat")]
            case Wish.WAIT | Unfinished():
                return state, [Act("take_your_time")]
            case Wish.AGAIN:
                return self.begin(state)
            case Wish.REMEMBER:
                return self._remember(state)
            case Named(name):
                return replace(state, learner=name), [
                    Act("nice_to_meet", {"learner": name}),
                    self._asked(state, "back"),
                ]
            case Elsewhere(reply):
                return state, [Act("elsewhere", {"reply": reply}), self._asked(state, "back")]
            case AskedForMeaning(remark):
                said = Act("what_it_means", {"remark": remark}) if remark else Act("no_dictionary")
                return state, [said, self._asked(state, "back")]
            case _:
                return state, [self._asked(state, "repeat")]

    def _judged(self, state: State, question: LessonQuestion, verdict: Verdict) -> Step:
        remark = [Act("remark", {"remark": verdict.remark})] if verdict.remark else []
        if verdict.is_right:
            return self._right(state, question)
        if verdict.is_choice:
            return state, [Act("choose_one")]
        missed = replace(state, misses=state.misses + 1)
        if verdict.grade is Grade.NEARLY:
            if state.misses:
                return self._tell(missed, question, [self._nearly(verdict, is_last=True)])
            helped, hint = self._hint(missed, question, is_asked_for=False)
            return helped, [self._nearly(verdict), *(hint or [Act("try_again")])]
        if state.misses:
            return self._tell(missed, question, [Act("not_that_either"), *remark])
        if remark:
            return missed, [Act("not_quite"), *remark, Act("try_again")]
        helped, hint = self._hint(missed, question, is_asked_for=False)
        return helped, [Act("not_quite"), *(hint or [Act("try_again"), self._asked(missed)])]

    def _right(self, state: State, question: LessonQuestion) -> Step:
        is_return = state.current in state.outcomes
        name = "praise_return" if is_return else "praise_found" if state.misses else "praise"
        acts = [Act(name, {"answer": question.answers[0].as_told})]
        if state.misses and question.why and not is_return:
            acts.append(Act("why", {"why": question.why}))
        outcomes = {state.current: Outcome.RIGHT, **state.outcomes}
        results = (*state.results, Result(question.key, not state.misses and not is_return))
        return self._next(replace(state, outcomes=outcomes, results=results), acts)

    def _tell(self, state: State, question: LessonQuestion, acts: list[Act]) -> Step:
        acts = [*acts, Act(_told(question), {"answer": question.answers[0].as_told})]
        if question.why:
            acts.append(Act("why", {"why": question.why}))
        missed = replace(
            state,
            outcomes={state.current: Outcome.MISSED, **state.outcomes},
            results=(*state.results, Result(question.key, False)),
        )
        later = self._again_later(missed, COMES_BACK_AFTER)
        if later is not missed and state.queue:
            acts.append(Act("comes_back"))
        return self._next(later, acts)

    @staticmethod
    def _nearly(verdict: Verdict, *, is_last: bool = False) -> Act:
        if verdict.is_other_form:
            return Act("other_form_still" if is_last else "other_form")
        found = enumerated(verdict.found)
        if verdict.found and verdict.lacking and not is_last:
            more = "one more" if verdict.lacking == 1 else f"{counted(verdict.lacking)} more"
            return Act("nearly_list", {"found": found, "more": more})
        if is_last:
            return Act("nearly_still")
        return Act("nearly_with" if found else "nearly", {"found": found})

    def _hint(self, state: State, question: LessonQuestion, *, is_asked_for: bool = True) -> Step:
        """The next hint; where there is none, nothing, or the first letter for who asks for one."""
        if left := question.hints[state.hints :]:
            return replace(state, hints=state.hints + 1), [Act("hint", {"hint": left[0]})]
        if not is_asked_for:
            return state, []
        first = question.answers[0]
        if first.kind in (Kind.WORDS, Kind.MEANING) and len(first.text.split()) == 1 and first.text[0].isalpha():
            return state, [Act("first_letter", {"letter": first.text[0].upper()})]
        return state, [Act("no_more_hints"), self._asked(state)]

    # ---- from question to question

    def _next(self, state: State, acts: list[Act]) -> Step:
        if not state.queue:
            return self._close(replace(state, last=state.current, current=-1), acts)
        number, *rest = state.queue
        is_return = number in state.outcomes
        moved = replace(
            state,
            phase=Phase.ASKING,
            last=state.current,
            current=number,
            queue=tuple(rest),
            misses=0,
            hints=0,
            returns={**state.returns, number: state.returns.get(number, 0) + 1} if is_return else state.returns,
        )
        is_last = not rest and not is_return and moved.begun == moved.total > 1
        name = "return" if is_return else "first" if state.phase is Phase.BEFORE else "last" if is_last else "next"
        return moved, [*acts, self._asked(moved, name)]

    @staticmethod
    def _again_later(state: State, after: int) -> State:
        """The current question once more after some others; the same state where it came often enough."""
        if state.returns.get(state.current, 0) >= MOST_RETURNS:
            return state
        queue = list(state.queue)
        queue.insert(after, state.current)
        return replace(state, queue=tuple(queue))

    def _asked(self, state: State, name: str = "ask") -> Act:
        return Act(f"ask_{name}" if name != "ask" else "ask", {"question": self.lesson.questions[state.current].text})

    def _chosen(self, due: Sequence[str] | None) -> tuple[int, ...]:
        """Numbers of the questions of this sitting: those that are due, then those in the file's order or by lot."""
        lesson = self.lesson
        rest = list(range(len(lesson.questions)))
        if lesson.is_shuffled:
            random.Random(f"{self._seed} order").shuffle(rest)
        place = {question.key: number for number, question in enumerate(lesson.questions)}
        first = [place[key] for key in due or () if key in place]
        if due is not None and first:
            return tuple(first[: lesson.at_once])
        return tuple(rest[: lesson.at_once])

    # ---- the end

    def _close(self, state: State, acts: list[Act]) -> Step:
        acts = [*acts, *summary(self.lesson, state, is_stopped=bool(state.queue) or state.current >= 0)]
        over = replace(state, phase=Phase.OVER, current=-1, queue=(), last=-1)
        if not state.results:
            return over, [*acts, Act("goodbye", {"learner": state.learner})]
        if state.agreed and state.learner:
            return over, [*acts, Act("is_kept", {"learner": state.learner})]
        if self._may_ask and state.agreed is None:
            return replace(over, phase=Phase.AGREEING, was_unclear=False), [*acts, Act("may_i_remember")]
        return over, [*acts, Act("goodbye", {"learner": state.learner})]

    # ---- remembering

    def _settle(self, state: State, move: Move) -> Step:
        """AGREEING and NAMING: nothing is kept without a yes."""
        if isinstance(move, Named):
            return self._kept(replace(state, learner=move.name))
        if state.phase is Phase.AGREEING and (move is Wish.REMEMBER or (isinstance(move, Agreed) and move.yes)):
            return self._remember(state)
        if (isinstance(move, Agreed) and move.yes is False) or move in (Wish.STOP, Wish.SKIP):
            return self._not_kept(state)
        if move is Wish.REPEAT or not state.was_unclear:
            again = "may_i_remember_again" if state.phase is Phase.AGREEING else "your_name_again"
            asked = [Act("elsewhere", {"reply": move.reply})] if isinstance(move, Elsewhere) else []
            return replace(state, was_unclear=True), [*asked, Act(again)]
        return self._not_kept(state)

    def _remember(self, state: State) -> Step:
        if not self._may_remember:
            return self._go_on(state, [Act("cant_remember")])
        if state.learner:
            return self._kept(state)
        is_between = state.phase is Phase.ASKING
        return replace(state, phase=Phase.NAMING, was_unclear=False, is_between=is_between), [Act("your_name")]

    def _kept(self, state: State) -> Step:
        kept = replace(state, agreed=True)
        return self._go_on(kept, [Act("kept", {"learner": state.learner})])

    def _not_kept(self, state: State) -> Step:
        return self._go_on(replace(state, agreed=False), [Act("not_kept")])

    def _forget(self, state: State) -> Step:
        """Promises it; `forgotten` says what came of it."""
        refused = replace(state, agreed=False)
        if state.learner and self._may_remember:
            return refused, [Act("forgetting")]
        return self._go_on(replace(refused, learner=""), [Act("nothing_to_forget")])

    def forgotten(self, state: State, *, is_gone: bool) -> Step:
        """Goes on after the promise to forget was kept, or could not be kept; then it may be asked for again."""
        state, said = (unknown(state), "forgotten") if is_gone else (state, "not_forgotten")
        return self._go_on(state, [Act(said)])

    def _go_on(self, state: State, acts: list[Act]) -> Step:
        """Back to the open question, or to the end."""
        if state.current >= 0 and state.phase is not Phase.BEFORE:
            return replace(state, phase=Phase.ASKING, is_between=False), [*acts, self._asked(state, "back")]
        if state.phase is Phase.BEFORE:
            begun, more = self.begin(state)
            return begun, [*acts, *more]
        if state.phase is Phase.OVER:
            return state, acts
        return replace(state, phase=Phase.OVER), [*acts, Act("goodbye", {"learner": state.learner})]

    def _after(self, state: State, move: Move) -> Step:
        match move:
            case Wish.AGAIN | Wish.REPEAT | Agreed(True):
                return self.begin(replace(state, phase=Phase.BEFORE))
            case Wish.REMEMBER:
                return self._remember(state)
            case Wish.SCORE:
                return state, summary(self.lesson, state)
            case Elsewhere(reply):
                return state, [Act("elsewhere", {"reply": reply})]
            case Named(name):
                return replace(state, learner=name), [Act("nice_to_meet", {"learner": name}), Act("again_offered")]
            case Wish.STOP | Agreed(False):
                return state, [Act("goodbye", {"learner": state.learner})]
            case _:
                return state, [Act("again_offered")]


def _told(question: LessonQuestion) -> str:
    """How the answer is told: a word by itself, or as a sentence."""
    first = question.answers[0]
    if first.kind is Kind.ITEMS:
        return "told_items"
    return "told_word" if first.kind is not Kind.MEANING or len(first.text.split()) < 4 else "told_sentence"
