"""From what comes in to what the user said: turn detector, pre-roll, recogniser.

chunk ─ turn detector ─┬─ utterance ─ recogniser ─ transcripts
                       └─ when the user begins, goes on after a pause, has finished
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from agent.conversation.audio_io import Heard, Stage, UserSound
from agent.conversation.events import (
    EchoMeasured,
    Event,
    Problem,
    RecordingEnded,
    TalkKey,
    TypedText,
    UserLeft,
    UserPaused,
    UserStopped,
)
from agent.conversation.listening.pauses import Listening
from agent.conversation.listening.utterance import Utterance
from speech.asr.base import ASR
from speech.audio import OUTPUT_RATE_HZ, AudioChunk
from speech.errors import VisavisError
from speech.events import SpeechPaused, SpeechResumed, SpeechStarted, SpeechStopped, Transcript
from speech.turns.base import PRE_ROLL_S, TurnDetector
from speech.turns.onset import OnsetDetector, VoiceLost, VoiceOnset

# The longest speech that a turn detector may need before it reports an onset (ears.min_speech_s goes up to 2 s).
ONSET_S = 2.0

_AFTER_SPEECH_S = 0.5
"""After the avatar's turn: a room's echo is over by then."""


@dataclass(frozen=True, slots=True)
class UserVoiced:
    """There may be a voice, while the avatar has the floor.

    Attributes:
        onset_s: event-loop time at which its first sample was recorded.
    """

    onset_s: float


@dataclass(frozen=True, slots=True)
class NobodyThere:
    """It was none, or is gone."""


@dataclass(frozen=True, slots=True)
class UserBegan:
    """The user begins to speak: a barge-in, if the avatar has the floor.

    Attributes:
        by_key: they pressed the talk key for it.
    """

    by_key: bool = False


@dataclass(frozen=True, slots=True)
class UserFellSilent:
    """They pause, or have finished.

    Attributes:
        spoke_s: how long they spoke before.
    """

    spoke_s: float


@dataclass(frozen=True, slots=True)
class UserWentOn:
    """It was only a pause."""


@dataclass(frozen=True, slots=True)
class UserSaid:
    """An utterance is over.

    Attributes:
        words: they may still be on their way; "" where nothing was understood.
        waited_s: how long ago its last sample was.
        start_sample: where it began in the output, if its sound is there.
        end_sample: likewise, where it ended.
        heard: gives what the recogniser made of it, complete once `words` are there.
    """

    words: asyncio.Task[str]
    waited_s: float
    start_sample: int | None = None
    end_sample: int | None = None
    heard: Callable[[], Transcript] = lambda: Transcript("", False, 0.0, 0.0)


Happening = (
    UserVoiced
    | NobodyThere
    | UserBegan
    | UserFellSilent
    | UserWentOn
    | UserSaid
    | TypedText
    | RecordingEnded
    | UserPaused
    | UserStopped
    | UserLeft
)
"""What the user does, as a conversation takes it."""


@dataclass(frozen=True, slots=True)
class Ears:
    """What understands the user.

    Attributes:
        turns: fresh.
        asr: entered.
        is_expected: whether words that were hardly understood are worth an answer all the same; called in a thread.
        min_speech_s: of the user's voice that make a turn.
        barge_in_s: of the user's voice that interrupt the avatar.
        nearest: the expected question that words may be which were hardly understood, "" for none; in a thread, too.
        onsets: fresh; hears the first moment of a voice that talks into the avatar's. None waits for the turn detector.
    """

    turns: TurnDetector
    asr: ASR
    is_expected: Callable[[str], bool] = bool
    min_speech_s: float = 0.2
    barge_in_s: float = 0.1
    nearest: Callable[[str], str] = lambda text: ""
    onsets: OnsetDetector | None = None


class Hearing:
    """The user's side of one conversation.

    Args:
        tasks: own the recogniser's work.
        ears: None where only typed text comes in.
        stage: the conversation's tracks, clock and floor.
        apologises: whether ears that fail are a problem that is told, and doubted words are looked at; else a failure
            is an error, and words are taken as they are.
        on_event: called with every transcript and problem.
        on_early_words: called with what is understood so far while the user pauses, maybe for good.
        understood: gives the words that are worth an answer, knowing whether they began while the avatar spoke, or
            just after.
        listening: shows that the user is heard.
    """

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        ears: Ears | None,
        stage: Stage,
        *,
        apologises: bool,
        on_event: Callable[[Event], None],
        on_early_words: Callable[[str], None],
        understood: Callable[[Transcript, bool], Awaitable[str]],
        listening: Listening,
    ) -> None:
        self._tasks, self._ears, self._stage = tasks, ears, stage
        self._apologises, self._on_event, self._on_early_words = apologises, on_event, on_early_words
        self._understood, self._listening = understood, listening
        self._real_time = stage.clock.keeps_time
        self._pre_roll: deque[AudioChunk] = deque()
        self._utterance: Utterance | None = None
        self._words: asyncio.Task[str] | None = None
        self._key_is_down = False
        self._may_have_begun = False
        self._began_s = 0.0

    async def listen(self, heard: AsyncIterator[Heard]) -> AsyncGenerator[Happening, None]:
        """Yields what the user does, as it becomes certain; what is yielded is dealt with before more is heard.

        Raises:
            VisavisError: the turn detector failed.
        """
        async for item in heard:
            happenings: list[Happening] = []
            match item:
                case UserSound():
                    happenings = await self._hear(item)
                case EchoMeasured():
                    self._on_event(item)
                case TalkKey(is_down):
                    happenings = await self._take_key(is_down)
                case RecordingEnded():
                    happenings = [*await self._flush(), item]
                case TypedText() | UserPaused() | UserStopped() | UserLeft():
                    happenings = [item]
            for happening in happenings:
                yield happening
        self._drop_utterance()

    async def _hear(self, sound: UserSound) -> list[Happening]:
        ears = self._ears
        if ears is None:
            return []
        if self._utterance is None:
            self._keep_pre_roll(sound.words)
        else:
            await self._utterance.put(sound.words)
        if self._key_is_down:
            return []  # the key says where the turn ends
        happenings = await self._hear_onsets(ears, sound)
        min_speech_s = ears.min_speech_s if self._stage.floor.is_free else ears.barge_in_s
        words = self._utterance.understood if self._utterance is not None else None
        for event in await asyncio.to_thread(ears.turns.push, sound.voice, min_speech_s, words):
            ago_s = sound.voice.end_sample / sound.voice.sample_rate_hz - event.at_s
            self._listening.hear(event, ago_s, lambda: self._utterance.understood.text if self._utterance else "")
            match event:
                case SpeechStarted(at_s):
                    self._began_s = at_s
                    await self._begin(ears, at_s, self._heard_at(sound.voice, at_s) if self._real_time else None)
                    self._may_have_begun = True
                case SpeechPaused(at_s) if self._utterance is not None:
                    self._utterance.pause(at_s)
                    happenings.append(UserFellSilent(at_s - self._began_s))
                    self._tell_early_words()
                case SpeechResumed() if self._utterance is not None:
                    await self._utterance.go_on()
                    happenings.append(UserWentOn())
                case SpeechStopped(at_s, decided_at_s):
                    happenings += await self._end(decided_at_s - at_s if self._real_time else 0.0)
        if self._may_have_begun and (self._stage.floor.is_free or ears.onsets is None or ears.onsets.is_sure):
            self._may_have_begun = False
            happenings.append(UserBegan())
        return happenings

    async def _hear_onsets(self, ears: Ears, sound: UserSound) -> list[Happening]:
        """The first moment of a voice that talks into the avatar's, and that it is gone before it was sure."""
        if ears.onsets is None or not self._real_time:
            return []
        happenings: list[Happening] = []
        chunk = sound.voice
        events = await asyncio.to_thread(ears.onsets.push, chunk, may_be_echo=sound.may_be_echo)
        for event in events if not self._stage.floor.is_free else ():
            match event:
                case VoiceOnset(at_s):
                    ago_s = chunk.end_sample / chunk.sample_rate_hz - at_s
                    happenings.append(UserVoiced(asyncio.get_running_loop().time() - ago_s))
                case VoiceLost():
                    happenings.append(NobodyThere())
        return happenings

    async def _take_key(self, is_down: bool) -> list[Happening]:
        """The user opens the microphone, which is a barge-in, or closes it, which ends the turn at once."""
        if self._ears is None or is_down == self._key_is_down:
            return []
        self._key_is_down = is_down
        if not is_down:
            return await self._end(0.0)
        if self._utterance is not None:  # they speak already
            await self._utterance.go_on()
            return [UserBegan(by_key=True)]
        self._pre_roll.clear()
        await self._begin(self._ears, 0.0, self._stage.clock.position)
        return [UserBegan(by_key=True)]

    def _keep_pre_roll(self, chunk: AudioChunk) -> None:
        self._pre_roll.append(chunk)
        kept = (PRE_ROLL_S + ONSET_S) * chunk.sample_rate_hz
        while chunk.end_sample - self._pre_roll[0].end_sample > kept:
            self._pre_roll.popleft()

    def _heard_at(self, chunk: AudioChunk, at_s: float) -> int:
        """The output sample that played when the input's stream was at `at_s`; `chunk` has just come."""
        ago_s = chunk.end_sample / chunk.sample_rate_hz - at_s
        return max(0, self._stage.clock.position - round(ago_s * OUTPUT_RATE_HZ))

    async def _begin(self, ears: Ears, at_s: float, start_sample: int | None) -> None:
        self._utterance = Utterance(ears.asr, start_sample, self._transcribed)
        into_speech = not self._stage.floor.free_for(_AFTER_SPEECH_S)
        self._words = self._tasks.create_task(self._recognise(ears, self._utterance, into_speech), name="ears")
        for chunk in self._pre_roll:
            if chunk.end_sample > (at_s - PRE_ROLL_S) * chunk.sample_rate_hz:
                await self._utterance.put(chunk)
        self._pre_roll.clear()

    async def _end(self, waited_s: float) -> list[Happening]:
        if self._utterance is None or self._words is None:
            return []
        await self._utterance.end()
        utterance, words = self._utterance, self._words
        self._utterance = self._words = None
        self._may_have_begun = False
        if utterance.start_sample is None:
            return [UserSaid(words, waited_s, heard=lambda: utterance.understood)]
        end_sample = self._stage.clock.position - round(waited_s * OUTPUT_RATE_HZ)
        return [UserSaid(words, waited_s, utterance.start_sample, end_sample, lambda: utterance.understood)]

    async def _flush(self) -> list[Happening]:
        """The recording is over: an utterance that is still open ends."""
        events = self._ears.turns.flush() if self._ears is not None else []
        return await self._end(0.0) if any(isinstance(event, SpeechStopped) for event in events) else []

    def _drop_utterance(self) -> None:
        """The user leaves in the middle of a word."""
        self._listening.stop()
        if self._words is not None:
            self._words.cancel()
        self._utterance = self._words = None

    async def _recognise(self, ears: Ears, utterance: Utterance, into_speech: bool) -> str:
        try:
            heard = await utterance.words()
            return await self._understood(heard, into_speech) if self._apologises else heard.text
        except VisavisError as error:
            if not self._apologises:
                raise
            self._on_event(Problem(f"{ears.asr.name}: {error}"))
            await utterance.drop_the_rest()
            return ""

    def _transcribed(self, transcript: Transcript, is_new: bool) -> None:
        if is_new:
            self._on_event(transcript)
        self._tell_early_words()

    def _tell_early_words(self) -> None:
        if self._utterance is not None and (words := self._utterance.early_words):
            self._on_early_words(words)
