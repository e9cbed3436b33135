"""What begins with a figure, as it is read aloud: numbers, dates, times, money, measures, codes.

Every rule is a pattern and a function from the match to words; the first that says something wins. Each is tried only
where a number begins, and no pattern reads a character more than a few times, so that any text takes linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from speech.text.spoken_dates import (
    CLOCK,
    DASH,
    DAYS,
    HALF,
    MONTH,
    Match,
    Read,
    Rule,
    decade,
    is_year,
    iso_date,
    named_date,
    numeric_date,
    short_years,
    time_of_day,
    times_of_day,
)
from speech.text.spoken_letters import read_code, read_resolution
from speech.text.spoken_numbers import (
    CURRENCIES,
    FRACTIONS,
    MONTHS,
    SCALES,
    UNITS,
    digit_words,
    fraction_words,
    money_words,
    number_words,
    ordinal_words,
    phone_words,
    plural,
    quantity_words,
    year_words,
)


def any_of(words: Iterable[str]) -> str:
    """A regular expression that matches any of the words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


N = r"(?:\d{1,3}(?:,\d{3})++(?!\d)|\d{1,2}(?:,\d{2}(?=,))++,\d{3}(?!\d)|\d++)(?:\.\d++)?"
"""A number."""
SCALE = rf"(?: ?(?P<scale>{any_of(SCALES)})\b)?"
PER = rf"(?:/(?P<per>{any_of(UNITS)}|mo|[a-z]{{3,12}})\b)?"

_PER_TIME = frozenset("day week month year hour person".split())


def per_words(match: Match) -> str:
    """What follows a slash behind an amount: " per kilogram"; empty without."""
    unit = match["per"]
    if not unit:
        return ""
    if unit == "mo":
        return " per month"
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


def _range(match: Match) -> str | None:
    first, last = match["a"], match["b"]
    if " - " in match.group() and _is_difference(match):
        return f"{number_words(first)} minus {number_words(last)}"
    if is_year(first) and is_year(last):
        return f"{year_words(int(first))} to {year_words(int(last))}"
    if is_year(first) and len(last) == 2 and last.isdecimal():
        if "1" <= last[1] and last[0] == "0" and int(last) <= int(first[2:]):
            return f"{MONTHS[int(last) - 1]} {year_words(int(first))}"
        return short_years(first, last)
    if any(len(part) > 1 and part[0] == "0" and part.isdecimal() for part in (first, last)):
        return f"{digit_words(first)}, {digit_words(last)}" if (first + last).isdecimal() else None
    return f"{number_words(first)} {'' if first == last else 'to '}{number_words(last)}"


def _is_difference(match: Match) -> bool:
    before, after = match.string[max(match.start() - 2, 0) : match.start()], match.string[match.end() : match.end() + 2]
    is_falling = float(match["a"].replace(",", "")) > float(match["b"].replace(",", ""))
    return is_falling or before.rstrip()[-1:] in tuple("^=+*/(") or after.lstrip()[:1] == "="


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


def _fraction(match: Match) -> str:
    words = fraction_words(int(match["a"]), int(match["b"]))
    return f"{words} {UNITS[match['u']]}" if match["u"] else words


def _counted_fraction(match: Match) -> str | None:
    whole, above, below = match["n"], int(match["a"]), int(match["b"])
    if above >= below or not 2 <= below <= 16:
        return None
    return f"{number_words(whole)} and {re.sub('^one ', 'a ', fraction_words(above, below))}{_unit_after(match)}"


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


_UNIT_AFTER = rf"(?: ?(?P<u>{any_of(UNITS)})(?!\w))?"

_PATTERNS: tuple[tuple[str, Read], ...] = (
    (r"\d{1,7}(?=[,;!?)](?: |\Z)|\.?\Z)", _integer),  # nothing follows that could belong to it
    (r"24/7/365\b", lambda m: "twenty-four seven, three sixty-five"),
    (r"24/7\b", lambda m: "twenty-four seven"),
    (r"9/11\b(?!/)", lambda m: "nine eleven"),
    (
        r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)(?:T(?P<h>\d\d):(?P<min>\d\d)(?::\d\d(?:\.\d+)?)?(?P<z>Z)?)?(?![\w-])",
        iso_date,
    ),
    (r"(?P<y>\d{4})/(?P<m>\d\d)/(?P<d>\d\d)(?![\w/])", numeric_date),
    (r"(?P<d>\d{1,2})\. ?(?P<m>\d{1,2})\. ?(?P<y>\d{4})(?![\w-])", numeric_date),
    (r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4}|\d\d)(?![\w/])", numeric_date),
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
    (r"\d{3} 0\d{3}(?![\w-])", lambda m: phone_words(m.group())),
    (r"0\d{2,4} \d{5,8}(?![\w-])", lambda m: phone_words(m.group())),
    (r"\d{3}-\d\d-\d{4}(?![\w-])|\d{1,5}(?:-\d{1,7}){3,}(?:-[\dX])?(?![\w-])", lambda m: read_code(m.group())),
    (rf"{DAYS} (?:of )?{MONTH}(?:,? (?P<y>\d{{4}})\b)?", named_date),
    (rf"{CLOCK.format(1)}{DASH}{CLOCK.format(2)}(?!\w|[:-]\d)", times_of_day),
    (rf"{CLOCK.format(1)}(?: ?h\b)?(?!\w|:\d)", time_of_day),
    (rf"(?P<h1>\d{{1,2}})\.(?P<m1>[0-5]\d)(?P<s1>) ?(?P<half1>{HALF})(?!\w)", time_of_day),
    (r"(?P<d>\d{1,3}) ?° ?(?P<m>\d{1,2}) ?[′'](?: ?(?P<s>\d{1,2}(?:\.\d+)?) ?(?:″|''))?", _angle),
    (r"(?P<n>\d{1,9}),(?P<part>\d\d) ?(?P<c>€|EUR\b)", lambda m: money_words(f"{m['n']}.{m['part']}", "€", None)),
    (rf"(?P<n>{N}){SCALE} ?(?P<c>{any_of(CURRENCIES)})(?!\w){PER}",
     lambda m: money_words(m["n"], m["c"], m["scale"]) + per_words(m)),
    (r"(?P<y>\d{3}0|\d0)'?s\b", decade),
    (r"(?P<f>\d{1,2}) ?(?:'|′|ft\b\.?) ?(?P<i>\d{1,2})(?: ?(?P<in>″|in\b(?:\.(?= [a-z]))?))?(?!\w)", _feet_and_inches),
    (rf"(?P<n>{N})(?: ?(?P<u1>{any_of(UNITS)})(?={DASH}\d))?(?:{DASH}(?P<to>{N}))? ?(?P<u>{any_of(UNITS)})(?!\w){PER}"
     r"(?:\.(?= [a-z]))?", _measure),
    (rf"(?P<n>{N})(?:(?: ?%)?{DASH}(?P<to>{N}))? ?%{PER}", _percent),
    (rf"(?P<n>\d+) ?(?P<f>[{''.join(FRACTIONS)}]){_UNIT_AFTER}", _mixed_fraction),
    (rf"(?P<n>\d{{1,3}}) (?P<a>\d{{1,2}})/(?P<b>\d{{1,2}})(?![\w/]){_UNIT_AFTER}", _counted_fraction),
    (rf"(?P<n>{N})/(?P<per>{any_of(UNITS)}|{any_of(_PER_TIME)})\b", lambda m: number_words(m["n"]) + per_words(m)),
    (r"(?P<a>\d{1,3}):(?P<b>\d{1,3})(?![\w:])", lambda m: f"{number_words(m['a'])} to {number_words(m['b'])}"),
    (r"(?P<a>(?:19|20)\d\d)/(?P<b>\d\d)(?![\w/])", lambda m: short_years(m["a"], m["b"])),
    (r"(?P<a>\d{1,3}\.\d{1,2})/(?P<b>\d{1,3})(?![\w/])",
     lambda m: f"{number_words(m['a'])} out of {number_words(m['b'])}"),
    (rf"(?P<a>\d{{1,3}})/(?P<b>\d{{1,3}})(?![\w/]){_UNIT_AFTER}(?:\.(?= [a-z]))?", _fraction),
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
    (rf"(?P<n>{N})x\b{PER}", lambda m: f"{number_words(m['n'])} times{per_words(m)}"),
    (r"(?P<n>\d{3,4})(?P<p>[pi])\b", lambda m: f"{read_resolution(m['n'])} {m['p'].upper()}"),
    (r"(?=[\da-fA-F]*[a-fA-F])[\da-fA-F]{7,64}\b(?!-)", lambda m: read_code(m.group())),
    (rf"(?P<a>{N}){DASH}(?P<b>{N})(?!\w|-\d)", _range),
    (r"(?P<n>\d++)-(?=[A-Za-z])", lambda m: f"{number_words(m['n'])}-"),
    (r"\d{1,3}(?:,\d{3})++(?:\.\d++)?(?!\d)|\d{1,2}(?:,\d{2}(?=,))++,\d{3}(?:\.\d++)?(?!\d)|\d++(?:\.\d++)?", _integer),
)  # fmt: skip

FIGURE_RULES: tuple[Rule, ...] = tuple((re.compile(pattern), read) for pattern, read in _PATTERNS)
"""Rules for where a figure begins a number; the last one reads any."""
