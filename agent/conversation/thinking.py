"""The mind's text becomes sentences, each with the emotion that the face is to show; a mind that fails is excused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from agent.conversation.reply import Reply
from agent.llm.base import Apology, Conversation, Message
from agent.text.emotion_tags import EmotionTag, EmotionTags, GestureTag, Part
from agent.text.sentences import Sentence, SentenceSplitter
from avatar.motion import Gesture
from speech.errors import BackendError, VisavisError

NOT_UNDERSTOOD = "I'm sorry, I didn't catch that."
MIND_FAILED = "I'm sorry, something went wrong while I was thinking. Please ask me again."


LONGEST_REPLY = 6000
"""Characters of a reply: seven minutes of speech. A mind that goes on has lost its way, or its server has no limit."""


@dataclass(frozen=True, slots=True)
class ThinkingPolicy:
    """What to do about a mind that fails.

    Attributes:
        timeout_s: one that has said nothing for so long has failed.
        on_problem: called with what went wrong, in one line.
    """

    timeout_s: float
    on_problem: Callable[[str], Awaitable[None]]


async def think(
    mind: Conversation,
    history: Sequence[Message],
    reply: Reply,
    sentences: asyncio.Queue[Sentence | None],
    policy: ThinkingPolicy,
) -> None:
    """Puts the reply's sentences into the queue as early as they can be spoken, then None.

    Args:
        mind: the conversation with it.
        history: what was said before.
        reply: what is to be answered, or said as it is. After the rest of a reply that was cut the mind is asked to go
            on, unless it had come to its end.
        sentences: takes the sentences; a mind that fails is excused in a last one, and what it said so far stays.
        policy: how long to wait, and whom to tell.
    """
    writer = _Writer(reply, sentences)
    rest = reply.rest
    if rest is not None:
        await writer.take_over(rest.sentences)
        text = " ".join(sentence.text for sentence in rest.sentences)
        history = [*history, Message("user", reply.question), Message("assistant", text, interrupted=True)]
    if rest is not None and rest.is_whole:
        pass
    elif reply.say is not None:
        await writer.write(reply.say)
    elif not reply.question:
        await writer.write(NOT_UNDERSTOOD)
    else:
        try:
            await _ask(mind, history, reply, writer, policy.timeout_s)
        except (VisavisError, OSError, TimeoutError) as error:
            await writer.end_sentence()
            if not isinstance(error, Apology):
                await writer.write(MIND_FAILED)
                await writer.end_sentence()
            reason = str(error) or f"no answer within {policy.timeout_s:g} s"
            await policy.on_problem(f"{mind.name}: {reason}")
    await writer.end_sentence()
    reply.closing = writer.gesture
    reply.is_thought = True
    await sentences.put(None)


async def _ask(mind: Conversation, history: Sequence[Message], reply: Reply, writer: _Writer, timeout_s: float) -> None:
    tags = EmotionTags()
    length = 0
    async with aclosing(mind.stream(history, reply.question)) as deltas:
        while True:
            async with asyncio.timeout(timeout_s):
                delta = await anext(deltas, None)
            if delta is None:
                break
            reply.mark("first_token")
            await writer.take(tags.push(delta[: LONGEST_REPLY - length]))
            length += len(delta)
            if length > LONGEST_REPLY:
                raise BackendError(
                    f"expected the reply to end, got more than {LONGEST_REPLY} characters; stopped there"
                )
    await writer.take(tags.flush())
    await writer.end_sentence()
    if not writer.count:
        raise BackendError("expected a reply, got nothing that can be spoken")


class _Writer:
    """Cuts text into sentences and hands them on; emotion and gesture belong to the sentence that begins after them."""

    def __init__(self, reply: Reply, sentences: asyncio.Queue[Sentence | None]) -> None:
        self._reply, self._sentences = reply, sentences
        self._splitter = SentenceSplitter()
        self._emotion: EmotionTag | None = None
        self.gesture: Gesture | None = None  # of the sentence that comes next, if any does
        self.count = 0

    async def take_over(self, sentences: Sequence[Sentence]) -> None:
        """Hands on what was cut into sentences before."""
        for sentence in sentences:
            self._emotion, self.gesture = sentence.emotion, sentence.gesture
            await self._hand_on([sentence])

    async def take(self, parts: Sequence[Part]) -> None:
        for part in parts:
            if isinstance(part, str):
                await self.write(part)
            else:
                await self.end_sentence()  # what came before the tag is not meant by it
                if isinstance(part, GestureTag):
                    self.gesture = part.gesture
                else:
                    self._emotion = part

    async def write(self, text: str) -> None:
        await self._hand_on(self._splitter.push(text))

    async def end_sentence(self) -> None:
        await self._hand_on(self._splitter.flush())

    async def _hand_on(self, ready: Sequence[Sentence]) -> None:
        for sentence in ready:
            self._reply.mark("first_sentence")
            written = replace(sentence, index=len(self._reply.sentences), emotion=self._emotion, gesture=self.gesture)
            self._reply.sentences.append(written)
            await self._sentences.put(written)
            self._emotion = self.gesture = None
            self.count += 1
