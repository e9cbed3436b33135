"""Where the parts of a conversation meet: holds, slow ears, keys, people in the room, manners, on virtual time."""

from __future__ import annotations

import pytest

from agent.conversation.events import SentenceHeard, TypedText, UtteranceDropped, VoiceHeld, VoiceResumed
from agent.conversation.listening.pauses import ListeningPolicy
from agent.conversation.questions import Questions
from agent.conversation.reply import ForMind
from agent.conversation.session import SessionPolicy
from agent.manners.attention import AttentionSettings
from agent.manners.manners import ConversationManners, MannersSettings
from agent.memory.remembering import remembering
from agent.memory.state import MemoryPolicy
from agent.memory.store import Memories
from agent.metrics.figures import ConversationFigures
from agent.web.visits.captions import Captions
from agent.web.visits.event_log import EventLog
from speech.audio import OUTPUT_RATE_HZ
from speech.tts.adjusted import AdjustedVoice
from speech.turns.detector import SilenceTurnDetector
from tests.fakes import LoudnessVAD, ScriptedEars, ScriptedMind
from tests.test_interruption import REPLY, scene_of, told
from tests.test_listens import UnsureEars
from tests.test_live_session import Live, spoken
from tests.test_manners import OneLanguage
from tests.test_session import Scene, audible_spans
from tests.virtual_time import run


@pytest.mark.parametrize(
    ("replies", "spans", "sound_from_s"),
    [
        ({"first": "One.", "why": "Because."}, ((1.0, 1.6), (6.0, 7.0), (7.6, 8.4)), 9.1),
        ({"first": REPLY, "why": "Because."}, ((1.0, 1.6), (5.5, 6.3), (6.9, 7.5)), 8.2),
    ],
    ids=["long after the last answer", "after one that was cut"],
)
def test_a_cough_while_it_thinks_repeats_nothing_and_delays_nothing(
    replies: dict[str, str], spans: tuple[tuple[float, float], ...], sound_from_s: float
) -> None:
    scene = scene_of(["why", ""], replies)
    scene.mind = ScriptedMind(replies, delay_s=0.2)
    run(scene.converse(Live(spoken(*spans, until_s=12.0), full_duplex=True)))
    _, (start, end) = audible_spans(scene.output.all_sound)
    assert start == pytest.approx(sound_from_s, abs=0.15) and end - start == pytest.approx(0.2, abs=0.02)
    floor = scene.records[-1].floor
    assert all(0.0 < silent_s < 0.3 for silent_s in floor.to_silence_s) and floor.holds == 1


def test_a_cough_between_two_sentences_repeats_nothing_and_the_next_one_is_told_when_it_is_heard() -> None:
    scene = scene_of([""], {})
    scene.mind = ScriptedMind({"first": "One two three four. Five six seven eight nine."}, delay_s=0.35)
    run(scene.converse(Live(spoken((1.0, 1.6), (5.0, 6.2), until_s=11.0), full_duplex=True)))
    _, second = audible_spans(scene.output.all_sound)
    assert second[0] > 6.4 and second[1] - second[0] == pytest.approx(1.0, abs=0.05)
    kinds = (VoiceHeld, VoiceResumed, SentenceHeard)
    told_so = [type(event).__name__ for event in scene.events if isinstance(event, kinds)]
    assert told_so == ["SentenceHeard", "VoiceHeld", "VoiceResumed", "SentenceHeard"]
    assert scene.records[0].sentences[1].start_sample / OUTPUT_RATE_HZ == pytest.approx(second[0], abs=0.03)


def test_nothing_is_answered_to_whoever_has_left_before_their_words_were_known() -> None:
    scene = scene_of([], {})
    scene.ears = ScriptedEars(["first", "why"], delay_s=1.5)
    run(scene.converse(Live(spoken((1.0, 1.6), (4.0, 4.6), until_s=5.5), full_duplex=True)))
    assert [record.question for record in scene.records] == ["first"]


@pytest.mark.parametrize(("second", "heard"), [("how", ["Because.", "So it is."]), ("mhm", ["Because."])])
def test_who_speaks_twice_before_slow_ears_have_understood_is_answered(second: str, heard: list[str]) -> None:
    scene = scene_of([], {})
    scene.ears = ScriptedEars(["first", "why", second], delay_s=1.6)
    scene.mind = ScriptedMind({"first": REPLY, "why": "Because.", "how": "So it is."}, delay_s=0.001)
    run(scene.converse(Live(spoken((1.0, 1.6), (4.7, 5.1), (5.9, 6.3), until_s=12.0), full_duplex=True)))
    assert [record.heard for record in scene.records[1:]] == heard and not scene.session.is_held


def test_what_people_say_to_each_other_stops_nothing() -> None:
    class InCompany(ForMind):
        def is_addressed(self, words: str) -> bool:
            return not words.startswith("Peter")

    scene = scene_of(["Peter, did you lock the car?"], {})
    scene.manners = InCompany()
    run(scene.converse(Live(spoken((1.0, 1.6), (3.2, 4.2), until_s=9.0), full_duplex=True)))
    (record,) = scene.records
    assert record.heard == REPLY and told(scene)[-1] == "VoiceResumed"


def test_a_short_question_that_is_understood_at_once_waits_for_its_answer() -> None:
    scene = scene_of(["why"], {"why": "Because."}, interim=["why"])
    scene.turns = SilenceTurnDetector(LoudnessVAD(), end_of_turn_s=1.5, pause_s=0.2)
    run(scene.converse(Live(spoken((1.0, 1.6), (4.6, 5.0), until_s=9.0), full_duplex=True)))
    assert told(scene) == ["VoiceDucked", "VoiceHeld", "VoiceCut"] and scene.records[1].heard == "Because."


@pytest.mark.parametrize("is_released", [True, False])
def test_a_key_that_is_pressed_in_the_middle_of_a_word_leaves_nothing_behind(is_released: bool) -> None:
    scene = scene_of(["why"], {"why": "Because."})
    keys = [(4.6, True), (5.4, False)] if is_released else [(4.6, True)]
    run(scene.converse(Live(spoken((1.0, 1.6), (4.0, 5.2), until_s=8.0), full_duplex=True, keys=keys)))
    assert [record.heard for record in scene.records[1:]] == ["Because."] * is_released


@pytest.mark.parametrize(
    ("words", "is_echo"),
    [
        ("Five six.", True),
        ("One two there four five six.", True),
        ("One two?", False),
        ("Five eleven.", False),
        ("Why did you say five six?", False),
    ],
)
@pytest.mark.parametrize("early", [True, False])
def test_its_own_words_stop_nothing_unless_a_user_asks_about_them(words: str, is_echo: bool, early: bool) -> None:
    scene = scene_of([words], {words: "Because."}, interim=[words] if early else ())
    run(scene.converse(Live(spoken((1.0, 1.6), (3.4, 4.0), until_s=9.0), full_duplex=True)))
    assert told(scene)[-1] == ("VoiceResumed" if is_echo else "VoiceCut")
    assert [record.heard for record in scene.records[1:]] == ["Because."] * (not is_echo)
    assert (UtteranceDropped("own") in scene.events) == is_echo


# ---- manners and holds


def with_manners(scene: Scene, settings: MannersSettings | None = None, language: str = "en") -> Scene:
    voice = AdjustedVoice(scene.voice)
    manners = ConversationManners(
        settings or MannersSettings(AttentionSettings("Mira")),
        voice,
        OneLanguage(language),
        on_event=scene.events.append,
    )
    scene.voice, scene.manners, scene.watch = voice, manners, manners.on_event
    manners.attend(lambda text: scene.session.say(text), lambda: scene.session.is_quiet)
    return scene


@pytest.mark.parametrize(
    ("words", "language"), [("Mira, wait.", "en"), ("Warte, Mira!", "de"), ("Hey Mira, wait.", "en")]
)
def test_it_waits_in_the_language_that_is_spoken_now_and_by_its_name(words: str, language: str) -> None:
    room = MannersSettings(AttentionSettings("Mira", room=True))
    scene = with_manners(scene_of([words], {}), room if "Hey" in words else None, language)
    if "Hey" in words:
        scene.ears = ScriptedEars(["Mira, first", words])
        scene.mind = ScriptedMind({"Mira, first": REPLY})
    run(scene.converse(Live(spoken((1.0, 1.6), (3.0, 3.5), until_s=7.0), full_duplex=True)))
    assert told(scene)[:2] == ["VoiceDucked", "VoiceHeld"] and "VoiceResumed" not in told(scene)
    assert len(scene.records) == 1


def test_who_was_answered_at_length_need_not_call_it_again_and_others_do_not_stop_it() -> None:
    scene = scene_of([], {})
    scene.ears = ScriptedEars(["hey mira first", "Peter, did you lock the car?", "and why is that"])
    long = "One two three four five six seven eight nine ten. Eleven twelve and more of the same. And that was it."
    scene.mind = ScriptedMind({"first": long, "and why is that": "Because."}, delay_s=0.001)
    with_manners(scene, MannersSettings(AttentionSettings("Mira", wake_phrase="hey Mira", awake_s=2.5)))
    run(scene.converse(Live(spoken((1.0, 1.6), (3.0, 3.6), (6.3, 7.0), until_s=10.0), full_duplex=True)))
    assert told(scene) == ["VoiceDucked", "VoiceHeld", "VoiceResumed", "VoiceDucked", "VoiceHeld", "VoiceCut"]
    assert scene.records[0].heard.startswith("One") and scene.records[1].heard == "Because."


def test_slower_is_once_slower_though_the_same_turn_goes_on() -> None:
    scene = scene_of(["Slower.", "Please."], {})
    with_manners(scene)
    assert isinstance(scene.voice, AdjustedVoice)
    run(scene.converse(Live(spoken((1.0, 1.6), (6.0, 6.6), (7.3, 7.8), until_s=9.0), full_duplex=True)))
    assert [record.question for record in scene.records] == ["first", "Slower. Please."]
    assert scene.voice.adjustment.pace == pytest.approx(0.84)


def test_a_yes_into_the_end_of_a_question_is_its_answer_and_into_anything_else_is_none() -> None:
    scene = scene_of(["Yes.", "Yes."], {"Yes.": "Here it comes, and it is a long story."})
    scene.mind = ScriptedMind({"first": "Would you like to hear more?", "Yes.": "Here it comes, all of it."}, 0.001)
    with_manners(scene)
    run(scene.converse(Live(spoken((1.0, 1.6), (2.9, 3.3), (4.7, 5.0), until_s=8.0), full_duplex=True)))
    assert [record.question for record in scene.records] == ["first", "Yes."]
    assert scene.records[1].heard == "Here it comes, all of it."


def test_what_people_say_to_each_other_is_no_answered_turn() -> None:
    scene = with_manners(scene_of([], {}))
    scene.ears = ScriptedEars(["Peter, did you lock the car?"])
    run(scene.converse(Live(spoken((1.0, 1.6), until_s=3.0), full_duplex=True)))
    figures, captions = ConversationFigures(), Captions(EventLog())
    for event in scene.events:
        figures.observe(event)
        captions.tell(event)
    assert not figures.turns and figures.floor["dropped"] == 1 and not captions.turns


def test_who_stops_it_is_not_answered_what_is_not_understood_yet_and_may_be_told_something_else() -> None:
    scene = scene_of([], {})
    scene.ears = ScriptedEars(["first", "why"], delay_s=1.5)
    at = [(5.6, lambda: scene.session.interrupt()), (5.7, lambda: scene.session.say("Attention."))]
    run(scene.converse(Live(spoken((1.0, 1.6), (4.4, 5.0), until_s=8.0), full_duplex=True, at=at)))
    assert [record.question for record in scene.records] == ["first", ""] and scene.records[1].heard == "Attention."
    assert audible_spans(scene.output.all_sound)[-1][0] < 6.2


def test_a_pause_that_the_user_leaves_in_or_the_page_loses_ends() -> None:
    scene = scene_of(["go on"], {})
    at = [(2.8, lambda: scene.session.hold()), (4.0, lambda: scene.session.interrupt(round(2.6 * OUTPUT_RATE_HZ)))]
    run(scene.converse(Live(spoken((1.0, 1.6), (5.0, 5.5), until_s=9.0), full_duplex=True, at=at)))
    cut, rest = scene.records
    assert cut.cut_sample == round(2.6 * OUTPUT_RATE_HZ) and rest.heard == REPLY
    scene = scene_of([], {})
    run(scene.converse(Live(spoken((1.0, 1.6), until_s=4.0), at=[(2.8, lambda: scene.session.hold())])))
    assert scene.records[0].interrupted and scene.session.is_quiet


def test_who_wants_to_be_forgotten_is_not_called_by_name_nor_told_to_the_mind_after_a_reconnection() -> None:
    scene = scene_of([], {})
    with_manners(scene)
    manners, captions = scene.manners, Captions(EventLog())
    assert isinstance(manners, ConversationManners)

    async def talk(memories: Memories | None) -> list[str]:
        async with remembering(scene.mind, memories, policy=MemoryPolicy(), on_event=manners.on_event) as mind:
            scene.mind, scene.watch = mind, mind.on_event  # type: ignore[assignment]
            mind.on_forgotten = lambda: scene.session.history.clear()
            said = ["Hello, my name is Ada.", "Forget everything about me.", "Goodbye."]
            await scene.converse(Questions([TypedText(one) for one in said], real_time=True))
        return [record.heard for record in scene.records]

    met, _, goodbye = run(talk(None))
    assert "Ada" in met and "Ada" not in goodbye
    for event in scene.events:
        captions.tell(event)
    assert [turn.question for turn in captions.turns] == ["Forget everything about me.", "Goodbye."]
    assert scene.session.history.messages()[0].text == "Forget everything about me."


def test_who_is_asked_back_need_not_call_it_again() -> None:
    scene = scene_of([], {})
    scene.ears = UnsureEars(["hey Mira, book a room", "no", "what is it"], [0.1, 0.9, 0.9])
    scene.mind = ScriptedMind({"what is it": "A face."})
    scene.is_expected = lambda _: False
    scene.policy = SessionPolicy(listening=ListeningPolicy(least_confidence=0.25))
    with_manners(scene, MannersSettings(AttentionSettings("Mira", wake_phrase="hey Mira", awake_s=5.0)))
    run(scene.converse(Live(spoken((1.0, 1.6), (5.5, 6.0), (8.8, 9.4), until_s=12.0), full_duplex=True)))
    asked, sorry, answered = (record.heard for record in scene.records)
    assert asked.startswith("Did you say") and sorry.startswith("Sorry") and answered == "A face."
