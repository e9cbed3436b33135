"""Repair and manners in whole conversations on virtual time: the mind is scripted, and fails where it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from agent.conversation.events import (
    AttentionChanged,
    Event,
    SaidGoodbye,
    StateChanged,
    TurnFinished,
    TypedText,
    UtteranceDropped,
)
from agent.manners.attention import AttentionSettings
from agent.manners.long_silence import LongSilence
from agent.manners.manners import ConversationManners, Languages, MannersSettings, SwitchResult
from agent.text.phrases import Phrases
from avatar.motion import ConversationState
from speech.audio import OUTPUT_RATE_HZ
from speech.events import Transcript
from speech.tts.adjusted import AdjustedVoice
from speech.turns.detector import SilenceTurnDetector
from tests.fakes import LoudnessVAD, ScriptedEars, ScriptedMind, ToneVoice
from tests.test_live_session import Live, spoken
from tests.test_session import Scene, audible_spans
from tests.virtual_time import run

TABLES = Phrases("en")
REPLY = {"what is it": "It is a face. It was painted long ago."}


class OneLanguage:
    """Where there is one: its code."""

    def __init__(self, language: str) -> None:
        self.language = language

    async def switch(self, language: str) -> SwitchResult:
        return "same" if language == self.language else "no_voice"


class Table:
    """A conversation in which somebody types, or says, one thing after the other."""

    def __init__(
        self,
        replies: Mapping[str, str] = REPLY,
        *,
        settings: MannersSettings | None = None,
        languages: Languages | None = None,
        heard: Sequence[str] = (),
        known_name: str = "",
        known_words: Sequence[str] = (),
    ) -> None:
        self.tone = ToneVoice()
        self.voice = AdjustedVoice(self.tone)
        events: list[Event] = []
        self.manners = ConversationManners(
            settings or MannersSettings(AttentionSettings("Mira")),
            self.voice,
            languages or OneLanguage("en"),
            on_event=events.append,
            is_known=set(known_words).__contains__,
        )
        self.scene = Scene(
            ears=ScriptedEars(heard),
            mind=ScriptedMind(replies),
            voice=self.voice,
            manners=self.manners,
            watch=self.manners.on_event,
            events=events,
            real_time=True,
            turns=SilenceTurnDetector(LoudnessVAD(), end_of_turn_s=0.5),
        )
        self.manners.attend(
            lambda text: self.scene.session.say(text), lambda: self.scene.session.is_quiet, lambda: known_name
        )

    def type(self, *texts: str) -> list[str]:
        """What is heard in answer to each."""
        self.scene.ask(*map(TypedText, texts))
        return [record.heard for record in self.scene.records]

    def say(self, *spans: tuple[float, float], until_s: float) -> list[str]:
        """What is heard in answer to what is spoken in these spans of time."""

        async def converse() -> None:
            await self.scene.converse(Live(spoken(*spans, until_s=until_s)))
            self.manners.close()

        run(converse())
        return [record.heard for record in self.scene.records]

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.scene.events if isinstance(event, kind)]


def test_what_was_said_is_said_again_whole_or_only_its_end_without_the_mind() -> None:
    table = Table()
    heard = table.type("what is it", "Could you say that again, please?", "Sorry, what?")
    assert heard == [REPLY["what is it"], REPLY["what is it"], "It was painted long ago."]
    assert len(table.scene.mind.histories) == 1
    said = [message.text for message in table.scene.session.history.messages()]
    assert said[2:4] == ["Could you say that again, please?", REPLY["what is it"]]


def test_an_answer_that_was_cut_while_its_voice_still_made_it_is_the_one_that_is_said_again() -> None:
    long = "Now one two three four five six seven eight nine ten."
    table = Table(REPLY | {"count": long}, heard=["what is it", "count", "Sorry, what?"])
    cut = [(7.5, lambda: table.scene.session.interrupt())]
    live = Live(spoken((1.0, 1.6), (5.0, 5.6), (9.0, 9.6), until_s=14.0), at=cut)
    run(table.scene.converse(live))
    _, cut_short, again = table.scene.records
    assert cut_short.heard and len(cut_short.words) < len(long.split()) and cut_short.reply == long
    assert cut_short.heard_sentences[0].end_sample == cut_short.cut_sample and again.heard == long


def test_what_asked_after_what_is_the_whole_answer_again() -> None:
    heard = Table().type("what is it", "Sorry, what?", "Say it all again from the beginning.", "Slower, please.")
    assert heard[2] == REPLY["what is it"] and heard[3].endswith(REPLY["what is it"])


def test_who_asks_twice_hears_it_slower_and_the_next_answer_at_the_usual_pace() -> None:
    table = Table(REPLY | {"thanks": "You are most welcome."})
    table.type("what is it", "What?", "What?", "thanks")
    spans = audible_spans(table.scene.output.all_sound)
    first, second, last = (spans[place][1] - spans[place][0] for place in (1, 2, 3))
    assert second == pytest.approx(first / 0.84, rel=0.03)
    assert last == pytest.approx(4 * 0.2, abs=0.05)


def test_the_pace_changes_for_good_and_the_answer_is_repeated_at_it() -> None:
    table = Table(REPLY | {"thanks": "You are most welcome."})
    heard = table.type("what is it", "A bit slower, please.", "thanks")
    assert heard[1].endswith(REPLY["what is it"]) and heard[1] != heard[0]
    span = audible_spans(table.scene.output.all_sound)[-1]
    assert span[1] - span[0] == pytest.approx(4 * 0.2 / 0.84, rel=0.03)
    record = table.scene.records[-1]
    assert [word.text for word in record.words] == ["You", "are", "most", "welcome."]
    assert record.words[-1].end_sample <= record.sentences[-1].end_sample + 1


def test_louder_is_louder_and_stays_clean() -> None:
    table = Table(REPLY | {"thanks": "You are most welcome."})
    table.type("what is it", "Louder!", "thanks", "louder", "louder", "thanks", "I can't hear you.")
    heard = table.scene.records
    levels = []
    for number in (0, 2, 5):
        sentence = heard[number].sentences[-1]
        sound = table.scene.output.all_sound[sentence.start_sample : sentence.end_sample]
        levels.append(float(np.sqrt(np.mean(sound**2))))
    assert levels[1] == pytest.approx(levels[0] * 10 ** (5 / 20), rel=0.03)
    assert levels[2] == pytest.approx(0.95 / np.sqrt(2), rel=0.05)  # a tone at the limit, not clipped
    assert heard[-1].heard == TABLES.ways("manners.no_louder")[0]


def test_nothing_said_yet_is_for_the_mind_and_a_wish_for_the_voice_is_met_all_the_same() -> None:
    table = Table({"what?": "I said nothing yet."})
    heard = table.type("what?", "slower please")
    assert heard[0] == "I said nothing yet." and heard[1].endswith("I said nothing yet.")


def test_never_mind_is_let_go_and_is_nothing_to_repeat() -> None:
    table = Table()
    heard = table.type("what is it", "Never mind.", "Say that again.")
    assert heard[1] in TABLES.ways("manners.never_mind") and heard[2] == heard[0]
    assert len(table.scene.mind.histories) == 1


def test_a_hum_after_an_answer_is_not_answered_but_after_a_question_it_is() -> None:
    table = Table(REPLY | {"and": "Do you like it?", "mhm": "I am glad."})
    assert table.type("what is it", "Mm-hmm.", "and", "mhm") == [
        REPLY["what is it"],
        "",
        "Do you like it?",
        "I am glad.",
    ]
    assert table.of(UtteranceDropped) == [UtteranceDropped("empty")]
    assert "Mm-hmm." not in [message.text for message in table.scene.session.history.messages()]


def test_greeting_and_goodbye_are_by_name_once_it_was_said() -> None:
    table = Table({"hello": "Good day."})
    heard = table.type("hello", "My name is Anna.", "Hello again, Mira!", "Goodbye!")
    assert heard[0] == "Good day." and all("Anna" in one for one in heard[1:])
    assert heard[1] in [way.format(who="Anna") for way in TABLES.ways("manners.met")]
    assert isinstance(table.scene.events[-1], SaidGoodbye) or table.of(SaidGoodbye)


def test_who_is_known_from_elsewhere_is_greeted_by_name_and_names_are_left_to_who_keeps_them() -> None:
    settings = replace(MannersSettings(AttentionSettings("Mira")), keeps_names=True)
    table = Table({"My name is Bob.": "I will remember you."}, settings=settings, known_name="Bob")
    heard = table.type("hello", "My name is Bob.")
    assert "Bob" in heard[0] and heard[1] == "I will remember you."


def test_what_the_mind_has_its_own_meaning_for_is_left_to_it() -> None:
    table = Table(REPLY | {"Forget that.": "It is forgotten."})
    scene = table.scene
    table.manners.attend(lambda text: scene.session.say(text), lambda: True, str, lambda words: "that" in words)
    assert table.type("Forget that.", "what is it", "Forget it.")[0] == "It is forgotten."
    assert scene.records[-1].heard in TABLES.ways("manners.never_mind")


def test_in_a_lesson_only_the_voice_is_ours_and_a_word_alone_may_be_the_answer() -> None:
    settings = replace(MannersSettings(AttentionSettings("Mira")), is_lesson=True)
    asked = "Please repeat the question."
    table = Table({"slower": "Right!", "stop": "We stop.", asked: "What is it?"}, settings=settings)
    assert table.type("slower", "stop", "A bit slower please.") == ["Right!", "We stop.", "What is it?"]
    assert table.voice.adjustment.pace < 1.0


class _Others:
    """German and Japanese are there, and nothing else."""

    language = "en"

    async def switch(self, language: str) -> SwitchResult:
        if language not in ("de", "ja"):
            return "no_voice"
        self.language = language
        return "switched"


def test_another_language_is_spoken_from_the_same_sentence_on_or_it_says_what_is_missing() -> None:
    table = Table(languages=_Others())
    heard = table.type("in Korean please", "Auf Deutsch, bitte.", "Wie bitte?", "vergiss es", "in English please")
    assert heard[0] == TABLES.ways("manners.language_no_voice")[0].format(language="Korean")
    german = Phrases("de")
    assert heard[1] in german.ways("manners.language_switched")
    assert heard[3] in german.ways("manners.never_mind")
    assert heard[4] == german.ways("manners.language_no_voice")[0].format(language="Englisch")


def test_in_a_language_without_phrases_the_mind_says_what_needs_words() -> None:
    table = Table(REPLY | {"never mind": "Daijobu."}, languages=_Others())
    heard = table.type("what is it", "in Japanese please", "never mind", "say that again", "slower")
    assert heard[1:] == ["日本語", "Daijobu.", "Daijobu.", "Daijobu."]


def test_long_silence_is_met_once_and_again_only_after_somebody_spoke() -> None:
    settings = replace(MannersSettings(AttentionSettings("Mira")), offer_after_s=3.0)
    table = Table({"what is it": "A face."}, settings=settings, heard=["what is it", "what is it"])
    table.say((4.0, 4.5), (13.0, 13.5), until_s=21.0)
    offers = TABLES.ways("manners.offer")
    said = [(record.heard, record.sentences[0].start_sample / OUTPUT_RATE_HZ) for record in table.scene.records]
    assert [heard in offers for heard, _ in said] == [False, True, False, True]
    answered, first, _, second = (at_s for _, at_s in said)
    assert first == pytest.approx(answered + 2 * 0.2 + 3.0, abs=0.3)
    assert second > 13.5 + 3.0


def test_whoever_types_is_there_and_silence_is_not_long_yet() -> None:
    told: list[float] = []

    async def wait() -> None:
        loop = asyncio.get_running_loop()
        silence = LongSilence(10.0, lambda: loop.time() > 20.0, lambda: told.append(loop.time()))
        silence.touch()
        await asyncio.sleep(12.0)  # nobody has spoken yet: this may be a kiosk that moves its face
        silence.see(Transcript("hello", True, 0.0, 0.5))
        await asyncio.sleep(6.0)
        silence.touch()
        await asyncio.sleep(60.0)
        silence.see(Transcript("hello", True, 0.0, 0.5))
        silence.close()
        await asyncio.sleep(60.0)

    run(wait())
    assert told == [28.0]


def test_where_nobody_spoke_or_it_is_switched_off_nothing_is_offered() -> None:
    for offer_after_s, heard, spans in ((2.0, [], []), (0.0, ["what is it"], [(0.5, 1.0)])):
        settings = replace(MannersSettings(AttentionSettings("Mira")), offer_after_s=offer_after_s)
        table = Table({"what is it": "A face."}, settings=settings, heard=heard)
        assert table.say(*spans, until_s=6.0) == ["A face."] * len(heard)


WAKE = AttentionSettings("Mira", wake_phrase="hey Mira", awake_s=4.0)


def test_nothing_is_answered_until_the_wake_phrase_and_then_for_a_while_without_it() -> None:
    table = Table(
        {"what is it": "A face."},
        settings=MannersSettings(WAKE),
        heard=["what is it", "Hey mirror, what is it", "Say that again.", "what is it"],
    )
    heard = table.say((0.5, 1.0), (2.0, 2.5), (5.0, 5.5), (12.0, 12.5), until_s=14.0)
    assert heard == ["", "A face.", "A face.", ""]
    assert table.of(UtteranceDropped) == [UtteranceDropped("asleep")] * 2
    assert table.of(AttentionChanged) == [AttentionChanged(awake, "hey Mira") for awake in (False, True, False)]


def test_the_wake_phrase_alone_is_answered_shortly_and_goodbye_ends_it() -> None:
    table = Table(settings=MannersSettings(WAKE), heard=["Hey, Mira!", "Goodbye.", "what is it"])
    heard = table.say((0.5, 1.0), (3.0, 3.5), (6.0, 6.5), until_s=8.0)
    assert heard[0] in TABLES.ways("manners.called") and heard[1] in TABLES.ways("manners.goodbye") and heard[2] == ""


def test_what_is_typed_needs_no_wake_phrase() -> None:
    assert Table(settings=MannersSettings(WAKE)).type("what is it") == [REPLY["what is it"]]


def test_in_a_room_only_who_calls_it_or_goes_on_with_it_is_answered() -> None:
    room = MannersSettings(AttentionSettings("Mira", room=True, awake_s=4.0))
    said = ["it is late", "Mira, what is it", "again please", "Peter, did you see that?"]
    table = Table({"Mira, what is it": "A face."}, settings=room, heard=said)
    heard = table.say((0.5, 1.0), (2.0, 2.5), (5.0, 5.5), (8.0, 8.5), until_s=10.0)
    assert heard == ["", "A face.", "A face.", ""]
    assert [event.why for event in table.of(UtteranceDropped) if isinstance(event, UtteranceDropped)] == [
        "asleep",
        "aside",
    ]


def test_who_calls_somebody_else_is_not_answered_and_shown_no_more_than_a_moments_thought() -> None:
    table = Table(heard=["Peter, did you lock the car?"])
    assert table.say((0.5, 1.0), until_s=2.5) == [""]
    states = [event.state for event in table.of(StateChanged) if isinstance(event, StateChanged)]
    assert states[-1] is ConversationState.IDLE and ConversationState.SPEAKING not in states
    assert len(table.of(TurnFinished)) == 1
