"""From the durations that a network gives its symbols to the times of phonemes."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

_SILENT = frozenset("_ ,.;:!?()[]{}\"'-—…«»“”¡¿。、！？，；：")
_STRESS = {"ˈ": 2, "ˌ": 1}
_LENGTHENERS = frozenset("ːˑ")


def without_blanks(symbols: Sequence[str], bounds: Sequence[int]) -> list[int]:
    """Gives the time of the blanks between words to what follows: in fluent speech a word begins where one ends.

    Args:
        symbols: what the network was given, T in all.
        bounds: sample at which each begins, and the one at which the last ends: T + 1.
    """
    moved = list(bounds)
    for index, symbol in enumerate(symbols):
        if symbol == " ":
            moved[index + 1] = moved[index]
    return moved


def phoneme_times(symbols: Sequence[str], bounds: Sequence[int], *, start: int, end: int) -> list[tuple[str, int, int]]:
    """`stressed_phoneme_times` without the stress."""
    found = stressed_phoneme_times(symbols, bounds, start=start, end=end)
    return [(name, first, last) for name, first, last, _ in found]


def stressed_phoneme_times(
    symbols: Sequence[str], bounds: Sequence[int], *, start: int, end: int
) -> list[tuple[str, int, int, int]]:
    """The phonemes with their first samples, those after their last, and their stress; "_" is silence.

    A stress mark stands before the vowel that has it (2 primary, 1 secondary, else 0), and its time belongs to that; a
    lengthener's or an accent's time belongs to the phoneme before it; punctuation is silence.

    Args:
        symbols: what the network was given, T in all.
        bounds: sample at which each begins, and the one at which the last ends: T + 1.
        start: where the silence before them begins.
        end: where the silence after them ends.
    """
    found: list[tuple[str, int, int, int]] = []
    begin, stress = start, 0
    for symbol, (_, last) in zip(["_", *symbols, "_"], pairwise([start, *bounds, end]), strict=True):
        stress = _STRESS.get(symbol, stress)
        if symbol in _STRESS or last <= begin:
            continue
        name = "_" if symbol in _SILENT else symbol
        if found and (name == found[-1][0] == "_" or name in _LENGTHENERS or unicodedata.combining(name)):
            before = found[-1]
            found[-1] = (before[0] if name == "_" else before[0] + name, before[1], last, before[3])
        else:
            found.append((name, begin, last, stress))
            stress = 0
        begin = last
    return found
