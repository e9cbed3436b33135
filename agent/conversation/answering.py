"""From what the user said, or others ask for, to a turn: who has the floor, what is answered, what was heard of it.

A reply is begun early, in a pause of the user (a draft), and thrown away if the user goes on or said something else.
What the user says into a turn of the avatar's may end it, pause it, or mean nothing for it: see `BargeIn`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from agent.conversation.audio_io import Stage
from agent.conversation.barge_in import BargeIn
from agent.conversation.delivery import Delivery
from agent.conversation.events import Event, Say, StateChanged, TurnFinished, TypedText, UtteranceDropped
from agent.conversation.hearing import UserSaid
from agent.conversation.history import History
from agent.conversation.interruption.steps import Cue
from agent.conversation.latency import LatencyObserver
from agent.conversation.reply import Manners, OpenTurn, Reply, Rest, Unanswered
from agent.conversation.requests import Requests
from agent.conversation.same_turn import SameTurn
from agent.conversation.turn import Turn, TurnRecord
from agent.text.same_words import same_words
from avatar.motion import FRAME_RATE_HZ, LOOK_AHEAD_FRAMES, ConversationState
from avatar.renderer import Renderer
from speech.errors import InputError

SHORTEST_TAIL_S = (LOOK_AHEAD_FRAMES + 2) / FRAME_RATE_HZ
"""An offline clock makes no frame before it knows the sound of the next ones: the last word needs silence after it."""


REST_TURNS = 3
"""Whoever interrupts with a question or two may still want to hear the rest; later nobody remembers what of."""


class Answering:
    """The avatar's side of one conversation.

    Args:
        tasks: own all work on answers.
        stage: the conversation's tracks, clock and floor.
        face: shows what the avatar does.
        history: takes what was said and heard.
        latency: is called when a turn begins.
        delivery: makes replies, and brings them out.
        manners: looks at the words of a turn before the mind is asked.
        tail_s: idle after each reply.
        longest_pause_s: a turn that was paused for so long is over.
        apologises: whether what was not understood is answered all the same; else a recording of nothing but that is
            an error.
        on_event: called with states, finished turns and dropped requests.

    Attributes:
        requests: what others ask for meanwhile.
        barge_in: takes what is done to the turn that goes on.
    """

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        stage: Stage,
        face: Renderer,
        history: History,
        latency: LatencyObserver,
        *,
        delivery: Delivery,
        manners: Manners,
        tail_s: float,
        longest_pause_s: float,
        apologises: bool,
        on_event: Callable[[Event], None],
    ) -> None:
        self._tasks, self._stage, self._face, self._delivery = tasks, stage, face, delivery
        self._history, self._latency, self._manners = history, latency, manners
        self._tail_s, self._apologises, self._on_event = max(tail_s, SHORTEST_TAIL_S), apologises, on_event
        self._has_understood = False
        self._turns = self._interruptions = 0
        self._turn: OpenTurn | None = None
        self._draft: Reply | None = None
        self._rest: Rest | None = None
        self._same_turn = SameTurn(tasks, on_event)
        self._rest_until = 0
        self._user_speaks = False
        self._decisions: set[asyncio.Task[None]] = set()
        self.requests = Requests(stage.floor, self.answer_text, on_event)
        self.barge_in = BargeIn(
            tasks,
            stage,
            delivery,
            manners=manners,
            longest_pause_s=longest_pause_s,
            show=self._set_state,
            cut=self._cut,
            on_event=on_event,
        )

    # ---- what the user does

    def user_began(self, *, by_key: bool = False) -> None:
        """The user speaks: the answer falls silent until their words are known, and the face turns to the user."""
        if by_key or not self._stage.clock.keeps_time:
            self.cut()
        self._user_speaks = True
        self._same_turn.spoken_into(self._turn, self._stage.clock.position)
        self.barge_in.began()
        self._stage.floor.user_begins()
        self._set_state(ConversationState.LISTENING)

    def user_went_on(self) -> None:
        """It was only a pause: what was begun in it is not wanted."""
        self.drop_draft()
        self.barge_in.went_on()

    def cut(self, unheard_from: int | None = None) -> None:
        """Stops the answer: mind, voice, sound and face together. The history keeps the words that were heard.

        What the user has said into it, and is not understood yet, is not answered either.

        Args:
            unheard_from: output sample from which on it was played to nobody, where that is known.
        """
        if self._turn is not None and not self._turn.is_over:
            self._turn.unheard_from = unheard_from
        self.barge_in.take(Cue.CUT)
        if self._decisions:
            for decision in self._decisions:
                decision.cancel()
            if not self._user_speaks:
                self._stage.floor.user_ends()

    def _cut(self) -> None:
        assert self._turn is not None
        self._interruptions += 1
        self._turn.cancel()
        self._stage.voice.cut()

    def prepare(self, words: str) -> None:
        """Takes what was understood so far, in a pause: what is asked of the turn is done, an answer is begun early.

        Nothing of that answer is told or heard yet.
        """
        if self.barge_in.understood_early(words):
            self.drop_draft()
            return
        words = self._same_turn.joined_early(words)
        if not words or (self._draft is not None and same_words(self._draft.question, words)):
            return
        self.drop_draft()
        if self._manners.is_for_mind(words):
            self._draft = self._begin(Reply(words, None))

    def drop_draft(self) -> None:
        """What was begun early is not wanted."""
        if self._draft is not None:
            self._draft.drop()
            self._draft = None

    async def answer(self, said: UserSaid) -> None:
        """Takes the floor for an answer; of what was said into a turn, the words decide what becomes of that."""
        was_sure, self._user_speaks = self._user_speaks, False
        if self.barge_in.is_spoken_into:
            decision = self._decide(said, self.barge_in.utterance, was_sure=was_sure)
            task = self._tasks.create_task(decision, name="decision")
            self._decisions.add(task)
            task.add_done_callback(self._decisions.discard)
        else:
            await self._answer_now(said)

    async def _decide(self, said: UserSaid, utterance: int, *, was_sure: bool) -> None:
        """Does what an utterance asks of the turn that it was said into, or answers it instead."""
        loop = asyncio.get_running_loop()
        ended_s = loop.time()
        words = await said.words
        is_newest = utterance == self.barge_in.utterance
        if self.barge_in.is_answered(words, said, is_newest=is_newest, was_sure=was_sure):
            await self._answer_now(replace(said, waited_s=said.waited_s + loop.time() - ended_s))
            if self._user_speaks:  # again
                self.user_began()
            elif utterance != self.barge_in.utterance:  # they have: those words come soon
                self._same_turn.spoken_into(self._turn, self._stage.clock.position)
        elif is_newest:
            self._same_turn.spoken_into(None)
            self.drop_draft()
            self._stage.floor.user_ends()

    async def _answer_now(self, said: UserSaid) -> None:
        said = self._same_turn.joined(said)
        while self._turn is not None and not self._turn.is_over:
            self.barge_in.take(Cue.SAID)
            await asyncio.wait([self._turn.task])
        record = self._take_floor(said.words, waited_s=said.waited_s)
        record.question_start_sample, record.question_end_sample = said.start_sample, said.end_sample
        self._stage.floor.user_ends()

    async def end_recording(self, name: str, *, is_answered: bool) -> None:
        """Nothing more comes of a recording: it was answered, or is now.

        Raises:
            InputError: nobody would notice that nothing was understood.
        """
        if self._apologises and not is_answered:
            self._take_floor("")
        await self._stage.floor.free()
        if not self._apologises and not self._has_understood:
            raise InputError(f"{name}: expected a spoken question, heard no words; is it silent, or only noise?")

    def answer_text(self, asked: TypedText | Say) -> None:
        """Takes the floor at once."""
        if isinstance(asked, Say):
            self._take_floor("", say=asked.text)
        else:
            self._take_floor(asked.text)

    def leave(self) -> None:
        """The user has gone: nothing more is said, and no more requests are taken."""
        self.requests.close("the user has left")
        self.cut()

    async def finish_sentence(self) -> bool:
        """No more requests are taken, and what is said ends with the sentence that is being heard.

        Returns:
            Whether anything was being said.
        """
        self.requests.close("the conversation ends")
        turn, heard = self._turn, self._stage.clock.position
        if turn is None or turn.is_over:
            return False
        if self.barge_in.is_held:
            self.cut()
            return False
        is_speaking = turn.reply is not None and self._stage.voice.end > heard
        if turn.reply is not None and is_speaking:
            end = await self._delivery.sentence_end(turn.reply, heard)
            # At once, and not when it is reached: the voice may be sent on while pictures are late.
            turn.reply.is_dropped = True
            self._stage.voice.cut(end)
            await self._stage.clock.reached(end)
        self.cut()
        return is_speaking

    async def finish(self) -> None:
        """Lets what was asked for, and the last answer, be played to the end."""
        while self._decisions:
            await asyncio.wait(self._decisions)
        self.drop_draft()
        self._stage.floor.user_ends()
        self.barge_in.take(Cue.NOTHING_SAID)  # whoever began to speak at last is not heard any more
        await self.requests.finish()

    # ---- one turn

    def _begin(self, reply: Reply) -> Reply:
        reply.task = self._tasks.create_task(self._delivery.make(reply), name="reply")
        return reply

    def _take_floor(
        self, question: asyncio.Task[str] | str, *, waited_s: float = 0.0, say: str | None = None
    ) -> TurnRecord:
        """Begins a turn; `waited_s` is how long ago the last sample of the user's speech was."""
        self._stage.floor.take()
        record = TurnRecord(Turn(self._turns, self._interruptions))
        self._turns += 1
        self._latency.turn_began(record, waited_s)
        self.barge_in.begin(record)
        self._set_state(ConversationState.THINKING)
        draft, self._draft = self._draft, None
        turn = OpenTurn(record, question, say, draft)
        turn.task = self._tasks.create_task(self._answer(turn), name=f"turn {record.turn.id}")
        # Not in the task itself: one that is cancelled before it has begun never does anything.
        turn.task.add_done_callback(lambda task: self._turn_over(turn, was_cut=task.cancelled()))
        self._turn = turn
        return record

    async def _answer(self, turn: OpenTurn) -> None:
        record, loop = turn.record, asyncio.get_running_loop()
        record.question = turn.question if isinstance(turn.question, str) else await turn.question
        record.mark("transcript", loop.time())
        if not record.question and turn.say is None and not self._apologises:
            return  # a noise beside the question; whether there was one at all is known at the recording's end
        self._has_understood = True
        asked, rest = record.question, self._rest_asked_for(record.question)
        if turn.say is None and asked and rest is None:
            match await self._manners.reply_to(asked, typed=isinstance(turn.question, str)):
                case Unanswered(why):
                    record.is_unanswered = True
                    self._on_event(UtteranceDropped(why))
                    return
                case Say(text):
                    turn.say = text
                case TypedText(text):
                    asked = text
        reply = turn.reply
        if reply is None or turn.say is not None or rest is not None or not same_words(reply.question, asked):
            if reply is not None:
                reply.drop()
            reply = turn.reply = self._begin(Reply(asked, turn.say, rest))
        reply.confirm(record)
        await reply.finished()
        await self._delivery.all_heard(self._tail_s)
        record.mark("playback_end", loop.time())
        record.heard = record.reply

    def _rest_asked_for(self, words: str) -> Rest | None:
        """What is left of a reply that was cut, if that is what the words ask for."""
        if self._turns > self._rest_until:
            self._rest = None
        if self._rest is None or not words or self.barge_in.cue_of(words) is not Cue.GO_ON:
            return None
        rest, self._rest = self._rest, None
        return rest

    def _turn_over(self, turn: OpenTurn, *, was_cut: bool) -> None:
        """Keeps what was heard, and gives the floor back."""
        record, track, floor = turn.record, self._stage.voice, self._stage.floor
        if was_cut:
            record.interrupted = True
            record.cut_sample = min(track.end, track.taken)
            if turn.unheard_from is not None:
                record.cut_sample = min(record.cut_sample, turn.unheard_from)
            record.heard = record.heard_until(record.cut_sample)
            if not isinstance(turn.question, str) and not turn.goes_on:
                turn.question.cancel()
            if turn.reply is not None and not turn.goes_on:
                self._rest, self._rest_until = turn.reply.unheard(record.cut_sample), record.turn.id + REST_TURNS
        self.barge_in.end()
        if turn.reply is not None:
            turn.reply.drop()
        self._delivery.calm()
        if turn.goes_on:
            self._turns -= 1
            floor.give_back()
            return
        if not record.is_unanswered:
            self._history.add_user(record.question)
        self._history.add_assistant(record.heard, record.interrupted)
        if floor.user_is_quiet or not was_cut:
            self._set_state(ConversationState.LISTENING if was_cut else ConversationState.IDLE)
        floor.give_back()
        self._on_event(TurnFinished(record))

    def _set_state(self, state: ConversationState) -> None:
        """Shows and tells what the avatar does now."""
        self._face.set_state(state)
        self._on_event(StateChanged(state))
