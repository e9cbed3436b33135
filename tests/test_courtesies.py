"""A smile at hello and goodbye, and what the face does of stage directions."""

from __future__ import annotations

import pytest

from agent.conversation.events import TypedText
from agent.text.courtesies import is_welcome
from agent.text.emotion_tags import EmotionTag, EmotionTags, GestureTag
from avatar.motion import Emotion, Gesture
from tests.fakes import LoudnessSampler, ScriptedMind
from tests.test_session import Scene


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
        ("[laugh]", Gesture.LAUGH),
        ("[Sigh deeply]", Gesture.SIGH),
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


def test_a_smile_that_is_written_is_shown_and_a_stressed_word_is_said() -> None:
    tags = EmotionTags()
    assert tags.push("*smiles* I *laugh* a lot.") + tags.flush() == [EmotionTag(Emotion.HAPPY), "I *laugh* a lot."]


def _shown(reply: str, question: str = "And then?") -> LoudnessSampler:
    """The face's sampler after a conversation in which this was the reply."""
    scene = Scene(mind=ScriptedMind({question: reply}))
    scene.ask(TypedText(question))
    return scene.sampler


def test_a_greeting_is_smiled_at_the_user_until_the_reply_ends_and_a_tag_comes_before_it() -> None:
    emotions = [emotion for _, emotion in _shown("Hello! I'm Mira.").emotions]
    assert emotions[0] in (None, Emotion.NEUTRAL) and emotions[1:] == [Emotion.HAPPY, emotions[0]]
    emotions = [emotion for _, emotion in _shown("[sad] Goodbye.").emotions]
    assert emotions[1:] == [Emotion.SAD, emotions[0]]
    assert len(_shown("It opens at nine.").emotions) == 1


def test_a_greeting_is_smiled_back_at_before_it_is_answered() -> None:
    smiles, alone = (_shown("Hello! I'm Mira.", question).emotions[1] for question in ("Hello", "And then?"))
    assert smiles[1] is alone[1] is Emotion.HAPPY and smiles[0] < alone[0]


def test_a_laugh_begins_with_the_sentence_that_it_stands_before() -> None:
    gestures = [gesture for _, gesture in _shown("It opens at nine. *laughs* So they say.").gestures]
    assert gestures.count(Gesture.LAUGH) == 1 and gestures.index(Gesture.LAUGH) > 0


@pytest.mark.parametrize("reply", ["It opens at nine, they say. [laugh]", "Who would have thought that? [laugh]"])
def test_a_laugh_after_the_last_sentence_comes_at_its_end(reply: str) -> None:
    gestures = [gesture for _, gesture in _shown(reply).gestures]
    assert gestures[-2:] == [Gesture.LAUGH, None]
