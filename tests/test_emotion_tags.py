"""Emotion tags, stage directions, emoji and reasoning never reach the voice, however the reply is cut into pieces."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.text.emotion_tags import DEFAULT_INTENSITY, EmotionTag, EmotionTags
from agent.text.reasoning import ReasoningFilter
from avatar.motion import Emotion

PIECES = st.sampled_from(
    [
        *"[]* .:%05aehnps\n",
        *(
            "happy",
            "sad",
            "neutral",
            "fear",
            "ppy]",
            "[happy]",
            "[sad 0.3]",
            "[1]",
            "[sic]",
            "Hello",
            " there. ",
            "0.5",
        ),
        *("*smiles*", "*nods slowly*", "[laughs]", "**", "😀", "👩\u200d🚀", "<think>", "</think>"),
    ]
)
REPLIES = st.lists(PIECES, max_size=14).map("".join)
A_TAG = re.compile(r"\[\s*(?:" + "|".join(Emotion) + r")\s*[\d.]*\s*\]", re.IGNORECASE)


def parts(deltas: Iterable[str]) -> list[str | EmotionTag]:
    tags = EmotionTags()
    found = [part for delta in deltas for part in tags.push(delta)] + tags.flush()
    joined: list[str | EmotionTag] = []
    for part in found:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def text_of(reply: str) -> str:
    return "".join(part for part in parts([reply]) if isinstance(part, str))


def tags_of(reply: str) -> list[EmotionTag]:
    return [part for part in parts([reply]) if isinstance(part, EmotionTag)]


@given(REPLIES, st.lists(st.integers(0, 200), max_size=8))
def test_any_chunking_gives_the_same(reply: str, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(reply)) for cut in cuts), len(reply)]
    chunks = [reply[start:end] for start, end in itertools.pairwise(places)]
    assert parts(chunks) == parts([reply]) == parts(reply)


@given(REPLIES)
def test_no_tag_is_ever_text(reply: str) -> None:
    assert not A_TAG.search(text_of(reply))


@given(st.text(alphabet=st.characters(exclude_characters="[*", max_codepoint=0x1FFF)))
def test_text_without_marks_is_untouched(text: str) -> None:
    assert text_of("a" + text) == "a" + text


@pytest.mark.parametrize(
    ("tag", "emotion", "intensity"),
    [
        *((f"[{emotion}]", emotion, DEFAULT_INTENSITY) for emotion in Emotion),
        ("[happy 0.3]", Emotion.HAPPY, 0.3),
        ("[Happy: 0.9]", Emotion.HAPPY, 0.9),
        ("[ SAD=.5 ]", Emotion.SAD, 0.5),
        ("[surprised, 1]", Emotion.SURPRISED, 1.0),
        ("[angry 40%]", Emotion.ANGRY, 0.4),
        ("[angry 7]", Emotion.ANGRY, 0.7),
        ("[angry 70]", Emotion.ANGRY, 0.7),
        ("[angry 999]", Emotion.ANGRY, 1.0),
        ("[afraid 0]", Emotion.AFRAID, 0.0),
        ("[[disgust]", Emotion.DISGUSTED, DEFAULT_INTENSITY),
        ("[joyful]", Emotion.HAPPY, DEFAULT_INTENSITY),
    ],
)
def test_a_tag_is_understood(tag: str, emotion: Emotion, intensity: float) -> None:
    (found,) = tags_of(f"{tag} Hello.")
    assert found.emotion is emotion
    assert found.intensity == pytest.approx(intensity)
    assert text_of(f"{tag} Hello.") == "Hello."


@pytest.mark.parametrize(
    "text", ["See [1].", "He was [sic] there.", "[unhappy] no", "[happyish]", "[a] or [s]", "5 * 3"]
)
def test_other_brackets_are_text(text: str) -> None:
    assert parts([text]) == [text]


def test_tags_and_text_come_in_order() -> None:
    assert parts(["[happy] Good. [sad 0.2] Or not, [1]."]) == [
        EmotionTag(Emotion.HAPPY),
        "Good. ",
        EmotionTag(Emotion.SAD, 0.2),
        "Or not, [1].",
    ]


def test_text_is_held_back_only_while_it_may_be_a_tag() -> None:
    tags = EmotionTags()
    assert tags.push("Hi [") == ["Hi "]
    assert tags.push("sa") == []
    assert tags.push("l") == ["[sal"]
    assert tags.push("ad] [ha") == ["ad] "]
    assert tags.push("ppy") == []
    assert tags.push("]") == [EmotionTag(Emotion.HAPPY)]


@pytest.mark.parametrize("cut_off", ["Yes. [", "Yes. [hap", "Yes. [happy 0."])
def test_a_tag_that_never_ends_is_not_said(cut_off: str) -> None:
    assert parts([cut_off]) == ["Yes. "]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("*smiles* Hello.", "Hello."),
        ("Well, *nods slowly* yes.", "Well, yes."),
        ("[laughs] Good one.", "Good one."),
        ("*Clears throat* So.", "So."),
        ("I *really* mean it.", "I *really* mean it."),
        ("Press it *gently*, **twice**.", "Press it *gently*, **twice**."),
        ("Great! 😀👍🏽 Bye 👩‍🚀❤️.", "Great!  Bye ."),
    ],
)
def test_stage_directions_and_emoji_are_not_said(reply: str, said: str) -> None:
    assert text_of(reply) == said


def test_a_joiner_inside_a_word_stays() -> None:
    assert text_of("क्‍ष") == "क्‍ष"


def test_a_pathological_reply_takes_no_time() -> None:
    for reply in ("[" * 4000, "[happy" + " " * 4000, "*smiles" * 1000, "[ " * 2000 + "happy 0.5"):
        began = time.process_time()
        parts(reply)
        parts([reply])
        assert time.process_time() - began < 2.0


def said(deltas: Iterable[str]) -> str:
    reasoning = ReasoningFilter()
    return "".join([*map(reasoning.push, deltas), reasoning.flush()])


@given(REPLIES, st.integers(1, 9))
def test_reasoning_goes_in_any_chunking(reply: str, size: int) -> None:
    assert said(reply[start : start + size] for start in range(0, len(reply), size)) == said([reply])


@pytest.mark.parametrize(
    ("reply", "heard"),
    [
        ("<think>\nHmm [sad]. 1 < 2\n</think>\n\n[happy] Hi.", "[happy] Hi."),
        ("<THINKING>a</THINKING>Hi.", "Hi."),
        ("<think>never closed", ""),
        ("Hi. </think>", "Hi. "),
        ("1 < 2 and <b>", "1 < 2 and <b>"),
        ("Yes <th", "Yes <th"),
    ],
)
def test_reasoning_is_not_said(reply: str, heard: str) -> None:
    assert said(reply) == heard
