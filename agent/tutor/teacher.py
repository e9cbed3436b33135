"""A mind that teaches: wraps another one, asks and judges by a lesson, and lets the other answer what is no part of it.

What is said is only a proposal: a session may begin a reply in a pause and throw it away. So the lesson moves when its
words begin to be heard (`Teacher.on_event`), and not before; then progress is kept, too.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from agent.conversation.events import Event, LessonMoved, Problem, TurnFinished
from agent.knowledge.smalltalk import SmallTalk
from agent.llm.base import Apology, Conversation, Message
from agent.llm.knowledge_file import SMALL_TALK, in_words
from agent.text.avatar_name import strip_avatar_name
from agent.text.same_words import same_words
from agent.text.sentences import Sentence
from agent.text.words import tokens
from agent.tutor.answer_words import said_answer
from agent.tutor.course import (
    Act,
    Agreed,
    AskedForMeaning,
    Course,
    Elsewhere,
    Move,
    NoName,
    Phase,
    Result,
    State,
    Unfinished,
)
from agent.tutor.judge import Judge
from agent.tutor.lesson import Expected, Kind, Lesson, LessonQuestion
from agent.tutor.likeness import place_of
from agent.tutor.progress import Progress
from agent.tutor.second_opinion import is_right
from agent.tutor.verdict import Grade, Verdict
from agent.tutor.wishes import Named, Wish, asks_something, bare_name, consents, named_in, wish_in
from agent.tutor.wording import Wording
from speech.errors import VisavisError

_Read = TypeVar("_Read")

_FEELING = re.compile(r"\[[^\]]*\]\s*")
_MEANS = re.compile(
    r"what (?:does|do) (?:the word )?(.{1,40}?) (?:really |actually )?mean\b"
    r"|what(?:'s| is) the (?:meaning|difference) (?:of|between) (?:the word )?(.{1,40})",
    re.IGNORECASE,
)
_SAYS_NAME = re.compile(r"\b(?:my name|call me|called)\b", re.IGNORECASE)
_HEARD_WORDS = 3
"""The last words of a question: who heard them can answer."""

_QUEUED = 64
"""Things that wait to be written; each is a few bytes."""

_TALK = frozenset(
    """greeting how_are_you user_is_well user_is_unwell name what_are_you feelings age home maker hear_me see_me joke laugh
    not_funny story poem sing thanks compliment insult sorry time date weather capabilities louder""".split()
)
"""Small talk that the mind answers in the middle of a lesson."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a lesson is held.

    Attributes:
        name: the teacher's.
        seed: of wording and order.
        learner: who learns, if that is known.
        remember: as `tutor.remember`.
    """

    name: str
    seed: int = 0
    learner: str = ""
    remember: str = "ask"


@dataclass(frozen=True, slots=True)
class _Proposal:
    """A reply that may be heard, and where the lesson is then."""

    asked: str
    reply: str
    state: State


class Teacher:
    """One lesson with one learner; `teaching` makes it.

    Args:
        lesson: what is taught.
        judge: what is thought of answers.
        mind: a conversation with the mind, for what is no part of the lesson.
        model: one with a language model, which is asked about doubtful answers; None where there is none.
        progress: None where nothing is to be remembered.
        manners: how the lesson is held.
        on_event: called with what the session tells, `LessonMoved` and problems.

    Attributes:
        name: the mind's.
        opening: what it says first.
    """

    def __init__(
        self,
        lesson: Lesson,
        judge: Judge,
        mind: Conversation,
        *,
        model: Conversation | None,
        progress: Progress | None,
        manners: Manners,
        on_event: Callable[[Event], None],
    ) -> None:
        self.name, self.opening = mind.name, ""
        self._lesson, self._judge, self._mind, self._model = lesson, judge, mind, model
        self._progress, self._manners, self._tell = progress, manners, on_event
        self._course = Course(
            lesson, seed=manners.seed, may_ask=manners.remember == "ask", may_remember=progress is not None
        )
        self._wording = Wording(manners.name, seed=manners.seed)
        self._small_talk = SmallTalk(name=manners.name)
        self._state = State(
            learner=manners.learner, agreed=True if manners.remember == "yes" and manners.learner else None
        )
        self._proposal: _Proposal | None = None
        self._kept = 0
        self._writes: asyncio.Queue[Callable[[Progress], object] | None] = asyncio.Queue(_QUEUED)

    async def open(self) -> None:
        """Makes the opening; once, before anything is said."""
        self._proposal = await self._begun(self._state, "")
        self.opening = self._proposal.reply

    async def stream(self, history: Sequence[Message], text: str) -> AsyncGenerator[str, None]:
        """Answers `text`; see `agent.llm.base.Conversation.stream`.

        Raises:
            Apology: the mind failed at a question of the learner's own, and the lesson went on nevertheless.
            VisavisError: it failed in the middle of its reply.
        """
        state, failure = self._state, None
        move = await self._move(state, text)
        if isinstance(move, Elsewhere):
            said = ""
            try:
                async with aclosing(self._mind.stream(history, text)) as deltas:
                    async for delta in deltas:
                        said += delta
                        yield delta
            except Apology as error:
                failure = error
            proposal = self._proposed(text, *self._course.advance(state, Elsewhere("")), said=said)
            rest = proposal.reply.removeprefix(said).lstrip()
            yield " "
        else:
            proposal = await self._answered(state, move, text)
            rest = proposal.reply
        self._proposal = proposal
        async for delta in in_words(rest):
            yield delta
        if failure is not None:
            raise failure

    def on_event(self, event: Event) -> None:
        """Sees what happens in the session, and passes it on: what begins to be heard counts. Never waits."""
        self._see(event)
        self._tell(event)

    def _see(self, event: Event) -> None:
        match event:
            case Sentence() if self._proposal is not None and _begins(self._proposal.reply, event.text):
                self._move_to(self._proposal.state)
            case TurnFinished(record) if self._proposal is not None:
                proposal = self._proposal
                if not same_words(record.question, proposal.asked) or not _begins(proposal.reply, record.reply):
                    return
                self._proposal = None
                self._move_to(proposal.state)
                if record.interrupted and not _was_asked(self._open_question(), record.heard):
                    self._state = replace(self._state, was_unheard=True)

    # ---- what the learner does

    async def _move(self, state: State, text: str) -> Move:
        expected = {word for one in self._open_answers() for word in tokens(one.text)}
        text = strip_avatar_name(text, self._manners.name, is_known=expected.__contains__)
        wish, named = wish_in(text), named_in(text)
        match state.phase:
            case Phase.ASKING:
                return await self._move_at_question(self._lesson.questions[state.current], text, wish)
            case Phase.AGREEING:
                agreed = consents(text)
                if wish in (Wish.FORGET, Wish.REPEAT, Wish.STOP, Wish.REMEMBER):
                    return wish
                return named or (Elsewhere("") if agreed is None and asks_something(text) else Agreed(agreed))
            case Phase.NAMING:
                if wish in (Wish.FORGET, Wish.REPEAT, Wish.STOP, Wish.SKIP):
                    return wish
                if named is None and consents(text) is False:
                    return Agreed(False)
                name = bare_name(text)
                return named or (Named(name) if name else NoName())
            case _:
                if wish in (Wish.FORGET, Wish.REMEMBER, Wish.SCORE, Wish.AGAIN, Wish.STOP):
                    return wish
                return named or Elsewhere("")

    async def _move_at_question(self, question: LessonQuestion, text: str, wish: Wish | None) -> Move:
        verdict = await asyncio.to_thread(self._judge.judge, question, text)
        if wish is not None:  # "how do you do" may be the very answer
            return verdict if verdict.is_right and _is_in_words(question) else wish
        is_about_it = any(asks_something(expected.text) for expected in question.answers)
        if asks_something(text) and not (is_about_it and verdict.grade is not Grade.WRONG):
            return self._about_word(question, text) or Elsewhere("")
        if verdict.is_right and verdict.is_sure:
            return verdict
        if (
            (named := named_in(text))
            and verdict.grade is Grade.WRONG
            and (_SAYS_NAME.search(text) or not self._state.outcomes)
        ):
            return named
        if said_answer(text).is_unfinished and not verdict.is_right:
            return Unfinished()
        if verdict.grade is Grade.WRONG:
            talk, likeness = await asyncio.to_thread(self._small_talk.match, text)
            if likeness >= SMALL_TALK and talk.name in _TALK:
                return Elsewhere("")
        if not verdict.is_sure and self._model is not None:
            opinion = await is_right(self._model, question, text)
            if opinion is not None and opinion is not verdict.is_right:
                return Verdict(Grade.RIGHT) if opinion else replace(verdict, grade=Grade.WRONG)
        return verdict

    def _about_word(self, question: LessonQuestion, text: str) -> AskedForMeaning | None:
        """What the lesson says of a word whose meaning is asked for; a knowledge file is no dictionary."""
        if self._model is not None or not (asked := _MEANS.search(text)):
            return None
        words = tokens(asked[1] or asked[2])
        known = (one.remark for one in question.mistakes if one.remark and tokens(one.text) == words)
        return AskedForMeaning(next(known, ""))

    # ---- what the teacher does

    async def _answered(self, state: State, move: Move, text: str) -> _Proposal:
        known = await self._known(move.name) if isinstance(move, Named) else ""
        if known:
            state, move = replace(state, learner=known, agreed=True), Named(known)
            if state.phase is Phase.ASKING and not state.outcomes:
                return await self._begun(state, text)
        if state.phase is Phase.BEFORE or (move is Wish.AGAIN and state.phase in (Phase.ASKING, Phase.OVER)):
            return await self._begun(state, text)
        return self._proposed(text, *self._course.advance(state, move))

    async def _begun(self, state: State, text: str) -> _Proposal:
        """The lesson from its beginning, with what is due for somebody who is remembered."""
        keys = [question.key for question in self._lesson.questions]
        due: list[str] | None = None
        if state.learner and state.agreed:
            due = await self._read(lambda progress: progress.due(state.learner, self._lesson.key, keys), None)
        return self._proposed(text, *self._course.begin(replace(state, phase=Phase.BEFORE), due))

    def _proposed(self, asked: str, state: State, acts: Sequence[Act], *, said: str = "") -> _Proposal:
        reply, used = self._wording.say(acts, state.used)
        joined = f"{said.rstrip()} {reply}".strip() if said else reply
        return _Proposal(
            asked, said + joined.removeprefix(said.rstrip()) if said else joined, replace(state, used=used)
        )

    def _move_to(self, state: State) -> None:
        """What was proposed is heard: it is so from now on."""
        if state is self._state:
            return
        before, self._state = self._state, state
        if before.learner and not state.learner:
            self._keep(lambda progress: progress.forget(before.learner))
        self._kept = min(self._kept, len(state.results))
        news = state.results[self._kept :]
        if state.agreed and state.learner and news and self._keep(_recording(state.learner, self._lesson.key, news)):
            self._kept = len(state.results)
        question = self._open_question()
        self._tell(
            LessonMoved(
                title=self._lesson.title,
                goal=self._lesson.goal,
                question=question.text if question else "",
                number=state.begun,
                total=state.total,
                right=state.right,
                missed=len(state.outcomes) - state.right,
                is_over=state.phase in (Phase.OVER, Phase.AGREEING, Phase.NAMING) and state.current < 0,
                is_remembered=bool(state.agreed and state.learner and self._progress),
            )
        )

    def _open_question(self) -> LessonQuestion | None:
        return self._lesson.questions[self._state.current] if self._state.current >= 0 else None

    def _open_answers(self) -> Sequence[Expected]:
        question = self._open_question()
        return question.answers if question else ()

    # ---- progress

    async def _read(self, read: Callable[[Progress], _Read], otherwise: _Read) -> _Read:
        """What progress has; where that fails, it is told, and the lesson goes on without."""
        if self._progress is None:
            return otherwise
        try:
            return await asyncio.to_thread(read, self._progress)
        except VisavisError as error:
            self._tell(Problem(str(error)))
            return otherwise
        finally:
            self._tell_problem()

    async def _known(self, name: str) -> str:
        return await self._read(lambda progress: progress.known(name), "")

    def _keep(self, write: Callable[[Progress], object]) -> bool:
        """Has something written, in its turn; False where too much waits: then it goes with the next."""
        if self._progress is None or self._writes.full():
            return False
        self._writes.put_nowait(write)
        return True

    async def write(self) -> None:
        """Writes what is to be kept, until `close`."""
        while (write := await self._writes.get()) is not None:
            assert self._progress is not None
            try:
                await asyncio.to_thread(write, self._progress)
            except VisavisError as error:
                self._tell(Problem(str(error)))
            self._tell_problem()

    async def close(self) -> None:
        """The lesson is over: what waits is still written."""
        await self._writes.put(None)

    def _tell_problem(self) -> None:
        if self._progress is not None and self._progress.problem:
            problem, self._progress.problem = self._progress.problem, ""
            self._tell(Problem(problem))


@asynccontextmanager
async def teaching(
    lesson: Lesson,
    judge: Judge,
    mind: Conversation,
    *,
    model: Conversation | None = None,
    progress: Progress | None = None,
    manners: Manners,
    on_event: Callable[[Event], None],
) -> AsyncGenerator[Teacher, None]:
    """A lesson with one learner; see `Teacher`. What is to be kept is written before it ends."""
    teacher = Teacher(lesson, judge, mind, model=model, progress=progress, manners=manners, on_event=on_event)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(teacher.write(), name="progress")
        try:
            await teacher.open()
            yield teacher
        finally:
            await teacher.close()


def _recording(learner: str, lesson: str, results: Sequence[Result]) -> Callable[[Progress], object]:
    return lambda progress: progress.record(learner, lesson, results)


def _is_in_words(question: LessonQuestion) -> bool:
    return any(expected.kind is Kind.WORDS for expected in question.answers)


def _begins(reply: str, with_: str) -> bool:
    """Whether a reply begins so; a feeling in brackets is not said."""
    return " ".join(_FEELING.sub("", reply).split()).startswith(" ".join(with_.split()))


def _was_asked(question: LessonQuestion | None, heard: str) -> bool:
    """Whether enough of a question was heard to answer it."""
    if question is None:
        return True
    words, asked = tokens(heard), tokens(question.text.replace("___", " blank "))
    return place_of(asked[-_HEARD_WORDS:], words) >= 0
