"""From the symbols that a neural voice was given, and how long it took for each, to phones."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from avatar.training.voices.utterance import Phone
from speech.audio import SPEECH_RATE_HZ
from speech.tts.synthesis.symbol_times import stressed_phoneme_times

_GLIDES = frozenset("ɪʊ")
"""Second halves of diphthongs that are written in two symbols."""


def phones_from_symbols(symbols: Sequence[str], bounds_s: Sequence[float], length_s: float) -> tuple[Phone, ...]:
    """Phones in IPA, in order and without gaps over the whole sound; marks of stress and length go into their vowels.

    Args:
        symbols: T of them, a character each, with blanks between the words.
        bounds_s: where each begins, and where the last ends: T + 1, seconds.
        length_s: of the sound.
    """
    end = round(length_s * SPEECH_RATE_HZ)
    bounds = [min(max(round(bound * SPEECH_RATE_HZ), 0), end) for bound in bounds_s]
    for index, symbol in enumerate(symbols):
        # In fluent speech a word begins where one ends; after punctuation a blank is part of the pause.
        if symbol == " " and index and _is_spoken(symbols[index - 1]):
            bounds[index + 1] = bounds[index]
    phones: list[Phone] = []
    for symbol, first, last, stress in stressed_phoneme_times(symbols, bounds, start=0, end=end):
        if symbol in _GLIDES and not stress and phones:
            stress = phones[-1].stress
        name = "" if symbol == "_" else symbol
        phones.append(Phone(name, first / SPEECH_RATE_HZ, last / SPEECH_RATE_HZ, stress, "ipa"))
    return tuple(phones)


def _is_spoken(symbol: str) -> bool:
    return unicodedata.category(symbol)[0] in "LM"
