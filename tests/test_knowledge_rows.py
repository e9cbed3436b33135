"""Tables as sentences."""

from __future__ import annotations

import pytest

from agent.knowledge.reader import read_markdown
from agent.knowledge.spoken.days import read_days


def table(text: str, topic: str) -> tuple[list[str], str]:
    """The rows' sentences, and the whole table read out."""
    lines = [line.strip() for line in text.strip().splitlines()]
    rule = "|" + "-|" * (lines[0].count("|") - 1)
    (entry,) = read_markdown(f"# {topic}\n\n" + "\n".join([lines[0], rule, *lines[1:]]))[0]
    return [row.paragraphs[0] for row in entry.rows], " ".join(entry.paragraphs)


@pytest.mark.parametrize(
    ("topic", "text", "rows"),
    [
        (
            "Opening hours",
            "|Day|Open|Close|\n|Monday|9:00|18:00|\n|Sunday|closed|closed|",
            ["On Monday we are open from 9:00 to 18:00.", "On Sunday we are closed."],
        ),
        (
            "Visit us",
            "|Day|Hours|\n|Mon–Fri|9am–5pm|\n|Sat & Sun|9.30 - 12.00, 14:00 to 18:00|\n|Public holidays|Closed|",
            [
                "From Monday to Friday we are open from 9am to 5pm.",
                "On Saturday and Sunday we are open from 9:30 to 12:00 and from 14:00 to 18:00.",
                "On public holidays we are closed.",
            ],
        ),
        (
            "Hours",
            "|Monday|9-18|\n|Tuesday|closed|",
            ["On Monday we are open from 9 to 18.", "On Tuesday we are closed."],
        ),
        ("Hours", "|||\n|Daily|24 hours|", ["Every day we are open 24 hours."]),
        (
            "Opening hours",
            "|Day|Museum|Café|\n|Monday|closed|9-18|",
            ["On Monday: Museum closed, Café from 9 to 18."],
        ),
        (
            "Opening hours",
            "||Monday|Tuesday|\n|Museum|closed|9-18|\n|Café|9-18|9-18|",
            ["On Monday: Museum closed, Café from 9 to 18.", "On Tuesday: Museum from 9 to 18, Café from 9 to 18."],
        ),
        ("Tours", "|Day|Tours|\n|Saturday|11:00, 14:00|", ["On Saturday: 11:00, 14:00."]),
        (
            "Prices",
            "|Item|Price (€)|\n|Espresso|2.50|\n|Cakes|4|\n|Glass of water|free|",
            ["Espresso costs €2.50.", "Cakes cost €4.", "Glass of water is free."],
        ),
        (
            "Admission",
            "|Who|Price|\n|Adults|€12|\n|Children under 6|free|\n|Family ticket|€30|",
            ["For adults it is €12.", "For children under 6 it is free.", "Family ticket costs €30."],
        ),
        (
            "Coffee",
            "|Drink|Small|Large|\n|Latte|€3.00|€4.00|\n|Tea|$2|–|\n|Water|free|free|",
            ["Latte: Small €3.00, Large €4.00.", "Tea costs $2.", "Water is free."],
        ),
        (
            "Staff",
            "|Name|Role|Phone|E-mail|\n|Anna Berg|Director|030 1234|<anna@example.com>|\n|Bob||n/a|bob@example.com|",
            ["Anna Berg: Director, Phone 030 1234, E-mail anna@example.com.", "Bob: bob@example.com."],
        ),
        (
            "Errors",
            "|Code|Meaning|Solution|\n|E01|No paper|Open tray 2 and add paper.|",
            ["E01: No paper. Open tray 2 and add paper."],
        ),
        ("Parking", "|Time|Price|\n|First hour|€2.–|\n|Day|1,50 €|", ["First hour costs €2.", "Day costs 1,50 €."]),
        ("Dough", "|What|Amount (g)|\n|Flour|250|", ["Flour: 250 g."]),
        ("Plans", "|Plan|Support|Backups|\n|Gold|✓|✗|", ["Gold: Support yes, Backups no."]),
        ("Rooms", "|Room|Seats|\n|12|40|", ["Room 12: Seats 40."]),
        ("Winners", "|#|Name|Town|\n|1|Ann|Ulm|\n|2|Bob|Bonn|", ["Ann: Ulm.", "Bob: Bonn."]),
        ("Pipes", "|Key|Use|\n|a \\| b|*either* `x` &amp; y|", ["a, b: either x & y."]),
        ("Menu", "|Dish|Price|\n|**Soups**||\n|Leek|€5|", ["Leek costs €5."]),
        ("Hours", "|Day|Hours|\n|Monday|9-12|\n||14-18|", ["On Monday we are open from 9 to 12 and from 14 to 18."]),
        ("Hours", "|Day|Hours|\n|Monday|9-12<br>14-18|", ["On Monday we are open from 9 to 12 and from 14 to 18."]),
        ("Colours", "|Colour|\n|red|\n|blue|", ["red.", "blue."]),
    ],
)
def test_a_row_is_a_sentence_that_a_person_would_say(topic: str, text: str, rows: list[str]) -> None:
    assert table(text, topic)[0] == rows


def test_days_with_the_same_hours_are_read_out_together() -> None:
    days = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
    hours = ["closed", "9-18", "9-18", "9-18", "9-22", "10-22", "10-22"]
    text = "\n".join(["|Day|Hours|", *(f"|{day}|{open_}|" for day, open_ in zip(days, hours, strict=True))])
    rows, whole = table(text, "Opening hours")
    assert len(rows) == 7
    assert whole == (
        "On Monday we are closed. From Tuesday to Thursday we are open from 9 to 18. "
        "On Friday we are open from 9 to 22. On Saturday and Sunday we are open from 10 to 22."
    )


def test_a_heading_inside_a_table_is_said_once() -> None:
    _, whole = table("|Dish|Price|\n|Soups||\n|Leek|€5|\n|Pea|€4|\n|Cakes||\n|Plum|€3|", "Menu")
    assert whole == "Soups: Leek costs €5. Pea costs €4. Cakes: Plum costs €3."


def test_a_short_introduction_is_said_with_its_table() -> None:
    text = "# Cakes\n\nBaked every morning.\n\n| Cake | Price |\n|-|-|\n| Plum | €3 |\n"
    assert read_markdown(text)[0][0].paragraphs == ("Baked every morning. Plum costs €3.",)


@pytest.mark.parametrize(
    ("written", "spoken", "names"),
    [
        ("Mon-Wed", "from Monday to Wednesday", ("Monday", "Tuesday", "Wednesday")),
        ("Tues. & Thurs.", "on Tuesday and Thursday", ("Tuesday", "Thursday")),
        ("Fri to Mon", "on Monday, Friday, Saturday and Sunday", ("Monday", "Friday", "Saturday", "Sunday")),
        ("Sundays", "on Sunday", ("Sunday",)),
        ("weekends, holidays", "on Saturday, Sunday and holidays", ("Saturday", "Sunday", "holidays")),
        ("Daily", "every day", ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")),
    ],
)  # fmt: skip
def test_days_are_understood(written: str, spoken: str, names: tuple[str, ...]) -> None:
    days = read_days(written)
    assert days is not None
    assert (str(days), days.names) == (spoken, names)


@pytest.mark.parametrize(
    "text", ["", "Money", "Mon Cheri", "Satay", "March", "Friday the 13th menu", "Sun cream", "May"]
)
def test_other_words_are_no_days(text: str) -> None:
    assert read_days(text) is None
