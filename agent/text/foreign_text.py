"""What a stranger wrote, in a line of ours: bounded, and without anything that a terminal would obey."""

from __future__ import annotations

import re

from speech.errors import one_line


def shortened(text: str, most: int = 200) -> str:
    """One printable line: blanks become single spaces, control characters escapes; cut off after `most` characters."""
    shown = one_line(" ".join(text[: 2 * most].split())[: most + 1])
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def redact_credentials(text: str) -> str:
    """The same, without what stands before the @ of an address in it: a user, and often a password."""
    return re.sub(r"//\S*@", "//…@", text)
