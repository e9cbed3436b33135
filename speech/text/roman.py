"""Roman numerals."""

from __future__ import annotations

import re

_NUMERAL = re.compile(r"(?=[IVXLC])(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})|C")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def roman_number(numeral: str) -> int:
    """The number from 1 to 100 that a Roman numeral is; 0 where it is none."""
    return roman_value(numeral) if _NUMERAL.fullmatch(numeral) else 0


def roman_value(numeral: str) -> int:
    """What the signs of a well-formed numeral come to: "MCMXC" → 1990."""
    values = [_VALUES[sign] for sign in numeral]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))
