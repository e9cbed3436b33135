"""Questions to tables: typed, misheard, without the day, with today; and what comes after the answer."""

from __future__ import annotations

from datetime import datetime

import pytest

from agent.conversation.history import History
from agent.knowledge.file import Knowledge, read_entries
from agent.llm.knowledge_file import KnowledgeLLM

CAFE = """# Café Linde

A small café in the old town.

## Opening hours

| Day | Open | Close |
|-----|:----:|------:|
| Monday | closed | closed |
| Tuesday | 8:00 | 18:00 |
| Wednesday | 8:00 | 18:00 |
| Friday | 8:00 | 22:00 |
| Saturday | 9:00 | 22:00 |
| Sunday | 9:00 | 17:00 |
| Public holidays | 10:00 | 17:00 |

## Drinks

| Drink | Small | Large |
|---|---|---|
| Espresso | €2.20 | €3.40 |
| Cappuccino | €3.20 | €4.10 |
| Hot chocolate | €3.50 | €4.50 |
| Tap water | free | free |

## Cakes

Our cakes are baked every morning.

| Cake | Price (€) |
|---|---|
| Apple strudel | 4.80 |
| Carrot cake | 4.50 |
| Vegan brownie | 3.90 |

## Allergens

- All cakes contain gluten, except the brownie.
- Nuts are in the carrot cake.

## Facilities

Lift
: Next to the stairs.

Toilets
: In the cellar.

## Printer

| Error | Meaning | Solution |
|---|---|---|
| E01 | No paper | Open tray two and add paper. |
| E17 | Toner is low | Order toner at the desk. |

## Floors

| Floor | What is there |
|---|---|
| Ground floor | Reception |
| 2 | Offices |

## Staff

| Name | Role | Phone |
|---|---|---|
| Anna Berg | Director | 030 555 10 |
| Tom Reed | Baker | 030 555 20 |
"""
SUNDAY = datetime(2026, 11, 22, 21, 10)


@pytest.fixture(scope="module")
def cafe() -> KnowledgeLLM:
    return KnowledgeLLM(Knowledge(read_entries(CAFE)), now=lambda: SUNDAY)


# The second of two is what PocketSphinx made of it without the file's phrases, or a mistake of its kind.
ANSWERED = """
When are you open on Sunday? -> On Sunday we are open from 9:00 to 17:00.
are you open on some day -> On Sunday we are open from 9:00 to 17:00.
Are you open on Monday? -> On Monday we are closed.
what time do you close on fry day -> On Friday we are open from 8:00 to 22:00.
are you open on public holidays -> On public holidays we are open from 10:00 to 17:00.
is it closed today -> Today is Sunday. On Sunday we are open from 9:00 to 17:00.
are you open tomorrow -> Tomorrow is Monday. On Monday we are closed.
How much is an espresso? -> Espresso: Small €2.20, Large €3.40.
how much is an express oh -> Espresso: Small €2.20, Large €3.40.
what does a large cappuccino cost -> Cappuccino: Small €3.20, Large €4.10.
how much is a lot chalk let -> Hot chocolate: Small €3.50, Large €4.50.
is tap water free -> Tap water is free.
how much is the apple noodle -> Apple strudel costs €4.80.
do you have care it cake -> Carrot cake costs €4.50.
what does the vegan brown e cost -> Vegan brownie costs €3.90.
are there nuts in the cake -> All cakes contain gluten, except the brownie. Nuts are in the carrot cake.
where is the lift -> Lift: Next to the stairs.
where are the toy lets -> Toilets: In the cellar.
what does error E17 mean -> E17: Toner is low. Order toner at the desk.
what does error e seventeen mean -> E17: Toner is low. Order toner at the desk.
the printer says no paper -> E01: No paper. Open tray two and add paper.
what is the phone number of tom read -> Tom Reed: Baker, Phone 030 555 20.
what is on the second floor -> Floor 2: Offices.
what is on the ground floor -> Ground floor: Reception.
who is anna burg -> Anna Berg: Director, Phone 030 555 10.
"""


def test_a_row_is_found_by_what_was_said_or_heard(cafe: KnowledgeLLM) -> None:
    table = [line.split(" -> ") for line in ANSWERED.strip().splitlines()]
    wrong = [(asked, got) for asked, answer in table if (got := cafe.reply((), asked)) != answer]
    assert not wrong


@pytest.mark.parametrize("asked", ["when are you open", "what are your opening hours", "tell me the opening hours"])
def test_without_a_day_the_whole_week_is_said(cafe: KnowledgeLLM, asked: str) -> None:
    assert cafe.reply((), asked) == (
        "On Monday we are closed. From Tuesday to Wednesday we are open from 8:00 to 18:00. On Friday we are open from "
        "8:00 to 22:00. On Saturday we are open from 9:00 to 22:00. On Sunday we are open from 9:00 to 17:00. "
        "On public holidays we are open from 10:00 to 17:00."
    ).replace("From Tuesday to Wednesday", "On Tuesday and Wednesday")


def test_the_whole_price_list_is_said(cafe: KnowledgeLLM) -> None:
    assert cafe.reply((), "what cakes do you have").startswith("Our cakes are baked every morning. Apple strudel costs")


@pytest.mark.parametrize(
    "asked",
    [
        "who won the football game on sunday",
        "remind me to call my mother on friday",
        "what is the price of gold",
        "how much is the fish",
        "how much does a car cost",
        "what is the phone number of the hospital",
        "where is the nearest airport",
    ],
)
def test_a_row_whose_name_was_not_said_is_no_answer(cafe: KnowledgeLLM, asked: str) -> None:
    assert "know" in cafe.reply((), asked) or "no answer" in cafe.reply((), asked)


def talk(mind: KnowledgeLLM, *questions: str) -> list[str]:
    history, replies = History(), []
    for question in questions:
        replies.append(mind.reply(history.messages(), question))
        history.add_user(question)
        history.add_assistant(replies[-1], False)
    return replies


def test_after_a_row_comes_its_table_then_something_else(cafe: KnowledgeLLM) -> None:
    row, whole, other = talk(cafe, "how much is the carrot cake", "tell me more", "tell me more")
    assert row == "Carrot cake costs €4.50."
    assert whole.startswith("Our cakes are baked every morning. Apple strudel costs €4.80.")
    assert other.startswith("That's all I know about cakes.")


def test_and_on_another_day(cafe: KnowledgeLLM) -> None:
    assert talk(cafe, "when are you open on sunday", "and on monday?")[1] == "On Monday we are closed."
    assert talk(cafe, "how much is an espresso", "what about the cappuccino")[1].startswith("Cappuccino: Small")


def test_the_words_of_tables_and_lists_are_expected_by_the_ears() -> None:
    phrases = Knowledge(read_entries(CAFE + "\n## Sandwiches\n\n- halloumi\n- pulled pork\n")).phrases()
    for said in ("when are you open on sunday", "how much is hot chocolate", "large cappuccino", "where is lift",
                 "tom reed", "phone of anna berg", "halloumi", "do you have pulled pork"):  # fmt: skip
        assert said in phrases
