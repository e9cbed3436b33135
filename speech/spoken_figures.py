"""What begins with a figure, as it is read aloud: numbers, dates, times, money, measures, codes.

Every rule is a pattern and a function from the match to words; the first that says something wins. Each is tried only
where a number begins, and no pattern reads a character more than a few times, so that any text takes linear time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from speech.abbreviations import ends_sentence
from speech.spoken_letters import read_code, read_resolution
from speech.spoken_numbers import (
    CURRENCIES,
    FRACTIONS,
    MONTHS,
    SCALES,
    UNITS,
    date_words,
    digit_words,
    fraction_words,
    money_words,
    number_words,
    ordinal_words,
    phone_words,
    plural,
    quantity_words,
    time_words,
    year_words,
)

Match = re.Match[str]
Read = Callable[[Match], str | None]
Rule = tuple[re.Pattern[str], Read]
"""What to look for, and how it is read; None leaves the match to later rules."""


def one_of(words: Iterable[str]) -> str:
    """A pattern for any of the words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


N = r"(?:\d{1,3}(?:,\d{3})++(?!\d)|\d{1,2}(?:,\d{2}(?=,))++,\d{3}(?!\d)|\d++)(?:\.\d++)?"
"""A number."""
MONTH = "(?P<month>" + "|".join(f"{name}\\b|{name[:3]}\\b\\.?" for name in MONTHS) + r"|Sept\b\.?)"
"""A month's name, whole or short."""
DAYS = r"(?P<d>\d{1,2})(?:st|nd|rd|th)?(?: ?[–—-] ?(?P<d2>\d{1,2})(?:st|nd|rd|th)?)?(?![\d:.]\d|\w)"
"""A day of a month, or the first and the last of several."""
DASH = r" ?[–—-] ?"
SCALE = rf"(?: ?(?P<scale>{one_of(SCALES)})\b)?"
PER = rf"(?:/(?P<per>{one_of(UNITS)}|[a-z]{{3,12}})\b)?"

_HALF = r"(?:[aApP](?:\.[mM]\.|[mM]\b))"
_CLOCK = rf"(?P<h{{0}}>\d{{{{1,2}}}})(?::(?P<m{{0}}>\d\d)(?::(?P<s{{0}}>\d\d))?)?(?: ?(?P<half{{0}}>{_HALF}))?"
_PER_TIME = frozenset("day week month year hour person".split())


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


def per_words(match: Match) -> str:
    """What follows a slash behind an amount: " per kilogram"; empty without."""
    unit = match["per"]
    if not unit:
        return ""
    if unit in _PER_TIME or unit not in UNITS:
        return f" per {unit}"
    return f" per {UNITS[unit]}"


def money_range(match: Match) -> str | None:
    """Reads an amount of money, or two with a dash between them."""
    first, last, currency, scale = match["n"], match["n2"], match["c"], match["scale"]
    if not last:
        return money_words(first, currency, scale) + per_words(match)
    first_scale = match["scale1"]
    if first_scale or ("." in first + last and not scale):
        return f"{money_words(first, currency, first_scale)} to {money_words(last, currency, scale)}{per_words(match)}"
    return f"{number_words(first)} to {money_words(last, currency, scale)}{per_words(match)}"


def _iso_date(match: Match) -> str | None:
    date = date_words(int(match["y"]), int(match["m"]), int(match["d"]))
    if date is None or match["h"] is None:
        return date
    time = time_words(int(match["h"]), int(match["min"]), None, None)
    return time and f"{date}, {time}" + (" U.T.C" if match["z"] else "")


def _numeric_date(match: Match) -> str | None:
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


def _time(match: Match) -> str | None:
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


def _times(match: Match) -> str | None:
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


def _range(match: Match) -> str | None:
    first, last = match["a"], match["b"]
    if " - " in match.group() and _is_difference(match):
        return f"{number_words(first)} minus {number_words(last)}"
    if is_year(first) and is_year(last):
        return f"{year_words(int(first))} to {year_words(int(last))}"
    if is_year(first) and len(last) == 2 and last.isdecimal():
        if "1" <= last[1] and last[0] == "0" and int(last) <= int(first[2:]):
            return f"{MONTHS[int(last) - 1]} {year_words(int(first))}"
        return _short_years(first, last)
    if any(len(part) > 1 and part[0] == "0" and part.isdecimal() for part in (first, last)):
        return f"{digit_words(first)}, {digit_words(last)}" if (first + last).isdecimal() else None
    return f"{number_words(first)} {'' if first == last else 'to '}{number_words(last)}"


def _is_difference(match: Match) -> bool:
    before, after = match.string[max(match.start() - 2, 0) : match.start()], match.string[match.end() : match.end() + 2]
    is_falling = float(match["a"].replace(",", "")) > float(match["b"].replace(",", ""))
    return is_falling or before.rstrip()[-1:] in tuple("^=+*/(") or after.lstrip()[:1] == "="


def _short_years(first: str, last: str) -> str:
    """The second year with two figures: "2020/21", "1999-00"."""
    is_same_century = int(last) > int(first[2:])
    second = number_words(last) if is_same_century else year_words((int(first) // 100 + 1) * 100 + int(last))
    return f"{year_words(int(first))} to {second}"


def _short_phone(match: Match) -> str | None:
    first, last = match.group().split("-")
    if first.endswith("0") and last.endswith("0") and int(first) < int(last):
        return None  # "500-1000 people"
    return phone_words(match.group())


def _measure(match: Match) -> str | None:
    unit = UNITS[match["u"]]
    if match["u1"] and match["u1"] != match["u"]:
        return None
    if match["to"]:
        return f"{number_words(match['n'])} to {quantity_words(match['to'], unit)}{per_words(match)}"
    return quantity_words(match["n"], unit) + per_words(match)


def _percent(match: Match) -> str:
    span = f" to {number_words(match['to'])}" if match["to"] else ""
    return f"{number_words(match['n'])}{span} percent{per_words(match)}"


def _angle(match: Match) -> str:
    words = f"{quantity_words(match['d'], 'degree')} {quantity_words(match['m'], 'minute')}"
    return words + (f" {quantity_words(match['s'], 'second')}" if match["s"] else "")


def _feet_and_inches(match: Match) -> str:
    return f"{quantity_words(match['f'], 'foot')} {number_words(match['i'])}" + (
        f" {'inch' if match['i'] == '1' else 'inches'}" if match["in"] else ""
    )


def _mixed_fraction(match: Match) -> str:
    part = FRACTIONS[match["f"]]
    return f"{number_words(match['n'])} and {re.sub('^one', 'a', part)}{_unit_after(match)}"


def _unit_after(match: Match) -> str:
    return f" {plural(UNITS[match['u']])}" if match["u"] else ""


def _counted_fraction(match: Match) -> str | None:
    whole, above, below = match["n"], int(match["a"]), int(match["b"])
    if above >= below or not 2 <= below <= 16:
        return None
    return f"{number_words(whole)} and {re.sub('^one ', 'a ', fraction_words(above, below))}{_unit_after(match)}"


def _decade(match: Match) -> str:
    words = year_words(int(match["y"])) if len(match["y"]) == 4 else number_words(match["y"])
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"


def _scaled(match: Match) -> str | None:
    if match["scale"] in "Kk" and (match["scale"] == "K" or not match["n"]):
        return f"{number_words(match['n'])} K"
    if match.group() == "3M":
        return "three M"
    span = f" to {number_words(match['to'])}" if match["to"] else ""
    return f"{number_words(match['n'])}{span} {SCALES[match['scale']]}"


def _power_of_ten(match: Match) -> str:
    times = f"{number_words(match['n'])} times ten to the "
    power = int(match["e"])
    return times + ("minus " if power < 0 else "power of " if power > 0 else "") + number_words(str(abs(power)))


LONGEST_NUMBER = 7
"""Digits that are still read as one number when no commas group them."""

_DIALLING = re.compile(
    r"\b(?:call|dial|phone|text|ring|extension|code|PIN|ZIP|room|flight|bus|line)(?:ed|ing|s)? \Z", re.I
)
_NOUN = re.compile(r"\s+(?!(?:was|is|has|as|this|its|does|across|always|perhaps|versus|thus|plus|us|times|comes|goes|"
                   r"sees|saw|brings|marks|ends|begins|starts)\b)(?:[a-z]+s|people|men|women|children)\b")  # fmt: skip


def _integer(match: Match) -> str:
    """Reads a plain number: a year where it is likely one, figure by figure where it is a code."""
    digits, string = match.group(), match.string
    after = string[match.end() : match.end() + 32]
    dialled = digits.isdecimal() and _DIALLING.search(string[max(match.start() - 12, 0) : match.start()])
    if (digits in ("911", "999", "112") and dialled) or (digits == "911" and not _NOUN.match(after)):
        return digit_words(digits)
    if is_year(digits) and not _NOUN.match(after):
        return year_words(int(digits))  # "in 1999", but "1500 people" counts
    # A leading zero, or more digits than anybody reads as one number: a code, read digit by digit.
    if digits.isdecimal() and (
        len(digits) > LONGEST_NUMBER or (len(digits) > 1 and digits[0] == "0") or (dialled and len(digits) > 2)
    ):
        return digit_words(digits)
    return number_words(digits)


def _grouped(match: Match) -> str | None:
    digits = match.group().replace(" ", "")
    return number_words(digits) if len(digits) <= 12 else read_code(match.group())


def _version(match: Match) -> str:
    return " point ".join(number_words(part) for part in match.group().split("."))


def _ip_address(match: Match) -> str:
    parts = re.findall(r"\d+|[.:/]", match.group())
    return " ".join({".": "dot", ":": "colon", "/": "slash"}.get(part) or digit_words(part) for part in parts)


def _by(match: Match) -> str:
    is_sum = "=" in match.string[match.end() : match.end() + 2]
    return (" times " if is_sum else " by ").join(number_words(part) for part in re.split(r" ?[x×] ?", match.group()))


_UNIT_AFTER = rf"(?: ?(?P<u>{one_of(UNITS)})(?!\w))?"

_PATTERNS: tuple[tuple[str, Read], ...] = (
    (r"\d{1,7}(?=[,;!?)](?: |\Z)|\.?\Z)", _integer),  # nothing follows that could belong to it
    (r"24/7/365\b", lambda m: "twenty-four seven, three sixty-five"),
    (r"24/7\b", lambda m: "twenty-four seven"),
    (r"9/11\b(?!/)", lambda m: "nine eleven"),
    (
        r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)(?:T(?P<h>\d\d):(?P<min>\d\d)(?::\d\d(?:\.\d+)?)?(?P<z>Z)?)?(?![\w-])",
        _iso_date,
    ),
    (r"(?P<y>\d{4})/(?P<m>\d\d)/(?P<d>\d\d)(?![\w/])", _numeric_date),
    (r"(?P<d>\d{1,2})\. ?(?P<m>\d{1,2})\. ?(?P<y>\d{4})(?![\w-])", _numeric_date),
    (r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4}|\d\d)(?![\w/])", _numeric_date),
    (r"\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5}|/\d{1,2})?(?![.:]?\d)", _ip_address),
    (r"\d{4}(?:([ -])\d{4})(?:\1\d{4}){2}(?:\1\d{1,4})?(?![\w-])|\d{4}([ -])\d{6}\2\d{5}(?![\w-])",
     lambda m: read_code(m.group())),
    (r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b", lambda m: read_code(m.group())),
    (r"(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}\b", lambda m: read_code(m.group())),
    (r"[1-9]\d{0,2}(?: \d{3}){1,3}(?![\d.,]*\d)(?<=000)", _grouped),
    (r"[1-9]\d?(?: \d{3}){2,}(?!\w)", _grouped),
    (r"1-8\d\d-(?=[A-Z]{3})", lambda m: f"one, {number_words(m.group()[2:5])}, "),
    (r"1[-. ]\d{3}[-. ]\d{3}[-. ]\d{4}(?![\w-])", lambda m: phone_words(m.group())),
    (r"\d{3}[ .-]\d{3,4}[ .-]\d{3,4}(?![\w-])", lambda m: phone_words(m.group())),
    (r"\d{3}-\d{4}(?![\w-])", _short_phone),
    (r"0\d{2,4} \d{5,8}(?![\w-])", lambda m: phone_words(m.group())),
    (r"\d{3}-\d\d-\d{4}(?![\w-])|\d{1,5}(?:-\d{1,7}){3,}(?:-[\dX])?(?![\w-])", lambda m: read_code(m.group())),
    (rf"{DAYS} (?:of )?{MONTH}(?:,? (?P<y>\d{{4}})\b)?", named_date),
    (rf"{_CLOCK.format(1)}{DASH}{_CLOCK.format(2)}(?!\w|[:-]\d)", _times),
    (rf"{_CLOCK.format(1)}(?: ?h\b)?(?!\w|:\d)", _time),
    (rf"(?P<h1>\d{{1,2}})\.(?P<m1>[0-5]\d)(?P<s1>) ?(?P<half1>{_HALF})(?!\w)", _time),
    (r"(?P<d>\d{1,3}) ?° ?(?P<m>\d{1,2}) ?[′'](?: ?(?P<s>\d{1,2}(?:\.\d+)?) ?(?:″|''))?", _angle),
    (r"(?P<n>\d{1,9}),(?P<part>\d\d) ?(?P<c>€|EUR\b)", lambda m: money_words(f"{m['n']}.{m['part']}", "€", None)),
    (rf"(?P<n>{N}){SCALE} ?(?P<c>{one_of(CURRENCIES)})(?!\w){PER}",
     lambda m: money_words(m["n"], m["c"], m["scale"]) + per_words(m)),
    (r"(?P<y>\d{3}0|\d0)'?s\b", _decade),
    (r"(?P<f>\d{1,2}) ?(?:'|′|ft\b\.?) ?(?P<i>\d{1,2})(?: ?(?P<in>″|in\b(?:\.(?= [a-z]))?))?(?!\w)", _feet_and_inches),
    (rf"(?P<n>{N})(?: ?(?P<u1>{one_of(UNITS)})(?={DASH}\d))?(?:{DASH}(?P<to>{N}))? ?(?P<u>{one_of(UNITS)})(?!\w){PER}"
     r"(?:\.(?= [a-z]))?", _measure),
    (rf"(?P<n>{N})(?:(?: ?%)?{DASH}(?P<to>{N}))? ?%{PER}", _percent),
    (rf"(?P<n>\d+) ?(?P<f>[{''.join(FRACTIONS)}]){_UNIT_AFTER}", _mixed_fraction),
    (rf"(?P<n>\d{{1,3}}) (?P<a>\d{{1,2}})/(?P<b>\d{{1,2}})(?![\w/]){_UNIT_AFTER}", _counted_fraction),
    (rf"(?P<n>{N})/(?P<per>{one_of(UNITS)}|{one_of(_PER_TIME)})\b", lambda m: number_words(m["n"]) + per_words(m)),
    (r"(?P<a>\d{1,3}):(?P<b>\d{1,3})(?![\w:])", lambda m: f"{number_words(m['a'])} to {number_words(m['b'])}"),
    (r"(?P<a>(?:19|20)\d\d)/(?P<b>\d\d)(?![\w/])", lambda m: _short_years(m["a"], m["b"])),
    (r"(?P<a>\d{1,3}\.\d{1,2})/(?P<b>\d{1,3})(?![\w/])",
     lambda m: f"{number_words(m['a'])} out of {number_words(m['b'])}"),
    (r"(?P<a>\d{1,3})/(?P<b>\d{1,3})(?![\w/])", lambda m: fraction_words(int(m["a"]), int(m["b"]))),
    (rf"(?P<n>\d{{1,4}})(?:st|nd|rd|th)?{DASH}(?P<to>\d{{1,4}})(?:st|nd|rd|th)\b",
     lambda m: f"{ordinal_words(int(m['n']))} to {ordinal_words(int(m['to']))}"),
    (r"(?P<n>\d{1,3}(?:,\d{3})++|\d{1,15})(?:st|nd|rd|th)\b", lambda m: ordinal_words(int(m["n"].replace(",", "")))),
    (r"(?P<n>\d+(?:\.\d+)?)[eE](?P<e>[+-]?\d{1,4})\b", _power_of_ten),
    (r"(?P<n>\d+(?:\.\d+)?) ?[x×*·] ?10\^(?P<e>-?\d{1,4})\b", _power_of_ten),
    (rf"(?P<n>{N})(?:{DASH}(?P<to>{N}))? ?(?P<scale>[kKMBT]|bn|mn|tn)\b", _scaled),
    (r"\d{1,3}(?:\.\d{3}){2,4}(?<=000)(?![\w])|\d{1,3}(?:'\d{3}){1,4}(?!\w)|\d{1,3}(?:_\d{3}){1,4}(?!\w)",
     lambda m: number_words(re.sub(r"\D", "", m.group()))),
    (r"0[xX][\da-fA-F]{1,16}\b", lambda m: f"zero x {read_code(m.group()[2:])}"),
    (r"[vV]?\d+(?:\.\d+){2,}(?![\w])", _version),
    (rf"{N}(?: ?[x×] ?{N}){{1,3}}(?!\w)", _by),
    (rf"(?P<n>{N})x\b", lambda m: f"{number_words(m['n'])} times"),
    (r"(?P<n>\d{3,4})(?P<p>[pi])\b", lambda m: f"{read_resolution(m['n'])} {m['p'].upper()}"),
    (r"(?=[\da-fA-F]*[a-fA-F])[\da-fA-F]{7,64}\b(?!-)", lambda m: read_code(m.group())),
    (rf"(?P<a>{N}){DASH}(?P<b>{N})(?!\w|-\d)", _range),
    (r"(?P<n>\d++)-(?=[A-Za-z])", lambda m: f"{number_words(m['n'])}-"),
    (r"\d{1,3}(?:,\d{3})++(?:\.\d++)?(?!\d)|\d{1,2}(?:,\d{2}(?=,))++,\d{3}(?:\.\d++)?(?!\d)|\d++(?:\.\d++)?", _integer),
)  # fmt: skip

FIGURE_RULES: tuple[Rule, ...] = tuple((re.compile(pattern), read) for pattern, read in _PATTERNS)
"""Rules for where a figure begins a number; the last one reads any."""
