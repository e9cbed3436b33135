"""What a stranger wrote, in a line of ours: bounded, and without anything that a terminal would obey."""

from __future__ import annotations

import re


def one_line(text: str, most: int = 200) -> str:
    """Blanks become single spaces, what can't be printed becomes a mark, what is longer than `most` is cut off."""
    beginning = " ".join(text[: 2 * most].split())
    shown = "".join(c if c.isprintable() else "�" for c in beginning[: most + 1])
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def without_passwords(text: str) -> str:
    """The same, without what stands before the @ of an address in it: a user, and often a password."""
    return re.sub(r"//\S*@", "//…@", text)
