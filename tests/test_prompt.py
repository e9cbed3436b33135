"""What a language model is told."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from agent.knowledge.file import Entry, Knowledge
from agent.llm.base import Message
from agent.llm.prompt import DEFAULT_PERSONA, EXCERPT_CHARACTERS, Prompt
from avatar.motion import Emotion

SMALL = Knowledge(
    (
        Entry("Opening hours", (), ("We are open from nine to six.", "On Sundays we are closed."), ("Shop",)),
        Entry("Parking", ("Do I have to pay for parking?",), ("No.",)),
    )
)
TOWNS = ("Avignon", "Bergen", "Cordoba", "Dresden", "Edinburgh", "Florence", "Granada", "Helsinki", "Innsbruck")
LARGE = Knowledge(
    tuple(Entry(f"The train to {town}", (), (f"It leaves from platform {n}. " + "Have a ticket. " * 80,))
          for n, town in enumerate(TOWNS))
)  # fmt: skip
MESSAGES = st.lists(
    st.builds(Message, st.sampled_from(["user", "assistant"]), st.text(min_size=1), st.booleans()), max_size=6
)


def system(prompt: Prompt) -> str:
    return prompt.messages([], "Hello.")[0]["content"]


def test_the_system_prompt_says_who_and_how() -> None:
    said = system(Prompt(name="Ada", persona="You sell hats."))
    assert said.startswith("Your name is Ada. You sell hats.")
    assert DEFAULT_PERSONA not in said
    assert DEFAULT_PERSONA in system(Prompt(name="Ada"))
    for needed in ("spoken aloud", "short sentences", "No Markdown", "language", "don't know", "[happy 0.6]"):
        assert needed in said
    assert all(f"[{emotion}]" in said for emotion in Emotion)


def test_a_small_file_goes_in_whole_with_its_questions() -> None:
    said = system(Prompt(name="Ada", knowledge=SMALL))
    assert "Shop: Opening hours\nWe are open from nine to six.\nOn Sundays we are closed." in said
    assert "Do I have to pay for parking?\nNo." in said


def test_of_a_large_file_the_nearest_entries_go_to_the_question() -> None:
    prompt = Prompt(name="Ada", knowledge=LARGE)
    first, last = prompt.messages([], "Where does the train to Granada leave?")
    assert "platform" not in first["content"]
    notes, _, asked = last["content"].partition("Now I say to you: ")
    assert asked == "Where does the train to Granada leave?"
    assert "platform 6" in notes
    assert notes.index("Granada") < len(notes) / 4, "the nearest entry comes first"
    assert len(notes) < EXCERPT_CHARACTERS + 200


def test_what_was_asked_before_helps_to_find() -> None:
    prompt = Prompt(name="Ada", knowledge=LARGE)
    history = [Message("user", "Is there a train to Bergen?"), Message("assistant", "Yes.")]
    assert "platform 1" in prompt.messages(history, "Where does it leave?")[-1]["content"]


def test_a_question_about_nothing_known_comes_alone() -> None:
    assert Prompt(name="Ada", knowledge=LARGE).messages([], "Hello!")[-1]["content"] == "Hello!"


def test_the_budget_decides_between_whole_and_parts() -> None:
    question = "When are you open?"
    chat = Prompt(name="Ada", knowledge=SMALL, knowledge_characters=60).messages([], question)
    assert "nine to six" not in chat[0]["content"]
    assert "Shop: Opening hours\nWe are open from nine to six." in chat[1]["content"]
    assert len(chat[1]["content"]) < 60 + 200


def test_an_interrupted_reply_is_followed_by_a_note() -> None:
    history = [
        Message("user", "Tell me a story."),
        Message("assistant", "Once upon a", interrupted=True),
        Message("user", "Stop."),
        Message("assistant", "All right."),
    ]
    _, first, cut, stop, done, last = Prompt(name="Ada").messages(history, "Thanks.")
    assert first["content"] == "Tell me a story."
    assert cut == {"role": "assistant", "content": "Once upon a"}
    assert stop["content"] == "(I cut you off there, and heard only the words above.) Stop."
    assert (done["content"], last["content"]) == ("All right.", "Thanks.")


def test_a_reply_cut_before_a_word_was_heard_leaves_one_message() -> None:
    chat = Prompt(name="Ada").messages([Message("user", "Tell me a story.")], "No, a joke.")
    assert [message["content"] for message in chat[1:]] == ["Tell me a story. No, a joke."]


@given(MESSAGES, st.text(min_size=1))
def test_roles_always_alternate(history: list[Message], text: str) -> None:
    roles = [message["role"] for message in Prompt(name="Ada").messages(history, text)]
    assert roles[:2] == ["system", "user"]
    assert roles[-1] == "user"
    assert all(one != other for one, other in itertools.pairwise(roles))


@given(MESSAGES)
def test_what_stands_before_the_question_does_not_depend_on_it(history: list[Message]) -> None:
    prompt = Prompt(name="Ada", knowledge=SMALL)
    assert prompt.messages(history, "One?")[:-1] == prompt.messages(history, "Two?")[:-1]
