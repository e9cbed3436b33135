"""A short phrase that bridges the silence while the mind works: "Let me think.", "Hm, the opening hours…".

A mind that answers within the wait is not touched by it. The phrase goes out on the voice track before the reply, which
follows on it without a gap; it is no part of the reply, nor of the history.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence

from agent.conversation.listening.spoken_phrases import SpokenPhrases
from agent.text.phrases import Phrases
from avatar.clock import AudioClock
from avatar.motion import ConversationState
from avatar.renderer import Renderer
from speech.errors import VisavisError
from speech.sound_track import SoundTrack

MADE_BEFORE_S = 0.5
"""So long before it is due the phrase is chosen and spoken into memory: not before, as most minds answer sooner."""

LEAST_THOUGHT_S = 0.3
"""But not sooner after the question is known: where the ears are late, a quick mind must find the voice idle."""

KINDS = ("opinion", "why", "number", "when", "where", "how")
"""Of questions, in this order: "how many" is a number, not a manner."""

MOST_TOPIC_WORDS = 4

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*['’]?")


class Fillers:
    """Says something fitting when a reply is late.

    Args:
        phrases: in the language that the avatar speaks.
        spoken: the same in its voice.
        voice: the track that takes the sound.
        clock: that plays it; one that keeps no time stands still while the mind works, and so nothing is said.
        face: speaks, and thinks on.
        after_s: silence since the user's last sample after which it is said, seconds; 0 never.
    """

    def __init__(
        self,
        phrases: Phrases,
        spoken: SpokenPhrases,
        voice: SoundTrack,
        clock: AudioClock,
        face: Renderer,
        *,
        after_s: float,
    ) -> None:
        self._phrases, self._spoken, self._voice, self._clock, self._face = phrases, spoken, voice, clock, face
        self._after_s = after_s if clock.keeps_time else 0.0

    async def bridge(self, question: str, since_s: float, on_heard: Callable[[str], None]) -> None:
        """Waits, and says something; to be cancelled as soon as there is a sentence of the reply.

        What was not begun by then is not said; what was begun is said to its end.

        Args:
            question: that is being answered.
            since_s: the event loop's time of the user's last sample.
            on_heard: called with the phrase when it begins to be heard.
        """
        if not self._after_s:
            return
        due_s = since_s + self._after_s
        await _at(max(due_s - MADE_BEFORE_S, asyncio.get_running_loop().time() + LEAST_THOUGHT_S))
        text = self.fitting(question)
        try:
            sound = await self._spoken.sound(text)
        except VisavisError:
            return  # what the voice can't say is silence; if it can say nothing, the reply will tell
        await _at(due_s)
        if self._voice.is_held:
            return  # the user speaks
        start = self._voice.append(sound)
        self._face.set_state(ConversationState.SPEAKING)
        await self._clock.reached(start)
        on_heard(text)
        await self._clock.reached(start + len(sound))
        if not self._voice.is_held:
            self._face.set_state(ConversationState.THINKING)

    def fitting(self, question: str) -> str:
        """What fits a question by its kind, or names what it is about; another one each time."""
        words = " ".join(_WORD.findall(question.lower())).replace("’", "'")
        otherwise = "any" if "?" in question else "statement"
        kind = next((kind for kind in KINDS if any(f" {way} " in f" {words} " for way in self._ways(kind))), otherwise)
        topic = self._topic(question)
        names = ("filler.about", f"filler.{kind}") if topic else (f"filler.{kind}",)
        text = self._phrases.say(*names, topic=topic)
        return text[:1].upper() + text[1:]

    def _topic(self, question: str) -> str:
        found = (re.match(pattern, question, re.IGNORECASE) for pattern in self._ways("topic"))
        topics = (str(one[1]) for one in found if one)
        return next((topic for topic in topics if len(topic.split()) <= MOST_TOPIC_WORDS), "")

    def _ways(self, kind: str) -> Sequence[str]:
        return self._phrases.ways(f"question.{kind}")


async def _at(time_s: float) -> None:
    """Waits until the event loop's time has come there."""
    await asyncio.sleep(max(0.0, time_s - asyncio.get_running_loop().time()))
