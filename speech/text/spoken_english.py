"""How English is read aloud: finds what is not read as it is written, from left to right."""

from __future__ import annotations

import re
from dataclasses import dataclass

from speech.text.abbreviations import find_abbreviation
from speech.text.spoken_figures import FIGURE_RULES, LONGEST_NUMBER
from speech.text.spoken_letters import READ_AS
from speech.text.spoken_names import LETTER, NAME_RULES, NAME_RULES_FOR_WORDS
from speech.text.spoken_numbers import MONTHS, digit_words, number_words
from speech.text.spoken_symbols import GREEK, SYMBOL_RULES

_ORDINARY = re.compile(r"([A-Za-z][a-z]*+(?:'[a-z]++)?+)([.,;:!?]?)(?: |\Z)")
_WORD = re.compile(rf"{LETTER}++(?:'{LETTER}++)*+")
_FIGURES = re.compile(r"\d++(?:\.\d++)?")
_QUIET = re.compile(r"[ ,?'\")\[\]{}]++")
_LONGEST_ABBREVIATION = 6
_AFTER_WORDS = frozenset(("", *" ,;!?*<>=^|~)\"'"))
_FIRST_WORDS = frozenset(
    (
        *(*MONTHS, *(name[:3] for name in MONTHS), *READ_AS, *"vVI", "et", "mph", "kWh"),
        *"Sept Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun Mr Mrs Ms Dr Prof St Mt Sgt Capt Lt".split(),
        *"Ave Rd Blvd Jr Sr".split(),
    )
)
"""Ordinary words with which a rule may begin nevertheless."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A stretch of text, [start, end), and what is read instead of it."""

    start: int
    end: int
    spoken: str


def english_readings(text: str) -> list[Reading]:
    """Finds what is not read as it is written, from left to right; takes time in proportion to the text's length.

    Args:
        text: on one line, one blank between words.
    """
    readings: list[Reading] = []
    position = 0
    while position < len(text):
        ordinary = _ORDINARY.match(text, position)
        if ordinary:
            word, mark = ordinary.groups()
            if (
                word not in _FIRST_WORDS
                and (len(word) > 1 or word in "aA")
                and (mark != "." or len(word) > _LONGEST_ABBREVIATION or find_abbreviation(f"{word}.") is None)
            ):
                position = ordinary.end()
                continue
        if quiet := _QUIET.match(text, position):
            position = quiet.end()
            continue
        reading = _reading(text, position)
        if reading is not None:
            readings.append(reading)
            position = reading.end
        else:
            word = _WORD.match(text, position)
            position = word.end() if word else position + 1
    return readings


def _reading(text: str, position: int) -> Reading | None:
    character = text[position]
    before = text[position - 1] if position else " "
    if character.isdecimal():
        if _begins_number(text, position, before):
            rules = FIGURE_RULES
        else:
            figures = _FIGURES.match(text, position)
            assert figures is not None
            digits = figures.group()
            is_code = digits.startswith("0") or len(digits) > LONGEST_NUMBER
            words = digit_words(digits) if is_code and digits.isdecimal() else number_words(digits)
            return Reading(position, figures.end(), f" {words} ")
    elif character.isalpha():
        if before.isalpha():
            return None
        if before in "._@/#&\\":
            return None
        word = _WORD.match(text, position)
        is_whole = word is not None and text[word.end() : word.end() + 1] in _AFTER_WORDS
        rules = NAME_RULES_FOR_WORDS if is_whole else NAME_RULES
        if character in GREEK or character.lower() in GREEK:
            if word and len(word.group()) == 1:
                return Reading(position, position + 1, f" {GREEK[character.lower()]} ")
    else:
        rules = SYMBOL_RULES.get(character, ())
    for pattern, read in rules:
        match = pattern.match(text, position)
        if match and match.end() > position and (spoken := read(match)) is not None:
            return Reading(position, match.end(), spoken)
    return None


def _begins_number(text: str, position: int, before: str) -> bool:
    """Whether a figure is not inside something: "H264", "1,5" and "1-2-3-" are taken from the left."""
    if before.isalnum() or before == "_":
        return False
    further = text[position - 2] if position > 1 else " "
    if before in ".,":
        return not further.isalnum() and further != "."
    return not (before in "-/:#*" and further.isdecimal())
