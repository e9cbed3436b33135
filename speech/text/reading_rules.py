"""How numbers, dates, money, units, abbreviations and signs are read aloud in languages besides English.

What the languages share; each has a table of its own: `speech.text.reading_german`, `speech.text.reading_french`,
`speech.text.reading_spanish`, `speech.text.reading_italian`. English has more rules than fit here:
`speech.text.spoken_english`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from num2words import num2words  # type: ignore[import-untyped]

from speech.text.spoken_english import Reading
from speech.text.spoken_figures import any_of

Match = re.Match[str]
_MOST_DIGITS = 15
_LOOK_BACK = 24
_PHONE_DIGITS = range(6, 16)
_DOMAINS = "com|org|net|edu|info|eu|io|de|at|ch|fr|be|es|mx|ar|it|uk"


@dataclass(frozen=True, eq=False)
class ReadingRules:
    """One language's table.

    Attributes:
        language: its code.
        group: pattern of what may stand between groups of three figures.
        months: their names.
        comma: what is read for a decimal comma.
        minus: for the sign before a number.
        to: for the dash between two numbers.
        articles: "one" before a noun, masculine and feminine.
        feminine: the nouns of the table that are.
        units: sign → noun, or "singular|plural".
        currencies: sign → noun and its hundredth, likewise.
        money_joint: what stands between the whole and the hundredths.
        of: what is read between a million and what is counted, such as "de {}".
        scales: what may stand between a number and its unit → noun.
        abbreviations: as written → as read.
        signs: a sign alone → word.
        in_addresses: likewise in addresses of the web and of mail.
        clock: pattern of what may follow a time and is read with it; with it "14.15" is a time, too.
        hour: pattern of what follows an hour without minutes, or stands before them.
        date: reads (day, month, year or None, text before it).
        between_date: pattern between day, month and year.
        time: reads (hour, minute).
        ordinal: pattern of a number with its mark of rank; `n` is the number.
        rank: reads such a match; None where it is none.
        year: reads a number from 1100 to 1999 that stands alone.
        phone: how many figures of a telephone number are read as one number.
        counted: corrects a number's words before a noun.
    """

    language: str
    group: str
    months: tuple[str, ...]
    comma: str
    minus: str
    to: str
    articles: tuple[str, str]
    feminine: frozenset[str]
    units: Mapping[str, str]
    currencies: Mapping[str, tuple[str, str]]
    money_joint: str
    of: str
    scales: Mapping[str, str]
    abbreviations: Mapping[str, str]
    signs: Mapping[str, str]
    in_addresses: Mapping[str, str]
    clock: str
    hour: str
    date: Callable[[int, int, int | None, str], str]
    between_date: str
    time: Callable[[int, int], str]
    ordinal: str
    rank: Callable[[Match], str | None]
    year: Callable[[int], str] | None = None
    phone: int = 1
    counted: Callable[[str], str] = field(default=str)

    @cached_property
    def rules(self) -> tuple[tuple[re.Pattern[str], Callable[[Match], str | None]], ...]:
        """Pattern → reading; the first that says something wins."""
        number = rf"\d{{1,3}}(?:{self.group}\d{{3}})+(?!\d)(?:,\d+)?|\d+(?:[.,]\d+(?![.,]?\d))?"
        months = any_of({*self.months, *(month.capitalize() for month in self.months)})
        units, money = any_of({*self.units, *self.currencies}), any_of(self.currencies)
        scale = rf"(?: (?P<scale>{any_of(self.scales)})(?!\w))?"
        amount = rf"(?P<n>{number})(?: ?[-–] ?(?P<n2>{number}))?"
        sign = r"(?:(?<![\w.,/:-])(?P<minus>-))?"
        patterns: Iterable[tuple[str, Callable[[Match], str | None]]] = (
            (rf"(?:https?://|www\.)[^\s<>]*[\w/]|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[\w-]+\.(?:{_DOMAINS})\b", self._address),
            (r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)(?![\d-])", self._date),
            (r"(?P<d>\d{1,2})(?P<mark>[./])(?P<m>\d{1,2})(?P=mark)(?P<y>\d{4}|\d\d)?(?!\d)", self._date),
            (
                rf"(?P<d>\d{{1,2}})(?:\.|er\b|\.?º|°)? ?{self.between_date}(?P<name>{months})"
                rf"(?: {self.between_date}(?P<y>\d{{4}}))?\b",
                self._date,
            ),
            (rf"(?P<h>[01]?\d|2[0-4])(?::|(?=\.\d\d{self.clock})\.)(?P<m>[0-5]\d)(?!\d)(?:{self.clock})?", self._time),
            (rf"(?P<h>[01]?\d|2[0-4]){self.hour}(?: ?(?P<m>[0-5]\d)\b)?(?!\w)", self._time),
            (r"(?:\+\d{1,3}|0)(?:[ /()-]{0,3}\d){5,14}(?![\d,])", self._phone),
            (self.ordinal, self.rank),
            (rf"{sign}(?P<c>{money}) ?{amount}{scale}(?!\w)", self._amount),
            (rf"{sign}{amount}{scale} ?(?P<c>{units})(?!\w)", self._amount),
            (rf"{sign}{amount}{scale}", self._amount),
            (rf"(?:{any_of(self.abbreviations)})(?!\w)", self._abbreviation),
            (any_of(self.signs), lambda match: f" {self.signs[match.group()]} "),
        )
        return tuple((re.compile(pattern), read) for pattern, read in patterns)

    @cached_property
    def beginnings(self) -> re.Pattern[str]:
        """Where a rule may apply: at figures, signs, abbreviations and addresses."""
        return re.compile(
            rf"\d|(?<![\w.])(?:{any_of(self.abbreviations)})(?!\w)|(?<![\w])-(?=\d)|\+(?=\d)"
            rf"|(?<!\w)(?:https?://|www\.|(?=[\w.+-]{{1,64}}@\w)|(?=[\w-]{{1,64}}\.(?:{_DOMAINS})\b))"
            rf"|(?<!\w)(?:{any_of(self.currencies)})(?= ?\d)|{any_of(self.signs)}"
            rf"|(?<!\w)(?=[IVXLC]+(?:e|ème)?\b)"
        )

    def words(self, number: str) -> str:
        """Reads a number in figures: "3.000,5" → "dreitausend Komma fünf"."""
        whole, comma, part = re.sub(rf"(?<=\d){self.group}(?=\d{{3}}(?!\d))", "", number).partition(",")
        if not comma:
            whole, comma, part = whole.partition(".")
        spoken = self.cardinal(whole)
        if not part:
            return spoken
        mark = self.comma if comma == "," else self.in_addresses["."]
        return f"{spoken} {mark} {self.digits(part) if len(part) > 2 or part[0] == '0' else self.cardinal(part)}"

    def cardinal(self, figures: str) -> str:
        """Reads a whole number in figures: "12" → "zwölf"."""
        if len(figures) > _MOST_DIGITS or (len(figures) > 1 and figures[0] == "0"):
            return self.digits(figures)
        return _cardinal(int(figures), self.language)

    def digits(self, figures: str) -> str:
        """Reads figures one by one: "12" → "eins zwei"."""
        return " ".join(_cardinal(int(figure), self.language) for figure in figures)

    def quantity(self, number: str, noun: str) -> str:
        """Reads a number with what is counted, a noun or "singular|plural": "ein Kilometer", "zwei Kilometer"."""
        one, _, many = noun.partition("|")
        if number == "1":
            return f"{self.articles[one.split()[0] in self.feminine]} {one}".strip()
        return f"{self.counted(self.words(number))} {many or one}"

    def _date(self, match: Match) -> str | None:
        found = match.groupdict()
        names = [name.lower() for name in self.months]
        month = names.index(found["name"].lower()) + 1 if "name" in found else int(found["m"])
        day, year = int(found["d"]), found["y"]
        if not (1 <= day <= 31 and 1 <= month <= 12):
            return None
        years = None if not year else int(year) + (2000 if int(year) < 50 else 1900) * (len(year) == 2)
        before = match.string[max(match.start() - _LOOK_BACK, 0) : match.start()]
        return self.date(day, month, years, before)

    def _time(self, match: Match) -> str:
        return self.time(int(match["h"]), int(match["m"] or 0))

    def _phone(self, match: Match) -> str | None:
        groups = re.findall(r"\d+", match.group())
        if sum(map(len, groups)) not in _PHONE_DIGITS:
            return None
        spoken = []
        for group in groups:
            parts = re.findall(rf"0|\d{{1,{self.phone}}}", group) if self.phone > 1 else list(group)
            spoken.append(" ".join(self.cardinal(part) for part in parts))
        return (f"{self.signs['+']} " if match.group()[0] == "+" else "") + ", ".join(spoken)

    def _amount(self, match: Match) -> str:
        found = match.groupdict()
        number, last, unit, scale = found["n"], found["n2"], found.get("c") or "", found["scale"]
        sign = f"{self.minus} " if found["minus"] else ""
        first = f"{sign}{self.words(number)} {self.to} " if last else sign
        number = last or number
        if scale:
            one, _, many = (self.units.get(unit) or self.currencies.get(unit, ("",))[0]).partition("|")
            counted = f" {self.of.format(many or one)}" if unit else ""
            return f"{first}{self.quantity(number, self.scales[scale])}{counted}"
        if unit in self.currencies:
            return first + self._money(number, *self.currencies[unit])
        if unit:
            return first + self.quantity(number, self.units[unit])
        if self.year and not first and re.fullmatch(r"1[1-9]\d\d", number):
            return self.year(int(number))
        return first + self.words(number)

    def _money(self, number: str, whole: str, hundredth: str) -> str:
        units, _, part = number.partition(",")
        if len(part) != 2:
            return self.quantity(number, whole)
        if part == "00":
            return self.quantity(units, whole)
        if units == "0":
            return self.quantity(part.lstrip("0"), hundredth)
        return f"{self.quantity(units, whole)} {self.money_joint}{self.cardinal(part.lstrip('0'))}"

    def _abbreviation(self, match: Match) -> str:
        written = match.group()
        ends = written.endswith(".") and not match.string[match.end() :].strip()
        return self.abbreviations[written] + ("." if ends else "")

    def _address(self, match: Match) -> str:
        address = re.sub(r"^[a-z]+://|[?#].*$", "", match.group()).rstrip("/")
        parts = re.findall(r"[^\W\d_]+|\d+|[\W_]", address)
        read = (self.cardinal(part) if part.isdecimal() else self.in_addresses.get(part, part) for part in parts)
        return " ".join(word for word in read if word[0].isalnum())


def rule_readings(text: str, rules: ReadingRules) -> list[Reading]:
    """Finds what is not read as it is written, from left to right.

    Args:
        text: on one line, one blank between words.
        rules: of its language.
    """
    readings: list[Reading] = []
    position = 0
    while (found := rules.beginnings.search(text, position)) is not None:
        start = found.start()
        reading = _reading(text, start, rules)
        if reading is not None:
            readings.append(reading)
        position = reading.end if reading else start + 1
    return readings


def _reading(text: str, start: int, rules: ReadingRules) -> Reading | None:
    for pattern, read in rules.rules:
        match = pattern.match(text, start)
        if match and (spoken := read(match)) is not None:
            return Reading(start, match.end(), f" {spoken} ")
    return None


@lru_cache(maxsize=1024)
def _cardinal(number: int, language: str) -> str:
    return str(num2words(number, lang=language))
