"""Texts to train on, endlessly: what people say, in English and other languages, drawn by a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from avatar.training.texts import generated
from avatar.training.texts.english import EXCLAMATIONS, INSTRUCTIONS, PASSAGES, QUESTIONS, SMALL_TALK, STATEMENTS
from avatar.training.texts.other_languages import OTHER_LANGUAGES

_KINDS: tuple[tuple[float, Callable[[random.Random], str]], ...] = (
    (0.12, lambda draw: draw.choice(STATEMENTS)),
    (0.08, lambda draw: draw.choice(QUESTIONS)),
    (0.05, lambda draw: draw.choice(EXCLAMATIONS)),
    (0.08, lambda draw: draw.choice(SMALL_TALK)),
    (0.03, lambda draw: draw.choice(INSTRUCTIONS)),
    (0.08, lambda draw: draw.choice(PASSAGES)),
    (0.18, generated.sentence),
    (0.08, generated.question),
    (0.05, generated.exclamation),
    (0.08, generated.tale),
    (0.07, generated.numbers),
    (0.05, generated.word_list),
    (0.05, generated.syllables),
)
"""Share → a way to a text."""


def held_out(text: str) -> bool:
    """Every ninth sentence, by its letters alone, is kept for validation."""
    return sum(map(ord, text)) % 9 == 0


def english(seed: int, *, validation: bool = False) -> Iterator[str]:
    """Endless English texts, from a word to a short passage; training and validation never share one."""
    draw = random.Random(seed)
    shares = [share for share, _ in _KINDS]
    while True:
        _, kind = draw.choices(_KINDS, shares)[0]
        text = kind(draw)
        if held_out(text) == validation:
            yield text


def other_language(seed: int, language: str) -> Iterator[str]:
    """Endless sentences in one of `OTHER_LANGUAGES`."""
    draw = random.Random(seed)
    while True:
        yield draw.choice(OTHER_LANGUAGES[language])
