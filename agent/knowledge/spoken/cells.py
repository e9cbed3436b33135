"""The cells of a table: what nothing, yes and no look like, money, times; a unit that stands in the heading."""

from __future__ import annotations

import re

Cells = tuple[tuple[str, str], ...]
"""(heading, value) of each cell of a row that says something."""

_NOTHING = re.compile(r"[-–—./\s]*|n/?a|none|\?", re.IGNORECASE)
_YES = re.compile(r"[✓✔✅☑]\ufe0f?|:white_check_mark:")
_NO = re.compile(r"[✗✘❌☒×✖]\ufe0f?|:x:")
_NO_CENTS = re.compile(r"(?<=\d)[.,][-–—]+(?!\w)")

TIME = r"(?:\d{1,2}(?:[:.]\d{2})?(?:\s*(?:[ap]\.?m\.?|h|o'clock))?|noon|midnight)"
RANGE = re.compile(rf"(?:from\s+)?({TIME})\s*(?:-|–|—|to|until|till)\s*({TIME})(?![\w:.]*\d)", re.IGNORECASE)
"""From when to when: "9-18", "from 9 am until noon"."""
CLOSED = re.compile(r"closed\b", re.IGNORECASE)
NUMBER = re.compile(r"[\d.,]*\d")
MONEY = re.compile(
    r"(?:[€$£¥]|us\$|eur|usd|gbp|chf)\s?\d[\d.,]*(?:[-–]+)?|\d[\d.,]*\s?(?:[€$£¥]|eur\b|euros?\b|usd\b|dollars?\b|gbp\b"
    r"|pounds?\b|chf\b|francs?\b|cents?\b|kr\b|zł)",
    re.IGNORECASE,
)
_CURRENCY = {"eur": "€", "euro": "€", "euros": "€", "usd": "$", "dollars": "$", "gbp": "£", "pounds": "£"}
_UNIT_IN_HEADING = re.compile(r"\s*(?:[(\[]([^()\[\]]{1,8})[)\]]|\bin ([€$£¥]|[A-Za-z]{1,7})|([€$£¥]))\s*$")


def clean_cell(text: str) -> str:
    """A cell on one line; "" where it says nothing, "yes" and "no" for the signs of them."""
    text = ", ".join(part.strip(" ,;") for part in text.split("\n") if part.strip(" ,;"))
    text = _NO_CENTS.sub("", text)
    if _YES.fullmatch(text):
        return "yes"
    if _NO.fullmatch(text):
        return "no"
    return "" if _NOTHING.fullmatch(text) else text


def split_heading(text: str) -> tuple[str, str]:
    """A heading without the unit at its end, and the unit, "" for none: "Price (EUR)" → "Price", "€"."""
    match = _UNIT_IN_HEADING.search(text)
    unit = (match[1] or match[2] or match[3]).strip() if match else ""
    if not match or not _is_unit(unit):
        return text, ""
    return text[: match.start()], _CURRENCY.get(unit.lower(), unit)


def with_unit(text: str, unit: str) -> str:
    """A cell with the unit of its column, if it is a bare number."""
    if not unit or not NUMBER.fullmatch(text):
        return text
    return f"{unit}{text}" if unit in ("€", "$", "£", "¥") else f"{text} {unit}"


def _is_unit(unit: str) -> bool:
    return (
        unit.lower() in _CURRENCY
        or unit in "€$£¥%"
        or re.fullmatch(r"k?g|k?m|[cm]?m|m?l|min|h|°C|CHF|kWh?", unit) is not None
    )
