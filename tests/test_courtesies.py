"""A smile at hello and goodbye, and what the face does of stage directions."""

from __future__ import annotations

import pytest

from agent.text.courtesies import is_welcome
from agent.text.emotion_tags import EmotionTags, GestureTag
from avatar.motion import Gesture


@pytest.mark.parametrize(
    "sentence",
    [
        "Hello! I'm Mira.",
        "Good morning.",
        "Goodbye, and take care.",
        "See you soon.",
        "Auf Wiedersehen!",
        "Buongiorno.",
    ],
)
def test_hello_and_goodbye_are_said_with_a_smile(sentence: str) -> None:
    assert is_welcome(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "It is on the third floor.",
        "High above the town stands a castle.",
        "He said goodbye to his mother at the station in the rain and never came back to the village.",
    ],
)
def test_and_nothing_else_is(sentence: str) -> None:
    assert not is_welcome(sentence)


@pytest.mark.parametrize(
    ("direction", "gesture"),
    [
        ("*laughs softly*", Gesture.LAUGH),
        ("[sighs]", Gesture.SIGH),
        ("*tilts her head*", Gesture.TILT),
        ("*winks*", None),
    ],
)
def test_the_face_follows_stage_directions_wherever_they_are_cut(direction: str, gesture: Gesture | None) -> None:
    reply = f"Well. {direction} That is so."
    wanted = ["Well. ", *([GestureTag(gesture)] if gesture else []), "That is so."]
    for cut in range(len(reply)):
        tags = EmotionTags()
        parts = tags.push(reply[:cut]) + tags.push(reply[cut:]) + tags.flush()
        assert [part for part in parts if isinstance(part, GestureTag)] == wanted[1:-1]
        assert "".join(part for part in parts if isinstance(part, str)) == "Well. That is so."
