"""A mind that teaches: wraps another one, asks and judges by a lesson, and lets the other answer what is no part of it.

What is said is only a proposal: a session may begin a reply in a pause and throw it away. So the lesson moves when its
words begin to be heard (`Teacher.on_event`), and not before; then progress is kept, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace

from agent.conversation.events import Event, LessonMoved, Problem, TurnFinished
from agent.database.notebook import open_notebook
from agent.llm.base import Apology, Conversation, Message
from agent.llm.knowledge_file import in_words
from agent.text.same_words import begins_with, same_words
from agent.text.sentences import Sentence
from agent.text.words import tokens
from agent.tutor.course import Course
from agent.tutor.judge import Judge
from agent.tutor.lesson import Lesson, LessonQuestion
from agent.tutor.likeness import place_of
from agent.tutor.listener import Listener
from agent.tutor.notebook import LearnersNotebook
from agent.tutor.progress import Progress
from agent.tutor.state import Act, Elsewhere, Move, Phase, State, read_place, unknown, written_place
from agent.tutor.wishes import Named, Wish
from agent.tutor.wording import Wording
from speech.errors import BackendError

_HEARD_WORDS = 3
"""The last words of a question: who heard them can answer."""


@dataclass(frozen=True, slots=True)
class TeachingPolicy:
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
    """A reply that may be heard, and where the lesson is then.

    Attributes:
        asked: what it answers.
        reply: as far as it is known.
        state: from when it begins to be heard.
        promised: where it promises to forget the learner: set when that is heard, and begun.
    """

    asked: str
    reply: str
    state: State
    promised: asyncio.Event | None = None


class Teacher:
    """One lesson with one learner; `teaching` makes it.

    Args:
        lesson: what is taught.
        listener: understands the learner.
        mind: a conversation with the mind, for what is no part of the lesson.
        notebook: open; what is remembered.
        policy: how the lesson is held.
        on_event: called with what the session tells, and with `LessonMoved`.

    Attributes:
        name: the mind's.
        opening: what it says first.
    """

    def __init__(
        self,
        lesson: Lesson,
        listener: Listener,
        mind: Conversation,
        notebook: LearnersNotebook,
        *,
        policy: TeachingPolicy,
        on_event: Callable[[Event], None],
    ) -> None:
        self.name, self.opening = mind.name, ""
        self._lesson, self._listener, self._mind, self._notebook = lesson, listener, mind, notebook
        self._tell = on_event
        self._course = Course(lesson, seed=policy.seed, may_ask=policy.remember == "ask", may_remember=notebook.is_open)
        self._wording = Wording(policy.name, seed=policy.seed)
        has_agreed = policy.remember == "yes" and bool(policy.learner)
        self._state = State(learner=policy.learner, agreed=has_agreed or None)
        self._proposal: _Proposal | None = None
        self._kept = 0
        self._is_gone: asyncio.Future[bool]

    async def open(self, place: str = "") -> None:
        """Makes the opening; once, before anything is said.

        Args:
            place: where another teacher was, from `LessonMoved`: it goes on there, and its opening is empty.
        """
        if place and (state := read_place(self._lesson, place)) is not None:
            # What was being said when the other one ended may not have been heard: no answer to it counts yet.
            self._state = replace(state, was_unheard=state.phase is Phase.ASKING)
            self._kept = len(state.results) if state.agreed and state.learner else 0
            self._tell_place()
            return
        self._proposal = await self._begun(self._state, "")
        self.opening = self._proposal.reply

    async def stream(self, history: Sequence[Message], text: str) -> AsyncGenerator[str, None]:
        """Answers `text`; see `agent.llm.base.Conversation.stream`.

        Raises:
            Apology: the mind failed at a question of the learner's own, and the lesson went on nevertheless.
            VisavisError: it failed in the middle of its reply.
        """
        state, failure = self._state, None
        move: Move = Wish.AGAIN if state.phase is Phase.BEFORE else await self._listener.move(state, text)
        if move is Wish.FORGET and state.learner and self._notebook.is_open:
            async for delta in self._forgetting(state, text):
                yield delta
            return
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

    async def forget(self) -> None:
        """Deletes all that is kept of the learner, and says nothing; nothing happens where nobody is known.

        Raises:
            BackendError: it could not be deleted; it may be tried again.
        """
        if not (name := self._state.learner):
            return
        self._state = replace(self._state, agreed=False, forgets=self._state.forgets + 1)
        if not await asyncio.shield(self._notebook.forget(name)):
            raise BackendError("what is remembered of you could not be deleted; please try again later")
        self._state = unknown(self._state)
        self._tell_place()

    def on_event(self, event: Event) -> None:
        """Sees what happens in the session, and passes it on: what begins to be heard counts. Never waits."""
        self._see(event)
        self._tell(event)

    def _see(self, event: Event) -> None:
        match event:
            case Sentence() if self._proposal is not None and begins_with(self._proposal.reply, event.text):
                self._move_to(self._proposal)
            case TurnFinished(record) if self._proposal is not None:
                proposal = self._proposal
                if not same_words(record.question, proposal.asked) or not begins_with(proposal.reply, record.reply):
                    return
                self._proposal = None
                self._move_to(proposal)
                if record.interrupted and not _was_asked(self._open_question(), record.heard):
                    self._state = replace(self._state, was_unheard=True)

    # ---- what the teacher does

    async def _answered(self, state: State, move: Move, text: str) -> _Proposal:
        known = await self._notebook.known(move.name) if isinstance(move, Named) else ""
        if known:
            state, move = replace(state, learner=known, agreed=True), Named(known)
            if state.phase is Phase.ASKING and not state.outcomes:
                return await self._begun(state, text)
        if move is Wish.AGAIN and state.phase in (Phase.BEFORE, Phase.ASKING, Phase.OVER):
            return await self._begun(state, text)
        return self._proposed(text, *self._course.advance(state, move))

    async def _begun(self, state: State, text: str) -> _Proposal:
        """The lesson from its beginning, with what is due for somebody who is remembered."""
        keys = [question.key for question in self._lesson.questions]
        due: list[str] | None = None
        if state.learner and state.agreed:
            due = await self._notebook.due(state.learner, self._lesson.key, keys)
        return self._proposed(text, *self._course.begin(replace(state, phase=Phase.BEFORE), due))

    def _proposed(self, asked: str, state: State, acts: Sequence[Act], *, said: str = "") -> _Proposal:
        reply, used = self._wording.say(acts, state.used)
        joined = f"{said.rstrip()} {reply}".strip() if said else reply
        return _Proposal(
            asked, said + joined.removeprefix(said.rstrip()) if said else joined, replace(state, used=used)
        )

    async def _forgetting(self, state: State, text: str) -> AsyncGenerator[str, None]:
        """Says that the learner will be forgotten, does so once that is heard, and then says what came of it."""
        promised = asyncio.Event()
        promise = replace(self._proposed(text, *self._course.advance(state, Wish.FORGET)), promised=promised)
        self._proposal = promise
        async for delta in in_words(promise.reply):
            yield delta
        yield " "
        await promised.wait()
        is_gone = await asyncio.shield(self._is_gone)
        outcome = self._proposed(text, *self._course.forgotten(self._state, is_gone=is_gone), said=promise.reply)
        self._proposal = outcome
        async for delta in in_words(outcome.reply.removeprefix(promise.reply).lstrip()):
            yield delta

    def _move_to(self, proposal: _Proposal) -> None:
        """What was proposed is heard: it is so from now on."""
        before, state = self._state, proposal.state
        if state is before:
            return
        if state.forgets < before.forgets:  # proposed when the learner was still known
            state = replace(state, learner=before.learner, agreed=before.agreed, forgets=before.forgets)
        self._state = state
        if proposal.promised is not None:
            self._is_gone = self._notebook.forget(state.learner)
            proposal.promised.set()
        self._kept = min(self._kept, len(state.results))
        news = state.results[self._kept :]
        if state.agreed and state.learner and news and self._notebook.record(state.learner, self._lesson.key, news):
            self._kept = len(state.results)
        self._tell_place()

    def _tell_place(self) -> None:
        state, question = self._state, self._open_question()
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
                is_remembered=bool(state.agreed and state.learner and self._notebook.is_open),
                place=written_place(self._lesson, state),
            )
        )

    def _open_question(self) -> LessonQuestion | None:
        return self._lesson.questions[self._state.current] if self._state.current >= 0 else None


@asynccontextmanager
async def teaching(
    lesson: Lesson,
    judge: Judge,
    mind: Conversation,
    *,
    model: Conversation | None = None,
    progress: Progress | None = None,
    place: str = "",
    policy: TeachingPolicy,
    on_event: Callable[[Event], None],
) -> AsyncGenerator[Teacher, None]:
    """A lesson with one learner; what is to be kept is written before it ends.

    Args:
        lesson: what is taught.
        judge: what is thought of answers.
        mind: a conversation with the mind, for what is no part of the lesson.
        model: one with a language model that serves for nothing else; None where there is none.
        progress: None where nothing is to be remembered.
        place: where another teacher was, whose lesson goes on; see `Teacher.open`.
        policy: how the lesson is held.
        on_event: called with what the session tells, with `LessonMoved` and problems.
    """
    listener = Listener(lesson, judge, policy.name, model)
    async with open_notebook(progress, lambda problem: on_event(Problem(problem))) as notebook:
        teacher = Teacher(lesson, listener, mind, LearnersNotebook(notebook), policy=policy, on_event=on_event)
        await teacher.open(place)
        yield teacher


def _was_asked(question: LessonQuestion | None, heard: str) -> bool:
    """Whether enough of a question was heard to answer it."""
    if question is None:
        return True
    words, asked = tokens(heard), tokens(question.text.replace("___", " blank "))
    return place_of(asked[-_HEARD_WORDS:], words) >= 0
