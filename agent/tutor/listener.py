"""What a learner does with an utterance: answers, wishes something, gives a name, or speaks of something else."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

from agent.intents.consent import consents
from agent.knowledge.smalltalk import SmallTalk
from agent.llm.base import Conversation
from agent.llm.knowledge_file import SMALL_TALK
from agent.text.avatar_name import strip_avatar_name
from agent.text.words import tokens
from agent.tutor.answer_words import said_answer
from agent.tutor.judge import Judge
from agent.tutor.lesson import Kind, Lesson, LessonQuestion
from agent.tutor.second_opinion import is_right
from agent.tutor.state import Agreed, AskedForMeaning, Elsewhere, Move, NoName, Phase, State, Unfinished
from agent.tutor.verdict import Grade, Verdict
from agent.tutor.wishes import Named, Wish, asks_something, bare_name, named_in, wish_in

_MEANS = re.compile(
    r"what (?:does|do) (?:the word )?(.{1,40}?) (?:really |actually )?mean\b"
    r"|what(?:'s| is) the (?:meaning|difference) (?:of|between) (?:the word )?(.{1,40})",
    re.IGNORECASE,
)
_SAYS_NAME = re.compile(r"\b(?:my name|call me|called)\b", re.IGNORECASE)
_TALK = frozenset(
    """greeting how_are_you user_is_well user_is_unwell name what_are_you feelings age home maker hear_me see_me joke
    laugh not_funny story poem sing thanks compliment insult sorry time date weather capabilities louder""".split()
)
"""Small talk that the mind answers in the middle of a lesson."""


class Listener:
    """Understands one learner.

    Args:
        lesson: what is taught.
        judge: what is thought of answers.
        name: the teacher's; it may stand before an answer.
        model: a conversation with a language model, which is asked about doubtful answers; None where there is none.
    """

    def __init__(self, lesson: Lesson, judge: Judge, name: str, model: Conversation | None) -> None:
        self._lesson, self._judge, self._name, self._model = lesson, judge, name, model
        self._small_talk = SmallTalk(name=name)

    async def move(self, state: State, text: str) -> Move:
        """What an utterance means at this place of the lesson."""
        question = self._lesson.questions[state.current] if state.current >= 0 else None
        expected = {word for one in question.answers for word in tokens(one.text)} if question else set()
        text = strip_avatar_name(text, self._name, is_known=expected.__contains__)
        wish, named = wish_in(text), named_in(text)
        match state.phase:
            case Phase.ASKING if question is not None:
                return await self._at_question(state, question, text, wish)
            case Phase.AGREEING:
                agreed = consents(text, "en")
                if wish in (Wish.FORGET, Wish.REPEAT, Wish.STOP, Wish.REMEMBER):
                    return wish
                return named or (Elsewhere("") if agreed is None and asks_something(text) else Agreed(agreed))
            case Phase.NAMING:
                if wish in (Wish.FORGET, Wish.REPEAT, Wish.STOP, Wish.SKIP):
                    return wish
                if named is None and consents(text, "en") is False:
                    return Agreed(False)
                name = bare_name(text)
                return named or (Named(name) if name else NoName())
            case _:
                if wish in (Wish.FORGET, Wish.REMEMBER, Wish.SCORE, Wish.AGAIN, Wish.STOP):
                    return wish
                return named or Elsewhere("")

    async def _at_question(self, state: State, question: LessonQuestion, text: str, wish: Wish | None) -> Move:
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
            and (_SAYS_NAME.search(text) or not state.outcomes)
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


def _is_in_words(question: LessonQuestion) -> bool:
    return any(expected.kind is Kind.WORDS for expected in question.answers)
