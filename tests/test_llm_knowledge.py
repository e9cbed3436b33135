from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.conversation.history import History
from agent.knowledge.file import Knowledge, load_knowledge, read_entries
from agent.knowledge.smalltalk import SmallTalk, say_date, say_time
from agent.llm.base import LLM, Message
from agent.llm.knowledge_file import KnowledgeLLM
from agent.text.sentences import SentenceSplitter

SHIPPED = Path(__file__).parent.parent / "agent" / "data" / "knowledge.md"
NOW = datetime(2026, 11, 22, 21, 10)

MUSEUM = """
# The lift
The lift is behind the stairs. It holds eight people. It is slow.

It was built in 1910.

# The garden
The garden is open in summer. It costs two euros.

# What is your name?
I am the museum's guide.
"""


@pytest.fixture(scope="module")
def shipped() -> KnowledgeLLM:
    return KnowledgeLLM(load_knowledge(SHIPPED), now=lambda: NOW)


@pytest.fixture(scope="module")
def museum() -> KnowledgeLLM:
    return KnowledgeLLM(Knowledge(read_entries(MUSEUM)), now=lambda: NOW)


def talk(mind: KnowledgeLLM, *questions: str) -> list[str]:
    """Asks one after the other, everything heard to its end; returns the replies."""
    history, replies = History(), []
    for question in questions:
        replies.append(mind.reply(history.messages(), question))
        history.add_user(question)
        history.add_assistant(replies[-1], False)
    return replies


def replies_of(intent: str) -> tuple[str, ...]:
    return next(one.replies for one in SmallTalk().intents if one.name == intent)


@pytest.mark.parametrize(
    ("heard", "intent"),
    [
        ("hello", "greeting"),
        ("good morning mira", "greeting"),
        ("how are you", "how_are_you"),
        ("hello how are you doing", "how_are_you"),
        ("thank you very match", "thanks"),
        ("thank you mira", "thanks"),
        ("good buy", "goodbye"),
        ("who maid you", "maker"),
        ("can you here me", "hear_me"),
        ("tell me a choke", "joke"),
        ("please tell me a joke", "joke"),
        ("you are so stupid", "insult"),
        ("you're grate", "compliment"),
        ("what's the whether like", "weather"),
        ("what is the meaning of live", "meaning"),
        ("are you a real person", "what_are_you"),
    ],
)
def test_small_talk(shipped: KnowledgeLLM, heard: str, intent: str) -> None:
    assert shipped.reply((), heard) in [reply.format(name="Mira") for reply in replies_of(intent)]


def test_name_time_and_date(shipped: KnowledgeLLM) -> None:
    assert "Mira" in shipped.reply((), "what is your name")
    assert "ten past nine in the evening" in shipped.reply((), "what time is it")
    assert "Sunday, the twenty-second of November, twenty twenty-six" in shipped.reply((), "what day is it today")


@pytest.mark.parametrize(
    ("hour", "minute", "spoken"),
    [
        (0, 0, "midnight"),
        (12, 0, "noon"),
        (0, 5, "five past midnight"),
        (9, 0, "nine o'clock in the morning"),
        (12, 30, "half past noon"),
        (23, 30, "half past eleven in the evening"),
        (17, 45, "a quarter to six in the evening"),
        (11, 59, "one minute to noon"),
        (23, 59, "one minute to midnight"),
        (15, 17, "seventeen minutes past three in the afternoon"),
        (21, 15, "a quarter past nine in the evening"),
    ],
)
def test_the_clock_is_read_as_people_do(hour: int, minute: int, spoken: str) -> None:
    assert say_time(NOW.replace(hour=hour, minute=minute)) == spoken


def test_the_date_is_read_as_people_do() -> None:
    assert say_date(datetime(2025, 3, 1)) == "Saturday, the first of March, twenty twenty-five"


def test_jokes_do_not_repeat_before_all_are_told(shipped: KnowledgeLLM) -> None:
    count = len(replies_of("joke"))
    assert set(talk(shipped, *["tell me a joke"] * count)) == set(replies_of("joke"))


def test_the_wording_depends_on_the_seed_alone() -> None:
    knowledge = load_knowledge(SHIPPED)
    first, same, *others = (talk(KnowledgeLLM(knowledge, seed=seed), "hello", "hello") for seed in (1, 1, 2, 3, 4))
    assert first == same
    assert any(other != first for other in others)


def test_greeting_before_a_question_is_left_aside(museum: KnowledgeLLM) -> None:
    assert museum.reply((), "hello Mira, could you tell me where the lift is please").startswith("The lift is behind")


def test_what_is_not_known_is_said_with_what_is_known(museum: KnowledgeLLM) -> None:
    replies = talk(museum, "who won the world cup", "how tall is mount everest")
    assert all("know" in reply or "no answer" in reply for reply in replies)
    assert all("The lift?" in reply and "What is your name?" in reply for reply in replies)
    assert replies[0] != replies[1]


def test_topics_are_named_and_change(shipped: KnowledgeLLM) -> None:
    replies = talk(shipped, "who won the world cup", "how tall is mount everest")
    assert "what Visavis is, the name Visavis or how it works" in replies[0]
    assert "how the face moves, using your own photo or what makes a good portrait" in replies[1]


def test_nothing_heard_is_asked_for_again(museum: KnowledgeLLM) -> None:
    for text in ("", " ", "...", "um", "uh hm"):
        assert "didn't catch" in museum.reply((), text)


def test_more_goes_through_the_paragraphs_then_elsewhere(museum: KnowledgeLLM) -> None:
    replies = talk(museum, "where is the lift", "tell me more", "what else", "go on")
    assert replies[0] == "The lift is behind the stairs. It holds eight people. It is slow."
    assert replies[1] == "It was built in 1910."
    assert replies[2].startswith("That's all I know about the lift.")
    assert all(reply for reply in replies)


def test_more_before_anything_was_said(museum: KnowledgeLLM) -> None:
    assert museum.reply((), "tell me more").startswith("More about what?")


def test_an_interrupted_answer_goes_on_where_it_was_cut(museum: KnowledgeLLM) -> None:
    history = (
        Message("user", "where is the lift"),
        Message("assistant", "The lift is behind the stairs. It holds", interrupted=True),
    )
    assert museum.reply(history, "go on") == "It holds eight people. It is slow."
    assert (
        museum.reply(history, "please repeat that")
        == "The lift is behind the stairs. It holds eight people. It is slow."
    )


def test_repeat_says_the_last_reply_again(museum: KnowledgeLLM) -> None:
    joke, again = talk(museum, "tell me a joke", "can you say that again")
    assert joke == again
    assert "haven't said" in museum.reply((), "repeat that")


def test_it_means_the_last_topic(museum: KnowledgeLLM) -> None:
    replies = talk(museum, "tell me about the garden", "how much does it cost")
    assert replies[1].startswith("The garden is open in summer.")


def test_the_file_goes_before_small_talk(museum: KnowledgeLLM) -> None:
    assert museum.reply((), "what is your name") == "I am the museum's guide."


def test_a_doubtful_question_is_asked_back_and_yes_answers_it(museum: KnowledgeLLM) -> None:
    offer, answer = talk(museum, "the listed building", "yes please")
    assert offer == "I'm not sure that I heard you right. Did you mean: The lift?"
    assert answer.startswith("The lift is behind the stairs.")


def test_what_is_asked_back_belongs_to_its_own_conversation(museum: KnowledgeLLM) -> None:
    async def scene() -> list[str]:
        histories, replies = (History(), History()), list[str]()
        with museum.conversation() as one, museum.conversation() as other:
            for number, question in ((0, "the listed building"), (1, "what is your name"), (1, "yes"), (0, "yes")):
                asked = (one, other)[number].stream(histories[number].messages(), question)
                replies.append("".join([delta async for delta in asked]))
                histories[number].add_user(question)
                histories[number].add_assistant(replies[-1], False)
        return replies

    offer, name, yes, answer = asyncio.run(scene())
    assert offer.endswith("Did you mean: The lift?") and name == "I am the museum's guide."
    assert "lift is behind" not in yes and answer.startswith("The lift is behind the stairs.")


async def collect(mind: LLM, text: str) -> list[str]:
    async with mind as loaded:
        with loaded.conversation() as talk:
            return [delta async for delta in talk.stream((), text)]


def test_the_reply_is_streamed_word_by_word(museum: KnowledgeLLM) -> None:
    deltas = asyncio.run(collect(museum, "where is the lift"))
    assert "".join(deltas) == museum.reply((), "where is the lift")
    assert len(deltas) > 5
    splitter = SentenceSplitter()
    sentences = [one.text for delta in deltas for one in splitter.push(delta)] + [one.text for one in splitter.flush()]
    assert sentences == ["The lift is behind the stairs.", "It holds eight people.", "It is slow."]


def test_a_stream_can_be_closed_and_cancelled(museum: KnowledgeLLM) -> None:
    async def close_early() -> str:
        async with contextlib.aclosing(museum.stream((), "where is the lift")) as stream:
            return await anext(stream)

    async def cancel() -> None:
        task = asyncio.create_task(collect(museum, "where is the lift"))
        await asyncio.sleep(0)
        task.cancel()
        await task

    assert asyncio.run(close_early()) == "The "
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=60), st.booleans()), max_size=3), st.text())
def test_any_text_is_answered(museum: KnowledgeLLM, said: list[tuple[str, bool]], text: str) -> None:
    history = History()
    for words, interrupted in said:
        history.add_user(words)
        history.add_assistant(words, interrupted)
    assert museum.reply(history.messages(), text).strip()
