"""Its own name, as it may be heard."""

from __future__ import annotations

import pytest

from agent.knowledge.file import Knowledge, read_entries
from agent.knowledge.smalltalk import SmallTalk
from agent.llm.knowledge_file import KnowledgeLLM
from agent.text.avatar_name import strip_avatar_name

CAFE = """# Opening hours

| Day | Hours |
|-----|-------|
| Monday | closed |
| Sunday | 9:00–17:00 |

# Toilets

Behind the counter, there is a mirror as well.
"""


@pytest.fixture(scope="module")
def mira() -> KnowledgeLLM:
    return KnowledgeLLM(Knowledge(read_entries(CAFE.replace(", there is a mirror as well", ""))), name="Mira")


def replies_of(intent: str, name: str) -> list[str]:
    return [reply.format(name=name) for one in SmallTalk().intents if one.name == intent for reply in one.replies]


@pytest.mark.parametrize(
    "heard", ["hey mirror", "Hey, Myra!", "hello meera", "hi mira", "mira", "Mira?", "good morning mirror", "okay Mira"]
)
def test_a_greeting_with_its_name_is_a_greeting(mira: KnowledgeLLM, heard: str) -> None:
    assert mira.reply((), heard) in replies_of("greeting", "Mira")


@pytest.mark.parametrize(
    ("heard", "intent"),
    [
        ("thank you mirror", "thanks"),
        ("goodbye mira", "goodbye"),
        ("are you mira", "name"),
        ("is your name myra", "name"),
    ],
)
def test_its_name_belongs_to_other_small_talk_too(mira: KnowledgeLLM, heard: str, intent: str) -> None:
    assert mira.reply((), heard) in replies_of(intent, "Mira")


@pytest.mark.parametrize(
    "heard",
    [
        "Mira, when are you open on Sunday?",
        "hey mirror when are you open on sunday",
        "Hey Mira. When are you open on Sunday?",
        "Murray, are you open on Sunday",
        "when are you open on sunday mirror",
        "Are you open on Sunday, Mira?",
        "hello mere when are you open on sunday please",
    ],
)
def test_its_name_does_not_spoil_a_question(mira: KnowledgeLLM, heard: str) -> None:
    assert mira.reply((), heard) == "On Sunday we are open from 9:00 to 17:00."


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("more about the garden", "more about the garden"),
        ("where is the mirror", "where is the mirror"),
        ("do you have a mirror", "do you have a mirror"),
        ("what does Mira mean", "what does Mira mean"),
        ("are you Mira", "are you Mira"),
        ("Mira", "Mira"),
        ("Mira, hello", "hello"),
        ("mirror where is it", "mirror where is it"),
        ("", ""),
        ("?!", "?!"),
    ],
)
def test_other_words_are_left_alone(text: str, rest: str) -> None:
    knowledge = Knowledge(read_entries(CAFE))
    assert strip_avatar_name(text, "Mira", is_known=knowledge.knows) == rest


def test_a_configured_name_may_be_anything() -> None:
    def known(word: str) -> bool:
        return False

    assert (
        strip_avatar_name("hey doctor ada lovelace, what now", "Doctor Ada Lovelace", is_known=known) == "hey what now"
    )
    assert strip_avatar_name("jones what now", "Jonas", is_known=known) == "what now"
    assert strip_avatar_name("R2-D2, what now", "R2-D2", is_known=known) == "what now"
    assert strip_avatar_name("what now", "", is_known=known) == "what now"
    assert strip_avatar_name("what now", "éé", is_known=known) == "what now"


def test_its_name_is_expected_by_the_ears() -> None:
    phrases = Knowledge(read_entries(CAFE)).phrases("Ada")
    assert {"ada", "hey ada", "hello ada", "thank you ada", "goodbye ada", "are you ada"} <= set(phrases)
    assert not any("{" in phrase or "mira" in phrase.split() for phrase in phrases)
    assert not any("name}" in phrase for phrase in SmallTalk().phrases())
