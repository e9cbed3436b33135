"""What begins with a letter and is not read as written: abbreviations, dates, addresses, names of things, numerals."""

from __future__ import annotations

import re

from speech.text.abbreviations import ABBREVIATIONS, begins_sentence, ends_sentence, find_abbreviation, is_street
from speech.text.roman import roman_value
from speech.text.spoken_dates import DASH, DAYS, MONTH, Match, Read, Rule, named_date
from speech.text.spoken_figures import PER, SCALE, N, any_of, money_range
from speech.text.spoken_letters import read_address, read_code, read_english_word, read_name
from speech.text.spoken_numbers import CURRENCIES, number_words, ordinal_words, year_words

LETTER = r"[^\W\d_²³¹⁰-₉¼-¾⅐-⅞]"
"""A letter; raised figures and fractions are none."""
_GOES_ON = re.compile(r" (?!and\b|or\b|of\b|to\b|in\b|is\b|was\b|began\b|ended\b)[a-z]")
_PLAIN_ROMAN = frozenset("II III VI VII VIII IX XI XII XIII XIV XV XVI XVII XVIII XIX XX XXI".split())
_ROMAN = re.compile(r"(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_COUNTED_IN_ROMAN = frozenset(
    "Act Appendix Art Article Book Canto Ch Chapter Class Episode Fig Figure Grade Grand Lesson Level Mark Module No "
    "Page "
    "Part Phase Pt Rocky Scene Sec Section Stage Star Table Title Type Unit Vol Volume War Wars".split()
)
_RULERS = frozenset(
    "Albert Alexander Alfonso Benedict Carl Catherine Charles Christian Clement Constantine Edward Elizabeth Ferdinand "
    "Francis Frederick George Gregory Gustav Harald Henry Innocent Ivan James John Joseph Juan Karl Leo Leopold Louis "
    "Ludwig Margrethe Maximilian Napoleon Nicholas Olaf Otto Paul Peter Philip Pius Ptolemy Rama Ramesses Richard "
    "Robert Rudolf Sixtus Urban Victor Wilhelm William".split()
)
_FIXED = {
    "w/o": "without", "w/": "with", "b/c": "because", "c/o": "care of", "n/a": "not applicable",
    "N/A": "not applicable", "and/or": "and or", "s/he": "he or she", "AC/DC": "A.C D.C", "TCP/IP": "T.C.P I.P",
    "I/O": "I.O", "R&D": "R and D", "Q&A": "Q and A", "vis-à-vis": "veezavee", "Vis-à-vis": "veezavee",
    "km/h": "kilometres per hour", "m/s": "metres per second", "mph": "miles per hour", "kWh": "kilowatt hours",
    "eg.": "for example", "ie.": "that is", "m/s²": "metres per second squared",
}  # fmt: skip
_DOMAINS = (
    "ai|app|at|au|be|biz|br|ca|cc|ch|cn|co|com|cz|de|dev|dk|edu|es|eu|fi|fm|fr|gov|gr|hk|hu|ie|in|info|int|io|it|jp|kr|"
    "me|mil|mx|net|nl|no|nz|online|org|pl|pt|ro|ru|se|sg|shop|site|sk|store|tech|tv|ua|uk|us|xyz|za"
)


def _abbreviation(match: Match) -> str | None:
    written = match.group()
    entry = find_abbreviation(written)
    if entry is None or entry not in ABBREVIATIONS:
        return None
    before = match.string[max(match.start() - 80, 0) : match.start()]
    following = match.string[match.end() : match.end() + 80]
    ends = ends_sentence(entry, before, following)
    if ends is None:
        return None
    if entry in ("Sun.", "Sat.", "Wed.") and before.endswith(("the ", "The ")):
        return None
    spoken = ABBREVIATIONS[entry]
    if entry in ("St.", "Dr."):
        if is_street(before, following):
            spoken = "Street" if entry == "St." else "Drive"
        elif entry == "St." and ends:
            spoken = "Street"
    return spoken + ("." if ends else "")


def _days_or_months(match: Match) -> str:
    """Reads "Mon-Fri", "Jan.–Mar." or "Monday-Friday"."""
    first, last = (ABBREVIATIONS.get(f"{match[side]}.", match[side]) for side in "ab")
    is_over = match.group().endswith(".") and not match.string[match.end() : match.end() + 1]
    return f"{first} to {last}" + ("." if is_over else "")


_BEFORE_NAMES = ("Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Mt", "Sgt", "Capt", "Lt")
_AFTER_NAMES = ("St", "Dr", "Ave", "Rd", "Blvd", "Jr", "Sr")


def _without_point(match: Match) -> str | None:
    """British "Dr Jones" and "St Mary", American "Main St": without a point only beside a name."""
    before = match.string[max(match.start() - 80, 0) : match.start()]
    following = match.string[match.end() : match.end() + 80]
    word = match.group()
    if word in ("St", "Dr") and is_street(before, following):
        return "Street" if word == "St" else "Drive"
    if word in _BEFORE_NAMES:
        return ABBREVIATIONS[f"{word}."] if following[1:2].isupper() else None
    return ABBREVIATIONS[f"{word}."] if re.search(r"[A-Z\d][\w'’]* \Z", before) else None


def _version(match: Match) -> str:
    is_said = match.string[: match.start()].endswith(("ersion ", "elease "))
    return ("" if is_said else "version ") + " point ".join(number_words(part) for part in match["n"].split("."))


def _domain(match: Match) -> str | None:
    address = match.group()
    return read_address(address) if address.count(".") > 1 or "/" in address or address.islower() else None


def _word_or_number(part: str) -> str:
    return read_english_word(part) if part.isalpha() else number_words(part)


def _points_between(match: Match) -> str:
    """Letters with points: "U.S.A." is spelt, "J. R. R." are initials."""
    ends = ends_sentence(match.group(), "", match.string[match.end() : match.end() + 80])
    return match.group().upper().rstrip(".") + ("." if ends else "")


def _initial(match: Match) -> str | None:
    following = match.string[match.end() : match.end() + 80]
    return None if not following.strip() or begins_sentence(following) else match["letter"]


def _roman(match: Match) -> str | None:
    numeral = match.group()
    if not _ROMAN.fullmatch(numeral):
        return None
    before = re.search(rf"({LETTER}+)[. ] ?\Z", match.string[max(match.start() - 24, 0) : match.start()])
    if before is None or not before[1][0].isupper():
        return number_words(str(roman_value(numeral))) if numeral in _PLAIN_ROMAN else None
    counted = before[1] in _COUNTED_IN_ROMAN
    if numeral == "I" and _GOES_ON.match(match.string, match.end()):
        return None  # "No. I don't.", "the part I like"
    if not counted and (numeral == "I" or (len(numeral) == 1 and before[1] not in _RULERS)):
        return None
    value = roman_value(numeral)
    if counted or value > 30:
        return number_words(str(value))
    return f"the {ordinal_words(value)}"


def _year_in_roman(match: Match) -> str | None:
    valid = re.fullmatch(rf"M{{1,3}}(?:C[MD]|D?C{{0,3}}){_ROMAN.pattern}", match.group())
    return year_words(roman_value(match.group())) if valid else None


_DAY_OR_MONTH = (
    r"(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs?)?|Fri|Sat(?:ur)?|Sun)(?:day)?|(?:Jan|Feb)(?:uary|ruary)?|Mar(?:ch)?|"
    r"Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|(?:Nov|Dec)(?:ember)?"
)

# Whether a word of nothing but letters can begin it, the pattern, and how it is read.
_PATTERNS: tuple[tuple[bool, str, Read], ...] = (
    (False, r"(?:[a-z]{2,8}://|www\.)[^\s<>]*[\w/]", lambda m: read_address(m.group())),
    (False, r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]++(?:\.[\w-]++)+", lambda m: read_address(m.group())),
    (False, rf"(?<![\w.])(?:[A-Za-z][\w-]*+\.)+(?:{_DOMAINS})\b(?![.-]\w)(?:/[\w/.#-]*[\w/])?(?!\()",
     _domain),
    (True, rf"(?<![\w/])(?:{any_of(_FIXED)})(?![\w/])", lambda m: _FIXED[m.group()]),
    (True, rf"(?<!\w){MONTH} {DAYS}(?:(?:,? )(?P<y>\d{{4}})\b)?", named_date),
    (True, rf"(?<![\w.])(?P<a>{_DAY_OR_MONTH})\.?{DASH}(?P<b>{_DAY_OR_MONTH})\b\.?", _days_or_months),
    (True, r"(?<![\w.])et al\.", lambda m: _abbreviation(m)),
    (False, rf"(?<![\w.]){LETTER}{{1,6}}\.(?!\w)", _abbreviation),
    (False, r"(?<![\w.])(?:Ph\.D|B\.Sc|M\.Sc)\.", _abbreviation),
    (False, r"(?<![\w.])(?:[eE]\.g|[iI]\.e)\.?(?!\w)", lambda m: "for example" if m.group()[0] in "eE" else "that is"),
    (True, r"(?<![\w.])(?P<letter>[A-Z])\.(?= ?[A-Z])(?!(?:[A-Z]\.)++(?!\w))", _initial),
    (False, r"(?<![\w.])(?:[A-Za-z]\.){2,}(?!\w)", _points_between),
    (True, rf"(?<!\w)(?P<c>{any_of(c for c in CURRENCIES if c[0].isalpha())}) ?(?P<n>{N})(?P<scale1>)"
     rf"(?:{DASH}(?P<n2>{N}))?{SCALE}(?!\w){PER}", money_range),
    (True, r"(?<!\w)[vV]\.?(?P<n>\d+(?:\.\d+)*)(?![\w])", _version),
    (True, rf"(?<![\w.])(?:{any_of(_BEFORE_NAMES)})(?= [A-Z])", _without_point),
    (True, rf"(?<![\w.])(?:{any_of(_AFTER_NAMES)})(?!\w)", _without_point),
    (True, r"(?<!\w)(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)(?= \d)", lambda m: ABBREVIATIONS[f"{m.group()}."]),
    (True, r"(?<!\w)M{1,3}[DCLXVI]{3,12}(?!\w)", lambda m: _year_in_roman(m)),
    (False, r"(?<!\w)U\+[\dA-F]{4,6}\b", lambda m: f"U plus {read_code(m.group()[2:])}"),
    (False, r"(?<!\w)[A-Za-z]:\\[\w\\.-]*", lambda m: read_name(m.group())),
    (False, r"(?<!\w)(?:[\w.-]{1,64}/){1,12}[\w-]{1,64}\.[A-Za-z]\w{0,4}\b(?!\.\w)", lambda m: read_name(m.group())),
    (False, r"(?<![\w.])[A-Za-z][\w-]*+(?:\.[\w-]++)*\.[A-Za-z][A-Za-z\d]{1,4}\b", lambda m: read_name(m.group())),
    (False, r"(?<!\w)[A-Za-z]++\w*_\w+", lambda m: read_name(m.group())),
    (False, r"(?<!\w)(?P<l>[A-GJ])#(?!\w)", lambda m: f"{m['l']} sharp"),
    (False, r"(?<!\w)(?P<w>[A-Za-z]+)\+\+(?!\w)", lambda m: f"{read_english_word(m['w'])} plus plus"),
    (False, r"(?<!\w)(?P<l>[A-F])-(?=[\s.,;!?]|$)", lambda m: f"{m['l']} minus"),
    (True, r"(?<!\w)(?P<state>[A-Z]{2}) (?P<zip>\d{5})(?P<more>-\d{4})?(?![\w-])",
     lambda m: f"{'.'.join(m['state'])} {read_code(m['zip'] + (m['more'] or ''))}"),
    (True, r"(?<!\w)[A-Z]{2}\d\d(?: [A-Z\d]{4}){2,7}(?: [A-Z\d]{1,3})?(?!\w)", lambda m: read_code(m.group())),
    (False, r"(?<!\w)[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b", lambda m: read_code(m.group())),
    (False, r"(?<!\w)(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}\b", lambda m: read_code(m.group())),
    (False, r"(?<!\w)(?=[a-fA-F]{0,63}\d)[\da-fA-F]{7,64}\b(?!-)", lambda m: read_code(m.group())),
    (False, r"(?<!\w)(?P<a>[A-Z]{1,5})/(?P<b>[A-Z]{1,5}|\d(?:\.\d)?)(?![\w/])",
     lambda m: f"{read_english_word(m['a'])} {_word_or_number(m['b'])}"),
    (True, r"(?<![\w'])[IVXLC]{1,8}(?![\w']|\.\w)", _roman),
)  # fmt: skip

NAME_RULES: tuple[Rule, ...] = tuple((re.compile(pattern), read) for _, pattern, read in _PATTERNS)
"""Rules for where a word begins."""

NAME_RULES_FOR_WORDS: tuple[Rule, ...] = tuple(
    (re.compile(pattern), read) for plain, pattern, read in _PATTERNS if plain
)
"""Those that can apply to a word of nothing but letters."""
