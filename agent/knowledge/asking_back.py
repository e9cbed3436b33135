"""Asks back which of two questions was meant, and understands the choice: "the second one"."""

from __future__ import annotations

import re
from collections.abc import Sequence

DID_YOU_MEAN = "Did you mean"
_OR = " Or: "
_CHOICE = re.compile(
    r"\W*(?:(?:yes|no|um+|uh+|i|mean|meant|please)\W+)*(?:the\s+)?"
    r"(?:(?P<first>first|former)|second|latter|last|other)(?:\s+(?:one|question|thing))?(?:\W+please)?\W*",
    re.IGNORECASE,
)


def ask_back(forms: Sequence[str]) -> str:
    """What is said to find out which question was meant: "Did you mean: Where is the lift? Or: The stairs?"."""
    return f"I'm not sure that I heard you right. {DID_YOU_MEAN}: {_OR.join(map(as_question, forms))}"


def offered(reply: str) -> list[str]:
    """The questions that a reply offers, as they were heard."""
    _, is_asked, forms = reply.rpartition(f"{DID_YOU_MEAN}: ")
    return forms.split(_OR) if is_asked else []


def choice_of(text: str, forms: Sequence[str]) -> str | None:
    """Which of two questions is chosen ("the first", "no, I meant the other one"), or None."""
    choice = _CHOICE.fullmatch(text) if len(forms) > 1 else None
    return forms[0 if choice["first"] else 1] if choice else None


def as_question(text: str) -> str:
    """With a question mark, whatever it ended with."""
    return text if text.endswith("?") else f"{text.rstrip('.!')}?"
