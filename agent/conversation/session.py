"""One conversation between one user and one face: sound comes in, is understood, answered and spoken.

    audio ─ hearing ─ UserSaid ─ answering ─ delivery ─ voice track ─┬─ audio: played
              ears                mind         voice                 └─ renderer: face, outputs

`converse` is the main path. Two more tasks live as long as the session: `face` renders what the tracks hold, paced by
the audio clock, and `requests` waits for what others ask of the avatar. Every turn is one more task, `turn N`. All of
them belong to one group, so that a failure anywhere ends everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from agent.conversation.answering import Answering
from agent.conversation.audio_io import Heard, Stage
from agent.conversation.confirming import Confirming
from agent.conversation.delivery import Delivery
from agent.conversation.events import (
    Event,
    FillerSaid,
    RecordingEnded,
    Say,
    TypedText,
    UserLeft,
    UserPaused,
    UserStopped,
)
from agent.conversation.hearing import (
    Ears,
    Hearing,
    NobodyThere,
    UserBegan,
    UserFellSilent,
    UserSaid,
    UserVoiced,
    UserWentOn,
)
from agent.conversation.history import MAX_MESSAGES, History
from agent.conversation.interruption.steps import Cue
from agent.conversation.latency import LatencyObserver
from agent.conversation.listening.fillers import Fillers
from agent.conversation.listening.pauses import Listening, ListeningPolicy
from agent.conversation.listening.spoken_phrases import SpokenPhrases
from agent.conversation.reply import ForMind, Manners
from agent.llm.base import Conversation, Message
from agent.text.phrases import Phrases
from avatar.motion import Controls
from avatar.renderer import Renderer
from speech.tts.base import TTS


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How a conversation is held.

    Attributes:
        opening: what it says before anybody else does; "" for nothing.
        greets_at_once: says it when the conversation begins; else when `Session.greet` is called.
        lead_s: idle before the first word, so that a video does not begin inside it.
        tail_s: idle after each reply.
        thinking_timeout_s: a mind that has said nothing for so long has failed.
        longest_pause_s: an answer that was paused for so long is over.
        apologises: answers a question without words by saying so; else a recording without any words is an error.
        max_history_messages: messages that are remembered.
        listening: what it shows of being there, and what it says when an answer is late or words were unsure.
    """

    opening: str = ""
    greets_at_once: bool = True
    lead_s: float = 0.4
    tail_s: float = 0.6
    thinking_timeout_s: float = 20.0
    longest_pause_s: float = 120.0
    apologises: bool = True
    max_history_messages: int = MAX_MESSAGES
    listening: ListeningPolicy = field(default_factory=ListeningPolicy)


class Session:
    """One conversation; `agent.engine.Engine.session` makes it.

    Args:
        heard: what comes from the user, at the clock's pace.
        stage: tracks, clock and floor; whoever gives `heard` has it too.
        ears: None where only typed text comes in.
        mind: a conversation with it.
        voice: entered.
        face: renders the stage's tracks; not yet running.
        policy: pauses and patience.
        on_event: called on the event loop for everything that users want to know.
        controls: gaze, head distance, emotion and composure from the start.
        earlier: what was said before, where a conversation goes on.
        manners: looks at the words of a turn before the mind is asked; None leaves all to the mind.
        phrases: in the language of the conversation; None for English.
        spoken: the same in its voice; None makes them.

    Attributes:
        history: the conversation so far.
        mind: as above.
    """

    def __init__(
        self,
        heard: AsyncGenerator[Heard, None],
        *,
        stage: Stage,
        ears: Ears | None,
        mind: Conversation,
        voice: TTS,
        face: Renderer,
        policy: SessionPolicy,
        on_event: Callable[[Event], None],
        controls: Controls | None = None,
        earlier: Sequence[Message] = (),
        manners: Manners | None = None,
        phrases: Phrases | None = None,
        spoken: SpokenPhrases | None = None,
    ) -> None:
        self._heard, self._stage, self._face, self._policy = heard, stage, face, policy
        self._opening, self.mind = policy.opening, mind
        self._tasks = asyncio.TaskGroup()
        self.history = History(max_messages=policy.max_history_messages, earlier=earlier)
        self._latency = LatencyObserver(on_event)
        on_event = self._latency.take
        phrases, spoken = phrases or Phrases("en"), spoken or SpokenPhrases(voice)
        confirming = self._manners = Confirming(
            manners or ForMind(),
            phrases,
            is_expected=ears.is_expected if ears else bool,
            nearest=ears.nearest if ears else str,
            least_confidence=policy.listening.least_confidence,
        )
        self._listening = Listening(
            self._tasks,
            stage.voice,
            face,
            phrases,
            spoken,
            policy.listening,
            may_sound=lambda: stage.floor.is_free,
            on_sound=lambda text: on_event(FillerSaid(text, "backchannel")),
        )
        self._delivery = Delivery(
            self._tasks,
            stage,
            face,
            self.history,
            self._latency,
            mind=mind,
            voice=voice,
            fillers=Fillers(phrases, spoken, stage.voice, stage.clock, face, after_s=policy.listening.filler_after_s),
            thinking_timeout_s=policy.thinking_timeout_s,
            controls=controls or Controls(),
            on_event=on_event,
        )
        self._answering = Answering(
            self._tasks,
            stage,
            face,
            self.history,
            self._latency,
            delivery=self._delivery,
            manners=confirming,
            tail_s=policy.tail_s,
            longest_pause_s=policy.longest_pause_s,
            apologises=policy.apologises,
            on_event=on_event,
        )
        self._hearing = Hearing(
            self._tasks,
            ears,
            stage,
            apologises=policy.apologises,
            on_event=on_event,
            on_early_words=self._answering.prepare,
            understood=confirming.understood,
            listening=self._listening,
        )

    async def run(self) -> None:
        """Converses until the user has left and the last answer was played.

        Raises:
            ExceptionGroup: what failed; a VisavisError in it is for the user to read.
        """
        self._stage.voice.open()  # an offline clock waits for us from here on
        self._delivery.write_silence(self._policy.lead_s)
        async with self._tasks as tasks:
            face = tasks.create_task(self._face.run(self._latency.frame_shown), name="face")
            requests = tasks.create_task(self._answering.requests.serve(), name="requests")
            tasks.create_task(self._listening.prepare(), name="small sounds")
            if self._opening and self._policy.greets_at_once and not self.history.messages():
                self._answering.answer_text(Say(self._opening))  # who is there waits for the end of it
                self._opening = ""
            await self._converse()
            await self._answering.finish()
            self._face.end_at(self._stage.voice.end)
            self._stage.voice.close()
            await face
            requests.cancel()

    async def _converse(self) -> None:
        answering, is_answered = self._answering, False
        async with aclosing(self._heard) as heard, aclosing(self._hearing.listen(heard)) as happenings:
            async for happening in happenings:
                match happening:
                    case UserVoiced(onset_s):
                        answering.barge_in.voiced(onset_s)
                    case NobodyThere():
                        answering.barge_in.take(Cue.NOBODY)
                    case UserBegan(by_key):
                        answering.user_began(by_key=by_key)
                    case UserFellSilent(spoke_s):
                        answering.barge_in.fell_silent(spoke_s)
                    case UserWentOn():
                        answering.user_went_on()
                    case UserSaid():
                        is_answered = True
                        await answering.answer(happening)
                    case TypedText():
                        answering.answer_text(happening)
                    case RecordingEnded(name):
                        await answering.end_recording(name, is_answered=is_answered)
                        is_answered = False
                    case UserPaused():
                        self.resume() or self.hold()
                    case UserStopped():
                        self.interrupt()
                    case UserLeft():
                        answering.leave()

    # ---- what others may ask of the avatar, at any moment

    def greet(self) -> bool:
        """Has it speak first, when nobody speaks; False where it has nothing to say, or something was said before."""
        opening, self._opening = self._opening, ""
        return bool(opening) and not self.history.messages() and self.say(opening)

    def touch(self) -> None:
        """The user types, or touches something: silence is not long yet."""
        self._manners.touch()

    def ask(self, text: str) -> bool:
        """Answers a question when nobody speaks; False if too many things wait already.

        What asks for a stop, a pause, or to go on is obeyed at once.
        """
        return self._answering.barge_in.obey(text) or self._answering.requests.put(TypedText(text))

    def say(self, text: str) -> bool:
        """Says a text as it is when nobody speaks; False if too many things wait already."""
        return self._answering.requests.put(Say(text))

    def interrupt(self, unheard_from: int | None = None) -> None:
        """Stops the answer, and takes back what waits, which is told: a RequestDropped each.

        Args:
            unheard_from: output sample from which on it was played to nobody, where that is known.
        """
        self._answering.requests.drop("it was stopped")
        self._answering.cut(unheard_from)

    def hold(self) -> bool:
        """Pauses the answer: it falls silent, and what was not heard of it is kept; False where there is none."""
        return self._answering.barge_in.take(Cue.PAUSE)

    def resume(self) -> bool:
        """Lets a held answer go on from the word in which it fell silent; False where none is held."""
        return self._answering.barge_in.is_held and self._answering.barge_in.take(Cue.GO_ON)

    @property
    def is_held(self) -> bool:
        """Whether an answer is silent, by `hold` or because the user speaks into it, and may go on."""
        return self._answering.barge_in.is_held

    async def finish_sentence(self) -> bool:
        """Takes no more requests, lets what is being said reach the end of its sentence, and stops there.

        Returns:
            Whether anything was being said.
        """
        return await self._answering.finish_sentence()

    @property
    def controls(self) -> Controls:
        """Gaze, head distance, emotion and composure that were asked for."""
        return self._delivery.controls

    def set_controls(self, controls: Controls) -> None:
        """Sets them; a reply's own emotion overrides them while it is said."""
        self._delivery.set_controls(controls)

    @property
    def is_quiet(self) -> bool:
        """Whether neither of them speaks or thinks."""
        return self._stage.floor.is_free and self._stage.floor.user_is_quiet

    @property
    def frames(self) -> int:
        """Frames that went out so far, late ones included."""
        return self._face.frames

    @property
    def frames_late(self) -> int:
        """Pictures left out so far because they came too late."""
        return self._face.frames_late
