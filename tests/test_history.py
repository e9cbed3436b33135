from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.conversation.history import History
from agent.llm.base import Message


def test_what_was_said_and_heard_is_kept_in_order() -> None:
    history = History()
    history.add_user(" hello ")
    history.add_assistant("Hi there, what", True)
    history.add_user("wait")
    history.add_assistant("Of course.", False)
    assert history.messages() == (
        Message("user", "hello"),
        Message("assistant", "Hi there, what", interrupted=True),
        Message("user", "wait"),
        Message("assistant", "Of course."),
    )


def test_nothing_heard_is_nothing_said() -> None:
    history = History()
    history.add_user("tell me")
    history.add_assistant("", True)
    history.add_user("a joke")
    assert history.messages() == (Message("user", "tell me a joke"),)


def test_the_oldest_exchanges_are_forgotten_first() -> None:
    history = History(max_messages=4)
    for number in range(5):
        history.add_user(f"question {number}")
        history.add_assistant(f"answer {number}", False)
    assert [message.text for message in history.messages()] == ["question 3", "answer 3", "question 4", "answer 4"]


def test_a_snapshot_does_not_change() -> None:
    history = History()
    history.add_user("one")
    before = history.messages()
    history.add_assistant("two", False)
    assert before == (Message("user", "one"),)


def test_clear_forgets_everything() -> None:
    history = History()
    history.add_user("one")
    history.clear()
    assert history.messages() == ()


@pytest.mark.parametrize(("messages", "characters"), [(1, 100), (4, 0)])
def test_useless_bounds_are_refused(messages: int, characters: int) -> None:
    with pytest.raises(ValueError, match="max_messages"):
        History(max_messages=messages, max_characters=characters)


@given(st.lists(st.tuples(st.booleans(), st.text(max_size=30), st.booleans())), st.integers(2, 6), st.integers(1, 60))
def test_history_is_bounded_and_alternates(
    said: list[tuple[bool, str, bool]], max_messages: int, max_characters: int
) -> None:
    history = History(max_messages=max_messages, max_characters=max_characters)
    for by_user, text, interrupted in said:
        if by_user:
            history.add_user(text)
        else:
            history.add_assistant(text, interrupted)
    messages = history.messages()
    assert len(messages) <= max_messages
    assert len(messages) <= 1 or sum(len(message.text) for message in messages) <= max_characters
    assert all(one.role != other.role for one, other in pairwise(messages))
    if messages and said[-1][1].strip():
        assert messages[-1].text.endswith(said[-1][1].strip())
