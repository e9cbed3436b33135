"""What is answered although it was hardly understood."""

from __future__ import annotations

import pytest

from agent.conversation.listening.expected import Expected
from agent.knowledge.file import Knowledge, read_entries

CAFE = "# Where are the toilets?\n\nBehind the counter.\n\n# Opening hours\n\nFrom nine to five.\n"


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        ("Where are the toilets?", True),
        ("hey mira where are the toilet", True),
        ("Thank you, Mira.", True),
        ("What time is it?", True),
        ("I'm going to do it.", False),
        ("The Vyabong for Middle and Falsen and Rogue.", False),
        ("Go on, don't shoot, for the time.", False),
    ],
)
def test_only_what_is_known_is_worth_an_answer(heard: str, expected: bool) -> None:
    assert Expected(Knowledge(read_entries(CAFE)), "Mira")(heard) is expected
