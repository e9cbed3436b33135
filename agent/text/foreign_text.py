"""What a stranger wrote, in a line of ours: bounded, and without anything that a terminal would obey."""

from __future__ import annotations

import re

from speech.errors import one_line

_FOLDERS = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:)?[/\\](?!api/)(?:[^\s:'\"/\\]+[/\\])+")


def shortened(text: str, most: int = 200) -> str:
    """One printable line: blanks become single spaces, control characters escapes; cut off after `most` characters."""
    shown = one_line(" ".join(text[: 2 * most].split())[: most + 1])
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def redact_credentials(text: str) -> str:
    """The same, without what stands before the @ of an address in it: a user, and often a password."""
    return re.sub(r"//\S*@", "//…@", text)


def without_folders(text: str) -> str:
    """The same, with no more than the last name of each absolute path in it: for readers who are not on this machine.

    Addresses stay, those of the program's own API ("/api/…") too; of a folder with a blank in its name what follows
    the blank stays.
    """
    return _FOLDERS.sub("", text)
