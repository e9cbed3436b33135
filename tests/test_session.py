"""Whole conversations through the real session, clock and renderer, with scripted parts, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from agent.conversation.audio_io import AudioIO, Heard, Stage
from agent.conversation.events import Event, Problem, StateChanged, TurnFinished, TypedText, UserStopped
from agent.conversation.floor import Floor
from agent.conversation.hearing import Ears
from agent.conversation.questions import Questions, RecordedQuestion
from agent.conversation.reply import ForMind, Manners
from agent.conversation.session import Session, SessionPolicy
from agent.conversation.thinking import MIND_FAILED, NOT_UNDERSTOOD
from agent.conversation.turn import TurnRecord
from avatar.clock import SAMPLES_PER_FRAME, AudioClock, OfflineClock, PacedClock
from avatar.motion import Controls, ConversationState, MotionLayout
from avatar.renderer import Renderer
from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.errors import InputError
from speech.sound_track import SoundTrack
from speech.tts.base import TTS
from speech.turns.base import TurnDetector
from speech.turns.detector import SilenceTurnDetector
from speech.turns.onset import OnsetDetector
from tests.fakes import KeptOutput, LoudnessSampler, LoudnessVAD, ScriptedEars, ScriptedMind, ToneVoice
from tests.virtual_time import run

JAW = MotionLayout.INDEX["jawOpen"]


@dataclass
class Scene:
    """One session with scripted parts, and everything that came out of it."""

    ears: ScriptedEars = field(default_factory=lambda: ScriptedEars([]))
    mind: ScriptedMind = field(default_factory=lambda: ScriptedMind({}))
    voice: TTS = field(default_factory=ToneVoice)
    real_time: bool = False
    apologise: bool = True
    is_expected: Callable[[str], bool] = bool
    policy: SessionPolicy = field(default_factory=SessionPolicy)
    manners: Manners = field(default_factory=ForMind)
    watch: Callable[[Event], None] | None = None
    controls: Controls | None = None
    output: KeptOutput = field(default_factory=KeptOutput)
    sampler: LoudnessSampler = field(default_factory=LoudnessSampler)
    events: list[Event] = field(default_factory=list)
    turns: TurnDetector = field(default_factory=lambda: SilenceTurnDetector(LoudnessVAD()))
    onsets: OnsetDetector | None = None
    stage: Stage = field(init=False)
    session: Session = field(init=False)

    def __post_init__(self) -> None:
        voice = SoundTrack()
        clock = PacedClock() if self.real_time else OfflineClock([voice])
        self.stage = Stage(voice, SoundTrack(), clock, Floor())

    def use_clock(self, clock: AudioClock) -> None:
        """Another than the usual one."""
        self.stage = replace(self.stage, clock=clock)

    async def converse(self, audio: AudioIO) -> None:
        """Holds the conversation to its end."""
        renderer = Renderer(
            clock=self.stage.clock,
            voice=self.stage.voice,
            user=self.stage.user,
            sampler=self.sampler,
            decoder=None,
            outputs=[self.output],
            label=None,
        )
        async with audio.open(self.stage) as heard:
            self.session = Session(
                heard,
                stage=self.stage,
                ears=Ears(self.turns, self.ears, self.is_expected, onsets=self.onsets) if audio.hears else None,
                mind=self.mind,
                voice=self.voice,
                face=renderer,
                policy=replace(self.policy, apologises=self.apologise),
                on_event=self.watch or self.events.append,
                controls=self.controls,
                manners=self.manners,
            )
            await self.session.run()

    @property
    def records(self) -> list[TurnRecord]:
        return [event.record for event in self.events if isinstance(event, TurnFinished)]

    @property
    def problems(self) -> list[str]:
        return [event.message for event in self.events if isinstance(event, Problem)]

    def ask(self, *questions: RecordedQuestion | TypedText) -> None:
        run(self.converse(Questions(questions, real_time=self.real_time, silence_after_s=1.0)))


def speech(seconds: float, name: str = "question.wav") -> RecordedQuestion:
    samples = 0.5 * np.sin(np.arange(round(seconds * OUTPUT_RATE_HZ)) * 0.03)
    quiet = np.zeros(OUTPUT_RATE_HZ // 5, np.float32)
    return RecordedQuestion(name, np.concatenate([quiet, samples, quiet]).astype(np.float32))


def silence(seconds: float) -> RecordedQuestion:
    return RecordedQuestion("silence.wav", np.zeros(round(seconds * OUTPUT_RATE_HZ), np.float32))


def audible_spans(sound: Samples) -> list[tuple[float, float]]:
    """Seconds from and to which something is heard, over gaps of less than 0.1 s."""
    loud = np.flatnonzero(np.abs(sound) > 0.01)
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > OUTPUT_RATE_HZ // 10)
    starts, ends = np.r_[loud[0], loud[breaks + 1]], np.r_[loud[breaks], loud[-1]]
    return [(start / OUTPUT_RATE_HZ, end / OUTPUT_RATE_HZ) for start, end in zip(starts, ends, strict=True)]


def test_a_typed_question_is_answered_with_sound_and_moving_mouth() -> None:
    scene = Scene(mind=ScriptedMind({"hello?": "Good day to you."}))
    scene.ask(TypedText("hello?"))
    (record,) = scene.records
    assert record.heard == record.reply == "Good day to you."
    (span,) = audible_spans(scene.output.all_sound)
    # Four words of 0.2 s after the lead of 0.4 s; the offline clock stands still while mind and voice work.
    assert span == pytest.approx((0.4, 1.2), abs=0.01)
    jaw = np.array([motion[JAW] for motion in scene.output.motion])
    moving = np.flatnonzero(jaw > 0.1) * SAMPLES_PER_FRAME / OUTPUT_RATE_HZ
    assert moving[0] == pytest.approx(span[0], abs=0.04) and moving[-1] == pytest.approx(span[1], abs=0.04)
    assert list(record.at_s) == sorted(record.at_s, key=record.at_s.__getitem__)
    assert scene.session.history.messages()[-1].text == "Good day to you."


def test_a_recorded_question_is_heard_whole_and_answered() -> None:
    scene = Scene(ears=ScriptedEars(["what is it"]), mind=ScriptedMind({"what is it": "A face."}))
    scene.ask(speech(1.0))
    assert scene.records[0].question == "what is it"
    assert 1.0 <= scene.ears.heard_s[0] <= 1.5
    assert set(scene.records[0].at_s) >= {
        "speech_end",
        "transcript",
        "first_audio",
        "first_moving_mouth",
        "playback_end",
    }


def test_questions_in_a_row_are_one_conversation() -> None:
    mind = ScriptedMind({"one": "First answer.", "two": "Second answer."})
    scene = Scene(ears=ScriptedEars(["one", "two"]), mind=mind)
    scene.ask(speech(0.6), speech(0.6))
    assert [record.reply for record in scene.records] == ["First answer.", "Second answer."]
    assert [message.text for message in mind.histories[1]] == ["one", "First answer."]
    first, second = audible_spans(scene.output.all_sound)
    assert second[0] - first[1] == pytest.approx(SessionPolicy().tail_s, abs=0.01)
    assert [record.turn.id for record in scene.records] == [0, 1]


def test_in_real_time_the_latency_is_the_sum_of_the_stages() -> None:
    scene = Scene(
        ears=ScriptedEars(["one"], delay_s=0.1),
        mind=ScriptedMind({"one": "Yes."}, delay_s=0.05),
        voice=ToneVoice(delay_s=0.02),
        real_time=True,
    )
    scene.ask(speech(1.0))
    stages = scene.records[0].since_speech_end()
    assert stages["turn_end"] == pytest.approx(0.6, abs=0.1)
    assert stages["transcript"] - stages["turn_end"] == pytest.approx(0.1, abs=0.001)
    # Mind 0.05, voice 0.02, and at most two frames until the next one that is still free has gone out.
    assert 0.06 <= stages["first_audio"] - stages["transcript"] <= 0.16
    assert stages["first_moving_mouth"] == pytest.approx(stages["first_audio"], abs=0.041)
    record = scene.records[0]
    assert record.question_start_sample is not None and record.question_end_sample is not None
    length_s = (record.question_end_sample - record.question_start_sample) / OUTPUT_RATE_HZ
    assert length_s == pytest.approx(1.0, abs=0.1)


def test_the_face_listens_thinks_speaks_and_rests() -> None:
    # Each state lasts longer than a block of motion, so that the sampler sees it.
    scene = Scene(ears=ScriptedEars(["one"], delay_s=0.5), mind=ScriptedMind({"one": "Yes indeed."}), real_time=True)
    scene.ask(speech(1.0))
    told = [event.state for event in scene.events if isinstance(event, StateChanged)]
    assert told == [
        ConversationState.LISTENING,
        ConversationState.THINKING,
        ConversationState.SPEAKING,
        ConversationState.IDLE,
    ]
    assert scene.sampler.states == [ConversationState.IDLE, *told]


@pytest.mark.parametrize("recording", [silence(1.0), silence(0.0)], ids=["silent", "empty"])
def test_no_words_are_an_error_alone(recording: RecordedQuestion) -> None:
    scene = Scene(apologise=False)
    with pytest.raises(ExceptionGroup) as failure:
        scene.ask(recording)
    assert failure.group_contains(InputError, match="heard no words")


def test_a_noise_after_the_question_is_no_error() -> None:
    question = np.concatenate([speech(0.6).samples, silence(2.0).samples, speech(0.6).samples])
    scene = Scene(
        ears=ScriptedEars(["one", ""]),
        mind=ScriptedMind({"one": "Yes."}),
        apologise=False,
    )
    scene.ask(RecordedQuestion("question.wav", question))
    assert [record.reply for record in scene.records] == ["Yes.", ""]


def test_a_silent_recording_after_a_typed_question_is_noticed() -> None:
    scene = Scene(mind=ScriptedMind({"a": "Fine."}))
    scene.ask(TypedText("a"), silence(0.5))
    assert [record.reply for record in scene.records] == ["Fine.", NOT_UNDERSTOOD]


def test_no_words_are_excused_in_a_conversation() -> None:
    scene = Scene(ears=ScriptedEars(["two"]), mind=ScriptedMind({"two": "Yes."}))
    scene.ask(silence(1.0), speech(0.6))
    assert [record.reply for record in scene.records] == [NOT_UNDERSTOOD, "Yes."]


def test_doubtful_words_are_answered_only_if_they_were_expected() -> None:
    scene = Scene(
        ears=ScriptedEars(["what time is it(?)", "the vyabong(?)", "the vyabong"]),
        mind=ScriptedMind({"what time is it": "Noon.", "the vyabong": "I see."}),
        is_expected=lambda text: text == "what time is it",
    )
    scene.ask(speech(1.0), speech(1.0), speech(1.0))
    assert [record.reply for record in scene.records] == ["Noon.", "I'm sorry, I didn't catch that.", "I see."]


def test_failing_ears_are_told_and_excused() -> None:
    scene = Scene(ears=ScriptedEars([InputError("the recogniser died"), "two"]), mind=ScriptedMind({"two": "Yes."}))
    scene.ask(speech(8.0), speech(0.6))  # much more than is queued
    assert scene.problems == ["scripted ears: the recogniser died"]
    assert [record.reply for record in scene.records] == [NOT_UNDERSTOOD, "Yes."]


def test_a_failing_mind_is_excused_aloud() -> None:
    scene = Scene(mind=ScriptedMind({"a": OSError("connection refused"), "b": "Fine."}))
    scene.ask(TypedText("a"), TypedText("b"))
    assert [record.reply for record in scene.records] == [MIND_FAILED, "Fine."]
    assert scene.problems == ["scripted mind: connection refused"]


def test_a_mind_that_never_answers_is_given_up() -> None:
    scene = Scene(mind=ScriptedMind({"a": "never"}, delay_s=1e6), policy=SessionPolicy(thinking_timeout_s=5.0))
    scene.ask(TypedText("a"))
    assert scene.records[0].reply == MIND_FAILED
    assert scene.problems == ["scripted mind: no answer within 5 s"]
    assert scene.mind.closed == 1


def test_a_failing_voice_loses_one_sentence_only() -> None:
    reply = "This sentence is quite fine. This broken one is not at all. And this one is fine again."
    scene = Scene(mind=ScriptedMind({"a": reply}), voice=ToneVoice(fails_on="broken"))
    scene.ask(TypedText("a"))
    assert scene.records[0].reply == "This sentence is quite fine. And this one is fine again."
    assert scene.problems == ["tone voice: the voice broke"]


class _Interrupting:
    """Asks by text, and interrupts when so much of the session has been played."""

    real_time, hears, player = True, False, None

    def __init__(self, at_s: float, then: Sequence[TypedText]) -> None:
        self._at_s, self._then = at_s, then

    @asynccontextmanager
    async def open(self, stage: Stage) -> AsyncGenerator[AsyncGenerator[Heard, None], None]:
        yield self._asked(stage)

    async def _asked(self, stage: Stage) -> AsyncGenerator[Heard, None]:
        yield TypedText("go on")
        await stage.clock.reached(round(self._at_s * OUTPUT_RATE_HZ))
        yield UserStopped()
        await stage.floor.free()
        await asyncio.sleep(0.5)
        for question in self._then:
            yield question


@pytest.mark.parametrize("stubborn", [False, True], ids=["polite voice", "voice that ignores cancelling"])
def test_an_interruption_silences_at_once_and_keeps_what_was_heard(stubborn: bool) -> None:
    reply = "One two three four five six seven eight nine ten."
    mind = ScriptedMind({"go on": reply, "next": "Good."}, delay_s=0.001)
    scene = Scene(mind=mind, voice=ToneVoice(delay_s=0.001, stubborn=stubborn), real_time=True)
    run(scene.converse(_Interrupting(1.4, [TypedText("next")])))
    cut, following = scene.records
    assert cut.interrupted and not following.interrupted
    first, second = audible_spans(scene.output.all_sound)
    assert first[1] == pytest.approx(1.44, abs=0.05)  # silent within a frame or two
    # From 0.4 s on, a word takes 0.2 s.
    assert cut.heard == "One two three four five"
    assert mind.histories[1][-1].text == cut.heard and mind.histories[1][-1].interrupted
    assert following.turn.generation == 1 and following.reply == "Good."
    jaw = np.array([motion[JAW] for motion in scene.output.motion])
    times = np.arange(len(jaw)) / 25
    assert jaw[(times > first[1] + 0.05) & (times < second[0] - 0.05)].max() < 0.01, "the mouth moves on in silence"


@pytest.mark.parametrize("delay_s", [0.001, 0.045], ids=["made long before", "still being made"])
def test_the_sentence_that_is_heard_is_finished_and_no_other(delay_s: float) -> None:
    mind = ScriptedMind({"go on": "One two three four, and five of it. Six seven."}, delay_s=0.001)
    scene = Scene(mind=mind, voice=ToneVoice(delay_s=delay_s), real_time=True)

    async def part() -> bool:
        conversing = asyncio.create_task(scene.converse(Questions([TypedText("go on")], real_time=True)))
        await scene.stage.clock.reached(round(0.9 * OUTPUT_RATE_HZ))
        was_speaking = await scene.session.finish_sentence()
        assert not scene.session.ask("Do you still listen?")
        await conversing
        return was_speaking

    assert run(part())
    (record,) = scene.records
    assert record.heard == "One two three four, and five of it." and record.interrupted
    ((begin, end),) = audible_spans(scene.output.all_sound)
    assert end - begin == pytest.approx(1.6, abs=0.1)


def test_sound_that_came_late_moves_the_mouth_all_the_same() -> None:
    """The sampler has already made frames for silence when the reply comes: those not shown are made again."""
    scene = Scene(mind=ScriptedMind({"a": "Yes indeed."}, delay_s=0.33), real_time=True)
    scene.ask(TypedText("a"))
    assert scene.sampler.rewinds
    sound = scene.output.all_sound.reshape(-1, SAMPLES_PER_FRAME)
    jaw = np.array([motion[JAW] for motion in scene.output.motion])
    np.testing.assert_allclose(jaw, np.abs(sound).max(axis=1), atol=1e-6)


def test_cancelling_the_session_ends_every_task() -> None:
    scene = Scene(mind=ScriptedMind({"a": "word " * 500}), real_time=True)

    async def cancelled() -> set[str]:
        session = asyncio.create_task(scene.converse(Questions([TypedText("a")], real_time=True)))
        await asyncio.sleep(2.0)
        session.cancel()
        with pytest.raises(asyncio.CancelledError):
            await session
        return {task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()}

    assert run(cancelled()) == set()
    assert scene.mind.closed == 1
