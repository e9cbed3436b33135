"""The main path: sound comes in, is understood, answered and spoken, and the face says it.

    source ─ turn detector ─ ears ─ Transcript ─ mind ─ sentences ─ voice ─ voice track
                                                                                │
                              outputs ◄─ decoder ◄─ motion sampler ◄────────────┘   paced by the audio clock

Three tasks live as long as the session: `hear` takes sound from the source, `requests` what others ask of the avatar,
`face` renders what the tracks hold. Every turn is one more task, `turn N`. A reply is begun early, in a pause of the
user, and thrown away if the user goes on. All tasks belong to one group, so that a failure anywhere ends everything.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from agent.conversation.events import (
    Event,
    Problem,
    RecordingEnded,
    Say,
    StateChanged,
    TalkKey,
    TurnFinished,
    TypedText,
)
from agent.conversation.history import History
from agent.conversation.reply import Reply
from agent.conversation.speaking import SENTENCES_AHEAD, SentenceAudio, speak_in_order
from agent.conversation.thinking import ThinkingPolicy, think
from agent.conversation.turn import SpokenSentence, SpokenWord, Turn, TurnRecord
from agent.conversation.utterance import Utterance
from agent.llm.base import LLM
from agent.text.emotion_tags import EmotionTag
from agent.text.sentences import Sentence
from avatar.clock import SAMPLES_PER_FRAME, AudioClock
from avatar.motion import FRAME_RATE_HZ, LOOK_AHEAD_FRAMES, Controls, ConversationState, Floats
from avatar.renderer import FrameShown, Renderer
from speech.asr.base import ASR
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples
from speech.errors import InputError, VisavisError
from speech.events import SpeechPaused, SpeechResumed, SpeechStarted, SpeechStopped, Transcript
from speech.sound_track import SoundTrack
from speech.tts.base import TTS
from speech.turns.detector import PRE_ROLL_S, TurnDetector

T = TypeVar("T")

# The longest speech that a turn detector may need before it reports an onset (ears.min_speech_s goes up to 2 s).
ONSET_S = 2.0
# Sentences between mind and voice; a mind that is further ahead waits.
QUEUED_SENTENCES = 4
# Things that others asked for and that wait for the floor; more are refused.
QUEUED_REQUESTS = 16
# So long they wait for the user to finish; where it is noisy, a turn may never end.
LISTENS_S = 5.0
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
    full_duplex: bool
    """Whether the user is heard while the avatar thinks and speaks, and can interrupt it: it must not hear itself."""
    echo_s: float
    """How long after the avatar's last sample the source may still hold its voice, seconds."""

    def items(self, session: Session) -> AsyncGenerator[AudioChunk | TypedText | RecordingEnded | TalkKey]:
        """Yields what the user says, as it comes; ends when the user has left."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The loaded backends of one session.

    Attributes:
        notices: what is to be said about their files.
        is_expected: whether words that were hardly understood are worth an answer all the same; called in a thread.
    """

    turns: TurnDetector
    ears: ASR
    mind: LLM
    voice: TTS
    notices: tuple[str, ...] = ()
    is_expected: Callable[[str], bool] = bool


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take that are a matter of taste, in seconds.

    Attributes:
        lead_s: idle before the first word, so that a video does not begin inside it.
        tail_s: idle after each reply.
        thinking_timeout_s: a mind that has said nothing for so long has failed.
        min_speech_s: of the user's voice that make a turn.
        barge_in_s: of the user's voice that interrupt the avatar.
    """

    lead_s: float = 0.4
    tail_s: float = 0.6
    thinking_timeout_s: float = 20.0
    min_speech_s: float = 0.2
    barge_in_s: float = 0.13


Service = Callable[["Session"], Coroutine[Any, Any, None]]
"""Something that runs as long as a session: a sound card's watch, a broker's connection."""


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
        controls: gaze, head distance, emotion and composure from the start.
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
        controls: Controls | None = None,
    ) -> None:
        self._parts, self._renderer, self._timing = parts, renderer, timing
        self.clock, self.voice_track, self.user_track = clock, voice_track, user_track
        self._apologise, self._on_event = apologise, on_event
        self.history = history
        self._controls = controls or Controls()
        self._renderer.set_controls(self._controls)
        self._record: TurnRecord | None = None
        self._turns = 0
        self._tasks: asyncio.TaskGroup | None = None
        self._running: set[asyncio.Task[Any]] = set()
        self._generation = 0
        self._answering: asyncio.Task[None] | None = None
        self._requests: asyncio.Queue[TypedText | Say] = asyncio.Queue(QUEUED_REQUESTS)
        self._utterance: Utterance | None = None
        self._recognition: asyncio.Task[str] | None = None
        self._key_is_down = False
        self._pre_roll: deque[AudioChunk] = deque()
        self._draft: Reply | None = None
        self._current: Reply | None = None
        self._moods: set[asyncio.Task[None]] = set()
        self._floor_is_free = asyncio.Event()
        self._floor_is_free.set()
        self._user_is_quiet = asyncio.Event()
        self._user_is_quiet.set()
        self._full_duplex = False
        self._echo_s = 0.0
        self._deaf_until_s = 0.0
        self._heard_a_turn = False  # in the recording that is being heard
        self._understood = False
        self._end_sample: int | None = None
        self._reply_start: int | None = None
        self._mouth_before: Floats | None = None

    async def run(self, source: Source, services: Sequence[Service] = ()) -> None:
        """Converses until the source ends and the last answer was played.

        Args:
            source: where the user's voice comes from.
            services: what else is to run as long as the session.

        Raises:
            ExceptionGroup: what failed; a VisavisError in it is for the user to read.
        """
        self._full_duplex, self._echo_s = source.full_duplex, source.echo_s
        self.voice_track.open()  # an offline clock waits for us from here on
        self._write_silence(self._timing.lead_s)
        with self._parts.mind.conversation() as self._mind:
            async with asyncio.TaskGroup() as self._tasks:
                self._task(self._serve_requests(), name="requests")
                for number, service in enumerate(services):
                    self._task(service(self), name=f"service {number}")
                face = self._task(self._renderer.run(lambda: self._end_sample), name="face")
                self._task(self._hear(source), name="hear")
                await face
                for task in self._running - {face}:  # nothing can be shown any more
                    task.cancel()

    # ---- what others may ask of the avatar, at any moment

    @property
    def floor_is_free(self) -> bool:
        """Whether nobody is thinking or speaking, so that the user may speak."""
        return self._floor_is_free.is_set()

    @property
    def is_listening(self) -> bool:
        """Whether what the user says now is heard."""
        if self._full_duplex or self._key_is_down:
            return True
        return self.floor_is_free and asyncio.get_running_loop().time() >= self._deaf_until_s

    @property
    def controls(self) -> Controls:
        """Gaze, head distance and emotion that were asked for."""
        return self._controls

    @property
    def frames_late(self) -> int:
        """Pictures left out so far because they came too late."""
        return self._renderer.frames_late

    @property
    def frames(self) -> int:
        """Frames that went out so far, late ones included."""
        return self._renderer.frames

    async def floor_free(self) -> None:
        """Waits until nobody is thinking or speaking."""
        await self._floor_is_free.wait()

    def ask(self, text: str) -> bool:
        """Answers a question when the floor is free; False if too many things wait already."""
        return self._request(TypedText(text))

    def say(self, text: str) -> bool:
        """Says a text as it is when the floor is free; False if too many things wait already."""
        return self._request(Say(text))

    def set_controls(self, controls: Controls) -> None:
        """Sets gaze, head distance, emotion and composure; a reply's own emotion overrides them while it is said."""
        self._controls = controls
        self._renderer.set_controls(controls)

    def interrupt(self) -> None:
        """Stops the answer: mind, voice, sound and face together. The history keeps the words that were heard."""
        while not self._requests.empty():
            self._requests.get_nowait()
        self._generation += 1
        if self._answering is not None and not self._answering.done():
            self._answering.cancel()
            self.voice_track.cut()

    # ---- hearing

    async def _hear(self, source: Source) -> None:
        async with aclosing(source.items(self)) as items:
            async for item in items:
                match item:
                    case AudioChunk():
                        await self._hear_chunk(item, source.real_time)
                    case TypedText():
                        self._answer_request(item)
                    case RecordingEnded(name):
                        await self._hear_the_end(name)
                    case TalkKey(is_down):
                        await self._talk_key(is_down)
        self._drop_draft()
        self._drop_utterance()
        await self.floor_free()
        self._end_sample = self.voice_track.end
        self.voice_track.close()

    async def _hear_chunk(self, chunk: AudioChunk, real_time: bool) -> None:
        if not self.is_listening:
            return  # half duplex: what comes in while the avatar thinks or speaks may be its own voice
        if self._utterance is None:
            self._pre_roll.append(chunk)
            kept = (PRE_ROLL_S + ONSET_S) * chunk.sample_rate_hz
            while chunk.end_sample - self._pre_roll[0].end_sample > kept:
                self._pre_roll.popleft()
        else:
            await self._utterance.put(chunk)
        if self._key_is_down:
            return  # the key says where the turn ends
        turns, timing = self._parts.turns, self._timing
        turns.min_speech_s = timing.min_speech_s if self.floor_is_free else timing.barge_in_s
        for event in await asyncio.to_thread(turns.push, chunk):
            match event:
                case SpeechStarted(at_s):
                    self.interrupt()
                    await self._begin_utterance(at_s, self._heard_at(chunk, at_s) if real_time else None)
                case SpeechPaused() if self._utterance is not None:
                    self._utterance.pause()
                    self._begin_early()
                case SpeechResumed() if self._utterance is not None:
                    self._drop_draft()
                    await self._utterance.go_on()
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
            self._answer_with("", waited_s=0.0)
        await self.floor_free()
        if not self._apologise and not self._understood:
            raise InputError(f"{name}: expected a spoken question, heard no words; is it silent, or only noise?")
        self._heard_a_turn = False

    async def _talk_key(self, is_down: bool) -> None:
        """The user opens the microphone, which interrupts the avatar, or closes it, which ends the turn at once."""
        if is_down and not self._key_is_down:
            self.interrupt()
            self._pre_roll.clear()
            self._key_is_down = True
            await self._begin_utterance(0.0, self.clock.position)
        elif not is_down and self._key_is_down:
            self._key_is_down = False
            await self._end_utterance(0.0)

    async def _begin_utterance(self, at_s: float, start_sample: int | None) -> None:
        self._set_state(ConversationState.LISTENING)
        self._user_is_quiet.clear()
        self._utterance = Utterance(self._parts.ears, start_sample, self._transcribed)
        self._recognition = self._task(self._recognise(self._utterance), name="ears")
        for chunk in self._pre_roll:
            if chunk.end_sample > (at_s - PRE_ROLL_S) * chunk.sample_rate_hz:
                await self._utterance.put(chunk)
        self._pre_roll.clear()

    async def _end_utterance(self, waited_s: float) -> None:
        if self._utterance is None or self._recognition is None:
            return
        await self._utterance.end()
        self._heard_a_turn = True
        utterance, recognition = self._utterance, self._recognition
        self._utterance = self._recognition = None
        await self._free_the_floor()
        record = self._answer_with(recognition, waited_s=waited_s)
        if utterance.start_sample is not None:
            record.question_start_sample = utterance.start_sample
            record.question_end_sample = self.clock.position - round(waited_s * OUTPUT_RATE_HZ)
        self._user_is_quiet.set()

    def _drop_utterance(self) -> None:
        """The user leaves in the middle of a word."""
        if self._recognition is not None:
            self._recognition.cancel()
        self._utterance = self._recognition = None
        self._user_is_quiet.set()

    async def _free_the_floor(self) -> None:
        """What was interrupted ends before the next answer begins."""
        if self._answering is not None and not self._answering.done():
            self.interrupt()
            await asyncio.wait([self._answering])

    async def _recognise(self, utterance: Utterance) -> str:
        try:
            heard = await utterance.words()
            if heard.is_doubtful and self._apologise:
                is_expected = await asyncio.to_thread(self._parts.is_expected, heard.text)
                return heard.text if is_expected else ""
            return heard.text
        except VisavisError as error:
            if not self._apologise:
                raise
            self._on_event(Problem(f"{self._parts.ears.name}: {error}"))
            await utterance.drop_the_rest()
            return ""

    def _transcribed(self, transcript: Transcript) -> None:
        self._on_event(transcript)
        if self._utterance is not None and self._utterance.is_paused:
            self._begin_early()

    # ---- answering

    def _begin_early(self) -> None:
        """The user pauses: prepares the answer to what was understood so far; nothing of it is told or heard yet."""
        interim = self._utterance.interim if self._utterance is not None else ""
        if not interim or (self._draft is not None and self._draft.question == interim):
            return
        self._drop_draft()
        self._draft = self._begin_reply(interim)

    def _drop_draft(self) -> None:
        if self._draft is not None:
            self._draft.cancel()
            self._draft = None

    def _begin_reply(self, question: str, *, say: str | None = None) -> Reply:
        reply = Reply(question, say, asyncio.get_running_loop().time)
        reply.task = self._task(self._reply(reply), name="reply")
        return reply

    def _request(self, request: TypedText | Say) -> bool:
        if self._requests.full() or self._end_sample is not None:
            return False
        self._requests.put_nowait(request)
        return True

    async def _serve_requests(self) -> None:
        while True:
            request, generation = await self._requests.get(), self._generation
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._user_is_quiet.wait(), LISTENS_S)
            await self.floor_free()
            if generation == self._generation and self._end_sample is None:  # else it was taken back
                self._answer_request(request)

    def _answer_request(self, request: TypedText | Say) -> None:
        if isinstance(request, Say):
            self._answer_with("", waited_s=0.0, say=request.text)
        else:
            self._answer_with(request.text, waited_s=0.0)

    def _answer_with(self, question: asyncio.Task[str] | str, *, waited_s: float, say: str | None = None) -> TurnRecord:
        """Takes the floor; `waited_s` is how long ago the last sample of the user's speech was."""
        self._floor_is_free.clear()
        record = TurnRecord(Turn(self._turns, self._generation))
        self._turns += 1
        self._record = record
        self._reply_start = None
        now = asyncio.get_running_loop().time()
        record.mark("speech_end", now - waited_s)
        record.mark("turn_end", now)
        self._set_state(ConversationState.THINKING)
        self._current, self._draft = self._draft, None
        self._answering = self._task(self._answer(record, question, say), name=f"turn {record.turn.id}")
        # Not in the task itself: one that is cancelled before it has begun never does anything.
        self._answering.add_done_callback(lambda answering: self._turn_over(record, question, answering))
        return record

    async def _answer(self, record: TurnRecord, question: asyncio.Task[str] | str, say: str | None) -> None:
        record.question = question if isinstance(question, str) else await question
        record.mark("transcript", asyncio.get_running_loop().time())
        if not record.question and say is None and not self._apologise:
            return  # a noise beside the question; whether there was one at all is known at the recording's end
        self._understood = True
        reply = self._current
        if reply is None or reply.question != record.question or say is not None:
            if reply is not None:
                reply.cancel()
            reply = self._current = self._begin_reply(record.question, say=say)
        reply.confirm(record)
        await reply.finished()
        end = self.voice_track.end
        self._write_silence(max(self._timing.tail_s, SHORTEST_TAIL_S))
        await self.clock.reached(end)
        record.mark("playback_end", asyncio.get_running_loop().time())
        record.heard = record.reply

    def _turn_over(self, record: TurnRecord, question: asyncio.Task[str] | str, answering: asyncio.Task[None]) -> None:
        """Keeps what was heard, and gives the floor back."""
        if answering.cancelled():
            record.interrupted = True
            record.cut_sample = min(self.voice_track.end, self.voice_track.taken)
            record.heard = record.heard_until(record.cut_sample)
            if not isinstance(question, str):
                question.cancel()
        if self._current is not None:
            self._current.cancel()
            self._current = None
        for mood in self._moods:
            mood.cancel()
        self.history.add_user(record.question)
        self.history.add_assistant(record.heard, record.interrupted)
        self._renderer.set_controls(self._controls)
        if self._utterance is None or not record.interrupted:
            self._set_state(ConversationState.LISTENING if record.interrupted else ConversationState.IDLE)
        self._deaf_until_s = asyncio.get_running_loop().time() + self._echo_s
        self._floor_is_free.set()
        self._on_event(TurnFinished(record))

    async def _reply(self, reply: Reply) -> None:
        """Mind and voice side by side: text, sentences, sound."""
        policy = ThinkingPolicy(self._timing.thinking_timeout_s, lambda message: self._problem(reply, message))
        sentences: asyncio.Queue[Sentence | None] = asyncio.Queue(QUEUED_SENTENCES)
        spoken: asyncio.Queue[SentenceAudio | None] = asyncio.Queue(SENTENCES_AHEAD)
        async with asyncio.TaskGroup() as stages:
            stages.create_task(think(self._mind, self.history.messages(), reply, sentences, policy), name="mind")
            stages.create_task(speak_in_order(self._parts.voice, sentences, spoken), name="voice")
            stages.create_task(self._play(reply, spoken), name="play")

    async def _play(self, reply: Reply, spoken: asyncio.Queue[SentenceAudio | None]) -> None:
        """Each sentence's sound, written to the voice track as it comes, with the places of its words."""
        while (soon := await spoken.get()) is not None:
            record = await reply.confirmed()
            await self.clock.reached(self.voice_track.end - MAX_AHEAD_SAMPLES)
            if self._reply_start is None:
                await self.clock.caught_up(self.voice_track.end)
            sentence = soon.sentence
            self._on_event(sentence)
            start: int | None = None
            said = 0
            while (piece := await soon.next_piece()) is not None:
                written = self._write_voice(record, piece.samples)
                if start is None:
                    start = written
                    self._show_emotion(sentence.emotion, start)
                # A voice that pauses to think has its pieces apart: words lie where their piece does.
                record.words += [SpokenWord(text, written - said + end) for text, end in piece.words]
                said += len(piece.samples)
            if soon.problem is not None:
                await self._problem(reply, f"{self._parts.voice.name}: {soon.problem}")
            if start is not None:
                record.sentences.append(SpokenSentence(sentence.text, start, self.voice_track.end))

    def _show_emotion(self, emotion: EmotionTag | None, from_sample: int) -> None:
        if emotion is not None:
            mood = self._task(self._feel(emotion, from_sample), name="mood")
            self._moods.add(mood)
            mood.add_done_callback(self._moods.discard)

    async def _feel(self, emotion: EmotionTag, from_sample: int) -> None:
        """Shows an emotion from the moment on at which its sentence is heard."""
        await self.clock.reached(from_sample)
        self._renderer.set_controls(replace(self._controls, emotion=emotion.emotion, intensity=emotion.intensity))

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
        start = self.voice_track.append(samples)
        if self._reply_start is None and len(samples):
            self._reply_start = start
            self._renderer.set_state(ConversationState.SPEAKING)  # in time for the first block sampled with this sound
        return start

    def _write_silence(self, seconds: float) -> None:
        silence = np.zeros(round(seconds * OUTPUT_RATE_HZ), np.float32)
        self.voice_track.append(silence)

    def _set_state(self, state: ConversationState) -> None:
        self._renderer.set_state(state)
        self._on_event(StateChanged(state))

    async def _problem(self, reply: Reply, message: str) -> None:
        """Tells what went wrong with a reply, if it is one that counts; what took several sentences along, once."""
        record = await reply.confirmed()
        if record.problem != message:
            record.problem = message
            self._on_event(Problem(message))

    def _task(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        assert self._tasks is not None, "the session is not running"
        task = self._tasks.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task
