"""What head and eyes do because of the words that are said."""

from __future__ import annotations

import pytest

from agent.conversation.events import TypedText
from agent.text.gestures import asks, denies, opening_gesture
from avatar.clock import SAMPLES_PER_FRAME
from avatar.motion import Gesture
from tests.fakes import ScriptedMind
from tests.test_session import Scene


@pytest.mark.parametrize(
    "text",
    ["No.", "no", "No, it is closed.", "“Nein”, sagte sie.", "¡No!", "Non, merci.", "Not really.", "Leider nicht."],
)
def test_a_no_is_known(text: str) -> None:
    assert denies(text)


@pytest.mark.parametrize("text", ["No problem.", "Nobody knows.", "None.", "Now.", "Nein-Sager.", "Yes, no doubt.", ""])
def test_what_is_no_no_is_none(text: str) -> None:
    assert not denies(text)


def test_questions_and_long_answers_are_known() -> None:
    assert asks("Are you?") and asks("“Are you?” ") and not asks("You are.")
    assert opening_gesture("It opens at nine.") is Gesture.LOOK_AT
    assert opening_gesture("Well, the museum,") is Gesture.LOOK_AWAY
    assert opening_gesture("The museum opens at nine every morning except on Mondays.") is Gesture.LOOK_AWAY


def _gestures(reply: str) -> list[tuple[float, Gesture | None]]:
    """When each is asked, seconds after the reply has begun."""
    scene = Scene(mind=ScriptedMind({"hello?": reply}))
    scene.ask(TypedText("hello?"))
    (record,) = scene.records
    began = record.sentences[0].start_sample / SAMPLES_PER_FRAME
    return [((frame - began) / 25.0, gesture) for frame, gesture in scene.sampler.gestures]


def test_a_short_no_is_said_to_the_partner_with_a_shake() -> None:
    found = _gestures("No, it is not.")
    assert [gesture for _, gesture in found] == [Gesture.LOOK_AT, Gesture.SHAKE, Gesture.LOOK_AT, None]
    assert -0.3 < found[0][0] < 0.3 and found[1][0] < 0.5


def test_a_long_answer_begins_with_a_look_away_and_a_question_tilts_the_head() -> None:
    found = _gestures("The museum opens at nine every morning except on Mondays. Would you like to come?")
    assert [gesture for _, gesture in found] == [Gesture.LOOK_AWAY, None, Gesture.TILT, None]
    assert -0.3 < found[0][0] < 0.3 and found[2][0] > 1.0
