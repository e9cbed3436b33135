"""Dates and times of day, as they are read aloud."""

from __future__ import annotations

import re
from collections.abc import Callable

from speech.text.abbreviations import ends_sentence
from speech.text.spoken_numbers import MONTHS, date_words, number_words, ordinal_words, time_words, year_words

Match = re.Match[str]
Read = Callable[[Match], str | None]
Rule = tuple[re.Pattern[str], Read]
"""What to look for, and how it is read; None leaves the match to later rules."""

MONTH = "(?P<month>" + "|".join(f"{name}\\b|{name[:3]}\\b\\.?" for name in MONTHS) + r"|Sept\b\.?)"
"""A month's name, whole or short."""
DAYS = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?(?: ?[–—-] ?(?P<d2>\d{1,2})(?:st|nd|rd|th)?)?(?![\d:.]\d|\w)"
"""A day of a month, or the first and the last of several."""
DASH = r" ?[–—-] ?"
HALF = r"(?:[aApP](?:\.[mM]\.|[mM]\b))"
CLOCK = rf"(?P<h{{0}}>\d{{{{1,2}}}})(?::(?P<m{{0}}>\d\d)(?::(?P<s{{0}}>\d\d))?)?(?: ?(?P<half{{0}}>{HALF}))?"
"""A time of day; its groups have the number that is filled in behind their names."""


def named_date(match: Match) -> str | None:
    """Reads a date with its month's name, one day or a range of them."""
    month = next(i for i, name in enumerate(MONTHS, 1) if name[:3] == match["month"][:3])
    year = match["y"]
    last = match["d2"]
    if last is None:
        return date_words(int(year) if year else None, month, int(match["d"]))
    first = date_words(None, month, int(match["d"]))
    if first is None or not int(match["d"]) < int(last) <= 31:
        return None
    return f"{first} to {ordinal_words(int(last))}" + (f", {year_words(int(year))}" if year else "")


def iso_date(match: Match) -> str | None:
    """Reads "2026-11-29", also with a time behind it."""
    date = date_words(int(match["y"]), int(match["m"]), int(match["d"]))
    if date is None or match["h"] is None:
        return date
    time = time_words(int(match["h"]), int(match["min"]), None, None)
    return time and f"{date}, {time}" + (" U.T.C" if match["z"] else "")


def numeric_date(match: Match) -> str | None:
    """Reads a date of figures: American with slashes, unless it can't be."""
    month, day = int(match["m"]), int(match["d"])
    if "/" in match.group() and month > 12:  # American unless it can't be
        month, day = day, month
    year = int(match["y"])
    if len(match["y"]) == 2:
        year += 2000 if year < 70 else 1900
    return date_words(year, month, day)


def _half(written: str | None) -> str | None:
    return written[0] if written else None


def _clock(match: Match, number: str) -> str | None:
    hour, minute, second, half = (match[f"{name}{number}"] for name in ("h", "m", "s", "half"))
    if half and not 0 <= int(hour) <= 23:
        return None
    return time_words(int(hour), int(minute or 0), int(second) if second else None, _half(half))


def time_of_day(match: Match) -> str | None:
    """Reads a time; None where it has neither minutes nor a half of the day."""
    if not (match["m1"] or match["half1"]):
        return None
    words = _clock(match, "1")
    return words and words + _full_stop(match)


def _full_stop(match: Match) -> str:
    """The last point of "p.m." may be a full stop as well."""
    return (
        "."
        if match.group().endswith(".") and ends_sentence("p.m.", "", match.string[match.end() : match.end() + 80])
        else ""
    )


def times_of_day(match: Match) -> str | None:
    """Reads two times with a dash between them."""
    if not any(match[name] for name in ("m1", "m2", "half1", "half2")):
        return None
    if match["m1"] and not match["half1"] and not match["half2"] and not match["m2"]:
        return None  # "3:15-17" is a passage
    last = _clock(match, "2")
    first = _clock(match, "1") if match["m1"] or match["half1"] else number_words(match["h1"])
    return first and last and f"{first} to {last}" + _full_stop(match)


def is_year(number: str) -> bool:
    """Whether four figures are more likely a year than a count."""
    return len(number) == 4 and number.isdecimal() and 1100 <= int(number) < 2100


def short_years(first: str, last: str) -> str:
    """Reads two years, the second with two figures: "2020/21", "1999-00"."""
    is_same_century = int(last) > int(first[2:])
    second = number_words(last) if is_same_century else year_words((int(first) // 100 + 1) * 100 + int(last))
    return f"{year_words(int(first))} to {second}"


def decade(match: Match) -> str:
    """Reads "1990s"."""
    words = year_words(int(match["y"])) if len(match["y"]) == 4 else number_words(match["y"])
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"
