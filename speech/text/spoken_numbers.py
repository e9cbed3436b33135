"""English numbers, dates, times, money and measures as words."""

from __future__ import annotations

import re
from functools import lru_cache

from num2words import num2words  # type: ignore[import-untyped]

MONTHS = ("January", "February", "March", "April", "May", "June", "July",
          "August", "September", "October", "November", "December")  # fmt: skip

# Sign or code → the unit and its hundredth.
CURRENCIES = {
    "$": ("dollar", "cent"), "US$": ("US dollar", "cent"), "USD": ("US dollar", "cent"), "€": ("euro", "cent"),
    "EUR": ("euro", "cent"), "£": ("pound", "penny"), "GBP": ("pound", "penny"), "¥": ("yen", ""),
    "JPY": ("yen", ""), "CHF": ("Swiss franc", "centime"), "₹": ("rupee", "paisa"), "Rs.": ("rupee", "paisa"),
    "INR": ("rupee", "paisa"), "C$": ("Canadian dollar", "cent"), "CAD": ("Canadian dollar", "cent"),
    "A$": ("Australian dollar", "cent"), "AUD": ("Australian dollar", "cent"), "CNY": ("yuan", ""),
    "₩": ("won", ""), "₽": ("rouble", "kopeck"), "₺": ("lira", ""), "₿": ("bitcoin", ""), "₪": ("shekel", ""),
}  # fmt: skip

SCALES = {
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "b": "billion", "B": "billion",
    "bn": "billion", "tn": "trillion", "T": "trillion", "lakh": "lakh", "crore": "crore", "thousand": "thousand",
    "million": "million", "billion": "billion", "trillion": "trillion",
}  # fmt: skip

UNITS = {
    "km/h": "kilometre per hour", "kph": "kilometre per hour", "mph": "mile per hour", "m/s": "metre per second",
    "Mbit/s": "megabit per second", "MB/s": "megabyte per second", "fps": "frame per second", "kWh": "kilowatt hour",
    "km²": "square kilometre", "m²": "square metre", "m³": "cubic metre", "°C": "degree Celsius",
    "°F": "degree Fahrenheit", "°": "degree", "km": "kilometre", "cm": "centimetre", "mm": "millimetre",
    "µm": "micrometre", "m": "metre", "ft": "foot", "mi": "mile", "kg": "kilogram", "mg": "milligram", "g": "gram",
    "lbs": "pound", "lb": "pound", "oz": "ounce", "ml": "millilitre", "mL": "millilitre", "L": "litre",
    "GHz": "gigahertz", "MHz": "megahertz", "kHz": "kilohertz", "Hz": "hertz", "TB": "terabyte", "GB": "gigabyte",
    "MB": "megabyte", "kB": "kilobyte", "KB": "kilobyte", "GiB": "gibibyte", "MiB": "mebibyte", "dB": "decibel",
    "kW": "kilowatt", "MW": "megawatt", "W": "watt", "V": "volt", "mA": "milliampere", "px": "pixel",
    "MP": "megapixel", "ms": "millisecond", "µs": "microsecond", "sec": "second", "s": "second", "min": "minute",
    "mins": "minute", "secs": "second", "hrs": "hour", "hr": "hour", "h": "hour", "º": "degree", "ºC": "degree Celsius",
    "℃": "degree Celsius", "℉": "degree Fahrenheit", "nm": "nanometre", "μm": "micrometre", "yd": "yard",
    "ft²": "square foot", "cm²": "square centimetre", "mm²": "square millimetre", "cm³": "cubic centimetre",
    "µg": "microgram", "μg": "microgram", "mcg": "microgram", "t": "tonne", "cl": "centilitre", "dl": "decilitre",
    "dL": "decilitre", "l": "litre", "gal": "gallon", "GW": "gigawatt", "Wh": "watt hour", "mV": "millivolt",
    "kV": "kilovolt", "mAh": "milliampere hour", "Ah": "ampere hour", "Ω": "ohm", "kΩ": "kiloohm",
    "kcal": "kilocalorie", "cal": "calorie", "kJ": "kilojoule", "hPa": "hectopascal", "kPa": "kilopascal",
    "Pa": "pascal",
    "kN": "kilonewton", "rpm": "revolution per minute", "bpm": "beat per minute", "dpi": "dot per inch",
    "ppm": "part per million",
    "kbps": "kilobit per second", "Mbps": "megabit per second", "Gbps": "gigabit per second",
    "Gbit/s": "gigabit per second", "PB": "petabyte", "ns": "nanosecond", "μs": "microsecond", "yr": "year",
    "yrs": "year", "wk": "week", "‰": "per mille", "in²": "square inch", "lm": "lumen", "lx": "lux",
    "tsp": "teaspoon", "tbsp": "tablespoon", "″": "inch", "′": "foot",
}  # fmt: skip

FRACTIONS = {
    "½": "one half", "⅓": "one third", "⅔": "two thirds", "¼": "one quarter", "¾": "three quarters",
    "⅛": "one eighth", "⅜": "three eighths", "⅝": "five eighths", "⅞": "seven eighths", "⅕": "one fifth",
    "⅖": "two fifths", "⅗": "three fifths", "⅘": "four fifths", "⅙": "one sixth", "⅚": "five sixths",
}  # fmt: skip

_PLURALS = {"penny": "pence", "foot": "feet", "paisa": "paise", "square foot": "square feet", "inch": "inches"}


MOST_DIGITS = 15
"""A longer whole number is read digit by digit: nobody follows quadrillions."""

_DIGITS = "zero one two three four five six seven eight nine".split()


@lru_cache(maxsize=4096)
def number_words(number: str) -> str:
    """Reads a plain number: "-1,234.50" → "minus one thousand two hundred and thirty-four point five zero".

    Grouped as in India, it is read as there: "12,34,567" → "twelve lakh thirty-four thousand …".
    """
    sign = "minus " if number.startswith("-") else ""
    whole, _, decimals = number.lstrip("-").partition(".")
    words = _indian_words(whole) if _INDIAN.fullmatch(whole) else _whole_words(whole.replace(",", ""))
    return sign + words + (f" point {digit_words(decimals)}" if decimals else "")


_INDIAN = re.compile(r"\d{1,2}(?:,\d{2}){1,4},\d{3}")


def _whole_words(digits: str) -> str:
    digits = digits.lstrip("0") or "0"
    return digit_words(digits) if len(digits) > MOST_DIGITS else str(num2words(int(digits))).replace(",", "")


def _indian_words(grouped: str) -> str:
    value = int(grouped.replace(",", ""))
    parts = []
    for size, name in ((10_000_000, "crore"), (100_000, "lakh")):
        count, value = divmod(value, size)
        if count:
            parts.append(f"{number_words(str(count))} {name}")
    if value:
        parts.append(("and " if parts and value < 100 else "") + number_words(str(value)))
    return " ".join(parts) or "zero"


def digit_words(digits: str) -> str:
    """Reads digits one by one, of whatever script: "007" → "zero zero seven"."""
    return " ".join(_DIGITS[int(digit)] for digit in digits)


@lru_cache(maxsize=1024)
def ordinal_words(number: int) -> str:
    """Reads a rank: 22 → "twenty-second"."""
    if number >= 10**MOST_DIGITS:
        return f"{digit_words(str(number))}th"
    return str(num2words(number, to="ordinal")).replace(",", "")


def year_words(year: int) -> str:
    """Reads a year of four digits as people do: 1905 → "nineteen oh five", 2026 → "twenty twenty-six"."""
    century, rest = divmod(year, 100)
    if year % 1000 < 10:
        return number_words(str(year))
    if rest == 0:
        return f"{number_words(str(century))} hundred"
    return f"{number_words(str(century))} {'oh ' if rest < 10 else ''}{number_words(str(rest))}"


def fraction_words(above: int, below: int) -> str:
    """Reads a fraction: (3, 4) → "three quarters", (1, 50) → "one over fifty", (50, 50) → "fifty fifty"."""
    counted = number_words(str(above))
    if above == below:
        return f"{counted} {counted}"
    if not 2 <= below <= 20 or above > 20:
        return f"{counted} over {number_words(str(below))}"
    part = {2: "half", 4: "quarter"}.get(below, ordinal_words(below))
    many = "halves" if below == 2 else f"{part}s"
    return f"{counted} {part if above == 1 else many}"


def date_words(year: int | None, month: int, day: int) -> str | None:
    """Reads a date: (2026, 11, 22) → "November twenty-second, twenty twenty-six"; None where there is no such day."""
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{MONTHS[month - 1]} {ordinal_words(day)}" + (f", {year_words(year)}" if year else "")


def time_words(hour: int, minute: int, second: int | None, half: str | None) -> str | None:
    """Reads a time of day: (10, 5, None, "p") → "ten oh five P.M", (10, 0, None, None) → "ten o'clock"."""
    if hour > 24 or minute > 59:
        return None
    words = number_words(str(hour))
    if minute:
        words += f" {'oh ' if minute < 10 else ''}{number_words(str(minute))}"
    elif hour in (0, 24):
        words = "twelve" if half else "midnight"
    elif not half:
        words += " o'clock" if 1 <= hour <= 12 else " hundred"
    if second:
        words += f" and {quantity_words(str(second), 'second')}"
    return words + (f" {half.upper()}.M" if half else "")


def quantity_words(number: str, singular: str) -> str:
    """Reads a number with its unit: ("5", "kilometre per hour") → "five kilometres per hour"."""
    return f"{number_words(number)} {singular if number.lstrip('-') == '1' else plural(singular)}"


def plural(unit: str) -> str:
    """Makes a unit's plural: "degree Celsius" → "degrees Celsius"."""
    head, per, rest = unit.partition(" per ")
    first, space, last = head.partition(" ") if head.startswith("degree") else ("", "", head)
    if first:
        return f"{first}s{space}{last}"
    front, space, noun = last.rpartition(" ")
    unchanged = noun.endswith(("hertz", "yen", "yuan", "won", "lux", "mille"))
    return f"{front}{space}{noun if unchanged else _PLURALS.get(noun, noun + 's')}{per}{rest}"


def money_words(number: str, currency: str, scale: str | None) -> str:
    """Reads money: ("5.50", "$", None) → "five dollars and fifty cents", ("2", "€", "bn") → "two billion euros"."""
    unit, cent = CURRENCIES[currency]
    if scale:
        return f"{number_words(number)} {SCALES[scale]} {plural(unit)}"
    whole, _, part = number.partition(".")
    if len(part) != 2 or not cent:
        return quantity_words(number, unit)
    if int(part) == 0:
        return quantity_words(whole, unit)
    small = quantity_words(str(int(part)), cent)
    return small if not whole.strip("0,") else f"{quantity_words(whole, unit)} and {small}"


def phone_words(number: str) -> str | None:
    """Reads a telephone number digit by digit, with a pause between its groups; None where it is none."""
    groups = re.findall(r"\d+", number)
    if not 7 <= sum(map(len, groups)) <= 15:
        return None
    return ("plus " if number.startswith("+") else "") + ", ".join(digit_words(group) for group in groups)
