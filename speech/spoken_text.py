"""Written text → words to be read aloud, each still knowing what it was written as."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from speech.spoken_english import ENGLISH_RULES, Rule, read_english_word

SENTENCE_PAUSE_S = 0.30
"""Silence after a sentence. Readers pause 0.3 to 0.6 s between sentences; the short end keeps a dialogue lively."""
CLAUSE_PAUSE_S = 0.12
"""Silence after a piece that does not end a sentence, about what readers leave at a comma."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """One word of a text.

    Attributes:
        text: as written, with its punctuation: "$5,". Something read as a whole stays whole: "10:30 am".
        spoken: as read: "five dollars,". Never empty; may be several words.
    """

    text: str
    spoken: str


_MARKDOWN: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in (
        (r"^\s*```.*$", ""),  # code fences: the code between is read as it is
        (r"!?\[([^\]\n]*)\]\([^)\n]*\)", r"\1"),  # links and pictures: their text
        (r"^\s{0,3}#{1,6}\s+|\s+#{1,6}\s*$", ""),  # headings
        (r"^\s*>+\s?", ""),  # quotations
        (r"^\s*[-*+•]\s+(?=\S)", ""),  # list bullets
        (r"^\s*([-*_]\s*){3,}$", ""),  # rules
        (r"(\*\*|__|~~|``?)(?=\S)(.+?)(?<=\S)\1", r"\2"),  # bold, struck, code
        (r"(?<!\w)([*_])(?=\S)([^*_\n]+?)(?<=\S)\1(?!\w)", r"\2"),  # italics
        (r"</?[a-zA-Z][^<>\n]*>", ""),  # HTML tags
        (r"\s*\|\s*", ", "),  # table cells
    )
)

_QUOTES = str.maketrans(
    {"’": "'", "‘": "'", "ʼ": "'", "“": None, "”": None, "„": None, "«": None, "»": None, '"': None, "…": "...",
     "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2011": "-", "\u2212": "-"}
)  # fmt: skip

# Emoji, pictographs, dingbats, flags, skin tones, joiners, and everything that has no place in a line of speech.
_UNSPEAKABLE = re.compile(
    "[\U0001f000-\U0001faff\U000e0000-\U000e007f\u2600-\u27bf\u2b00-\u2bff\ufe00-\ufe0f\u200b-\u200f\u2060\ufeff"
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd\ue000-\uf8ff]"
)
_PUNCTUATION_ONLY = re.compile(r"[\s.,;:!?¿¡'\-–—()\[\]{}<>*_`^~\\|#]*")
_LOST_PUNCTUATION = re.compile(r"\s+(?=[.,;:!?]+(?:\s|$))")


def plain_text(text: str) -> str:
    """Takes Markdown, HTML tags, quotation marks, emoji and control characters out; what is left is written text."""
    for pattern, replacement in _MARKDOWN:
        text = pattern.sub(replacement, text)
    return _LOST_PUNCTUATION.sub("", " ".join(_UNSPEAKABLE.sub(" ", text).translate(_QUOTES).split()))


def spoken_words(text: str, language: str = "en") -> list[SpokenWord]:
    """Says how a text is read aloud.

    English numbers, dates, money, units, abbreviations and symbols become words. In other languages only marks are
    taken out: eSpeak NG has number rules of its own for each.

    Args:
        text: any written text; Markdown is dealt with.
        language: BCP 47 tag of the voice that will read it.

    Returns:
        The words in order; empty where nothing can be said.
    """
    text = plain_text(text)
    written = text
    if text.isupper() and len(re.findall(r"[^\W\d_]{2,}", text)) > 2 and len(text.lower()) == len(text):
        text = text.lower()  # somebody shouts: these are words, not initialisms
    rules = ENGLISH_RULES if language.lower().split("-")[0] == "en" else ()
    readings = _apply(rules, text)
    words: list[SpokenWord] = []
    for start, end in _tokens(text, readings):
        token = written[start:end]
        spoken = _read(text, start, end, readings, english=bool(rules))
        empty = _PUNCTUATION_ONLY.fullmatch(spoken) is not None
        if words and (empty or token.startswith(("(", "["))) and words[-1].spoken[-1].isalnum():
            words[-1] = SpokenWord(words[-1].text, f"{words[-1].spoken},")  # a dash or a bracket: a short pause
        if not empty:
            words.append(SpokenWord(token, spoken))
        elif words:
            words[-1] = SpokenWord(f"{words[-1].text} {token}", words[-1].spoken)
    return words


def pause_after_s(text: str) -> float:
    """Returns the silence that belongs after `text`, in seconds."""
    return (
        SENTENCE_PAUSE_S
        if text.rstrip(" \"'”’)]*_").endswith((".", "!", "?", "…", "。", "！", "？"))
        else CLAUSE_PAUSE_S
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    start: int
    end: int
    spoken: str


def _apply(rules: tuple[Rule, ...], text: str) -> list[_Reading]:
    """Earlier rules win; a stretch once read is not read again."""
    readings: list[_Reading] = []
    for pattern, read in rules:
        for match in pattern.finditer(text):
            if any(match.start() < other.end and other.start < match.end() for other in readings):
                continue
            spoken = read(match)
            if spoken is not None:
                readings.append(_Reading(match.start(), match.end(), spoken))
    return sorted(readings, key=lambda reading: reading.start)


def _tokens(text: str, readings: list[_Reading]) -> Iterator[tuple[int, int]]:
    """Cuts at white space, but not inside a reading."""
    start = 0
    for space in re.finditer(r" |$", text):
        if any(reading.start < space.start() < reading.end for reading in readings):
            continue
        if space.start() > start:
            yield start, space.start()
        start = space.end()


def _read(text: str, start: int, end: int, readings: list[_Reading], *, english: bool) -> str:
    parts = []
    position = start
    for reading in readings:
        if start <= reading.start and reading.end <= end:
            parts += [_plain(text[position : reading.start], english=english), reading.spoken]
            position = reading.end
    parts.append(_plain(text[position:end], english=english))
    spoken = ""
    for part in parts:
        spoken += f" {part}" if spoken[-1:].isalnum() and part[:1].isalnum() else part
    return _tidy(spoken)


def _tidy(spoken: str) -> str:
    """One space between words, none before punctuation, and of several marks in a row the strongest."""
    spoken = " ".join(spoken.split())
    spoken = _LOST_PUNCTUATION.sub("", spoken)
    spoken = re.sub(r"[.,;:]+(?=[!?])|(?<=[!?])[.,;:]+|(?<=[.,;:])[,;:]+", "", spoken)
    return re.sub(r"(?<=[,;:!?])(?=[^\W\d])", " ", spoken)


_PAUSE_MARKS = re.compile(r"\.{2,}|\s*[—–]+\s*|(?<=\w)[)\]}](?=$|[^\w.,;:!?])|(?<=\w)-{2,}")
_SILENT_MARKS = re.compile(r"[()\[\]{}<>*_`^~\\|#]+|(?<!\w)['-]+|['-]+(?!\w)")


def _plain(piece: str, *, english: bool) -> str:
    if english:
        piece = re.sub(r"[^\W\d_]+(?:'[^\W\d_]+)*", lambda word: read_english_word(word.group()), piece)
    return _SILENT_MARKS.sub("", _PAUSE_MARKS.sub(", ", piece))
