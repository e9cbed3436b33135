"""Days of the week in a table's cell: "Mon–Fri" is read as "from Monday to Friday", and means Wednesday too."""

from __future__ import annotations

import re
from dataclasses import dataclass

WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_NUMBER = {name[:3].lower(): number for number, name in enumerate(WEEK)}
_DAY = re.compile(
    r"(?:mon|tues?|weds?|thu(?:rs?)?|fri|sat|sun)\.?|(?:mon|tues|wednes|thurs|fri|satur|sun)days?", re.IGNORECASE
)
_SPANS = {
    "daily": range(7), "every day": range(7), "all days": range(7), "everyday": range(7),
    "weekdays": range(5), "weekday": range(5), "working days": range(5), "work days": range(5),
    "weekends": range(5, 7), "weekend": range(5, 7), "the weekend": range(5, 7),
}  # fmt: skip
_SPECIAL = re.compile(
    r"(?:(?:public|bank|national|legal|school) )?holidays?|christmas(?: day| eve)?|new year's (?:day|eve)"
    r"|easter(?: \w+day)?|good friday|boxing day",
    re.IGNORECASE,
)
_TO = re.compile(r"\s*(?:[-–—]+|\bto\b|\bthrough\b|\bthru\b|\buntil\b|\btill\b)\s*", re.IGNORECASE)
_AND = re.compile(r"\s*(?:[,&+/]|\band\b|\bor\b)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Days:
    """Some days.

    Attributes:
        week: which days of the week, 0 is Monday; in order, without repetition.
        special: feasts and holidays, as written.
    """

    week: tuple[int, ...]
    special: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What one may ask for, each by itself."""
        return (*(WEEK[day] for day in self.week), *self.special)

    @property
    def title(self) -> str:
        """As a name: "Monday to Friday", "Sunday and public holidays"."""
        return str(self).removeprefix("on ").removeprefix("from ")

    def goes_before(self, other: Days) -> bool:
        """Whether the other begins on the day after this one ends."""
        return not (self.special or other.special) and self.week[-1] + 1 == other.week[0]

    def __add__(self, other: Days) -> Days:
        return Days((*self.week, *other.week), (*self.special, *other.special))

    def __str__(self) -> str:
        """As said in a sentence: "from Monday to Friday", "on Sunday and public holidays"."""
        if len(self.week) == 7 and not self.special:
            return "every day"
        parts = [WEEK[day] for day in self.week]
        if len(parts) > 2 and self.week[-1] - self.week[0] == len(parts) - 1:
            parts = [f"from {parts[0]} to {parts[-1]}"]
            if not self.special:
                return parts[0]
        parts += self.special
        joined = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
        return joined if joined.startswith("from ") else f"on {joined}"


def read_days(text: str) -> Days | None:
    """The days that a cell names, if it names nothing else."""
    if len(text) > 80:
        return None
    week: dict[int, None] = {}
    special: list[str] = []
    for part in _AND.split(text.strip().rstrip(":")):
        ends = [_one_day(one) for one in _TO.split(part)]
        if part.lower() in _SPANS:
            week.update(dict.fromkeys(_SPANS[part.lower()]))
        elif _SPECIAL.fullmatch(part):
            special.append(part[:1].lower() + part[1:] if "holiday" in part.lower() else part)
        elif len(ends) == 1 and ends[0] is not None:
            week[ends[0]] = None
        elif len(ends) == 2 and ends[0] is not None and ends[1] is not None:
            first, last = ends[0], ends[1]
            week.update(dict.fromkeys(day % 7 for day in range(first, last + 1 if last >= first else last + 8)))
        else:
            return None
    return Days(tuple(sorted(week)), tuple(special)) if week or special else None


def _one_day(text: str) -> int | None:
    text = text.strip()
    return _NUMBER[text[:3].lower()] if _DAY.fullmatch(text) else None
