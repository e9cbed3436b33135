"""What begins with a sign, as it is read in English: symbols, amounts of money, paths, tags, arithmetic."""

from __future__ import annotations

import re

from speech.text.spoken_dates import DASH, Match, Read, Rule
from speech.text.spoken_figures import PER, SCALE, N, any_of, money_range, per_words
from speech.text.spoken_letters import read_code, read_name
from speech.text.spoken_numbers import (
    CURRENCIES,
    FRACTIONS,
    SCALES,
    UNITS,
    digit_words,
    number_words,
    phone_words,
    plural,
)

_SYMBOLS = {
    "&": "and", "+": "plus", "=": "equals", "@": "at", "%": "percent", "‰": "per mille", "×": "times", "⋅": "times",
    "÷": "divided by", "±": "plus or minus", "∓": "minus or plus", "≈": "about", "≃": "about", "≤": "at most",
    "≥": "at least", "≠": "is not", "≡": "is identical to", "∝": "is proportional to", "→": "to", "⇒": "so", "⟶": "to",
    "←": "from", "⇐": "from", "↔": "to and from", "⇔": "if and only if", "°": "degrees", "§": "section",
    "¶": "paragraph", "©": "copyright", "<": "less than", ">": "greater than", "/": "or", "\\": "backslash",
    "∞": "infinity",
    "√": "the square root of", "∑": "the sum of", "∏": "the product of", "∫": "the integral of", "∂": "partial",
    "∆": "delta", "∈": "in", "∉": "not in", "∀": "for all", "∃": "there is", "∴": "therefore", "∪": "union",
    "∩": "intersection", "¬": "not", "∧": "and", "∨": "or", "№": "number", "℃": "degrees Celsius",
    "℉": "degrees Fahrenheit", "Ω": "ohm", "µ": "micro", "$": "dollars", "€": "euros", "£": "pounds", "¥": "yen",
    "₹": "rupees", "¢": "cents", "₩": "won", "₽": "roubles", "₺": "lira", "₿": "bitcoin", "₪": "shekels",
    "™": "", "®": "", "†": "", "‡": "", "·": "", "¦": "", "′": "", "″": "", "•": "", "▪": "", "‣": "", "◦": "",
    "↑": "up", "↓": "down",
}  # fmt: skip
GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψωςϕϑϵ",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi "
        "chi psi omega sigma phi theta epsilon".split(),
        strict=True,
    )
)
_SCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻₀₁₂₃₄₅₆₇₈₉", "0123456789+-0123456789")


def _power(match: Match) -> str:
    power = match.group().translate(_SCRIPTS)
    if power in ("2", "3"):
        return " squared " if power == "2" else " cubed "
    sign = {"-": "minus ", "+": "plus "}.get(power[0], "")
    digits = power.lstrip("+-")
    return f" to the power of {sign}{number_words(digits)} " if digits.isdecimal() else " "


def _subscript(match: Match) -> str:
    return f" {digit_words(match.group().translate(_SCRIPTS))} "


def _star(match: Match) -> str:
    string, at = match.string, match.start()
    if match.group() != "*":
        return " to the power of "
    before = re.search(r"[\w)]*\Z", string[max(at - 32, 0) : at].rstrip())
    after = re.match(r"[\w(]*", string[at + 1 : at + 33].lstrip())
    sides = [side.group() if side else "" for side in (before, after)]
    # "sh*t" is nobody's product, "5 * 3", "a*b" and "width*height" are.
    is_word = all(side.isalpha() for side in sides) and max(map(len, sides)) > 1 and min(map(len, sides)) < 3
    return "" if is_word and string[at - 1] != " " else " times "


_OPENING_BRACKET = re.compile(r"(?:(?<!\w)<[A-Za-z][\w .-]{0,40}(?<! )|<[A-Za-z]\w{0,40})\Z")


def _closing_bracket(match: Match) -> str | None:
    """The second bracket of "<your name>" or "List<String>", which nobody reads."""
    before = match.string[max(match.start() - 44, 0) : match.start()]
    return " " if _OPENING_BRACKET.search(before) else None


def _minus(match: Match) -> str:
    return " minus "


_SIGNS = any_of(c for c in CURRENCIES if not c[-1].isalnum() and not c[0].isalpha())
_CURRENCY_SIGNS = "".join(c for c in CURRENCIES if len(c) == 1)
_FRACTION_SIGNS = "".join(FRACTIONS)
_ANY_SYMBOL = "".join(_SYMBOLS)

# The characters it may begin with, the pattern, and how it is read.
_PATTERNS: tuple[tuple[str, str, Read], ...] = (
    (":;", r"(?<!\S)[:;]['^]?-?[)(DPpOo3/\\|*](?!\S)", lambda m: ""),
    (_CURRENCY_SIGNS, rf"(?P<c>{_SIGNS}) ?(?P<n>{N})(?: ?(?P<scale1>{any_of(SCALES)})\b(?={DASH}))?"
     rf"(?:{DASH}(?:{_SIGNS})? ?(?P<n2>{N}))?{SCALE}(?!\w){PER}", money_range),
    (_CURRENCY_SIGNS, rf"(?P<c>[{_CURRENCY_SIGNS}]){PER}(?<=\w)",
     lambda m: plural(CURRENCIES[m["c"]][0]) + per_words(m)),
    ("$", r"(?<!\w)\$(?P<name>[A-Z_][A-Z\d_]*)\b", lambda m: f"dollar {read_name(m['name'].lower())}"),
    ("+", r"(?<!\w)\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,5}(?![\w-])",
     lambda m: phone_words(m.group())),
    ("(", r"\(\d{2,4}\)[ .-]?\d{3,4}[ .-]\d{3,4}(?![\w-])", lambda m: phone_words(m.group())),
    ("-", r"(?<![\w.,)\]])-(?=[$€£¥]?\.?\d)", _minus),
    ("-–", r"(?<=[a-z])[-–](?=\d{1,2}(?::\d\d)? ?[ap]\.?m)", lambda m: " to "),
    ("-", r"(?<=[\w)\]] )-(?= [\w(][^,;]{0,40}=)", _minus),
    (".", r"(?<![\w,])\.(?=\d)", lambda m: "zero point "),
    (".", r"(?<=[A-Z])\.(?=\d)", lambda m: " "),
    (".", r"(?<!\w)\.NET\b", lambda m: "dot net"),
    (".", r"(?<!\w)\.(?P<name>[A-Za-z]\w{0,11})\b", lambda m: f"dot {read_name(m['name'])}"),
    ("~/", r"(?<![\w/~])~?/[\w.-]+/[\w./-]*[\w/]|(?<!\w)~/[\w./-]*[\w/]|(?<![\w/])/[\w-]+\.\w+\b",
     lambda m: read_name(m.group())),
    (".", r"(?<![\w./])\.{1,2}/[\w./-]*[\w/]", lambda m: read_name(m.group())),
    ("#", r"(?<![\w&])#(?=[\dA-Fa-f]*[A-Fa-f])(?:[\dA-Fa-f]{6}|(?=\w*\d)[\dA-Fa-f]{3})\b",
     lambda m: f"hash {read_code(m.group()[1:])}"),
    ("#", r"(?<![\w&])#(?P<n>\d+)\b", lambda m: f"number {number_words(m['n'])}"),
    ("#", r"(?<![\w#&])#(?P<tag>\w+)", lambda m: f"hashtag {read_name(m['tag'])}"),
    ("@", r"(?<!\w)@(?P<name>\w+)", lambda m: f"at {read_name(m['name'])}"),
    ("~", r"(?<!\w)~ ?(?=[$€£]?\d)", lambda m: "about "),
    (_FRACTION_SIGNS, rf"[{''.join(FRACTIONS)}](?: ?(?P<u>{any_of(UNITS)})(?!\w))?",
     lambda m: f" {FRACTIONS[m.group()[0]]}" + (f" {plural(UNITS[m['u']])}" if m["u"] else " ")),
    ("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", r"[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+", _power),
    ("₀₁₂₃₄₅₆₇₈₉", r"[₀₁₂₃₄₅₆₇₈₉]+", _subscript),
    ("<", r"<(?:(?<!\w<)(?=[A-Za-z][\w .-]{0,40}(?<! )>(?!\w))|(?=[A-Za-z]\w{0,40}>(?!\w)))", lambda m: " "),
    (">", r">(?!\w)", _closing_bracket),
    ("/", r"(?<=\d )/(?= \d)", lambda m: " divided by "),
    ("°", r"°[CF]\b", lambda m: " degrees Celsius " if m.group()[1] == "C" else " degrees Fahrenheit "),
    ("<⟺", r"<=>|<->|⟺", lambda m: " to and from "),
    ("<", r"<=", lambda m: " at most "),
    (">", r">=", lambda m: " at least "),
    ("!", r"!=", lambda m: " is not "),
    ("=", r"===?", lambda m: " equals "),
    ("-=", r"[-=]>", lambda m: " to "),
    ("<", r"<-(?!\d)", lambda m: " from "),
    ("+", r"\+/-", lambda m: " plus or minus "),
    ("&", r"&&", lambda m: " and "),
    ("|", r"(?<=\w )\|\|(?= \w)", lambda m: " or "),
    ("–", r"(?<=[\w.])–(?=\w)", lambda m: " to "),
    ("^", r"(?<=[\w)\]])\^(?=[\w({-])", lambda m: " to the power of "),
    ("*", r"(?<=[\w)\]])\*\*(?=\d)|(?<=\d)\*\*(?=\w)", _star),
    ("*", r"(?<=[\w)\]])\*(?=[\w(])|(?<=[\w)\]] )\*(?= [\w(])", _star),
    (_ANY_SYMBOL, rf"[{re.escape(''.join(_SYMBOLS))}]", lambda m: f" {_SYMBOLS[m.group()]} "),
)  # fmt: skip

SYMBOL_RULES: dict[str, tuple[Rule, ...]] = {
    sign: tuple((re.compile(pattern), read) for starts, pattern, read in _PATTERNS if sign in starts)
    for sign in {sign for starts, _, _ in _PATTERNS for sign in starts}
}
"""Rules for each sign."""
