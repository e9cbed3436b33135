"""Tables as a person reads them out: a sentence a row, and the questions that it answers.

Three kinds are known by their cells and headings: opening hours, price lists, and everything else, of which each cell
is said with its heading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.knowledge.spoken_days import Days, read_days
from agent.knowledge.spoken_list import end
from speech.text.spoken_numbers import ordinal_words

_MOST_QUESTIONS = 8
_SENTENCE_WORDS = 5
"""A row with a cell of this many words is read cell by cell, each a sentence."""

_NOTHING = re.compile(r"[-–—./\s]*|n/?a|none|\?", re.IGNORECASE)
_YES = re.compile(r"[✓✔✅☑]\ufe0f?|:white_check_mark:")
_NO = re.compile(r"[✗✘❌☒×✖]\ufe0f?|:x:")
_INDEX_HEADING = re.compile(r"(?:#|no\.?|nr\.?|id|pos\.?|number)?", re.IGNORECASE)

_TIME = r"(?:\d{1,2}(?:[:.]\d{2})?(?:\s*(?:[ap]\.?m\.?|h|o'clock))?|noon|midnight)"
_RANGE = re.compile(rf"(?:from\s+)?({_TIME})\s*(?:-|–|—|to|until|till)\s*({_TIME})(?![\w:.]*\d)", re.IGNORECASE)
_ONE_TIME = re.compile(_TIME, re.IGNORECASE)
_CLOSED = re.compile(r"closed\b", re.IGNORECASE)
_OPEN = re.compile(r"(?:open|24 ?/ ?7|24 hours|all day|around the clock)\b", re.IGNORECASE)
_HOURS_WORD = re.compile(r"\b(?:open|opens|opening|hours?|times?|when)\b", re.IGNORECASE)
_OPENS_WORD = re.compile(r"(?:we )?(?:open|opens|opening|from|start|starts)(?: (?:at|time))?", re.IGNORECASE)
_CLOSES_WORD = re.compile(r"(?:we )?(?:close|closes|closing|to|until|till|end|ends)(?: (?:at|time))?", re.IGNORECASE)

_CURRENCY = {"eur": "€", "euro": "€", "euros": "€", "usd": "$", "dollars": "$", "gbp": "£", "pounds": "£"}
_UNIT_IN_HEADING = re.compile(r"\s*(?:[(\[]([^()\[\]]{1,8})[)\]]|\bin ([€$£¥]|[A-Za-z]{1,7})|([€$£¥]))\s*$")
_NUMBER = re.compile(r"[\d.,]*\d")
_MONEY = re.compile(
    r"(?:[€$£¥]|us\$|eur|usd|gbp|chf)\s?\d[\d.,]*(?:[-–]+)?|\d[\d.,]*\s?(?:[€$£¥]|eur\b|euros?\b|usd\b|dollars?\b|gbp\b"
    r"|pounds?\b|chf\b|francs?\b|cents?\b|kr\b|zł)",
    re.IGNORECASE,
)
_NO_CENTS = re.compile(r"(?<=\d)[.,][-–—]+(?!\w)")
_NUMBERED = re.compile(r"([^\W\d]+) (\d{1,2})")
_FREE = re.compile(r"(?:for )?free(?: of charge| entry| admission)?|no charge|gratis|complimentary", re.IGNORECASE)
_PRICE_HEADING = re.compile(r"\b(?:prices?|costs?|fees?|rates?|charges?|admission|fares?)\b|[€$£¥]", re.IGNORECASE)
_PERSONS = re.compile(
    r"\b(?:adults?|child|children|kids?|students?|seniors?|pensioners?|retirees|famil(?:y|ies)|groups?|members?|infants?"
    r"|babies|teens?|teenagers|youth|concessions?|disabled|visitors?|residents|locals|under \w+|over \w+)\b",
    re.IGNORECASE,
)
_TICKET = re.compile(r"\b(?:tickets?|pass(?:es)?|cards?|tours?|menus?|meals?|drinks?)\b", re.IGNORECASE)
_PLURAL = re.compile(r"(?<![sui])s$", re.IGNORECASE)
_DESCRIBES = re.compile(
    r"descriptions?|notes?|comments?|details?|info(?:rmation)?|remarks?|what|about|answer|explanation|meaning|role"
    r"|position|function|where|location|place|value|solution",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Row:
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


@dataclass(frozen=True, slots=True)
class _Line:
    """A row's cells: what it is about, and (heading, value) of the others that say something."""

    label: str
    cells: tuple[tuple[str, str], ...]
    group: str


def read_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, topic: str) -> tuple[list[Row], list[str]]:
    """Makes sentences of a table.

    Args:
        header: the headings, may be empty; cells may hold line breaks.
        rows: the cells; rows may be shorter or longer than the header.
        topic: the heading above the table.

    Returns:
        The rows that say something, and the sentences for reading the table out, fewer where days have the same hours.
    """
    lines = _lines(*_upright([_cell(one) for one in header], [[_cell(one) for one in row] for row in rows]))
    about_hours = _HOURS_WORD.search(topic) is not None
    said = []
    for line in lines:
        days = read_days(line.label)
        sentence, questions = _read_line(line, topic, about_hours=about_hours)
        label, names = (days.title, days.names) if days else (line.label, ())
        said.append(Row(label, sentence, questions, line.group, names))
    return said, _read_out(lines, said, about_hours=about_hours)


def _cell(text: str) -> str:
    text = ", ".join(part.strip(" ,;") for part in text.split("\n") if part.strip(" ,;"))
    text = _NO_CENTS.sub("", text)
    if _YES.fullmatch(text):
        return "yes"
    if _NO.fullmatch(text):
        return "no"
    return "" if _NOTHING.fullmatch(text) else text


def _upright(header: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Data in the header's place goes to the rows; a table with days for headings is turned."""
    days = [read_days(one) for one in header]
    if len(header) > 2 and all(days[1:]) and len(rows) <= 3:
        names = [row[0] if row and not days[0] else "" for row in rows]
        columns = range(0 if days[0] else 1, len(header))
        return ["", *names], [[header[c], *(row[c] if c < len(row) else "" for row in rows)] for c in columns]
    if any(_MONEY.fullmatch(one) or _CLOSED.fullmatch(one) or (days[0] and _RANGE.match(one)) for one in header[1:]):
        return [], [header, *rows]
    return header, rows


def _lines(header: list[str], rows: list[list[str]]) -> list[_Line]:
    units = [_UNIT_IN_HEADING.search(one) for one in header]
    names = [
        _UNIT_IN_HEADING.sub("", one) if unit and _is_unit(unit) else one
        for one, unit in zip(header, units, strict=True)
    ]
    first = 0
    if (
        header
        and _INDEX_HEADING.fullmatch(header[0])
        and all(row[0].rstrip(".").isdigit() for row in rows if row and row[0])
    ):
        first = 1  # numbered rows are about their second cell
    lines: list[_Line] = []
    group = ""
    for row in rows:
        cells = []
        for place, text in enumerate(row[first + 1 :], first + 1):
            unit = units[place] if place < len(units) else None
            if text:
                cells.append((names[place] if place < len(names) else "", _with_unit(text, unit)))
        label = row[first] if len(row) > first else ""
        if label.isdecimal() and names and names[first] and label not in names[first]:
            label = f"{names[first]} {label}"  # "Room 12"
        if not label and cells and lines:  # goes on from the row above
            above = lines[-1]
            lines[-1] = _Line(above.label, _joined(above.cells, cells), above.group)
        elif not label and cells:
            lines.append(_Line(cells[0][1], tuple(cells[1:]), group))
        elif label and cells:
            lines.append(_Line(label, tuple(cells), group))
        elif label and len(row) > 1:
            group = label
        elif label:
            lines.append(_Line(label, (), group))
    if not any(line.cells for line in lines) and group:  # one column of names: nothing stands below them
        lines = [_Line(row[first], (), "") for row in rows if len(row) > first and row[first]]
    return lines


def _joined(above: tuple[tuple[str, str], ...], below: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    merged = dict(above)
    for heading, value in below:
        merged[heading] = f"{merged[heading]}, {value}" if heading in merged else value
    return tuple(merged.items())


def _is_unit(match: re.Match[str]) -> bool:
    unit = (match[1] or match[2] or match[3] or "").strip()
    return (
        unit.lower() in _CURRENCY
        or unit in "€$£¥%"
        or re.fullmatch(r"k?g|k?m|[cm]?m|m?l|min|h|°C|CHF|kWh?", unit) is not None
    )


def _with_unit(text: str, unit: re.Match[str] | None) -> str:
    if unit is None or not _is_unit(unit) or not _NUMBER.fullmatch(text):
        return text
    name = (unit[1] or unit[2] or unit[3]).strip()
    name = _CURRENCY.get(name.lower(), name)
    return f"{name}{text}" if name in ("€", "$", "£", "¥") else f"{text} {name}"


def _read_line(line: _Line, topic: str, *, about_hours: bool) -> tuple[str, tuple[str, ...]]:
    days = read_days(line.label)
    if days is not None:
        hours = _hours(line, about_hours=about_hours)
        if hours:
            return _on_days(days, hours), _hours_questions(days)
        if line.cells:
            return end(f"{_capital(str(days))}: {_cells(line, about_hours=about_hours)}"), _day_questions(
                line, topic, days
            )
    if len({value for _, value in line.cells}) == 1 and (price := _price(line)):
        return end(price), _price_questions(line.label)
    if not line.cells:
        return end(line.label), (line.label,)
    questions = _topic_questions(line, topic, [line.label])
    if any(_is_price(heading, value) for heading, value in line.cells):
        questions = _price_questions(line.label) + questions
    return end(f"{line.label.rstrip(' .:')}: {_cells(line, about_hours=about_hours)}"), questions


def _hours(line: _Line, *, about_hours: bool) -> str:
    """As in "we are open from 9:00 to 18:00", or "we are closed"; "" if the cells say something else."""
    values = [value for _, value in line.cells]
    if not values:
        return ""
    if all(_CLOSED.fullmatch(value) for value in values) and (about_hours or _of_hours(line.cells[0][0])):
        return "we are closed"
    if len(values) >= 2 and _OPENS_WORD.fullmatch(line.cells[0][0]) and _CLOSES_WORD.fullmatch(line.cells[1][0]):
        if _ONE_TIME.fullmatch(values[0]) and _ONE_TIME.fullmatch(values[1]):
            rest = "".join(f", {_with_heading(*cell)}" for cell in line.cells[2:])
            return f"we are open from {_time(values[0])} to {_time(values[1])}{rest}"
        return ""
    if not (about_hours or _of_hours(line.cells[0][0])):
        return ""
    rest = "".join(f", {_with_heading(*cell)}" for cell in line.cells[1:])
    if len(values) > 1 and any(_RANGE.match(value) or _CLOSED.match(value) for value in values[1:]):
        return ""  # a place a column
    if _CLOSED.match(values[0]):
        return f"we are {values[0][:1].lower()}{values[0][1:]}{rest}"
    if _RANGE.match(values[0]):
        return f"we are open {_say_ranges(values[0])}{rest}"
    if _OPEN.match(values[0]):
        return f"we are open {re.sub('^open *', '', values[0], flags=re.IGNORECASE)}".rstrip() + rest
    return ""


def _of_hours(heading: str) -> bool:
    return not heading or _HOURS_WORD.search(heading) is not None


def _say_ranges(text: str) -> str:
    said = _RANGE.sub(lambda match: f"from {_time(match[1])} to {_time(match[2])}", text)
    return re.sub(r"\s*[,;/&+]\s*(?=from )", " and ", said)


def _time(text: str) -> str:
    return re.sub(r"^(\d{1,2})\.(\d{2})", r"\1:\2", text.strip())


def _price(line: _Line) -> str:
    heading, value = line.cells[0]
    label = line.label.rstrip(" .:")
    is_free = _FREE.fullmatch(value) and (not heading or len(line.cells) > 1 or _PRICE_HEADING.search(heading))
    if not is_free and not _is_price(heading, value):
        return ""
    if _is_person(label):
        return f"For {_small(label)} it is {'free' if is_free else value}"
    if is_free:
        return f"{label} {'are' if _is_plural(label) else 'is'} free"
    return f"{label} {'cost' if _is_plural(label) else 'costs'} {value}"


def _is_price(heading: str, value: str) -> bool:
    return _MONEY.match(value) is not None or (
        _PRICE_HEADING.search(heading) is not None and _NUMBER.fullmatch(value) is not None
    )


def _is_person(label: str) -> bool:
    return _PERSONS.search(label) is not None and _TICKET.search(label) is None


def _is_plural(label: str) -> bool:
    head = re.split(r"\s(?:of|with|in|for|from|per|on|at)\s|[(,]", label)[0].strip()
    return _PLURAL.search(head) is not None or " and " in head


def _cells(line: _Line, *, about_hours: bool) -> str:
    if len(line.cells) == 1:
        heading, value = line.cells[0]
        says_little = _NUMBER.fullmatch(value) or value.lower() in ("yes", "no")
        return _with_heading(heading, value) if says_little else _times_said(value, about_hours=about_hours)
    said = [_with_heading(heading, value, about_hours=about_hours) for heading, value in line.cells]
    if any(len(value.split()) >= _SENTENCE_WORDS for _, value in line.cells):
        return " ".join(map(end, said))
    return ", ".join(said)


def _with_heading(heading: str, value: str, *, about_hours: bool = False) -> str:
    value = _times_said(value, about_hours=about_hours)
    if not heading or _DESCRIBES.fullmatch(heading) or heading.lower() in value.lower():
        return value
    return f"{heading} {value}"


def _times_said(value: str, *, about_hours: bool) -> str:
    """Elsewhere than among hours, "3-4" may be anything, so times have minutes or a half of the day."""
    match = _RANGE.match(value)
    sure = match and (about_hours or re.search(r":\d\d|[ap]\.?m", match[0], re.IGNORECASE))
    return _say_ranges(value) if sure else value


def _hours_questions(days: Days) -> tuple[str, ...]:
    forms = (
        "when are you open on {}",
        "are you open on {}",
        "what are the opening hours on {}",
        "when do you close on {}",
    )
    return tuple(form.format(day) for day in days.names for form in forms)


def _day_questions(line: _Line, topic: str, days: Days) -> tuple[str, ...]:
    headings = [heading for heading, _ in line.cells if heading]
    return tuple(f"{asked} on {day}" for day in days.names for asked in dict.fromkeys((topic, *headings[:3])) if asked)


def _price_questions(label: str) -> tuple[str, ...]:
    name = _small(label)
    if _is_person(label):
        return (f"how much is it for {name}", f"what does it cost for {name}", f"what do {name} pay")
    one = not _is_plural(label)
    return (
        f"how much {'is' if one else 'are'} {name}",
        f"what {'does' if one else 'do'} {name} cost",
        f"what is the price of {name}",
    )


def _topic_questions(line: _Line, topic: str, names: Sequence[str]) -> tuple[str, ...]:
    asked = [f"{topic} {name}" for name in names] if topic else list(names)
    priced = {heading for heading, value in line.cells if _is_price(heading, value)}
    for heading in dict.fromkeys(heading for heading, _ in line.cells if heading and not _DESCRIBES.fullmatch(heading)):
        asked += [f"{heading} {name}" if heading in priced else f"{heading} of {name}" for name in names[:1]]
    if numbered := _NUMBERED.fullmatch(line.label):
        asked.insert(0, f"{ordinal_words(int(numbered[2]))} {numbered[1]}")  # "second floor"
    return tuple(asked[:_MOST_QUESTIONS])


def _read_out(lines: list[_Line], rows: list[Row], *, about_hours: bool) -> list[str]:
    """The rows' sentences: days in a row with the same hours in one, a group's rows after its name."""
    said: list[str] = []
    run: tuple[Days, str] | None = None
    group = ""
    for line, row in zip(lines, rows, strict=True):
        days = read_days(line.label)
        hours = _hours(line, about_hours=about_hours) if days else ""
        if days and hours and run and run[1] == hours and run[0].goes_before(days) and line.group == group:
            run = (run[0] + days, hours)
            said[-1] = _on_days(*run)
            continue
        run = (days, hours) if days and hours else None
        said.append(
            f"{line.group.rstrip(' .:')}: {row.sentence}" if line.group and line.group != group else row.sentence
        )
        group = line.group
    return said


def _on_days(days: Days, hours: str) -> str:
    return end(f"{_capital(str(days))} {hours}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _small(text: str) -> str:
    """In the middle of a sentence: the first letter small, unless the word is an initialism."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
