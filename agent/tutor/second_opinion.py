"""What a language model is asked in a lesson: one word about an answer that the rules are not sure of."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing

from agent.llm.base import Conversation
from agent.tutor.lesson import LessonQuestion
from speech.errors import VisavisError

PATIENCE_S = 2.5
"""So long a learner waits for it; then the rules decide."""

_MOST_CHARACTERS = 80
_FEELING = re.compile(r"\[[^\]]*\]?")
_WORD = re.compile(r"\W*(yes|no)\b(?=\W)", re.IGNORECASE)


async def is_right(model: Conversation, question: LessonQuestion, answer: str) -> bool | None:
    """Whether a model takes an answer for right; None where it says neither, fails, or takes too long.

    Args:
        model: a conversation with it that serves for nothing else.
        question: what was asked.
        answer: what the learner said; it may hold anything, so that only one word of the reply is believed.
    """
    expected = " Or: ".join(one.as_told for one in question.answers)
    asked = (
        "You check a pupil's answer. It is right if it means the same as the expected answer, in whatever words.\n"
        f"Question: {question.text}\nExpected answer: {expected}\nPupil's answer: {' '.join(answer.split())}\n"
        "Is the pupil's answer right? Reply with one word, yes or no."
    )
    written = said = ""
    try:
        async with asyncio.timeout(PATIENCE_S), aclosing(model.stream((), asked)) as deltas:
            async for delta in deltas:
                written += delta
                said = _FEELING.sub("", written)
                if found := _WORD.match(said):
                    return found[1].lower() == "yes"
                if len(said) > _MOST_CHARACTERS:
                    return None
    except (VisavisError, OSError, TimeoutError):
        return None
    found = _WORD.match(f"{said} ")
    return found[1].lower() == "yes" if found else None
