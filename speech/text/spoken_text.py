"""Written text → words to be read aloud, each still knowing what it was written as."""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from speech.text.abbreviations import has_common_word
from speech.text.markup import strip_markup
from speech.text.reading_rules import ReadingRules, rule_readings
from speech.text.spoken_english import Reading, english_readings
from speech.text.spoken_letters import INITIALISMS, read_english_word

SENTENCE_PAUSE_S = 0.30
"""Silence after a sentence. Readers pause 0.3 to 0.6 s between sentences; the short end keeps a dialogue lively."""
CLAUSE_PAUSE_S = 0.12
"""Silence after a piece that does not end a sentence, about what readers leave at a comma."""


_WORDS = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One word of a text.

    Attributes:
        text: as written, with its punctuation: "$5,". Something read as a whole stays whole: "10:30 am".
        spoken: as read: "five dollars,". Never empty; may be several words.
    """

    text: str
    spoken: str


_QUOTES = str.maketrans(
    {"’": "'", "‘": "'", "ʼ": "'", "“": None, "”": None, "„": None, "«": None, "»": None, "‹": None, "›": None,
     '"': None, "…": "...", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2010": "-", "\u2011": "-", "\u2212": "-",
     "ﬁ": "fi", "ﬂ": "fl", "ﬀ": "ff", "ﬃ": "ffi", "ﬄ": "ffl", "㎞": "km", "㎏": "kg", "㎡": "m²"}
)  # fmt: skip

# Emoji, pictographs, dingbats, flags, boxes, private use: they have no place in a line of speech.
_UNSPEAKABLE = re.compile(
    "[\U0001f000-\U0001faff\U000e0000-\U000e007f\u2500-\u25a9\u25ab-\u25e5\u25e7-\u27bf\u2b00-\u2bff\ufe00-\ufe0f\u20d0-\u20ff\ufffd\ue000-\uf8ff"
    "\U000f0000-\U0010ffff]+"
)
# Seen by nobody, so words go on through them: soft hyphens, zero-width blanks and joiners, marks of direction.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2060-\u206f\ufeff\ufff9-\ufffc]+"
)
_SAYABLE = re.compile(r"[^\W_]")
_OTHER_THAN_MARKS = re.compile(r"[^\s.,;:!?¿¡'\-–—()\[\]{}<>*_`^~\\|#]")
_LOST_PUNCTUATION = re.compile(r"\s+(?=[.,;:!?]+(?:\s|$))")
_LOOSE_ACCENTS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff]+")
_QUOTED_STOP = re.compile(r"(?<!\.)\.(?=[\"”’] [a-z])")
# 5'10" and 10" are inches, unless a quotation ends there.
_INCHES = re.compile(r"\"|(?<=\d)(?:''|”)")


def plain_text(text: str) -> str:
    """Takes Markdown, HTML tags, quotation marks, emoji and control characters out; what is left is written text."""
    text, _ = strip_markup(text, numbers=False)
    text = _QUOTED_STOP.sub(",", text)
    if text.isascii():
        if '"' in text:
            text = _with_inches(text).translate(_QUOTES)
    else:
        text = _INVISIBLE.sub("", _UNSPEAKABLE.sub(" ", _with_inches(text)))
        text = _LOOSE_ACCENTS.sub("", unicodedata.normalize("NFC", text.translate(_QUOTES)).translate(_WIDE))
    text = _UNBROKEN.sub(_split_digits, text)
    return _LOST_PUNCTUATION.sub("", " ".join(text.split()))


def _split_digits(run: re.Match[str]) -> str:
    """What nobody could take in, a number of a hundred figures, is read in parts, so that the first is heard soon."""
    step = _MOST_FIGURES if run.group().isdecimal() else _LONGEST_WORD
    return " ".join(run.group()[start : start + step] for start in range(0, len(run.group()), step))


_MOST_FIGURES, _LONGEST_WORD = 24, 64
_UNBROKEN = re.compile(rf"(?<!\d)\d{{{_MOST_FIGURES + 1},}}|(?<![!-~])(?!https?:|www\.)[!-~]{{{_LONGEST_WORD + 1},}}")

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in "！？，：；（）"}


def _with_inches(text: str) -> str:
    quoted = False
    parts = []
    position = 0
    for mark in _INCHES.finditer(text):
        is_inch = mark.group() != '"' or (not quoted and text[mark.start() - 1 : mark.start()].isdecimal())
        parts += [text[position : mark.start()], "″" if is_inch and mark.group() != "”" else ""]
        position = mark.end()
        if mark.group() == '"' and not is_inch:
            quoted = not quoted
    return "".join([*parts, text[position:]])


def spoken_words(text: str, language: str = "en", *, numbers: bool = True) -> list[SpokenWord]:
    """Says how a text is read aloud, in time proportional to its length.

    Numbers, dates, money, units, abbreviations and symbols become words in English, German, French, Spanish and
    Italian. In other languages only marks are taken out.

    Args:
        text: any written text; Markdown is dealt with.
        language: BCP 47 tag of the voice that will read it.
        numbers: False for a voice that has rules of its own for numbers in languages besides English.

    Returns:
        The words in order; empty where nothing can be said.
    """
    text = plain_text(text)
    written = text
    if (
        text.isupper()
        and len(shouted := _WORDS.findall(text)) > 2
        and has_common_word(set(shouted) - INITIALISMS)
        and _keeps_length(text)
    ):
        text = text.lower()  # somebody shouts: these are words, not initialisms
    english = language.lower().split("-")[0] == "en"
    rules = _rules_of(language) if numbers and not english else None
    readings = english_readings(text) if english else rule_readings(text, rules) if rules else []
    words: list[SpokenWord] = []
    for start, end, within in _tokens(text, readings):
        token = written[start:end]
        if english and not within and written is text and _AS_WRITTEN.fullmatch(token):
            words.append(SpokenWord(token, token))
            continue
        spoken = _read(text, start, end, within, english=english)
        empty = (_SAYABLE.search(spoken) if english else _OTHER_THAN_MARKS.search(spoken)) is None
        if words and (empty or token.startswith(("(", "["))) and words[-1].spoken[-1].isalnum():
            words[-1] = SpokenWord(words[-1].text, f"{words[-1].spoken},")  # a dash or a bracket: a short pause
        if not empty:
            words.append(SpokenWord(token, spoken))
        elif words:
            words[-1] = SpokenWord(f"{words[-1].text} {token}", words[-1].spoken)
    return words


@lru_cache(maxsize=16)
def _rules_of(language: str) -> ReadingRules | None:
    """The table of a language; None for those that have none."""
    found = _TABLES.get(language.lower().split("-")[0])
    return getattr(importlib.import_module(found[0]), found[1]) if found else None


_TABLES = {
    "de": ("speech.text.reading_german", "GERMAN"),
    "fr": ("speech.text.reading_french", "FRENCH"),
    "es": ("speech.text.reading_spanish", "SPANISH"),
    "it": ("speech.text.reading_italian", "ITALIAN"),
}
"""Imported when they are needed: most people speak one language."""


def _keeps_length(text: str) -> bool:
    return len(text.lower()) == len(text)


def pause_after_s(text: str) -> float:
    """Returns the silence that belongs after `text`, in seconds."""
    return (
        SENTENCE_PAUSE_S
        if text.rstrip(" \"'”’)]*_").endswith((".", "!", "?", "…", "。", "！", "？"))
        else CLAUSE_PAUSE_S
    )


def _tokens(text: str, readings: list[Reading]) -> Iterator[tuple[int, int, list[Reading]]]:
    """Cuts at blanks, but not inside a reading; each piece with the readings in it."""
    start = 0
    if not readings:
        for word in text.split(" "):
            end = start + len(word)
            if word:
                yield start, end, readings
            start = end + 1
        return
    next_reading = 0
    within: list[Reading] = []
    for space in re.finditer(r" |$", text):
        at = space.start()
        while next_reading < len(readings) and readings[next_reading].start < at:
            within.append(readings[next_reading])
            next_reading += 1
        if within and within[-1].end > at:
            continue
        if at > start:
            yield start, at, within
        start, within = space.end(), []


_AS_WRITTEN = re.compile(r"[A-Za-z]?[a-z]+(?:'[a-z]+)?[.,;:!?]?")


def _read(text: str, start: int, end: int, readings: list[Reading], *, english: bool) -> str:
    parts = []
    position = start
    for reading in readings:
        parts += [_plain(text[position : reading.start], english=english), reading.spoken]
        position = reading.end
    parts.append(_plain(text[position:end], english=english))
    joined: list[str] = []
    last = ""
    for part in parts:
        if part:
            joined += [" ", part] if last.isalnum() and part[0].isalnum() else [part]
            last = part[-1]
    return _tidy("".join(joined))


def _tidy(spoken: str) -> str:
    """One space between words, none before punctuation, and of several marks in a row the strongest."""
    spoken = " ".join(spoken.split())
    if spoken.replace(" ", "").isalnum():
        return spoken
    spoken = _WEAK_MARKS.sub("", _LOST_PUNCTUATION.sub("", spoken))
    return re.sub(r"(?<=[,;:!?])(?=[^\W\d])", " ", spoken)


_WEAK_MARKS = re.compile(r"(?<![.,;:])[.,;:]++(?=[!?])|(?<=[!?])[.,;:]+|(?<=[.,;:])[,;:]+")
_PAUSE_MARKS = re.compile(r"\.{2,}|\s*[—–]+\s*|(?<=\w)[)\]}](?=$|[^\w.,;:!?])|(?<=\w)-{2,}")
_SILENT_MARKS = re.compile(r"[()\[\]{}<>*_`^~\\|#]+|(?<!\w)['-]+|['-]+(?!\w)")


def _plain(piece: str, *, english: bool) -> str:
    if not piece:
        return ""
    if english:
        piece = _WORD.sub(lambda word: read_english_word(word.group()), piece)
    return _SILENT_MARKS.sub(_blank_between_words, _PAUSE_MARKS.sub(", ", piece))


_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


def _blank_between_words(marks: re.Match[str]) -> str:
    """Marks are not read, but "snake_case" stays two words, while "sh*t" is one."""
    inside = (
        marks.string[marks.start() - 1 : marks.start()].isalnum()
        and marks.string[marks.end() : marks.end() + 1].isalnum()
    )
    return " " if inside and "*" not in marks.group() else ""
