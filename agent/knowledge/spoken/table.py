"""Tables as a person reads them out: a sentence a row, and the questions that it answers.

Three kinds are known by their cells and headings: opening hours, price lists, and everything else, of which each cell
is said with its heading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.knowledge.spoken.cells import NUMBER
from agent.knowledge.spoken.days import Days, read_days
from agent.knowledge.spoken.hours import HOURS_WORD, hours_questions, say_hours, say_times
from agent.knowledge.spoken.lists import end
from agent.knowledge.spoken.prices import is_price, price_questions, say_price
from agent.knowledge.spoken.rows import TableRow, table_rows
from speech.text.spoken_numbers import ordinal_words

_MOST_QUESTIONS = 8
_SENTENCE_WORDS = 5
"""A row with a cell of this many words is read cell by cell, each a sentence."""

_NUMBERED = re.compile(r"([^\W\d]+) (\d{1,2})")
_DESCRIBES = re.compile(
    r"descriptions?|notes?|comments?|details?|info(?:rmation)?|remarks?|what|about|answer|explanation|meaning|role"
    r"|position|function|where|location|place|value|solution",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class SpokenRow:
    """A row, ready to be spoken.

    Attributes:
        label: what it is about: its first cell, as it is said.
        sentence: all of it.
        questions: what it answers; lower case but for names.
        group: the heading inside the table that it stands below; "" for none.
        names: what else it goes by: each of its days.
    """

    label: str
    sentence: str
    questions: tuple[str, ...]
    group: str = ""
    names: tuple[str, ...] = ()


def read_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, topic: str
) -> tuple[list[SpokenRow], list[str]]:
    """Makes sentences of a table.

    Args:
        header: the headings, may be empty; cells may hold row breaks.
        rows: the cells; rows may be shorter or longer than the header.
        topic: the heading above the table.

    Returns:
        The rows that say something, and the sentences for reading the table out, fewer where days have the same hours.
    """
    taken_apart = table_rows(header, rows)
    about_hours = HOURS_WORD.search(topic) is not None
    spoken = []
    for row in taken_apart:
        days = read_days(row.label)
        sentence, questions = _read_row(row, topic, about_hours=about_hours)
        label, names = (days.title, days.names) if days else (row.label, ())
        spoken.append(SpokenRow(label, sentence, questions, row.group, names))
    return spoken, _read_out(taken_apart, spoken, about_hours=about_hours)


def _read_row(row: TableRow, topic: str, *, about_hours: bool) -> tuple[str, tuple[str, ...]]:
    days = read_days(row.label)
    if days is not None:
        hours = _hours(row, about_hours=about_hours)
        if hours:
            return _on_days(days, hours), hours_questions(days)
        if row.cells:
            return end(f"{_capital(str(days))}: {_cells(row, about_hours=about_hours)}"), _day_questions(
                row, topic, days
            )
    if len({value for _, value in row.cells}) == 1 and (price := say_price(row.label, row.cells)):
        return end(price), price_questions(row.label)
    if not row.cells:
        return end(row.label), (row.label,)
    questions = _topic_questions(row, topic, [row.label])
    if any(is_price(heading, value) for heading, value in row.cells):
        questions = price_questions(row.label) + questions
    return end(f"{row.label.rstrip(' .:')}: {_cells(row, about_hours=about_hours)}"), questions


def _hours(row: TableRow, *, about_hours: bool) -> str:
    """The hours of a row about days, with what else is in it; "" if it has none."""
    said, others = say_hours(row.cells, about_hours=about_hours)
    return said + "".join(f", {_with_heading(*cell)}" for cell in others) if said else ""


def _cells(row: TableRow, *, about_hours: bool) -> str:
    if len(row.cells) == 1:
        heading, value = row.cells[0]
        says_little = NUMBER.fullmatch(value) or value.lower() in ("yes", "no")
        return _with_heading(heading, value) if says_little else say_times(value, about_hours=about_hours)
    said = [_with_heading(heading, value, about_hours=about_hours) for heading, value in row.cells]
    if any(len(value.split()) >= _SENTENCE_WORDS for _, value in row.cells):
        return " ".join(map(end, said))
    return ", ".join(said)


def _with_heading(heading: str, value: str, *, about_hours: bool = False) -> str:
    value = say_times(value, about_hours=about_hours)
    if not heading or _DESCRIBES.fullmatch(heading) or heading.lower() in value.lower():
        return value
    return f"{heading} {value}"


def _day_questions(row: TableRow, topic: str, days: Days) -> tuple[str, ...]:
    headings = [heading for heading, _ in row.cells if heading]
    return tuple(f"{asked} on {day}" for day in days.names for asked in dict.fromkeys((topic, *headings[:3])) if asked)


def _topic_questions(row: TableRow, topic: str, names: Sequence[str]) -> tuple[str, ...]:
    asked = [f"{topic} {name}" for name in names] if topic else list(names)
    priced = {heading for heading, value in row.cells if is_price(heading, value)}
    for heading in dict.fromkeys(heading for heading, _ in row.cells if heading and not _DESCRIBES.fullmatch(heading)):
        asked += [f"{heading} {name}" if heading in priced else f"{heading} of {name}" for name in names[:1]]
    if numbered := _NUMBERED.fullmatch(row.label):
        asked.insert(0, f"{ordinal_words(int(numbered[2]))} {numbered[1]}")  # "second floor"
    return tuple(asked[:_MOST_QUESTIONS])


def _read_out(rows: list[TableRow], spoken: list[SpokenRow], *, about_hours: bool) -> list[str]:
    """The rows' sentences: days in a row with the same hours in one, a group's rows after its name."""
    said: list[str] = []
    run: tuple[Days, str] | None = None
    group = ""
    for row, one in zip(rows, spoken, strict=True):
        days = read_days(row.label)
        hours = _hours(row, about_hours=about_hours) if days else ""
        if days and hours and run and run[1] == hours and run[0].goes_before(days) and row.group == group:
            run = (run[0] + days, hours)
            said[-1] = _on_days(*run)
            continue
        run = (days, hours) if days and hours else None
        said.append(f"{row.group.rstrip(' .:')}: {one.sentence}" if row.group and row.group != group else one.sentence)
        group = row.group
    return said


def _on_days(days: Days, hours: str) -> str:
    return end(f"{_capital(str(days))} {hours}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
