"""Prices in a table's cells: "Adults cost €12", "For children it is free", and what people ask about them."""

from __future__ import annotations

import re

from agent.knowledge.spoken.cells import MONEY, NUMBER, Cells

_FREE = re.compile(r"(?:for )?free(?: of charge| entry| admission)?|no charge|gratis|complimentary", re.IGNORECASE)
_PRICE_HEADING = re.compile(r"\b(?:prices?|costs?|fees?|rates?|charges?|admission|fares?)\b|[€$£¥]", re.IGNORECASE)
_PERSONS = re.compile(
    r"\b(?:adults?|child|children|kids?|students?|seniors?|pensioners?|retirees|famil(?:y|ies)|groups?|members?|infants?"
    r"|babies|teens?|teenagers|youth|concessions?|disabled|visitors?|residents|locals|under \w+|over \w+)\b",
    re.IGNORECASE,
)
_TICKET = re.compile(r"\b(?:tickets?|pass(?:es)?|cards?|tours?|menus?|meals?|drinks?)\b", re.IGNORECASE)
_PLURAL = re.compile(r"(?<![sui])s$", re.IGNORECASE)


def say_price(label: str, cells: Cells) -> str:
    """As in "Adults cost €12"; "" if the first cell is no price.

    Args:
        label: what the row is about.
        cells: its other cells, at least one.
    """
    heading, value = cells[0]
    label = label.rstrip(" .:")
    is_free = _FREE.fullmatch(value) and (not heading or len(cells) > 1 or _PRICE_HEADING.search(heading))
    if not is_free and not is_price(heading, value):
        return ""
    if _is_person(label):
        return f"For {_small(label)} it is {'free' if is_free else value}"
    if is_free:
        return f"{label} {'are' if _is_plural(label) else 'is'} free"
    return f"{label} {'cost' if _is_plural(label) else 'costs'} {value}"


def is_price(heading: str, value: str) -> bool:
    """Whether a cell begins with an amount of money, or is a number under a heading such as "Price"."""
    return MONEY.match(value) is not None or (
        _PRICE_HEADING.search(heading) is not None and NUMBER.fullmatch(value) is not None
    )


def _is_person(label: str) -> bool:
    return _PERSONS.search(label) is not None and _TICKET.search(label) is None


def _is_plural(label: str) -> bool:
    head = re.split(r"\s(?:of|with|in|for|from|per|on|at)\s|[(,]", label)[0].strip()
    return _PLURAL.search(head) is not None or " and " in head


def price_questions(label: str) -> tuple[str, ...]:
    """What people ask about the price of something."""
    name = _small(label)
    if _is_person(label):
        return (f"how much is it for {name}", f"what does it cost for {name}", f"what do {name} pay")
    one = not _is_plural(label)
    return (
        f"how much {'is' if one else 'are'} {name}",
        f"what {'does' if one else 'do'} {name} cost",
        f"what is the price of {name}",
    )


def _small(text: str) -> str:
    """In the middle of a sentence: the first letter small, unless the word is an initialism."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
