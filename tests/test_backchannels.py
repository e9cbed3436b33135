"""Backchannels by their sound: what a recogniser makes of them, and what is obeyed or answered all the same."""

from __future__ import annotations

import pytest

from agent.conversation.events import VoiceCut, VoiceResumed
from agent.conversation.interruption.backchannels import may_show_listening, shows_listening
from agent.intents.tables import LANGUAGES, table_of
from speech.events import Transcript
from speech.turns.detector import SilenceTurnDetector
from tests.fakes import LoudnessVAD, ScriptedEars, ScriptedMind, ToneVoice
from tests.test_live_session import Live, spoken
from tests.test_session import Scene
from tests.virtual_time import run

REPLY = "One two three four five six seven eight nine ten."


def heard(words: str, confidence: float | None = None, *, is_doubtful: bool = False) -> Transcript:
    return Transcript(words, True, 0.0, 1.0, is_doubtful, confidence)


@pytest.mark.parametrize(
    "words",
    ["Really?", "Yes?", "Right?", "Genau.", "Ach so!", "Stimmt.", "Ja, genau.", "D'accord.", "Claro.", "Davvero?"],
)
def test_a_backchannel_of_any_language_is_one_with_a_question_mark_too(words: str) -> None:
    assert shows_listening(words)


@pytest.mark.parametrize(
    "words",
    ["What?", "Hm?", "Stop!", "Wait.", "No.", "No?", "Nein.", "Halt!", "Why?", "Moment!", "Really, who said that?"],
)
def test_what_is_obeyed_or_answered_shows_no_listening(words: str) -> None:
    assert not shows_listening(words)


@pytest.mark.parametrize(
    ("words", "confidence", "is_doubtful"),
    [
        ("you", 0.74, False),  # "yeah" beside an echo
        ("go out.", 0.24, True),  # "genau"
        ("Go now.", 0.7, False),
        ("option.", 0.4, True),  # "ach so"
        ("And of course.", 0.59, False),
        ("Steamed.", 0.7, False),  # "stimmt"
        ("Help.", 0.57, False),  # "oh"
    ],
)
def test_a_short_word_that_was_hardly_believed_goes_by_its_sound(
    words: str, confidence: float, is_doubtful: bool
) -> None:
    assert may_show_listening(words, heard(words, confidence, is_doubtful=is_doubtful))


@pytest.mark.parametrize(
    ("words", "confidence", "is_doubtful"),
    [
        ("No?", 0.43, True),
        ("Stop.", 0.4, True),
        ("Wait.", 0.3, True),
        ("Weight.", 0.5, True),
        ("Stuff.", 0.6, False),
        ("Why?", 0.5, True),
        ("Two people.", 0.92, False),
        ("Today.", 0.73, False),
        ("Go now.", 0.95, False),
        ("Is this program free?", 0.3, True),
        ("Tell me more.", 0.8, False),
        ("", None, False),
    ],
)
def test_what_may_be_obeyed_or_was_surely_heard_does_not(
    words: str, confidence: float | None, is_doubtful: bool
) -> None:
    assert not may_show_listening(words, heard(words, confidence, is_doubtful=is_doubtful))


def test_no_language_lists_a_sound_as_both() -> None:
    both = {
        (language, way)
        for language in LANGUAGES
        for way in table_of(language)["by_ear"]["backchannels"]
        if may_show_listening(way, heard(way, 0.5, is_doubtful=True)) is False and not shows_listening(way)
    }
    assert both == set()


@pytest.mark.parametrize(
    ("words", "is_cut"),
    [
        ("Really?", False),
        ("Stimmt.", False),
        ("option(?)", False),
        ("No(?)", True),
        ("Stop(?)", True),
        ("Why now", True),
    ],
)
def test_a_doubtful_word_into_its_words_lets_it_go_on(words: str, is_cut: bool) -> None:
    scene = Scene(
        ears=ScriptedEars(["first", words], delay_s=0.2),
        mind=ScriptedMind({"first": REPLY, "No": "Well.", "Why now": "Because."}, delay_s=0.001),
        voice=ToneVoice(delay_s=0.001),
        real_time=True,
        turns=SilenceTurnDetector(LoudnessVAD(), end_of_turn_s=0.5, pause_s=0.2),
    )
    run(scene.converse(Live(spoken((1.0, 1.6), (3.0, 3.5), until_s=9.0), full_duplex=True)))
    assert any(isinstance(event, VoiceCut) for event in scene.events) == is_cut
    assert is_cut or [record.heard for record in scene.records] == [REPLY]
    assert is_cut or any(isinstance(event, VoiceResumed) and event.was_held for event in scene.events)
