"""A question back instead of a wrong answer, where the recogniser was not sure of the words: "Did you say …?".

What the knowledge file or small talk expects is answered however it was heard. Of the rest, what the recogniser itself
doubts is not taken for words at all, unless a known question is near. The mind asks back by itself where words that
were surely heard mean one of two things (`agent.knowledge.asking_back`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence

from agent.conversation.events import Say, TypedText
from agent.conversation.reply import Manners, Unanswered
from agent.intents.intent import Intent
from agent.knowledge.asking_back import as_question
from agent.text.phrases import Phrases
from agent.text.same_words import same_words
from speech.events import Transcript

MOST_WORDS = 14
"""More are not said back: whoever was not understood says it again sooner than hearing it."""

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


class Confirming:
    """`Manners` that ask back, and take the answer; everything else is for the manners beneath.

    Args:
        beneath: sees what is not asked about.
        phrases: what it says, in the language of both of them.
        is_expected: whether words that were hardly understood are worth an answer all the same.
        nearest: the expected question that such words may be; "" for none.
        least_confidence: words of which the recogniser is less sure are asked about; 0 asks about none.
    """

    def __init__(
        self,
        beneath: Manners,
        phrases: Phrases,
        *,
        is_expected: Callable[[str], bool],
        nearest: Callable[[str], str],
        least_confidence: float,
    ) -> None:
        self._beneath, self._phrases, self._least_confidence = beneath, phrases, least_confidence
        self._is_expected, self._nearest = is_expected, nearest
        self._doubted: tuple[str, str] | None = None  # words that wait to be asked about, and what they may be
        self._asked: str | None = None  # what was asked about in the last turn, "" where no words were said back

    async def understood(self, heard: Transcript, into_speech: bool = False) -> str:
        """The words of an utterance that are worth an answer or a question; "" where they are as good as none.

        Args:
            heard: all of it.
            into_speech: it began while the avatar spoke, or just after: it may hold some echo, and who asked back
                about that would hear itself once more. Nobody is asked then.
        """
        self._doubted = None
        asks = self._least_confidence > 0.0 and not into_speech
        is_sure = not asks or heard.confidence is None or heard.confidence >= self._least_confidence
        if not heard.text or (is_sure and not heard.is_doubtful):
            return heard.text
        if self._beneath.intent_of(heard.text) is not None or not self._beneath.is_addressed(heard.text):
            return heard.text
        if await asyncio.to_thread(self._is_expected, heard.text):
            return heard.text
        near = await asyncio.to_thread(self._nearest, heard.text) if asks else ""
        if heard.is_doubtful and not near:
            return ""
        self._doubted = heard.text, near or as_question(heard.text)
        return heard.text

    def is_for_mind(self, words: str) -> bool:
        """See `Manners.is_for_mind`; what may answer a question back is not."""
        return self._asked is None and self._beneath.is_for_mind(words)

    def is_addressed(self, words: str) -> bool:
        """See `Manners.is_addressed`."""
        return self._beneath.is_addressed(words)

    def intent_of(self, words: str) -> Intent | None:
        """See `Manners.intent_of`."""
        return self._beneath.intent_of(words)

    def touch(self) -> None:
        """See `Manners.touch`."""
        self._beneath.touch()

    def answers(self) -> None:
        """See `Manners.answers`."""
        self._beneath.answers()

    async def reply_to(self, words: str, *, typed: bool = False) -> Say | TypedText | Unanswered | None:
        """See `Manners.reply_to`."""
        doubted, asked = self._doubted, self._asked
        self._doubted = self._asked = None
        if asked is not None:
            if (answer := self._answer(asked, words)) is None:
                return await self._beneath.reply_to(words, typed=typed)
            self.answers()
            return answer
        if doubted is None or not same_words(doubted[0], words):
            return await self._beneath.reply_to(words, typed=typed)
        self.answers()
        if len(_WORD.findall(doubted[1])) > MOST_WORDS:
            self._asked = ""
            return Say(self._phrases.say("unsure.say_again"))
        self._asked = doubted[1]
        return Say(self._phrases.say("unsure.did_you_say", words=doubted[1]))

    def _answer(self, asked: str, words: str) -> Say | TypedText | None:
        """What the answer to a question back comes to; None where it is something of its own."""
        said = _plain(words)
        if asked and self._is_one_of("yes", said):
            return TypedText(asked)
        if self._is_one_of("no", said):
            return Say(self._phrases.say("unsure.was_wrong"))
        rest = self._without("correction", self._without("no", self._without("yes", said)))
        return TypedText(" ".join(_WORD.findall(words)[len(said) - len(rest) :])) if rest != said else None

    def _is_one_of(self, name: str, said: Sequence[str]) -> bool:
        return any(_plain(way) == said for way in self._phrases.ways(f"unsure.{name}"))

    def _without(self, name: str, said: list[str]) -> list[str]:
        """Without one of these ways to begin; the longest counts."""
        ways = sorted(map(_plain, self._phrases.ways(f"unsure.{name}")), key=len, reverse=True)
        return next((said[len(way) :] for way in ways if len(way) < len(said) and said[: len(way)] == way), said)


def _plain(text: str) -> list[str]:
    return [word.replace("’", "'").lower() for word in _WORD.findall(text)]
