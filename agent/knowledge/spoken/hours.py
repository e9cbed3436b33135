"""Opening hours in a table's cells: whether we are open, from when to when, and what people ask about it."""

from __future__ import annotations

import re

from agent.knowledge.spoken.cells import CLOSED, RANGE, TIME, Cells
from agent.knowledge.spoken.days import Days

_ONE_TIME = re.compile(TIME, re.IGNORECASE)
_OPEN = re.compile(r"(?:open|24 ?/ ?7|24 hours|all day|around the clock)\b", re.IGNORECASE)
HOURS_WORD = re.compile(r"\b(?:open|opens|opening|hours?|times?|when)\b", re.IGNORECASE)
_OPENS_WORD = re.compile(r"(?:we )?(?:open|opens|opening|from|start|starts)(?: (?:at|time))?", re.IGNORECASE)
_CLOSES_WORD = re.compile(r"(?:we )?(?:close|closes|closing|to|until|till|end|ends)(?: (?:at|time))?", re.IGNORECASE)


def say_hours(cells: Cells, *, about_hours: bool) -> tuple[str, Cells]:
    """Says the hours of a row about days.

    Args:
        cells: the row's, without its label.
        about_hours: the heading above the table says that it is about hours.

    Returns:
        As in "we are open from 9:00 to 18:00", or "we are closed", and the cells that are not in it; "" if the cells
        say something else.
    """
    if not cells:
        return "", cells
    values = [value for _, value in cells]
    may_be_hours = about_hours or _of_hours(cells[0][0])
    if all(CLOSED.fullmatch(value) for value in values) and may_be_hours:
        return "we are closed", ()
    if len(values) >= 2 and _OPENS_WORD.fullmatch(cells[0][0]) and _CLOSES_WORD.fullmatch(cells[1][0]):
        if _ONE_TIME.fullmatch(values[0]) and _ONE_TIME.fullmatch(values[1]):
            return f"we are open from {_time(values[0])} to {_time(values[1])}", cells[2:]
        return "", cells
    if not may_be_hours:
        return "", cells
    if len(values) > 1 and any(RANGE.match(value) or CLOSED.match(value) for value in values[1:]):
        return "", cells  # a place a column
    if CLOSED.match(values[0]):
        return f"we are {values[0][:1].lower()}{values[0][1:]}", cells[1:]
    if RANGE.match(values[0]):
        return f"we are open {_say_ranges(values[0])}", cells[1:]
    if _OPEN.match(values[0]):
        return f"we are open {re.sub('^open *', '', values[0], flags=re.IGNORECASE)}".rstrip(), cells[1:]
    return "", cells


def _of_hours(heading: str) -> bool:
    return not heading or HOURS_WORD.search(heading) is not None


def _say_ranges(text: str) -> str:
    said = RANGE.sub(lambda match: f"from {_time(match[1])} to {_time(match[2])}", text)
    return re.sub(r"\s*[,;/&+]\s*(?=from )", " and ", said)


def _time(text: str) -> str:
    return re.sub(r"^(\d{1,2})\.(\d{2})", r"\1:\2", text.strip())


def say_times(value: str, *, about_hours: bool) -> str:
    """A value with its ranges of times in words: "9:00-18:00" is "from 9:00 to 18:00".

    Elsewhere than among hours, "3-4" may be anything, so times have minutes or a half of the day.
    """
    match = RANGE.match(value)
    sure = match and (about_hours or re.search(r":\d\d|[ap]\.?m", match[0], re.IGNORECASE))
    return _say_ranges(value) if sure else value


def hours_questions(days: Days) -> tuple[str, ...]:
    """What people ask about the hours of some days."""
    forms = (
        "when are you open on {}",
        "are you open on {}",
        "what are the opening hours on {}",
        "when do you close on {}",
    )
    return tuple(form.format(day) for day in days.names for form in forms)
