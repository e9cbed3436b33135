"""The user speaks into the avatar's turn, or somebody pauses it: duck, hold, resume, cut, and who is told.

a sound that may be a voice    the voice ducks; it comes back where that was none
the voice lasts                it is held: silent, and what was not heard is kept
the words, maybe early         a backchannel or a cough lets it go on; "stop" and "wait" are obeyed; all else is
                               answered, and the turn is cut
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.conversation.audio_io import Stage
from agent.conversation.delivery import Delivery
from agent.conversation.events import (
    AnswerPaused,
    Event,
    UtteranceDropped,
    VoiceCut,
    VoiceDucked,
    VoiceHeld,
    VoiceResumed,
)
from agent.conversation.hearing import UserSaid
from agent.conversation.interruption.backchannels import may_show_listening, shows_listening
from agent.conversation.interruption.meaning import cue_of
from agent.conversation.interruption.own_words import are_own_words
from agent.conversation.interruption.steps import Act, Cue, Interruption, Step
from agent.conversation.reply import Manners
from agent.conversation.turn import TurnRecord
from agent.intents.intent import Intent, Kind
from avatar.motion import ConversationState
from speech.audio import OUTPUT_RATE_HZ
from speech.events import Transcript

LONGEST_HOLD_S = 20.0
"""Whoever talks for so long wants no rest of an answer."""

DOUBTED_WORDS = 2
"""So few words of what was never surely a voice are none: recognisers hear them in coughs."""
SHORT_S, WITHOUT_WORDS_S = 0.8, 0.5
"""Of so short a sound, followed by so long a silence in which no word of it was understood, there is none: a hum, a
laugh. Where the recogniser was only slow, its words still count when they come."""


class BargeIn:
    """Carries out the steps of the turn that goes on; one at a time.

    Args:
        tasks: own what waits for the end of a hold.
        stage: whose voice is ducked and held.
        delivery: brings the turn's reply out.
        manners: tell what words want; what people say to each other stops nothing.
        longest_pause_s: after so long nobody waits for the rest.
        show: called with what the avatar does now.
        cut: ends the turn.
        on_event: called with each step.

    Attributes:
        utterance: counts those of the user.
    """

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        stage: Stage,
        delivery: Delivery,
        *,
        manners: Manners,
        longest_pause_s: float,
        show: Callable[[ConversationState], None],
        cut: Callable[[], None],
        on_event: Callable[[Event], None],
    ) -> None:
        self._tasks, self._stage, self._delivery = tasks, stage, delivery
        self._manners = manners
        self._longest_pause_s, self._show, self._cut, self._on_event = longest_pause_s, show, cut, on_event
        self._steps = Interruption(Step.OVER)
        self._record: TurnRecord | None = None
        self._onset_s: float | None = None
        self._held_at_s: float | None = None
        self._patience: asyncio.Task[None] | None = None
        self.utterance = 0
        self._began_at = 0  # output sample that played when the voice was noticed
        self._has_stopped = self._is_said = False  # in this utterance; since its last pause
        self._early_words = self._old_words = ""  # obeyed in this pause of the utterance, and in the one before

    @property
    def is_held(self) -> bool:
        """Whether a turn is silent, and what it has not said is kept."""
        return self._steps.is_silent

    @property
    def is_spoken_into(self) -> bool:
        """Whether what the user has just said was said into a turn, which goes on or ended by that."""
        return self._has_stopped or self._steps.step is not Step.OVER

    def begin(self, record: TurnRecord) -> None:
        """A turn of the avatar's begins."""
        self._steps, self._record = Interruption(), record
        self._onset_s = self._held_at_s = None

    def end(self) -> None:
        """It is over, by whatever means."""
        track, was_paused = self._stage.voice, self._steps.step is Step.PAUSED
        self._steps.take(Cue.ENDED)
        if was_paused:
            self._on_event(AnswerPaused(False))
        self._lose_patience()
        self._stage.floor.resume()
        if track.is_held:
            track.cut()
        elif track.is_ducked:
            track.rise()

    def voiced(self, onset_s: float) -> None:
        """A voice is heard since then, as it seems."""
        self._onset_s = onset_s
        self._began_at = self._stage.clock.position
        self.take(Cue.VOICED)

    def began(self) -> None:
        """The user begins to speak."""
        self.utterance += 1
        if self._steps.step is not Step.DUCKED:
            self._began_at = self._stage.clock.position
        self._has_stopped = self._is_said = False
        self._early_words = self._old_words = ""
        self.take(Cue.BEGAN)

    def fell_silent(self, spoke_s: float) -> None:
        """The user pauses, or has finished."""
        if self._steps.step is Step.HELD and spoke_s < SHORT_S and not self._is_said:
            self._wait_at_most(WITHOUT_WORDS_S, Cue.NOTHING_SAID)

    def went_on(self) -> None:
        """The user has only paused: what was understood in the pause is not all."""
        self._old_words, self._is_said = self._early_words, False
        self.take(Cue.BEGAN)
        if self._steps.step is Step.HELD:
            self._wait_at_most(LONGEST_HOLD_S)

    # ---- what the words ask for

    def cue_of(self, words: str, *, typed: bool = False) -> Cue:
        """What words mean for the turn; those that are typed are always meant for the avatar."""
        intent = self._manners.intent_of(words)
        if intent is None and not typed and shows_listening(words):
            intent = Intent(Kind.BACKCHANNEL)
        cue = cue_of(words, intent, is_asked=self._delivery.is_asking)
        return Cue.NOTHING_SAID if cue is Cue.SAID and not typed and not self._manners.is_addressed(words) else cue

    def understood_early(self, words: str) -> bool:
        """Does what the words so far ask of the turn, in a pause of the user; False where they are to be answered."""
        if self._steps.step is Step.OVER:
            return False
        if self._are_own(words, self._began_at):
            return True
        if (cue := self.cue_of(words)) is Cue.SAID:
            self._is_said = True
            if self._steps.step is Step.HELD:
                self._wait_at_most(LONGEST_HOLD_S)
            return False
        if words != self._old_words:
            self._early_words = words
            self.take(cue)
            self._has_stopped = cue is Cue.CUT
        return True

    def is_answered(self, words: str, said: UserSaid, *, is_newest: bool, was_sure: bool) -> bool:
        """Does what the words of an utterance ask of the turn that it was said into, or leaves it as it is.

        Args:
            words: all of them.
            said: the utterance.
            is_newest: the user has not spoken again meanwhile; else nothing goes on.
            was_sure: it was surely a voice.

        Returns:
            Whether they are to be answered instead.
        """
        cue, start = self.cue_of(words), said.start_sample
        if start is not None and self._are_own(words, start):
            self._on_event(UtteranceDropped("own"))
            cue = Cue.NOTHING_SAID
        if cue is Cue.SAID and not was_sure and len(words.split()) <= DOUBTED_WORDS:
            cue = Cue.NOTHING_SAID
        if cue is Cue.SAID and self._is_misheard_backchannel(words, said.heard()):
            cue = Cue.NOTHING_SAID
        if cue is not Cue.SAID and (is_newest or cue is not Cue.NOTHING_SAID):
            self.take(cue)
        return cue is Cue.SAID

    def _is_misheard_backchannel(self, words: str, heard: Transcript) -> bool:
        """Whether words that want nothing of the conversation itself are likelier a backchannel to what is heard."""
        if not self._delivery.has_begun or self._delivery.is_asking or self._manners.intent_of(words) is not None:
            return False
        return may_show_listening(words, heard)

    def obey(self, text: str) -> bool:
        """Does what a typed text asks of the turn; False where it is to be answered."""
        if self._steps.step is Step.OVER:
            return False
        cue = self.cue_of(text, typed=True)
        if cue is Cue.SAID and self.is_held:
            self.take(Cue.CUT)  # who asks something else does not wait for the rest
        if cue in (Cue.SAID, Cue.NOTHING_SAID):
            return False
        self.take(cue)
        return True

    def _are_own(self, words: str, start: int) -> bool:
        """Whether words that began then are an echo of the turn's."""
        record, now = self._record, self._stage.clock.position
        spoken = [(word.text, word.end_sample) for word in record.words] if record is not None else []
        return are_own_words(words, spoken, start, now)

    # ---- what is done

    def take(self, cue: Cue) -> bool:
        """Does what a cue asks for; returns whether that was anything."""
        was_paused = self._steps.step is Step.PAUSED
        act = self._steps.take(cue)
        match act:
            case Act.DUCK:
                self._delivery.heed(is_interrupted=True)
                at = self._stage.voice.duck()
                self._on_event(VoiceDucked(self._onset_s or 0.0, self._stage.clock.heard_at(at)))
            case Act.RISE:
                self._delivery.heed(is_interrupted=False)
                self._resumed(self._stage.voice.rise(), was_held=False, cue=cue)
            case Act.HOLD:
                self._hold(cue)
            case Act.RESUME:
                self._delivery.heed(is_interrupted=False)
                self._lose_patience()
                self._stage.floor.resume()
                assert self._record is not None
                at = self._delivery.resume(self._record)
                self._show(ConversationState.SPEAKING if self._delivery.has_begun else ConversationState.THINKING)
                self._resumed(at, was_held=True, cue=cue)
            case Act.CUT:
                self._cut()
                silent_s = self._stage.clock.heard_at(self._stage.voice.end)
                self._on_event(VoiceCut(self._held_at_s or silent_s, self._onset_s))
        if cue is Cue.PAUSE and self.is_held:
            self._wait_at_most(self._longest_pause_s)
        if (is_paused := self._steps.step is Step.PAUSED) != was_paused:
            self._on_event(AnswerPaused(is_paused))
        return act is not None

    def _hold(self, cue: Cue) -> None:
        self._delivery.heed(is_interrupted=True)
        at = self._delivery.hold()
        self._stage.floor.hold()
        self._show(ConversationState.LISTENING)
        self._held_at_s = self._stage.clock.heard_at(at)
        self._on_event(VoiceHeld(self._held_at_s, None if cue is Cue.PAUSE else self._onset_s))
        self._wait_at_most(LONGEST_HOLD_S)

    def _resumed(self, at: int, *, was_held: bool, cue: Cue) -> None:
        self._held_at_s = self._onset_s = None
        at_s = self._stage.clock.heard_at(at)
        self._on_event(VoiceResumed(at_s, was_held=was_held, was_asked=cue is Cue.GO_ON))

    # ---- patience

    def _wait_at_most(self, seconds: float, then: Cue = Cue.TOO_LONG) -> None:
        self._lose_patience()
        self._patience = self._tasks.create_task(self._give_up(seconds, then), name="hold")

    async def _give_up(self, seconds: float, then: Cue) -> None:
        # By the audio's clock: the time of a visitor who is away for a moment stands still.
        await self._stage.clock.reached(self._stage.clock.position + round(seconds * OUTPUT_RATE_HZ))
        self._patience = None
        self.take(then)

    def _lose_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
