"""What shows that the user is heard while they speak: nods at the ends of their clauses, and small sounds.

A listener's nod begins 0.3 to 0.7 s after the end of a clause; it answers no hesitation, nor every gap between two
words. So it is decided in the pause, by the words so far (`speech.turns.reading`), and only the small nods at emphases
are the motion sampler's own. Sources: Hadar, Steiner & Rose 1985; Ward & Tsukahara 2000 (backchannels come 0.2 to 0.7 s
after their cue, at least a second apart, and never before 0.7 s of speech).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from agent.conversation.listening.spoken_phrases import SpokenPhrases
from agent.text.phrases import Phrases
from avatar.renderer import Renderer
from speech.errors import VisavisError
from speech.events import SpeechPaused, SpeechResumed, SpeechStarted, SpeechStopped, VoiceEvent
from speech.sound_track import SoundTrack
from speech.turns.reading import Reading, read, words_of
from speech.turns.word_lists import WORD_LISTS

NOD_AFTER_S = 0.32
"""From the end of the voice to a nod: the words are mostly there by then, and with the motion that is made already the
head moves at 0.4 to 0.55 s."""

LEAST_VOICED_S = 0.9
"""Of speech since the last nod, or the turn's beginning: less asks for none."""

SOUND_AFTER_S = 0.5
"""From the end of the voice to a small sound: a turn that sounded finished has ended by then."""

LEAST_TURN_S, SOUNDS_APART_S = 4.0, 6.0
"""Only a long turn gets small sounds, and not more often than this."""

SOUND_LEVEL = 0.35
"""Of the voice's own: -9 dB."""

MOST_CYCLES = 2


@dataclass(frozen=True, slots=True)
class ListeningPolicy:
    """How the avatar listens, and shows it.

    Attributes:
        nods: share of the ends of clauses that it nods at, 0 to 1.
        sounds: whether it makes small sounds.
        filler_after_s: silence after which it says something while the mind works, seconds; 0 never.
        least_confidence: words of which the recogniser is less sure are asked about; 0 asks about none.
        seed: of the nods' chance.
    """

    nods: float = 0.0
    sounds: bool = False
    filler_after_s: float = 0.0
    least_confidence: float = 0.0
    seed: int = 0


class Listening:
    """Follows the turns of one user.

    Args:
        tasks: own what waits in a pause.
        voice: the track that takes small sounds: they are no turn, and change nothing but what is heard.
        face: nods.
        phrases: has the small sounds of the language.
        spoken: the same in the avatar's voice.
        policy: how often.
        may_sound: whether the user alone has the floor.
        on_sound: called with every small sound.
    """

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        voice: SoundTrack,
        face: Renderer,
        phrases: Phrases,
        spoken: SpokenPhrases,
        policy: ListeningPolicy,
        *,
        may_sound: Callable[[], bool],
        on_sound: Callable[[str], None],
    ) -> None:
        self._tasks, self._voice, self._face, self._policy = tasks, voice, face, policy
        self._may_sound, self._on_sound = may_sound, on_sound
        self._phrases, self._spoken = phrases, spoken
        self._random = random.Random(policy.seed)
        self._pause: asyncio.Task[None] | None = None
        self._voiced_s = self._since_nod_s = 0.0  # of this turn, without its pauses
        self._voice_from_s = 0.0  # on the input stream
        self._sounded_s = float("-inf")  # by the event loop's time

    async def prepare(self) -> None:
        """Has the small sounds spoken, so that they are there when they are wanted."""
        if self._policy.sounds:
            for text in (*self._phrases.ways("listening.hums"), *self._phrases.ways("listening.sounds")):
                try:
                    await self._spoken.sound(text)
                except VisavisError:
                    continue  # this voice can't say it; it is left out

    def hear(self, event: VoiceEvent, ago_s: float, words: Callable[[], str]) -> None:
        """Takes what a turn detector reports.

        Args:
            event: the next one.
            ago_s: how long ago that was which it tells of.
            words: gives what is understood of the turn so far.
        """
        match event:
            case SpeechStarted(at_s):
                self._voiced_s = self._since_nod_s = 0.0
                self._voice_from_s = at_s
            case SpeechPaused(at_s):
                self._voiced_s += at_s - self._voice_from_s
                self._since_nod_s += at_s - self._voice_from_s
                self._pause = self._tasks.create_task(self._respond(ago_s, words), name="listening")
            case SpeechResumed(at_s):
                self._voice_from_s = at_s
                self.stop()
            case SpeechStopped():
                self.stop()

    def stop(self) -> None:
        """The pause is over."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    async def _respond(self, ago_s: float, words: Callable[[], str]) -> None:
        loop = asyncio.get_running_loop()
        paused_s = loop.time() - ago_s
        await asyncio.sleep(max(0.0, paused_s + NOD_AFTER_S - loop.time()))
        if self._since_nod_s < LEAST_VOICED_S or not ends_clause(words(), self._phrases.language):
            return
        if self._random.random() < self._policy.nods:
            self._nod()
        is_long = self._voiced_s >= LEAST_TURN_S and loop.time() - self._sounded_s >= SOUNDS_APART_S
        if self._policy.sounds and is_long and self._may_sound():
            await asyncio.sleep(max(0.0, paused_s + SOUND_AFTER_S - loop.time()))
            await self._sound()

    def _nod(self) -> None:
        self._face.nod(self._random.randint(1, MOST_CYCLES))
        self._since_nod_s = 0.0

    async def _sound(self) -> None:
        text = self._phrases.say("listening.hums", "listening.sounds")
        try:
            sound = SOUND_LEVEL * await self._spoken.sound(text)
        except VisavisError:
            return
        start = self._voice.append(sound)
        self._sounded_s = asyncio.get_running_loop().time()
        if text in self._phrases.ways("listening.hums"):
            self._face.hum(start, start + len(sound))
        self._nod()
        self._on_sound(text)


def ends_clause(words: str, language: str) -> bool:
    """Whether a pause after these words is one that a listener answers: no hesitation, nothing that is just missing."""
    lists, said = WORD_LISTS.get(language), words_of(words)
    if not said:
        return True  # not known yet: the length of what was said decides alone
    if read(words, language) is not Reading.OPEN:
        return True
    if lists is None:
        return words.rstrip().endswith(",")
    return said[-1] in lists.listing or (words.rstrip().endswith(",") and said[-1] not in lists.fillers)
