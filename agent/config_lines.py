"""On which line of a TOML text each key stands; tomllib doesn't tell."""

from __future__ import annotations

import tomllib

KeyPath = tuple[str, ...]
"""(), (section,) or (section, key)."""

DEPTH = 2
"""Sections of sections there are none; what lies deeper is on the line of its key."""


def key_lines(text: str) -> dict[KeyPath, int]:
    """Every section and key → the line, from 1, on which it first stands; in the order of the lines.

    A statement is the fewest lines that tomllib itself takes as a whole, so that strings and lists over several
    lines, dotted and quoted keys and inline tables need no grammar of our own.

    Args:
        text: valid TOML, its lines ended by a line feed alone.
    """
    lines: dict[KeyPath, int] = {}
    header: KeyPath = ()
    statement = ""
    first = 1
    for number, line in enumerate(text.split("\n"), start=1):
        statement += line + "\n"
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # the statement goes on
        is_header = statement.lstrip().startswith("[")
        for path in _paths(parsed):
            whole = ((() if is_header else header) + path)[:DEPTH]
            for length in range(1, len(whole) + 1):
                lines.setdefault(whole[:length], first)
        if is_header:
            header = max(_paths(parsed), key=len)
        statement, first = "", number + 1
    return lines


def _paths(table: object) -> list[KeyPath]:
    """The paths of what a statement defines, at most DEPTH long; [[name]] counts like [name]."""
    found: list[KeyPath] = []
    waiting: list[tuple[KeyPath, object]] = [((), table)]
    while waiting:
        path, value = waiting.pop(0)
        if isinstance(value, list) and len(path) < DEPTH and len(value) == 1:
            value = value[0]
        if not isinstance(value, dict) or not value or len(path) == DEPTH:
            found += [path] if path else []
            continue
        waiting += [((*path, str(key)), inner) for key, inner in value.items()]
    return found
