"""Several conversations at once in one process: none hears, shows or waits for anything of another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from agent.commands.conversation import load_questions
from agent.commands.demo import QUESTIONS
from agent.config.config import Config, load_config
from agent.config.sections import PortraitSection
from agent.conversation.events import Event, RequestDropped, TurnFinished
from agent.conversation.questions import Questions
from agent.conversation.turn import Turn, TurnRecord
from agent.engine import Engine, load_engine
from avatar.motion import Controls, Emotion
from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.turns.detector import SilenceTurnDetector
from tests.fakes import KeptOutput, LoudnessVAD, ScriptedEars, ScriptedMind, ToneVoice
from tests.test_live_session import Live, spoken
from tests.test_session import Scene
from tests.virtual_time import run

REPLY = "one two three four five six seven eight nine ten eleven twelve."


class User:
    """One of the visitors: asks, asks again at a time of their own, and looks at a face of their own mood."""

    def __init__(self, number: int, mind: ScriptedMind, voice: ToneVoice, *, barges_in: bool = False) -> None:
        self.number = number
        first = (0.5 + 0.1 * number, 1.1 + 0.1 * number)
        second = (2.6, 3.2) if barges_in else (7.0, 7.6)
        ears = ScriptedEars([f"question {number}", f"and {number}"], delay_s=0.05, interim=[f"question {number}"])
        detector = SilenceTurnDetector(LoudnessVAD(), end_of_turn_s=0.5, pause_s=0.2)
        self.scene = Scene(ears=ears, mind=mind, voice=voice, real_time=True, turns=detector)
        self.scene.controls = Controls(emotion=list(Emotion)[number])
        self.audio = Live(spoken(first, second, until_s=13.0), full_duplex=True, at=[(1.5, self._ask)])

    def _ask(self) -> None:
        self.scene.session.say(f"Notice {self.number}.")

    @property
    def events(self) -> list[object]:
        """All of them; times to a tenth of a millisecond, as another session may come first within one moment."""
        return [event.record.as_json() if isinstance(event, TurnFinished) else event for event in self.scene.events]

    @property
    def told(self) -> list[tuple[str, str, bool]]:
        return [(record.question, record.heard, record.interrupted) for record in self.scene.records]


def visitors(count: int, *, shared: bool, barges_in: int | None = None) -> list[User]:
    """Visitors who share mind and voice, or have their own."""

    def mind() -> ScriptedMind:
        replies = {f"question {i}": f"Answer {i}: {REPLY}" for i in range(count)} | {
            f"and {i}": f"More {i}." for i in range(count)
        }
        return ScriptedMind(replies, delay_s=0.002)

    def voice() -> ToneVoice:
        return ToneVoice(delay_s=0.001)

    one_mind, one_voice = mind(), voice()
    return [
        User(i, one_mind if shared else mind(), one_voice if shared else voice(), barges_in=i == barges_in)
        for i in range(count)
    ]


async def all_at_once(users: Sequence[User]) -> None:
    async with asyncio.TaskGroup() as talks:
        for user in users:
            talks.create_task(user.scene.converse(user.audio), name=f"user {user.number}")


@pytest.mark.parametrize("count", [2, 4])
def test_sessions_at_once_are_what_each_is_alone(count: int) -> None:
    together = visitors(count, shared=True, barges_in=1)
    run(all_at_once(together))
    for alone in visitors(count, shared=False, barges_in=1):
        run(alone.scene.converse(alone.audio))
        user = together[alone.number]
        assert user.told == alone.told
        assert [record.turn.id for record in user.scene.records] == [0, 1, 2]
        assert user.scene.session.history.messages() == alone.scene.session.history.messages()
        assert user.events == alone.events, "turns, states, sentences and their times"
        np.testing.assert_array_equal(user.scene.output.all_sound, alone.scene.output.all_sound)
        np.testing.assert_array_equal(user.scene.output.motion, alone.scene.output.motion)


def test_one_barge_in_cuts_one_answer() -> None:
    users = visitors(4, shared=True, barges_in=1)
    run(all_at_once(users))
    for user in users:
        number, was_cut = user.number, user.number == 1
        first, *others = user.told
        assert first[0] == f"question {number}" and first[2] is was_cut
        assert first[1].startswith(f"Answer {number}:"[: len(first[1])])
        assert (first[1] == f"Answer {number}: {REPLY}") is not was_cut
        assert sorted(others) == [("", f"Notice {number}.", False), (f"and {number}", f"More {number}.", False)]
        shown = {emotion for _, emotion in user.scene.sampler.emotions}
        assert shown == {list(Emotion)[number], *([Emotion.SURPRISED] if was_cut else [])}
        assert not any(isinstance(event, RequestDropped) for event in user.scene.events)


def test_a_session_that_ends_leaves_the_others() -> None:
    users = visitors(2, shared=True)
    users[0].audio = Live(spoken((0.5, 1.1), until_s=3.0), full_duplex=True)
    run(all_at_once(users))
    assert users[0].told[0][2], "who leaves cuts the answer"
    assert users[1].told[0][1] == f"Answer 1: {REPLY}"


def pitch_hz(sound: Samples) -> float:
    """The median pitch of the voiced pieces, by autocorrelation between 70 and 350 Hz."""
    found = []
    for piece in sound[: len(sound) // 2400 * 2400].reshape(-1, 2400):
        if np.sqrt(np.mean(np.square(piece))) < 0.02:
            continue
        likeness = np.correlate(piece, piece, "full")[2399:]
        lags = likeness[OUTPUT_RATE_HZ // 350 : OUTPUT_RATE_HZ // 70]
        if lags.max() > 0.5 * likeness[0]:
            found.append(OUTPUT_RATE_HZ / (OUTPUT_RATE_HZ // 350 + int(lags.argmax())))
    return float(np.median(found))


@pytest.mark.slow
@pytest.mark.packaged("faster-whisper/tiny.en", "hibari/heart", "piper/en_US-joe-medium")
def test_two_people_answer_at_once_each_with_a_face_and_a_voice_of_their_own() -> None:
    """The real parts: one recogniser hears both, one motion model moves both."""
    config = load_config(None, ["output.size=256", "output.label=false"], {})
    people = [
        Person(config, "1_name.wav"),
        Person(config.model_copy(update={"portrait": PortraitSection(path="jonas")}), "5_able.wav"),
    ]

    async def all_at_once() -> None:
        async with load_engine(config) as engine, asyncio.TaskGroup() as talks:
            for person in people:
                talks.create_task(person.answer(engine))

    asyncio.run(all_at_once())
    mira, jonas = people
    assert "your name" in mira.record.question.lower() and "Mira" in mira.record.heard
    assert "what can you do" in jonas.record.question.lower() and "question" in jonas.record.heard
    high, low = (pitch_hz(person.output.all_sound) for person in people)
    assert high > 150.0 > low
    pictures = [person.output.pictures[10] for person in people]
    assert pictures[0] is not None and pictures[1] is not None
    assert np.abs(pictures[0].image.astype(int) - pictures[1].image).mean() > 20


class Person:
    """Somebody who is asked one recorded question."""

    def __init__(self, config: Config, question: str) -> None:
        self._config, self._question = config, question
        self.output = KeptOutput()
        self.record = TurnRecord(Turn(0, 0))

    async def answer(self, engine: Engine) -> None:
        audio = Questions(load_questions([QUESTIONS / self._question], [], quiet=True), real_time=False)
        session = engine.session(audio, [self.output], on_event=self._on_event, config=self._config)
        async with session as conversation:
            await conversation.run()

    def _on_event(self, event: Event) -> None:
        if isinstance(event, TurnFinished):
            self.record = event.record
