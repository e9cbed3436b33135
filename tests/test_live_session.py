"""Live conversations on virtual time: answers begun in a pause, interruptions, the talk key, requests, emotions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import numpy as np
import pytest

from agent.conversation.audio_io import Heard, Stage, UserSound
from agent.conversation.events import (
    RequestDropped,
    Say,
    StateChanged,
    TalkKey,
    TypedText,
    UserLeft,
    UtteranceDropped,
)
from agent.conversation.questions import Questions
from agent.conversation.reply import Unanswered
from agent.conversation.requests import QUEUED_REQUESTS
from agent.conversation.thinking import MIND_FAILED
from agent.llm.base import Message
from avatar.motion import Controls, ConversationState, Emotion
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples
from speech.errors import InputError
from speech.turns.detector import SilenceTurnDetector
from tests.fakes import LoudnessVAD, ScriptedEars, ScriptedMind, ToneVoice
from tests.test_session import Scene, audible_spans
from tests.virtual_time import run

CHUNK = OUTPUT_RATE_HZ // 50
FOREVER_S = 12.0


def spoken(*spans: tuple[float, float], until_s: float) -> Samples:
    """The user's voice: loud in the spans (seconds from, to), silent elsewhere."""
    times = np.arange(round(until_s * OUTPUT_RATE_HZ)) / OUTPUT_RATE_HZ
    loud = np.zeros(len(times), bool)
    for start, end in spans:
        loud |= (times >= start) & (times < end)
    return np.where(loud, 0.5 * np.sin(times * 1500.0), 0.0).astype(np.float32)


class Live:
    """A microphone with a script: sound at its own pace, key presses, and what others ask for meanwhile.

    Half duplex, it gives nothing while the avatar has the floor, and `echo_s` longer, as `LiveAudio` does.
    """

    real_time, hears, player = True, True, None

    def __init__(
        self,
        sound: Samples,
        *,
        full_duplex: bool = False,
        echo_s: float = 0.0,
        keys: Sequence[tuple[float, bool]] = (),
        at: Sequence[tuple[float, Callable[[], object]]] = (),
    ) -> None:
        self._full_duplex, self._echo_s = full_duplex, echo_s
        self._sound, self._keys, self._at = sound, list(keys), list(at)

    @asynccontextmanager
    async def open(self, stage: Stage) -> AsyncGenerator[AsyncGenerator[Heard, None], None]:
        yield self._heard(stage)

    async def _heard(self, stage: Stage) -> AsyncGenerator[Heard, None]:
        key_is_down = False
        for start in range(0, len(self._sound), CHUNK):
            await stage.clock.reached(start + CHUNK)
            now_s = (start + CHUNK) / OUTPUT_RATE_HZ
            while self._at and self._at[0][0] <= now_s:
                self._at.pop(0)[1]()
            while self._keys and self._keys[0][0] <= now_s:
                key_is_down = self._keys.pop(0)[1]
                yield TalkKey(key_is_down)
            if self._full_duplex or key_is_down or stage.floor.free_for(self._echo_s):
                yield UserSound.of(AudioChunk(self._sound[start : start + CHUNK], OUTPUT_RATE_HZ, start))
        yield UserLeft()


def live_scene(ears: ScriptedEars, mind: ScriptedMind, voice: ToneVoice | None = None, pause_s: float = 0.2) -> Scene:
    detector = SilenceTurnDetector(LoudnessVAD(), end_of_turn_s=0.5, pause_s=pause_s)
    return Scene(ears=ears, mind=mind, voice=voice or ToneVoice(), real_time=True, turns=detector)


def first_sound_s(scene: Scene) -> float:
    return audible_spans(scene.output.all_sound)[0][0]


def test_an_answer_that_was_begun_in_the_pause_comes_at_once() -> None:
    at_s = []
    for pause_s in (0.2, float("inf")):
        ears = ScriptedEars(["what is it"], delay_s=0.05, interim=["what is it"])
        scene = live_scene(ears, ScriptedMind({"what is it": "Good news."}, delay_s=0.12), pause_s=pause_s)
        run(scene.converse(Live(spoken((1.0, 2.0), until_s=5.0))))
        (record,) = scene.records
        assert record.heard == "Good news." and len(scene.mind.histories) == 1
        at_s.append(first_sound_s(scene))
        stages = record.since_speech_end()
        assert list(stages.values()) == sorted(stages.values()), "nothing counts before the turn has ended"
    # Mind (0.24 s) and voice (0.02 s) are hidden in the pause; what is left is 0.5 s, the final words and two frames.
    assert at_s[0] < 2.0 + 0.5 + 0.05 + 0.13
    assert at_s[1] > at_s[0] + 0.2


def test_an_answer_to_a_wrong_interim_transcript_is_never_heard_or_told() -> None:
    ears = ScriptedEars(["what is that"], interim=["what is"])
    mind = ScriptedMind({"what is": "Wrong answer.", "what is that": "Right answer."}, delay_s=0.02)
    scene = live_scene(ears, mind)
    run(scene.converse(Live(spoken((1.0, 2.0), until_s=5.0))))
    assert scene.voice.spoken == ["Wrong answer.", "Right answer."]
    (record,) = scene.records
    assert record.heard == "Right answer." and mind.histories == [(), ()] and mind.closed == 2
    assert "Wrong" not in repr(scene.events)
    assert len(audible_spans(scene.output.all_sound)) == 1


def test_a_user_who_goes_on_after_a_pause_is_not_answered_in_it() -> None:
    ears = ScriptedEars(["what is it then"], interim=["what is it"])
    mind = ScriptedMind({"what is it": "Early.", "what is it then": "Late."}, delay_s=0.3)
    scene = live_scene(ears, mind)
    run(scene.converse(Live(spoken((1.0, 2.0), (2.4, 3.0), until_s=6.0))))
    assert [record.heard for record in scene.records] == ["Late."]
    assert first_sound_s(scene) > 3.5 and mind.closed == 3


def test_a_user_with_headphones_interrupts_and_is_answered() -> None:
    reply = "One two three four five six seven eight nine ten."
    ears, mind = ScriptedEars(["first", "second"]), ScriptedMind({"first": reply, "second": "Good."}, delay_s=0.001)
    scene = live_scene(ears, mind)
    onset_s = 3.4
    run(scene.converse(Live(spoken((1.0, 1.6), (onset_s, 4.2), until_s=8.0), full_duplex=True)))
    cut, following = scene.records
    assert cut.interrupted and following.heard == "Good."
    first, second = audible_spans(scene.output.all_sound)
    assert onset_s < first[1] < onset_s + 0.3 and second[0] > 4.7
    # From the first sound on, a word takes 0.2 s; the history has those that were heard whole.
    words = int((first[1] - first[0]) / 0.2 + 1e-6)
    assert cut.heard == " ".join(reply.split()[:words]) and 4 <= words <= 9
    (sentence,) = cut.as_json()["sentences"]
    assert (
        sentence["start_s"] == pytest.approx(first[0], abs=0.02)
        and first[1] - 0.05 < sentence["end_s"] <= first[1] + 0.01
    )
    assert mind.histories[1][-1].text == cut.heard and mind.histories[1][-1].interrupted
    after = [event.state for event in scene.events if isinstance(event, StateChanged)]
    turned = after[after.index(ConversationState.SPEAKING) + 1]
    assert turned is ConversationState.LISTENING, "the face turns to the user at once"
    assert ears.heard_s[1] > 0.7, "the interruption's own first words are heard"


def test_half_duplex_does_not_hear_itself() -> None:
    ears, mind = ScriptedEars(["first"]), ScriptedMind({"first": "One two three four five six."}, delay_s=0.001)
    scene = live_scene(ears, mind)
    # The second span is the avatar's own voice in the microphone, the room's echo included.
    run(scene.converse(Live(spoken((1.0, 1.6), (2.3, 3.7), until_s=6.0), echo_s=0.4)))
    (record,) = scene.records
    assert not record.interrupted and record.heard == "One two three four five six."
    assert audible_spans(scene.output.all_sound)[0][1] > 3.2, "the echo lies over and after it"


def test_the_talk_key_interrupts_and_ends_the_turn_at_once() -> None:
    ears, mind = (
        ScriptedEars(["first", "second"], delay_s=0.05),
        ScriptedMind({"first": "word " * 40 + ".", "second": "Good."}, delay_s=0.001),
    )
    scene = live_scene(ears, mind)
    sound = spoken((0.5, 1.0), (4.0, 4.6), until_s=8.0)
    run(scene.converse(Live(sound, keys=[(0.4, True), (1.04, False), (3.8, True), (4.64, False)])))
    cut, following = scene.records
    assert (cut.question, following.question) == ("first", "second") and cut.interrupted
    first, second = audible_spans(scene.output.all_sound)
    assert first[0] < 1.04 + 0.05 + 0.2, "nobody waits for silence"
    assert first[1] == pytest.approx(3.85, abs=0.08)
    assert second[0] < 4.64 + 0.05 + 0.2 and following.heard == "Good."
    assert ears.heard_s == pytest.approx([0.64, 0.84], abs=0.06), "the key opens and closes the microphone"


def test_requests_wait_for_the_floor_and_come_in_order() -> None:
    mind = ScriptedMind({"how are you": "Fine."}, delay_s=0.01)
    scene = live_scene(ScriptedEars([]), mind)
    asked = []

    def ask() -> None:
        session = scene.session
        asked.extend([session.say("Welcome, dear guests."), session.ask("how are you"), session.say("Goodbye.")])

    run(scene.converse(Live(spoken(until_s=8.0), at=[(1.0, ask)])))
    assert asked == [True, True, True]
    assert [record.heard for record in scene.records] == ["Welcome, dear guests.", "Fine.", "Goodbye."]
    assert [record.question for record in scene.records] == ["", "how are you", ""]
    texts = [message.text for message in scene.session.history.messages()]
    assert texts == ["Welcome, dear guests.", "how are you", "Fine. Goodbye."]


def test_a_request_does_not_talk_into_the_users_words() -> None:
    ears, mind = ScriptedEars(["first"]), ScriptedMind({"first": "Yes."}, delay_s=0.01)
    scene = live_scene(ears, mind)
    sound = spoken((1.0, 3.0), until_s=8.0)
    run(scene.converse(Live(sound, at=[(1.8, lambda: scene.session.say("Attention please."))])))
    assert [record.heard for record in scene.records] == ["Yes.", "Attention please."]
    assert first_sound_s(scene) > 3.4


def test_too_many_requests_are_refused_and_a_stop_forgets_all() -> None:
    scene = live_scene(ScriptedEars([]), ScriptedMind({}))
    taken: list[bool] = []

    def flood() -> None:
        taken.extend(scene.session.say("One two three.") for _ in range(QUEUED_REQUESTS + 5))

    run(scene.converse(Live(spoken(until_s=6.0), at=[(1.0, flood), (1.3, lambda: scene.session.interrupt())])))
    assert taken == [True] * QUEUED_REQUESTS + [False] * 5
    assert len(scene.records) == 1 and scene.records[0].interrupted
    (span,) = audible_spans(scene.output.all_sound)
    assert span[1] == pytest.approx(1.34, abs=0.06)


def test_an_emotion_is_shown_while_its_sentence_is_heard_and_never_spoken() -> None:
    mind = ScriptedMind({"a": "[happy] That is very good news. [sad 0.9] But this is not so good."}, delay_s=0.001)
    scene = live_scene(ScriptedEars(["a"]), mind)
    scene.controls = Controls(emotion=Emotion.SURPRISED, intensity=0.2)
    run(scene.converse(Live(spoken((1.0, 1.6), until_s=8.0))))
    (record,) = scene.records
    assert record.heard == "That is very good news. But this is not so good."
    assert [emotion for _, emotion in scene.sampler.emotions] == [
        Emotion.SURPRISED,
        Emotion.HAPPY,
        Emotion.SAD,
        Emotion.SURPRISED,
    ]
    frames = [frame for frame, _ in scene.sampler.emotions[1:]]
    first, second = (sentence.start_sample / OUTPUT_RATE_HZ for sentence in record.sentences)
    assert frames[0] / 25 == pytest.approx(first, abs=0.35) and frames[1] / 25 == pytest.approx(second, abs=0.35)


def test_sentences_spoken_side_by_side_keep_their_order() -> None:
    class UnevenVoice(ToneVoice):
        async def _pause(self) -> None:
            # The first sentence takes longest.
            await asyncio.sleep(0.1 if len(self.spoken) < 2 else 0.001)

    reply = "This is the very first sentence. Here comes the second one. And that is all."
    scene = live_scene(ScriptedEars(["a"]), ScriptedMind({"a": reply}, delay_s=0.001), UnevenVoice(parallel=3))
    run(scene.converse(Live(spoken((1.0, 1.6), until_s=10.0))))
    (record,) = scene.records
    assert record.heard == reply
    starts = [sentence.start_sample for sentence in record.sentences]
    assert starts == sorted(starts) and [word.text for word in record.words] == reply.split()


def test_a_mind_that_finds_no_end_is_stopped() -> None:
    class EndlessMind(ScriptedMind):
        async def stream(self, history: Sequence[Message], text: str) -> AsyncGenerator[str, None]:
            try:
                while True:
                    yield "and so on and on. "
                    await asyncio.sleep(0.001)
            finally:
                self.closed += 1

    mind = EndlessMind({})
    scene = live_scene(ScriptedEars(["a"]), mind, ToneVoice(word_s=0.02, delay_s=0.001))
    run(scene.converse(Live(spoken((1.0, 1.6), until_s=45.0))))
    assert mind.closed == 1 and "expected the reply to end" in scene.problems[0]
    assert scene.records[0].heard.endswith(MIND_FAILED)


def test_a_mind_without_a_word_is_excused_aloud() -> None:
    scene = live_scene(ScriptedEars(["a"]), ScriptedMind({"a": "[happy]"}))
    run(scene.converse(Live(spoken((1.0, 1.6), until_s=6.0))))
    assert scene.records[0].heard == MIND_FAILED and "got nothing that can be spoken" in scene.problems[0]


@pytest.mark.parametrize("keys", [[], [(1.0, True)]], ids=["in the middle of a word", "with the key down"])
def test_leaving_while_speaking_ends_the_session(keys: list[tuple[float, bool]]) -> None:
    scene = live_scene(ScriptedEars(["never"]), ScriptedMind({}))

    async def within_a_minute() -> None:
        async with asyncio.timeout(60):
            await scene.converse(Live(spoken((1.0, 3.0), until_s=2.0), keys=keys))

    run(within_a_minute())
    assert not scene.records


def test_two_quick_presses_of_the_talk_key_lose_nothing() -> None:
    ears, mind = ScriptedEars(["second"], delay_s=0.05), ScriptedMind({"second": "Good."}, delay_s=0.01)
    scene = live_scene(ears, mind)
    keys = [(1.0, True), (2.0, False), (2.0, True), (3.0, False)]
    run(scene.converse(Live(spoken((1.2, 1.8), (2.2, 2.8), until_s=7.0), keys=keys)))
    assert [record.interrupted for record in scene.records] == [True, False]
    assert scene.records[1].heard == "Good." and scene.session.is_quiet


def test_a_request_in_the_last_moment_does_not_keep_the_session() -> None:
    scene = live_scene(ScriptedEars([]), ScriptedMind({}))
    refused: list[bool] = []

    class Leaving(Live):
        async def _heard(self, stage: Stage) -> AsyncGenerator[Heard, None]:
            async for item in super()._heard(stage):
                yield item
            asyncio.get_running_loop().call_later(0.01, lambda: refused.append(scene.session.say("Too late.")))

    async def within_a_minute() -> None:
        async with asyncio.timeout(60):
            await scene.converse(Leaving(spoken(until_s=1.0)))

    run(within_a_minute())
    assert not scene.records


def test_two_who_wait_for_the_floor_take_it_one_after_the_other() -> None:
    """The user's next question and an operator's text are due in the same moment."""
    mind = ScriptedMind({"a": "One two three.", "b": "Four five six."}, delay_s=0.01)
    scene = Scene(mind=mind, real_time=True)

    async def conversation() -> None:
        asyncio.get_running_loop().call_later(0.5, lambda: scene.session.say("Seven eight nine."))
        await scene.converse(Questions([TypedText("a"), TypedText("b")], real_time=True))

    run(conversation())
    assert not any(record.interrupted for record in scene.records)
    assert sorted(record.heard for record in scene.records) == ["Four five six.", "One two three.", "Seven eight nine."]
    for before, after in pairwise(scene.records):
        assert before.at_s["playback_end"] <= after.at_s["turn_end"]


def test_a_stop_takes_back_what_waits_for_the_users_words() -> None:
    ears, mind = ScriptedEars(["first"]), ScriptedMind({"first": "Yes."}, delay_s=0.01)
    scene = live_scene(ears, mind)
    at = [(1.8, lambda: scene.session.say("Attention please.")), (2.4, lambda: scene.session.interrupt())]
    run(scene.converse(Live(spoken((1.0, 3.0), until_s=8.0), at=at)))
    assert [record.heard for record in scene.records] == ["Yes."]


def test_what_was_taken_back_is_told() -> None:
    scene = live_scene(ScriptedEars([]), ScriptedMind({}))

    def ask_and_stop() -> None:
        scene.session.say("Welcome.")
        scene.session.ask("how are you")
        scene.session.interrupt()

    run(scene.converse(Live(spoken(until_s=3.0), at=[(1.0, ask_and_stop)])))
    told = [event for event in scene.events if isinstance(event, RequestDropped)]
    assert [(drop.request, drop.why) for drop in told] == [
        (Say("Welcome."), "it was stopped"),
        (TypedText("how are you"), "it was stopped"),
    ]
    assert not scene.records


@pytest.mark.parametrize("asked_at_s", [2.2, 3.8], ids=["while the avatar speaks", "while the user barges in"])
def test_a_barge_in_cuts_the_answer_and_keeps_what_waits(asked_at_s: float) -> None:
    ears = ScriptedEars(["first", "second"])
    mind = ScriptedMind({"first": "word " * 40 + ".", "second": "Good."}, delay_s=0.001)
    scene = live_scene(ears, mind)
    user = (3.4, 5.4)
    at = [(asked_at_s, lambda: scene.session.say("Attention please."))]
    run(scene.converse(Live(spoken((1.0, 1.6), user, until_s=12.0), full_duplex=True, at=at)))
    assert [record.interrupted for record in scene.records] == [True, False, False]
    assert [record.heard for record in scene.records[1:]] == ["Good.", "Attention please."]
    assert not [event for event in scene.events if isinstance(event, RequestDropped)]
    for start_s, end_s in audible_spans(scene.output.all_sound)[1:]:
        assert start_s > user[1] or end_s < user[0], "it talks into the user's words"


@pytest.mark.parametrize("final", ["What is it?", "what is it", "What is  it …"])
def test_an_early_answer_counts_where_only_the_spelling_differs(final: str) -> None:
    ears = ScriptedEars([final], delay_s=0.05, interim=["what is it"])
    mind = ScriptedMind({"what is it": "Good news."}, delay_s=0.12)
    scene = live_scene(ears, mind)
    run(scene.converse(Live(spoken((1.0, 2.0), until_s=5.0))))
    (record,) = scene.records
    assert (record.question, record.heard) == (final, "Good news.") and len(mind.histories) == 1
    assert scene.session.history.messages()[0].text == final


def test_an_error_while_hearing_is_told_as_it_is() -> None:
    class BrokenVAD(LoudnessVAD):
        def probability(self, window: Samples) -> float:
            raise InputError("the voice detector broke")

    scene = Scene(ears=ScriptedEars([]), real_time=True, turns=SilenceTurnDetector(BrokenVAD()))
    with pytest.raises(ExceptionGroup) as failure:
        run(scene.converse(Live(spoken(until_s=2.0))))
    assert failure.group_contains(InputError, match="the voice detector broke")


def test_words_of_a_voice_that_pauses_lie_where_they_are_heard() -> None:
    class StallingVoice(ToneVoice):
        async def _pause(self) -> None:
            # In the middle of the sentence the voice stalls for a second.
            await asyncio.sleep(1.0 if self._pieces_said() == 20 else 0.001)

        def _pieces_said(self) -> int:
            self.pieces = getattr(self, "pieces", 0) + 1
            return self.pieces

    reply = "one two three four five six seven eight nine ten."
    scene = live_scene(ScriptedEars(["a"]), ScriptedMind({"a": reply}, delay_s=0.001), StallingVoice())
    run(scene.converse(Live(spoken((1.0, 1.6), until_s=9.0))))
    (record,) = scene.records
    spans = audible_spans(scene.output.all_sound)
    assert len(spans) == 2, "it stalled"
    for word in record.words:
        end_s = word.end_sample / OUTPUT_RATE_HZ
        assert (
            any(start - 0.01 <= end_s - 0.2 and end_s <= end + 0.06 for start, end in spans)
            or end_s <= spans[0][1] + 0.2
        )
    assert record.words[-1].end_sample / OUTPUT_RATE_HZ == pytest.approx(spans[1][1], abs=0.02)


def test_an_emotion_of_a_short_last_sentence_does_not_hold_up_a_recording() -> None:
    scene = Scene(mind=ScriptedMind({"a": "[happy] Ha."}), voice=ToneVoice(word_s=0.03))
    scene.ask(TypedText("a"))
    assert scene.records[0].heard == "Ha."


def test_what_manners_say_of_the_words_goes_before_the_mind() -> None:
    class Butler:
        """Answers greetings, asks in other words, and does not answer asides."""

        def is_for_mind(self, words: str) -> bool:
            return words == "it"

        async def reply_to(self, words: str, *, typed: bool = False) -> Say | TypedText | Unanswered | None:
            said = {"hello": Say("Good day."), "it": TypedText("what is it"), "pass the salt": Unanswered("aside")}
            return said.get(words)

        def is_addressed(self, words: str) -> bool:
            return True

        def touch(self) -> None:
            pass

    ears = ScriptedEars(["hello", "it", "pass the salt", "why"], interim=["hello", "it", "pass the salt"])
    mind = ScriptedMind({"it": "Early.", "what is it": "A clock.", "why": "Because."}, delay_s=0.01)
    scene = live_scene(ears, mind)
    scene.manners = Butler()
    spans = ((1.0, 1.6), (4.0, 4.6), (7.0, 7.6), (10.0, 10.6))
    run(scene.converse(Live(spoken(*spans, until_s=13.0))))
    assert [record.heard for record in scene.records] == ["Good day.", "A clock.", "", "Because."]
    assert scene.voice.spoken == ["Good day.", "Early.", "A clock.", "Because."], "a draft is begun for the mind only"
    assert [event.why for event in scene.events if isinstance(event, UtteranceDropped)] == ["aside"]
    assert "salt" not in repr(mind.histories) and mind.histories[-1][-1].text == "A clock."
