"""How English is read aloud: numbers, abbreviations, addresses and symbols as words.

Every rule is a pattern and a function from the match to words; earlier rules win. Letters that are spelt out are
written "A.P.I", without a last point: that is what eSpeak NG and Flite both read as letters, without a pause.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

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
    quantity_words,
    time_words,
    year_words,
)

Match = re.Match[str]
Rule = tuple[re.Pattern[str], Callable[[Match], str | None]]
"""What to look for, and how it is read; None leaves the match to later rules."""

_ABBREVIATIONS = {
    "Dr.": "Doctor", "Mr.": "Mister", "Mrs.": "Missis", "Ms.": "Miz", "Prof.": "Professor", "Jr.": "Junior",
    "Sr.": "Senior", "Mt.": "Mount", "Ave.": "Avenue", "Rd.": "Road", "Blvd.": "Boulevard", "e.g.": "for example",
    "i.e.": "that is", "etc.": "et cetera", "vs.": "versus", "vs": "versus", "approx.": "approximately",
    "incl.": "including", "excl.": "excluding", "max.": "maximum", "min.": "minimum", "dept.": "department",
    "Inc.": "Incorporated", "Ltd.": "Limited", "Corp.": "Corporation", "et al.": "and others", "Fig.": "Figure",
    "fig.": "figure", "vol.": "volume", "No.": "Number", "no.": "number", "Ph.D.": "P.H.D", "w/o": "without",
    "w/": "with", "and/or": "and or", "p.": "page", "pp.": "pages", "Mon.": "Monday", "Tue.": "Tuesday",
    "Wed.": "Wednesday", "Thu.": "Thursday", "Fri.": "Friday", "Sat.": "Saturday",
    "vis-à-vis": "veezavee", "Vis-à-vis": "veezavee", "24/7": "twenty-four seven",
}  # fmt: skip
_ONLY_BEFORE_NUMBERS = frozenset({"No.", "no.", "Fig.", "fig.", "vol.", "p.", "pp."})
_MAY_END_A_SENTENCE = frozenset(
    ["etc.", "Inc.", "Ltd.", "Corp.", "Jr.", "Sr.", "Ave.", "Rd.", "Blvd.", "Ph.D.", "et al."]
)

# Written in capitals and read as letters although they hold a vowel; words without a vowel are always spelt.
_INITIALISMS = frozenset(
    "AI API AR ASR AWS ATM AM CEO CIA CPU DIY EU FAQ FBI GPU HDMI IBM ID IDE IEEE IOT IP IPA IQ IT LLM OBS OS OSC "
    "UDP UI UK UN URL US USA USB UX VAD".split()
)
_READ_AS = {
    "JPEG": "jay peg", "JPG": "jay peg", "MPEG": "em peg", "WAV": "wave", "OK": "okay", "YAML": "yammel",
    "JSON": "jason", "WiFi": "wye fye", "wifi": "wye fye", "Linux": "Linnux",
    "Visavis": "veezavee", "hmm": "hum", "Hmm": "Hum",
}  # fmt: skip
_CAPITALS_AS_WRITTEN = frozenset({"HMM", "SHH", "PSST", "MR", "MRS", "DR", "ST"})
_VOWEL = re.compile(r"[AEIOUY]")

_SYMBOLS = {
    "&": "and", "+": "plus", "=": "equals", "@": "at", "%": "percent", "×": "times", "÷": "divided by",
    "±": "plus or minus", "≈": "about", "≤": "at most", "≥": "at least", "≠": "is not", "→": "to", "°": "degrees",
    "§": "section", "©": "copyright", "<": "less than", ">": "greater than", "/": "or",
    "$": "dollars", "€": "euros", "£": "pounds", "¥": "yen", "₹": "rupees",
}  # fmt: skip
_ROMAN = {
    numeral: value for value, numeral in enumerate("II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI".split(), 2)
}
_COUNTED_IN_ROMAN = frozenset(
    "Act Book Chapter Class Episode Figure Level Mark Part Phase Section Table Type Volume War".split()
)
_TIMES_OF = frozenset({"day", "week", "month", "year", "hour", "person"})
_IN_ADDRESSES = {".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore", ":": "colon", "+": "plus"}


def read_english_word(word: str) -> str:
    """Reads a word made of letters: initialisms are spelt, "OpenAI" becomes "Open A.I", others stay."""
    if word.endswith("'s"):
        return f"{read_english_word(word[:-2])}'s"
    if word in _READ_AS:
        return _READ_AS[word]
    stem, ending = (word[:-1], "'s") if word.endswith("s") and word[:-1].isupper() and len(word) > 2 else (word, "")
    if stem.isupper() and len(stem) > 1 and stem not in _CAPITALS_AS_WRITTEN:
        spelt = stem in _INITIALISMS or not _VOWEL.search(stem)
        return (".".join(stem) if spelt else stem) + ending
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", word)
    if len(parts) > 1 and "".join(parts) == word and not word.startswith(("Mc", "Mac", "De", "La")):
        return " ".join(read_english_word(part) for part in parts)
    return word


def _address(address: str) -> str:
    address = re.sub(r"^(https?://)?(www\.)?|[?#].*$", "", address).rstrip("/")
    words = []
    for part in re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d]", address):
        spelt = part.islower() and 1 < len(part) < 6 and not _VOWEL.search(part.upper())  # "html", "mp"
        word = number_words(part) if part.isdigit() else read_english_word(part.upper() if spelt else part)
        words.append(_IN_ADDRESSES.get(part, word))
    return " ".join(words)


def _abbreviation(match: Match) -> str | None:
    written, after = match.group(), match.string[match.end() :]
    if written in _ONLY_BEFORE_NUMBERS and not re.match(r"\s*\d", after):
        return None
    ends = written in _MAY_END_A_SENTENCE and re.match(r"$|\s+[A-Z]", after)
    return _ABBREVIATIONS[written] + ("." if ends else "")


def _saint_or_street(match: Match) -> str:
    named = re.search(r"\b[A-Z\d]\w*\s+$", match.string[: match.start()])
    named_after = re.match(r"\s+[A-Z]", match.string[match.end() :])
    ends = "" if match.string[match.end() :].strip() else "."
    return "Saint" if named_after and not named else f"Street{ends}"


def _initials(match: Match) -> str:
    ends = "" if match.string[match.end() :].strip() else "."
    return match.group().upper().rstrip(".") + ends


def _named_date(match: Match) -> str | None:
    month = next(i for i, name in enumerate(MONTHS, 1) if name[:3] == match["month"][:3])
    return date_words(int(match["y"]) if match["y"] else None, month, int(match["d"]))


def _numeric_date(match: Match) -> str | None:
    return date_words(int(match["y"]), int(match["m"]), int(match["d"]))


def _time(match: Match) -> str | None:
    parts = match.groupdict()
    second = int(parts["s"]) if parts.get("s") else None
    words = time_words(int(match["h"]), int(parts.get("m") or 0), second, match["half"])
    ends = match.group().endswith(".") and re.match(r"$|\s+[A-Z]", match.string[match.end() :])
    return f"{words}." if words and ends else words


def _is_year(number: str) -> bool:
    return len(number) == 4 and number.isdigit() and 1100 <= int(number) < 2100


def _range(match: Match) -> str | None:
    first, last = match["a"], match["b"]
    if _is_year(first) and _is_year(last):
        return f"{year_words(int(first))} to {year_words(int(last))}"
    return f"{number_words(first)} to {number_words(last)}"


def _measure(match: Match) -> str:
    unit = UNITS[match["u"]]
    if match["to"]:
        return f"{number_words(match['n'])} to {quantity_words(match['to'], unit)}"
    return quantity_words(match["n"], unit)


def _percent(match: Match) -> str:
    span = f" to {number_words(match['to'])}" if match["to"] else ""
    return f"{number_words(match['n'])}{span} percent"


def _mixed_fraction(match: Match) -> str:
    part = FRACTIONS[match["f"]]
    return f"{number_words(match['n'])} and {re.sub('^one', 'a', part)}" if match["n"] else part


def _decade(match: Match) -> str:
    words = year_words(int(match["y"])) if len(match["y"]) == 4 else number_words(match["y"])
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"


def _integer(match: Match) -> str:
    digits, after = match.group(), match.string[match.end() :]
    unsigned = digits.lstrip("-")
    if _is_year(digits) and not re.match(r"\s+(?:[a-z]+s|people|men|women|children)\b", after):
        return year_words(int(digits))  # "in 1999", but "1500 people" counts
    # A leading zero, or more digits than anybody reads as one number: a code, read digit by digit.
    if unsigned.isdigit() and (len(unsigned) > 7 or (len(unsigned) > 1 and unsigned[0] == "0")):
        return ("minus " if digits != unsigned else "") + digit_words(unsigned)
    return number_words(digits)


def _roman(match: Match) -> str:
    value = _ROMAN[match["numeral"]]
    counted = match["before"] in _COUNTED_IN_ROMAN
    return f"{match['before']} {number_words(str(value)) if counted else f'the {ordinal_words(value)}'}"


def _per(match: Match) -> str:
    return f" per {UNITS.get(match['unit'], match['unit'])}"


def _one_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_N = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_SIGNED = rf"(?<![\w.,])(?:-?{_N})"
_MONTH = "(?P<month>" + "|".join(f"{name}|{name[:3]}\\.?" for name in MONTHS) + r"|Sept\.?)"
_HALF = r"(?P<half>[aApP])(?:\.[mM]\.|[mM]\b)"
_SCALE = rf"(?: ?(?P<scale>{_one_of(SCALES)}))?"
_TO = rf"(?: ?[–-] ?(?P<to>{_N}))?"

_DOMAINS = "ai|com|de|dev|edu|eu|fr|gov|io|net|org|uk"

_PATTERNS: tuple[tuple[str, Callable[[Match], str | None]], ...] = (
    (r"(?:https?://|www\.)[^\s<>]*[\w/]", lambda m: _address(m.group())),
    (r"(?<![\w.])[\w.+-]+@[\w-]+(?:\.[\w-]+)+", lambda m: _address(m.group())),
    (rf"(?<![\w.])(?:[A-Za-z][\w-]*\.)+(?:{_DOMAINS})\b(?:/[\w/.#-]*[\w/])?", lambda m: _address(m.group())),
    (rf"(?<![\w.])(?:{_one_of(_ABBREVIATIONS)})(?!\w)", _abbreviation),
    (r"\bSt\.(?!\w)", _saint_or_street),
    (r"(?<![\w./-])(?P<y>\d{4})(?P<mark>[/-])(?P<m>\d\d)(?P=mark)(?P<d>\d\d)(?![\w-])", _numeric_date),
    (r"(?<![\w./-])(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})(?![\w-])", _numeric_date),
    (r"(?<![\w./-])(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})(?![\w/])", _numeric_date),
    (rf"\b{_MONTH} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<y>\d{{4}}))?(?!\w)", _named_date),
    (rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?{_MONTH}(?:,? (?P<y>\d{{4}}))?(?!\w)", _named_date),
    (rf"(?<![\w:.])(?P<h>\d{{1,2}}):(?P<m>\d\d)(?::(?P<s>\d\d))?(?: ?{_HALF})?(?![\w:])", _time),
    (rf"(?<![\w:.])(?P<h>\d{{1,2}}) ?{_HALF}(?!\w)", _time),
    (
        rf"(?<!\w)(?P<c>{_one_of(CURRENCIES)}) ?(?P<n>{_N}){_SCALE}(?!\w)",
        lambda m: money_words(m["n"], m["c"], m["scale"]),
    ),
    (
        rf"(?<![\w.,])(?P<n>{_N}){_SCALE} ?(?P<c>{_one_of(CURRENCIES)})(?!\w)",
        lambda m: money_words(m["n"], m["c"], m["scale"]),
    ),
    (
        r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)[ .-]?|\d{3}[ .-])\d{3,4}[ .-]\d{3,4}(?![\w-])",
        lambda m: phone_words(m.group()),
    ),
    (
        r"(?<![\w.+-])(?:\+\d{1,3}(?:[ .-]?\d{2,4}){2,5}|\d{3}-\d{4}|0\d{2,4} \d{5,8})(?![\w-])",
        lambda m: phone_words(m.group()),
    ),
    (r"(?<![\w.,])'?(?P<y>\d{3}0|\d0)'?s\b", _decade),
    (rf"(?P<n>{_SIGNED}){_TO} ?(?P<u>{_one_of(UNITS)})(?!\w)", _measure),
    (rf"(?P<n>{_SIGNED}){_TO} ?%", _percent),
    (rf"(?<![\w.,/-])(?P<a>{_N}) ?[–-] ?(?P<b>{_N})(?![\w-])", _range),
    (rf"(?<![\w.,])(?P<n>\d+)? ?(?P<f>[{''.join(FRACTIONS)}])", _mixed_fraction),
    (rf"(?<=\d)/(?P<unit>{_one_of(UNITS)}|{_one_of(_TIMES_OF)})\b", _per),
    (
        r"(?<![\w:.])(?P<a>\d{1,3}):(?P<b>\d{1,3})(?![\w:])",
        lambda m: f"{number_words(m['a'])} to {number_words(m['b'])}",
    ),
    (r"(?<![\w.,])\d{1,3}(?: \d{3}){2,}(?!\w)", lambda m: number_words(m.group().replace(" ", ""))),
    (r"(?<![\w./])(?P<a>\d{1,3})/(?P<b>\d{1,3})(?![\w/])", lambda m: fraction_words(int(m["a"]), int(m["b"]))),
    (r"(?<![\w.,])(?P<n>\d+)(?:st|nd|rd|th)\b", lambda m: ordinal_words(int(m["n"]))),
    (r"(?<!\w)#(?P<n>\d+)\b", lambda m: f"number {number_words(m['n'])}"),
    (r"(?<![\w#])#(?P<tag>\w+)", lambda m: f"hashtag {_address(m['tag'])}"),
    (r"\b\d+(?:\.\d+){2,}\b", lambda m: " point ".join(number_words(part) for part in m.group().split("."))),
    (rf"(?<![\w.,])(?P<a>{_N}) ?[x×] ?(?P<b>{_N})\b", lambda m: f"{number_words(m['a'])} by {number_words(m['b'])}"),
    (rf"(?<![\w.,])(?P<n>{_N})x\b", lambda m: f"{number_words(m['n'])} times"),
    (rf"(?<![\w.,])(?P<n>{_N})(?P<scale>[kK])\b", lambda m: f"{number_words(m['n'])} {m['scale']}"),
    (rf"(?<!\w)~ ?(?P<n>{_N})\b", lambda m: f"about {number_words(m['n'])}"),
    (rf"(?<![\w.,-]){_N}|(?<![\w.,-])-{_N}", _integer),
    (r"\b(?:[A-Za-z]\.){2,}", _initials),
    (r"(?<=[A-Za-z])[.-]?\d+|\d+(?=[A-Za-z])", lambda m: f" {number_words(m.group().lstrip('.-'))} "),  # "H.264"
    (r"\b[A-Za-z][\w-]*\.[A-Za-z][A-Za-z\d]{1,4}\b", lambda m: _address(m.group())),  # file names
    (
        r"\b(?P<before>[A-Z][a-z]+) (?P<numeral>[IVX]{2,})\b(?!')",
        lambda m: _roman(m) if m["numeral"] in _ROMAN else None,
    ),
    (r"(?<=\w)–(?=\w)|(?<=\.)–(?=\w)", lambda m: " to "),
    (r"(?<=\w)\^(?=\w)", lambda m: " to the power of "),
    (r"(?<=\w)\*(?=\w)|(?<=\w )\*(?= \w)", lambda m: " times "),
    (r"\d+", lambda m: f" {_integer(m)} "),  # whatever no rule knew
    (rf"[{re.escape(''.join(_SYMBOLS))}]", lambda m: f" {_SYMBOLS[m.group()]} "),
)

ENGLISH_RULES: tuple[Rule, ...] = tuple((re.compile(pattern), read) for pattern, read in _PATTERNS)
