"""A reply on its way out: text, sentences, sound, side by side; then written to the voice track, with its emotions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace

import numpy as np

from agent.conversation.audio_io import Stage
from agent.conversation.events import Event, FillerSaid, Problem, SentenceHeard
from agent.conversation.history import History
from agent.conversation.interruption.places import Place, Places
from agent.conversation.interruption.restart import restart_at
from agent.conversation.latency import LatencyObserver
from agent.conversation.listening.fillers import Fillers
from agent.conversation.reply import Reply
from agent.conversation.speaking import SENTENCES_AHEAD, SentenceAudio, speak_in_order
from agent.conversation.thinking import ThinkingPolicy, think
from agent.conversation.turn import SpokenSentence, SpokenWord, TurnRecord
from agent.llm.base import Conversation
from agent.text.courtesies import WELCOME, is_welcome
from agent.text.gestures import asks, denies, opening_gesture
from agent.text.sentences import Sentence, goes_on
from avatar.motion import Controls, ConversationState, Emotion, Gesture
from avatar.renderer import Renderer
from speech.audio import OUTPUT_RATE_HZ
from speech.sound_track import KEPT_BEFORE
from speech.tts.base import TTS

# Sentences between mind and voice; a mind that is further ahead waits.
QUEUED_SENTENCES = 4
# The voice speaks at most this much ahead of what is played, or held; an interruption throws it away.
MAX_AHEAD_SAMPLES = 15 * OUTPUT_RATE_HZ

NEARLY_OVER_SAMPLES = 2 * OUTPUT_RATE_HZ
"""The silence after a reply counts in this."""

BEFORE_END_SAMPLES = 6 * OUTPUT_RATE_HZ // 10
"""Who comes to the end of what they say looks at the partner so long before it, and tilts the head with a question."""

INTERRUPTED_BROWS = 0.3
"""Intensity of the surprise on the face of somebody who is interrupted: brows a little up."""


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
        self._places = Places(stage.clock)
        self._begins: Place | None = None
        self._last_heard = ""
        self._heeds = False
        self.set_controls(controls)

    # ---- what is asked of the face

    def set_controls(self, controls: Controls) -> None:
        """Sets what is asked of the face, at once."""
        self.controls = controls
        self._show(controls)

    def heed(self, is_interrupted: bool) -> None:
        """Looks up at whoever speaks to it meanwhile, or not any more."""
        self._heeds = is_interrupted
        self._show(self._meant)

    def _show(self, controls: Controls) -> None:
        self._meant = controls
        if self._heeds:
            controls = replace(controls, gaze=(0.0, 0.0), emotion=Emotion.SURPRISED, intensity=INTERRUPTED_BROWS)
        self._face.set_controls(controls)

    def _show_gesture(self, gesture: Gesture | None) -> None:
        self._show(replace(self._meant, gesture=gesture))

    # ---- what becomes of a reply that goes out

    @property
    def has_begun(self) -> bool:
        """Whether there is any sound of the reply."""
        return self._begins is not None

    @property
    def is_asking(self) -> bool:
        """Whether it has nearly come to its end, and that is a question: what is said then is an answer."""
        heard = self._places.held_at if self._stage.voice.is_held else self._stage.clock.position
        return self._last_heard.endswith("?") and self._stage.voice.end - heard < NEARLY_OVER_SAMPLES

    def hold(self) -> int:
        """Silences what is said, and keeps what was not heard; mind and voice go on making it.

        Returns:
            The output sample from which on nothing is heard.
        """
        at = self._stage.voice.hold()
        self._places.hold(at)
        self._latency.reply_begins(None)
        return at

    def resume(self, record: TurnRecord) -> int:
        """Goes on from the beginning of the word that was cut by the hold.

        Returns:
            The output sample from which on it is heard.
        """
        track, held_at = self._stage.voice, self._places.held_at
        ends = [word.end_sample for word in record.words]
        first = max(0, held_at - KEPT_BEFORE)
        start = restart_at(track.read_at_full_level(first, held_at - first), held_at, ends)
        moved = track.go_on(start)
        record.move(held_at, moved)
        self._places.release(moved)
        if self._begins is not None:
            self._face.set_state(ConversationState.SPEAKING)
            if self._begins.sample > held_at:
                self._latency.reply_begins(self._begins.sample)
        return start + moved

    def calm(self) -> None:
        """The reply is over: its emotions are, too, and what was not heard of it never will be."""
        for task in self._still_unheard:
            task.cancel()
        self._places.release(0)
        self._begins, self._heeds, self._last_heard = None, False, ""
        self._show(self.controls)

    async def all_heard(self, tail_s: float) -> None:
        """Waits until all that is written was heard; it is followed by a silence."""
        end = self._places.at(self._stage.voice.end)
        self.write_silence(tail_s)
        await self._places.heard(end)

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
        self._smile_back(reply)

        def heard(text: str) -> None:
            record.filler = text
            self._on_event(FillerSaid(text, "filler"))

        await self._fillers.bridge(reply.question, record.at_s["speech_end"], heard)

    async def _play(
        self, reply: Reply, spoken: asyncio.Queue[SentenceAudio | None], bridge: asyncio.Task[None]
    ) -> None:
        """Each sentence's sound, written to the voice track as it comes, with the places of its words."""
        track, clock = self._stage.voice, self._stage.clock
        closes: Place | None = None
        tilts = False
        while (soon := await spoken.get()) is not None:
            bridge.cancel()  # a filler that has begun is said to its end, and the reply follows on it
            record = await reply.confirmed()
            await self._places.heard(self._places.at(track.end - MAX_AHEAD_SAMPLES))
            if self._begins is None:
                await clock.caught_up(track.end)
                await self._places.released()  # nothing counts as said while the user speaks
            self._on_event(soon.sentence)
            start: Place | None = None
            said = 0
            while (piece := await soon.next_piece()) is not None:
                if reply.is_dropped:
                    return
                written = track.append(piece.samples)
                if self._begins is None and len(piece.samples):
                    self._begins = self._places.at(written)
                    if soon.sentence.emotion is None:
                        self._smile_back(reply)
                    self._show_gesture(opening_gesture(soon.sentence.text))
                    if not track.is_held:
                        self._latency.reply_begins(written)
                        self._face.set_state(ConversationState.SPEAKING)  # before the first block with this sound
                if start is None:
                    start = self._places.at(written)
                    self._when_heard(self._sentence_heard(soon.sentence, start))
                    record.sentences.append(SpokenSentence(soon.sentence.text, written, written))
                # From the first piece on: a sentence that is cut while it is made was said, too.
                record.sentences[-1] = replace(record.sentences[-1], end_sample=track.end)
                # A voice that pauses to think has its pieces apart: words lie where their piece does.
                record.words += [SpokenWord(text, written - said + end) for text, end in piece.words]
                said += len(piece.samples)
            if soon.problem is not None:
                await self._tell_problem(reply, f"{self._voice.name}: {soon.problem}")
            reply.ends.append(self._places.at(track.end))
            self._tell_written()
            if start is not None:
                closes = self._places.at(max(start.sample, track.end - BEFORE_END_SAMPLES))
                tilts = asks(soon.sentence.text)
                if tilts:
                    self._when_heard(self._show_when_heard(Gesture.TILT, closes))
        closing = reply.closing or (None if tilts else Gesture.LOOK_AT)
        if closes is not None and closing is not None:
            self._when_heard(self._show_when_heard(closing, closes))

    async def sentence_end(self, reply: Reply, sample: int) -> int:
        """Where a sentence with all its clauses ends in the output, once it was made.

        Args:
            reply: which it belongs to.
            sample: of the output, that is heard while it is said.
        """
        while True:
            made = zip(reply.sentences, reply.ends, strict=False)  # the mind is ahead of the voice
            ends = (end.sample for one, end in made if end.sample > sample and not goes_on(one.text))
            if (end := next(ends, None)) is not None:
                return end
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

    def _when_heard(self, what: Coroutine[None, None, None]) -> None:
        task = self._tasks.create_task(what, name="sentence heard")
        self._still_unheard.add(task)
        task.add_done_callback(self._still_unheard.discard)

    def _smile_back(self, reply: Reply) -> None:
        """A smile takes a second to come: it begins as soon as a hello or goodbye is understood."""
        if self._is_smiled_at(reply.question):
            self._show(replace(self._meant, emotion=WELCOME.emotion, intensity=WELCOME.intensity))

    def _is_smiled_at(self, text: str) -> bool:
        """Whether it is a hello or goodbye, and no other face was asked for."""
        return is_welcome(text) and self.controls.emotion in (None, Emotion.NEUTRAL)

    async def _sentence_heard(self, sentence: Sentence, start: Place) -> None:
        """Tells of a sentence, and shows its emotion and gesture, from the moment on at which it is heard."""
        await self._places.heard(start)
        self._last_heard = sentence.text
        emotion = sentence.emotion
        if emotion is None and self._is_smiled_at(sentence.text):
            emotion = WELCOME
        if emotion is not None:
            self._show(replace(self.controls, emotion=emotion.emotion, intensity=emotion.intensity))
        self._show_gesture(sentence.gesture or (Gesture.SHAKE if denies(sentence.text) else None))
        self._on_event(SentenceHeard(sentence))

    async def _show_when_heard(self, gesture: Gesture, place: Place) -> None:
        await self._places.heard(place)
        self._show_gesture(gesture)

    async def _tell_problem(self, reply: Reply, message: str) -> None:
        """Tells what went wrong with a reply, if it is one that counts; what took several sentences along, once."""
        record = await reply.confirmed()
        if record.problem != message:
            record.problem = message
            self._on_event(Problem(message))
