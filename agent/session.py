"""The main path: sound comes in, is understood, answered and spoken, and the face says it.

    source ─ turn detector ─ ears ─ Transcript ─ mind ─ sentences ─ voice ─ voice track
                                                                                │
                              outputs ◄─ decoder ◄─ motion sampler ◄────────────┘   paced by the audio clock

Two tasks live as long as the session: `hear` takes sound from the source, `face` renders what the tracks hold. Every
turn is one more task, `turn N`. All of them belong to one task group, so that a failure anywhere ends everything.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np

from agent.events import Event, Problem, RecordingEnded, StateChanged, TurnFinished, TypedText
from agent.history import History
from agent.llm import LLM
from agent.sentences import Sentence, SentenceSplitter
from agent.turn import SpokenSentence, SpokenWord, Turn, TurnRecord
from avatar.clock import SAMPLES_PER_FRAME, AudioClock
from avatar.motion import FRAME_RATE_HZ, LOOK_AHEAD_FRAMES, ConversationState, Floats
from avatar.renderer import FrameShown, Renderer
from speech.asr import ASR
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Resampler, Samples
from speech.errors import InputError
from speech.events import SpeechStarted, SpeechStopped
from speech.sound_track import SoundTrack
from speech.tts import TTS
from speech.turns import PRE_ROLL_S, TurnDetector

T = TypeVar("T")

NOT_UNDERSTOOD = "I'm sorry, I didn't catch that."
MIND_FAILED = "I'm sorry, something went wrong while I was thinking. Please ask me again."

# The longest speech that a turn detector may need before it reports an onset (ears.min_speech_s goes up to 2 s).
ONSET_S = 2.0
# Chunks on their way to the recogniser (32 ms each: two seconds); when it is further behind, hearing waits.
QUEUED_CHUNKS = 64
# Sentences between mind and voice; a mind that is further ahead waits.
QUEUED_SENTENCES = 4
# The voice speaks at most this much ahead of what is played; an interruption throws it away.
MAX_AHEAD_SAMPLES = 15 * OUTPUT_RATE_HZ
# An offline clock makes no frame before it knows the sound of the next ones: the last word needs silence after it.
SHORTEST_TAIL_S = (LOOK_AHEAD_FRAMES + 2) / FRAME_RATE_HZ
# A mouth has moved when its coefficients differ this much (Euclidean) from what they were before the reply.
MOUTH_MOVED = 0.06


class Source(Protocol):
    """Where the user's voice comes from: a microphone, recordings, typed text."""

    real_time: bool
    """Whether the sound comes at the pace at which it was spoken."""

    def items(self, session: Session) -> AsyncGenerator[AudioChunk | TypedText | RecordingEnded]:
        """Yields what the user says, as it comes; ends when the user has left."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The loaded backends of one session."""

    turns: TurnDetector
    ears: ASR
    mind: LLM
    voice: TTS


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take that are a matter of taste, in seconds.

    Attributes:
        lead_s: idle before the first word, so that a video does not begin inside it.
        tail_s: idle after each reply.
        thinking_timeout_s: a mind that has said nothing for so long has failed.
    """

    lead_s: float = 0.4
    tail_s: float = 0.6
    thinking_timeout_s: float = 20.0


@dataclass(slots=True)
class _Utterance:
    """Sound on its way to the recogniser; None ends it. `start_sample`: where it began in the output, if there."""

    start_sample: int | None
    chunks: asyncio.Queue[AudioChunk | None] = field(default_factory=lambda: asyncio.Queue(QUEUED_CHUNKS))
    is_over: bool = False

    async def stream(self) -> AsyncGenerator[AudioChunk]:
        while (chunk := await self.chunks.get()) is not None:
            yield chunk
        self.is_over = True

    async def drop_the_rest(self) -> None:
        """A recogniser that gave up takes nothing more: the hearing must not wait for it."""
        while not self.is_over:
            self.is_over = await self.chunks.get() is None


class Session:
    """One conversation between one user and one face.

    Args:
        parts: ears, mind and voice, entered.
        renderer: the face and its outputs; the session calls its `run`.
        clock: the renderer's clock.
        voice_track: what the avatar says; the renderer plays it.
        user_track: what the user says, as far as the face and the outputs should know it.
        timing: pauses and patience.
        apologise: answer a question without words by saying so; else a recording without any words is an error.
        on_event: called on the event loop for everything that users want to know.
        history: the conversation so far.
    """

    def __init__(
        self,
        *,
        parts: Parts,
        renderer: Renderer,
        clock: AudioClock,
        voice_track: SoundTrack,
        user_track: SoundTrack,
        timing: Timing,
        apologise: bool,
        on_event: Callable[[Event], None],
        history: History,
    ) -> None:
        self._parts, self._renderer, self._timing = parts, renderer, timing
        self.clock, self.voice_track, self.user_track = clock, voice_track, user_track
        self._apologise, self._on_event = apologise, on_event
        self.history = history
        self._record: TurnRecord | None = None
        self._turns = 0
        self._tasks: asyncio.TaskGroup | None = None
        self._generation = 0
        self._answering: asyncio.Task[None] | None = None
        self._utterance: _Utterance | None = None
        self._recognition: asyncio.Task[str] | None = None
        self._pre_roll: deque[AudioChunk] = deque()
        self._floor_is_free = asyncio.Event()
        self._floor_is_free.set()
        self._heard_a_turn = False  # in the recording that is being heard
        self._understood = False
        self._end_sample: int | None = None
        self._reply_start: int | None = None
        self._mouth_before: Floats | None = None

    async def run(self, source: Source) -> None:
        """Converses until the source ends and the last answer was played.

        Raises:
            ExceptionGroup: what failed; an InputError in it is for the user to read.
        """
        self.voice_track.open()  # an offline clock waits for us from here on
        self._write_silence(self._timing.lead_s)
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._renderer.run(lambda: self._end_sample), name="face")
            self._tasks.create_task(self._hear(source), name="hear")

    @property
    def floor_is_free(self) -> bool:
        """Whether nobody is thinking or speaking, so that the user may speak."""
        return self._floor_is_free.is_set()

    @property
    def frames_late(self) -> int:
        """Pictures left out so far because they came too late."""
        return self._renderer.frames_late

    async def floor_free(self) -> None:
        """Waits until nobody is thinking or speaking."""
        await self._floor_is_free.wait()

    def interrupt(self) -> None:
        """Stops the answer: mind, voice, sound and face together. The history keeps the words that were heard."""
        if self._answering is None or self._answering.done():
            return
        self._generation += 1
        self._answering.cancel()
        self.voice_track.cut(self.clock.first_free_sample)

    # ---- hearing

    async def _hear(self, source: Source) -> None:
        async with aclosing(source.items(self)) as items:
            async for item in items:
                match item:
                    case AudioChunk():
                        await self._hear_chunk(item, source.real_time)
                    case TypedText(text):
                        self._answer_with(self._begin_turn(0.0), asyncio.sleep(0, text))
                    case RecordingEnded(name):
                        await self._hear_the_end(name)
        await self.floor_free()
        self._end_sample = self.voice_track.end
        self.voice_track.close()

    async def _hear_chunk(self, chunk: AudioChunk, real_time: bool) -> None:
        if not self.floor_is_free:
            return  # half duplex: what comes in while the avatar thinks or speaks may be its own voice
        if self._utterance is None:
            self._pre_roll.append(chunk)
            kept = (PRE_ROLL_S + ONSET_S) * chunk.sample_rate_hz
            while chunk.end_sample - self._pre_roll[0].end_sample > kept:
                self._pre_roll.popleft()
        else:
            await self._utterance.chunks.put(chunk)
        for event in await asyncio.to_thread(self._parts.turns.push, chunk):
            match event:
                case SpeechStarted(at_s):
                    await self._begin_utterance(at_s, self._heard_at(chunk, at_s) if real_time else None)
                case SpeechStopped(at_s, decided_at_s):
                    await self._end_utterance(decided_at_s - at_s if real_time else 0.0)

    def _heard_at(self, chunk: AudioChunk, at_s: float) -> int:
        """The output sample that played when the source's stream was at `at_s`; `chunk` has just come."""
        ago_s = chunk.end_sample / chunk.sample_rate_hz - at_s
        return max(0, self.clock.position - round(ago_s * OUTPUT_RATE_HZ))

    async def _hear_the_end(self, name: str) -> None:
        """The recording is over: an utterance that is still open ends, and one without any words is answered too."""
        for event in self._parts.turns.flush():
            if isinstance(event, SpeechStopped):
                await self._end_utterance(0.0)
        if self._apologise and not self._heard_a_turn:
            self._answer_with(self._begin_turn(0.0), asyncio.sleep(0, ""))
        await self.floor_free()
        if not self._apologise and not self._understood:
            raise InputError(f"{name}: expected a spoken question, heard no words; is it silent, or only noise?")
        self._heard_a_turn = False

    async def _begin_utterance(self, at_s: float, start_sample: int | None) -> None:
        self._set_state(ConversationState.LISTENING)
        self._utterance = _Utterance(start_sample)
        self._recognition = self._task(self._recognise(self._utterance), name="ears")
        for chunk in self._pre_roll:
            if chunk.end_sample > (at_s - PRE_ROLL_S) * chunk.sample_rate_hz:
                await self._utterance.chunks.put(chunk)
        self._pre_roll.clear()

    async def _end_utterance(self, waited_s: float) -> None:
        if self._utterance is None or self._recognition is None:
            return
        await self._utterance.chunks.put(None)
        self._heard_a_turn = True
        utterance, recognition = self._utterance, self._recognition
        self._utterance = self._recognition = None
        record = self._begin_turn(waited_s)
        if utterance.start_sample is not None:
            record.question_start_sample = utterance.start_sample
            record.question_end_sample = self.clock.position - round(waited_s * OUTPUT_RATE_HZ)
        self._answer_with(record, recognition)

    async def _recognise(self, utterance: _Utterance) -> str:
        text = ""
        try:
            async with aclosing(self._parts.ears.transcribe(utterance.stream())) as transcripts:
                async for transcript in transcripts:
                    self._on_event(transcript)
                    if transcript.is_final:
                        text = transcript.text
        except InputError as error:
            if not self._apologise:
                raise
            self._on_event(Problem(f"{self._parts.ears.name}: {error}"))
        await utterance.drop_the_rest()
        return text

    # ---- answering

    def _begin_turn(self, waited_s: float) -> TurnRecord:
        """The user has finished: the floor is ours. `waited_s` is how long ago the last sample of speech was."""
        self._floor_is_free.clear()
        record = TurnRecord(Turn(self._turns, self._generation))
        self._turns += 1
        self._record = record
        self._reply_start = None
        now = asyncio.get_running_loop().time()
        record.mark("speech_end", now - waited_s)
        record.mark("turn_end", now)
        self._set_state(ConversationState.THINKING)
        return record

    def _answer_with(self, record: TurnRecord, question: Awaitable[str]) -> None:
        self._answering = self._task(self._answer(record, question), name=f"turn {record.turn.id}")

    async def _answer(self, record: TurnRecord, question: Awaitable[str]) -> None:
        try:
            record.question = await question
            self._mark("transcript", record)
            if not record.question and not self._apologise:
                return  # a noise beside the question; whether there was one at all is known at the recording's end
            self._understood = True
            sentences: asyncio.Queue[Sentence | None] = asyncio.Queue(QUEUED_SENTENCES)
            async with asyncio.TaskGroup() as stages:
                stages.create_task(self._think(record, sentences), name=f"mind {record.turn.id}")
                stages.create_task(self._speak(record, sentences), name=f"voice {record.turn.id}")
            end = self.voice_track.end
            self._write_silence(max(self._timing.tail_s, SHORTEST_TAIL_S))
            await self.clock.reached(end)
            self._mark("playback_end", record)
            record.heard = record.reply
        except asyncio.CancelledError:
            record.interrupted = True
            record.heard = record.heard_until(min(self.voice_track.end, self.clock.first_free_sample))
            raise
        finally:
            self.history.add_user(record.question)
            self.history.add_assistant(record.heard, record.interrupted)
            self._set_state(ConversationState.LISTENING if record.interrupted else ConversationState.IDLE)
            self._floor_is_free.set()
            self._on_event(TurnFinished(record))

    async def _think(self, record: TurnRecord, sentences: asyncio.Queue[Sentence | None]) -> None:
        """The mind's text, cut into sentences. A mind that fails is excused aloud; what it said so far stays."""
        splitter = SentenceSplitter()

        async def pass_on(ready: list[Sentence]) -> None:
            for sentence in ready:
                self._mark("first_sentence", record)
                await sentences.put(sentence)

        if not record.question:
            await pass_on(splitter.push(NOT_UNDERSTOOD))
        else:
            deltas = self._parts.mind.stream(self.history.messages(), record.question)
            try:
                async with aclosing(deltas):
                    while True:
                        async with asyncio.timeout(self._timing.thinking_timeout_s):
                            delta = await anext(deltas, None)
                        if delta is None:
                            break
                        self._mark("first_token", record)
                        await pass_on(splitter.push(delta))
            except (InputError, OSError, TimeoutError) as error:
                reason = str(error) or f"no answer within {self._timing.thinking_timeout_s:g} s"
                self._problem(record, f"{self._parts.mind.name}: {reason}")
                await pass_on([*splitter.flush(), *splitter.push(MIND_FAILED)])
        await pass_on(splitter.flush())
        await sentences.put(None)

    async def _speak(self, record: TurnRecord, sentences: asyncio.Queue[Sentence | None]) -> None:
        """Each sentence's sound, written to the voice track as it comes, with the places of its words."""
        while (sentence := await sentences.get()) is not None:
            await self.clock.reached(self.voice_track.end - MAX_AHEAD_SAMPLES)
            self._on_event(sentence)
            try:
                await self._speak_sentence(record, sentence)
            except InputError as error:
                self._problem(record, f"{self._parts.voice.name}: {error}")

    async def _speak_sentence(self, record: TurnRecord, sentence: Sentence) -> None:
        voice = self._parts.voice
        resampler = Resampler(voice.sample_rate_hz, OUTPUT_RATE_HZ)
        start: int | None = None
        async with aclosing(voice.synthesize(sentence.text)) as chunks:
            async for chunk in chunks:
                written = self._write_voice(record, resampler.push(chunk.audio.samples))
                start = written if start is None else start
                for word in chunk.words:
                    end = start + word.end_sample * OUTPUT_RATE_HZ // voice.sample_rate_hz
                    record.words.append(SpokenWord(word.text, end))
        self._write_voice(record, resampler.push(np.zeros(0, np.float32), last=True))
        if start is not None:
            record.sentences.append(SpokenSentence(sentence.text, start, self.voice_track.end))

    # ---- the face, and what it tells

    def frame_shown(self, shown: FrameShown) -> None:
        """Takes the renderer's report of every frame: the latency is measured where the frames leave."""
        record = self._record
        if record is None or ("first_audio" in record.at_s and "first_moving_mouth" in record.at_s):
            return
        sampled_with_reply = (shown.frame + 1 + LOOK_AHEAD_FRAMES) * SAMPLES_PER_FRAME
        if self._reply_start is None or self._mouth_before is None or sampled_with_reply <= self._reply_start:
            self._mouth_before = shown.mouth
            return
        if shown.first_audible_sample is not None and "first_audio" not in record.at_s:
            record.mark("first_audio", shown.at_s)
            self._on_event(StateChanged(ConversationState.SPEAKING))
        if float(np.linalg.norm(shown.mouth - self._mouth_before)) > MOUTH_MOVED:
            record.mark("first_moving_mouth", shown.at_s)

    def _write_voice(self, record: TurnRecord, samples: Samples) -> int:
        """Writes to the voice track, unless the turn was interrupted and a backend goes on all the same."""
        if record.turn.generation != self._generation:
            return self.voice_track.end
        start = self.voice_track.append(samples, not_before=self.clock.first_free_sample)
        if self._reply_start is None and len(samples):
            self._reply_start = start
            self._renderer.set_state(ConversationState.SPEAKING)  # in time for the first block sampled with this sound
        return start

    def _write_silence(self, seconds: float) -> None:
        silence = np.zeros(round(seconds * OUTPUT_RATE_HZ), np.float32)
        self.voice_track.append(silence, not_before=self.clock.first_free_sample)

    def _set_state(self, state: ConversationState) -> None:
        self._renderer.set_state(state)
        self._on_event(StateChanged(state))

    def _mark(self, stage: str, record: TurnRecord) -> None:
        record.mark(stage, asyncio.get_running_loop().time())

    def _problem(self, record: TurnRecord, message: str) -> None:
        record.problem = message
        self._on_event(Problem(message))

    def _task(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        assert self._tasks is not None, "the session is not running"
        return self._tasks.create_task(work, name=name)
