"""A recogniser that writes as people do, and one that spells out what it hears, ask for the same things."""

from __future__ import annotations

import pytest

from agent.knowledge.file import Knowledge, read_entries
from agent.llm.knowledge_file import KnowledgeLLM
from agent.text.words import tokens

CLINIC = """# Prices

| Treatment | Price |
|-----------|-------|
| X-ray | $45 |
| Blood test | $12.50 |

# Rooms

| Room | Who |
|------|-----|
| Room 12 | Dr. Smith |
| Room 21 | Mrs. Lopez |

# Opening hours

| Day | Hours |
|-----|-------|
| Monday | 9:00 am – 5:30 pm |
| Sunday | closed |

# Where is the waiting room?

On the 2nd floor.

# How many patients do you have?

About 1,000 people a year, 5% of them children.
"""


@pytest.mark.parametrize(
    ("written", "spelled_out"),
    [
        ("At 9:00 a.m.", "at nine a m"),
        ("It's 10:30.", "it's ten thirty"),
        ("Open from 9am to 5pm", "open from nine am to five pm"),
        ("Is Dr. Smith or Mrs. Lopez in room 12?", "is doctor smith or missus lopez in room twelve"),
        ("A 20-ounce latte for $3.50.", "a twenty ounce latte for three fifty"),
        ("The 22nd of May", "the twenty second of may"),
        ("1,000 people", "one thousand people"),
        ("Only 5% of them", "only five percent of them"),
        ("In the U.S.", "in the US"),
    ],
)
def test_written_and_spelled_out_words_are_the_same(written: str, spelled_out: str) -> None:
    assert tokens(written) == tokens(spelled_out.replace("a m", "am"))


@pytest.mark.parametrize(
    ("heard", "answer"),
    [
        ("How much is the X-ray?", "$45"),
        ("How much is an x ray", "$45"),
        ("Who's in room 12?", "Dr. Smith"),
        ("who is in room twelve", "Dr. Smith"),
        ("Where is Doctor Smith?", "12"),
        ("Where is Dr. Smith?", "12"),
        ("Are you open on Monday?", "9:00"),
        ("Where's the waiting room?", "2nd floor"),
        ("How many patients do you have?", "1,000"),
    ],
)
def test_whispers_writing_finds_its_answer(heard: str, answer: str) -> None:
    mind = KnowledgeLLM(Knowledge(read_entries(CLINIC)))
    assert answer in mind.reply((), heard)
