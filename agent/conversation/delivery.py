"""A reply on its way out: text, sentences, sound, side by side; then written to the voice track, with its emotions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from agent.conversation.audio_io import Stage
from agent.conversation.events import Event, FillerSaid, Problem, SentenceHeard
from agent.conversation.history import History
from agent.conversation.latency import LatencyObserver
from agent.conversation.listening.fillers import Fillers
from agent.conversation.reply import Reply
from agent.conversation.speaking import SENTENCES_AHEAD, SentenceAudio, speak_in_order
from agent.conversation.thinking import ThinkingPolicy, think
from agent.conversation.turn import SpokenSentence, SpokenWord, TurnRecord
from agent.llm.base import Conversation
from agent.text.sentences import Sentence, goes_on
from avatar.motion import Controls, ConversationState
from avatar.renderer import Renderer
from speech.audio import OUTPUT_RATE_HZ
from speech.tts.base import TTS

# Sentences between mind and voice; a mind that is further ahead waits.
QUEUED_SENTENCES = 4
# The voice speaks at most this much ahead of what is played; an interruption throws it away.
MAX_AHEAD_SAMPLES = 15 * OUTPUT_RATE_HZ


class Delivery:
    """Has replies thought and spoken, and puts them on stage.

    Args:
        tasks: own what outlasts a reply's making: what is shown and told as it is heard.
        stage: whose voice track takes the sound.
        face: shows state and emotions.
        history: what was said before.
        latency: is told where a reply begins.
        mind: a conversation with it.
        voice: entered.
        fillers: bridge the wait for a reply.
        thinking_timeout_s: a mind that has said nothing for so long has failed.
        controls: from the start.
        on_event: called with every sentence and problem.

    Attributes:
        controls: gaze, head distance, emotion and composure that were asked for; a reply's own emotion overrides
            them while it is said.
    """

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        stage: Stage,
        face: Renderer,
        history: History,
        latency: LatencyObserver,
        *,
        mind: Conversation,
        voice: TTS,
        fillers: Fillers,
        thinking_timeout_s: float,
        controls: Controls,
        on_event: Callable[[Event], None],
    ) -> None:
        self._tasks, self._stage, self._face, self._history, self._latency = tasks, stage, face, history, latency
        self._mind, self._voice, self._thinking_timeout_s = mind, voice, thinking_timeout_s
        self._on_event, self._fillers = on_event, fillers
        self._still_unheard: set[asyncio.Task[None]] = set()
        self._written = asyncio.Event()
        self.set_controls(controls)

    def set_controls(self, controls: Controls) -> None:
        """Sets what is asked of the face, at once."""
        self.controls = controls
        self._face.set_controls(controls)

    def calm(self) -> None:
        """The reply is over: its emotions are, too, and what was not heard of it never will be."""
        for task in self._still_unheard:
            task.cancel()
        self._face.set_controls(self.controls)

    async def make(self, reply: Reply) -> None:
        """Thinks and speaks; once the reply is confirmed it goes out."""
        policy = ThinkingPolicy(self._thinking_timeout_s, lambda message: self._tell_problem(reply, message))
        sentences: asyncio.Queue[Sentence | None] = asyncio.Queue(QUEUED_SENTENCES)
        spoken: asyncio.Queue[SentenceAudio | None] = asyncio.Queue(SENTENCES_AHEAD)
        try:
            async with asyncio.TaskGroup() as stages:
                stages.create_task(think(self._mind, self._history.messages(), reply, sentences, policy), name="mind")
                stages.create_task(speak_in_order(self._voice, sentences, spoken), name="voice")
                bridge = stages.create_task(self._bridge(reply), name="filler")
                stages.create_task(self._play(reply, spoken, bridge), name="play")
        finally:
            reply.is_made = True
            self._tell_written()

    async def _bridge(self, reply: Reply) -> None:
        """Says something fitting when what the mind has to say is late."""
        if reply.say is not None or not reply.question:
            return
        record = await reply.confirmed()

        def heard(text: str) -> None:
            record.filler = text
            self._on_event(FillerSaid(text, "filler"))

        await self._fillers.bridge(reply.question, record.at_s["speech_end"], heard)

    async def _play(
        self, reply: Reply, spoken: asyncio.Queue[SentenceAudio | None], bridge: asyncio.Task[None]
    ) -> None:
        """Each sentence's sound, written to the voice track as it comes, with the places of its words."""
        track, clock = self._stage.voice, self._stage.clock
        has_begun = False
        while (soon := await spoken.get()) is not None:
            bridge.cancel()  # a filler that has begun is said to its end, and the reply follows on it
            record = await reply.confirmed()
            await clock.reached(track.end - MAX_AHEAD_SAMPLES)
            if not has_begun:
                await clock.caught_up(track.end)
            self._on_event(soon.sentence)
            start: int | None = None
            said = 0
            while (piece := await soon.next_piece()) is not None:
                if reply.is_dropped:
                    return
                written = track.append(piece.samples)
                if not has_begun and len(piece.samples):
                    has_begun = True
                    self._latency.reply_begins(written)
                    self._face.set_state(ConversationState.SPEAKING)  # before the first block sampled with this sound
                if start is None:
                    start = written
                    self._when_heard(soon.sentence, start)
                # A voice that pauses to think has its pieces apart: words lie where their piece does.
                record.words += [SpokenWord(text, written - said + end) for text, end in piece.words]
                said += len(piece.samples)
            if soon.problem is not None:
                await self._tell_problem(reply, f"{self._voice.name}: {soon.problem}")
            if start is not None:
                record.sentences.append(SpokenSentence(soon.sentence.text, start, track.end))
                self._tell_written()

    async def sentence_end(self, reply: Reply, record: TurnRecord, sample: int) -> int:
        """Where a sentence with all its clauses ends in the output, once it was made.

        Args:
            reply: which it belongs to.
            record: likewise.
            sample: of the output, that is heard while it is said.
        """
        while True:
            to_come = (one for one in record.sentences if one.end_sample > sample and not goes_on(one.text))
            if (end := next(to_come, None)) is not None:
                return end.end_sample
            if reply.is_made:
                return self._stage.voice.end
            await self._written.wait()

    def _tell_written(self) -> None:
        """There is another whole sentence, or there will be none."""
        self._written.set()
        self._written = asyncio.Event()

    def write_silence(self, seconds: float) -> None:
        """Appends silence to what is said."""
        self._stage.voice.append(np.zeros(round(seconds * OUTPUT_RATE_HZ), np.float32))

    def _when_heard(self, sentence: Sentence, from_sample: int) -> None:
        task = self._tasks.create_task(self._sentence_heard(sentence, from_sample), name="sentence heard")
        self._still_unheard.add(task)
        task.add_done_callback(self._still_unheard.discard)

    async def _sentence_heard(self, sentence: Sentence, from_sample: int) -> None:
        """Tells of a sentence, and shows its emotion, from the moment on at which it is heard."""
        await self._stage.clock.reached(from_sample)
        if (emotion := sentence.emotion) is not None:
            self._face.set_controls(replace(self.controls, emotion=emotion.emotion, intensity=emotion.intensity))
        self._on_event(SentenceHeard(sentence))

    async def _tell_problem(self, reply: Reply, message: str) -> None:
        """Tells what went wrong with a reply, if it is one that counts; what took several sentences along, once."""
        record = await reply.confirmed()
        if record.problem != message:
            record.problem = message
            self._on_event(Problem(message))
