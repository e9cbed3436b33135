"""What a very small model is told, and what of its words is said."""

from __future__ import annotations

import pytest

from agent.llm.base import Message
from agent.llm.short_prompt import ShortPrompt, asks_to_invent
from agent.llm.short_reply import ShortReply


def spoken(text: str, *, most: int = 3, was_cut: bool = False, step: int = 1) -> str:
    reply, said = ShortReply(most), ""
    for start in range(0, len(text), step):
        said += reply.push(text[start : start + step])
        if reply.is_over:
            return said
    return said + reply.flush(was_cut=was_cut)


@pytest.mark.parametrize("step", [1, 3, 1000])
@pytest.mark.parametrize(
    ("written", "was_cut", "said"),
    [
        ("I like tea. Do you?", False, "I like tea. Do you?"),
        ("One. Two! Three? Four.", False, "One. Two! Three? "),
        ("It costs 3.5 euros. And the", True, "It costs 3.5 euros. "),
        ("It costs 3.5 euros. And more", False, "It costs 3.5 euros. And more"),
        ("and it goes on without an end", True, "and it goes on without an end"),
        ("You're just you. You're just you. You're just you.", False, "You're just you. "),
        ("Here is why:\n1. Trees\n2. Birds", False, "Here is why:\n"),
        ("- Trees are tall.\n- Birds sing.", False, "Trees are tall.\n"),
        ('**Moon** (smiles) "Oh!" she said.', False, 'Moon "Oh!" she said.'),
        ("", False, ""),
        ("***", True, ""),
    ],
)
def test_only_whole_sentences_are_said_and_not_many(written: str, was_cut: bool, said: str, step: int) -> None:
    assert spoken(written, was_cut=was_cut, step=step) == said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tell me a story.", True),
        ("can you make up a rhyme about the moon", True),
        ("please sing a lullaby", True),
        ("Another poem!", True),
        ("What is the history of this house?", False),
        ("On which storey is the library?", False),
        ("Who wrote this?", False),
    ],
)
def test_a_wish_for_a_story_is_known_from_a_question(text: str, expected: bool) -> None:
    assert asks_to_invent(text) is expected


def test_the_prompt_is_short_and_in_turns() -> None:
    prompt = ShortPrompt(name="Ada", persona="You love trains.")
    said = [
        Message("assistant", "Welcome!"),
        *(
            Message(role, f"{role} {n}", n == 8 and role == "assistant")
            for n in range(9)
            for role in ("user", "assistant")
        ),
    ]
    messages = prompt.messages(said, "Hm?")
    assert messages[0]["content"].startswith("Your name is Ada. You love trains.")
    assert [message["role"] for message in messages[1:]] == ["user", "assistant"] * ((len(messages) - 2) // 2) + [
        "user"
    ]
    text = " ".join(message["content"] for message in messages)
    assert "user 6" in text and "user 5" not in text and "cut you off" not in text
    assert len(text) < 1200
    assert prompt.messages(said, "Tell me a story.")[-2:] != messages[-2:]
    assert "user 8" not in str(prompt.messages(said, "Tell me a story."))
