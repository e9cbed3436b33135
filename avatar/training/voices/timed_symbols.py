"""From the symbols that a neural voice was given, and how long it took for each, to phones."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from avatar.motion import Floats
from avatar.training.voices.utterance import Phone
from speech.audio import SPEECH_RATE_HZ
from speech.tts.synthesis.symbol_times import stressed_phoneme_times

_HOP = SPEECH_RATE_HZ // 200
_SILENT_DB = 25.0
"""Below the sentence's loud fifth a pause is one."""
_LEAST_HOPS, _TAIL_HOPS = 6, 16
"""Of 5 ms: what is left of a phone whose silent end is cut off, and how long that end must be."""
_GLIDES = frozenset("ɪʊ")
"""Second halves of diphthongs that are written in two symbols."""


def phones_from_symbols(symbols: Sequence[str], bounds_s: Sequence[float], samples: Floats) -> tuple[Phone, ...]:
    """Phones in IPA, in order and without gaps over the whole sound; marks of stress and length go into their vowels.

    Args:
        symbols: T of them, a character each, with blanks between the words.
        bounds_s: where each begins, and where the last ends: T + 1, seconds.
        samples: float32 [N] at 16 kHz.
    """
    end = len(samples)
    bounds = [min(max(round(bound * SPEECH_RATE_HZ), 0), end) for bound in bounds_s]
    for index, symbol in enumerate(symbols):
        # In fluent speech a word begins where one ends; after punctuation a blank is part of the pause.
        if symbol == " " and index and _is_spoken(symbols[index - 1]):
            bounds[index + 1] = bounds[index]
    level = _level_db(samples)
    silent_db = float(np.percentile(level, 80)) - _SILENT_DB if len(level) else 0.0
    phones: list[Phone] = []
    for symbol, first, last, stress in stressed_phoneme_times(symbols, bounds, start=0, end=end):
        if symbol in _GLIDES and not stress and phones:
            stress = phones[-1].stress
        is_pause = symbol == "_"
        if is_pause and phones and last < end and np.median(level[first // _HOP : last // _HOP + 1]) > silent_db:
            # At many a comma nobody pauses: what was said before it lasts longer.
            phones[-1] = replace(phones[-1], end_s=last / SPEECH_RATE_HZ)
            continue
        phones.append(Phone("" if is_pause else symbol, first / SPEECH_RATE_HZ, last / SPEECH_RATE_HZ, stress, "ipa"))
    out: list[Phone] = []
    for part in (part for phone in phones for part in _without_tail(phone, level <= silent_db)):
        if out and not out[-1].symbol and not part.symbol:
            out[-1] = replace(out[-1], end_s=part.end_s)
        else:
            out.append(part)
    return tuple(out)


def _without_tail(phone: Phone, silent: npt.NDArray[np.bool_]) -> list[Phone]:
    """The phone up to where it falls silent, and a pause if it does so for long: networks stretch last phonemes."""
    first, stop = (round(at * SPEECH_RATE_HZ) // _HOP for at in (phone.start_s, phone.end_s))
    heard = stop
    while heard > first + _LEAST_HOPS and silent[heard - 1]:
        heard -= 1
    if not phone.symbol or stop - heard < _TAIL_HOPS:
        return [phone]
    end_s = heard * _HOP / SPEECH_RATE_HZ
    return [replace(phone, end_s=end_s), replace(phone, symbol="", start_s=end_s, stress=0)]


def _level_db(samples: Floats) -> npt.NDArray[np.float64]:
    """Level in every 5 ms: [N / 80 + 1]."""
    power = np.pad(np.square(samples.astype(np.float64)), (0, _HOP - len(samples) % _HOP))
    return np.asarray(10.0 * np.log10(power.reshape(-1, _HOP).mean(axis=1) + 1e-9))


def _is_spoken(symbol: str) -> bool:
    return unicodedata.category(symbol)[0] in "LM"
