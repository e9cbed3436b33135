"""A TOML file as values and line numbers; whatever is wrong with the file is one line that says where."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from agent.text.foreign_text import redact_credentials
from speech.errors import InputError, one_line
from speech.files.input_file import read_input_file

KeyPath = tuple[str, ...]
"""(), (section,), (section, key) or (section, name, key)."""

DEPTH = 3
"""[voice.loud] has keys of its own; what lies deeper is on the line of its key."""

LARGEST_FILE_BYTES = 65_536
"""Ten times the packaged file. What is larger is some other file, given by mistake."""

LONGEST_QUOTE = 40
"""Characters of the user's text that an error repeats."""

_MOST_READ = 1_000_000
"""Characters that are read, over and over, to find the lines of the keys: less than a second."""

_MOST_DOTS = 2000
"""On a line: Python's reader takes time that grows with the square of the parts of a dotted key."""

_SYNTAX_ERROR = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.S)


def read_toml(path: Path) -> tuple[dict[str, object], dict[KeyPath, int]]:
    """Reads a TOML file.

    Returns:
        Its values, and for every section and key of it the line, from 1.

    Raises:
        InputError: no readable regular file, not UTF-8, too large, not TOML; names the line and the column.
    """
    shown = one_line(str(path))
    text = _read(path, shown)
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > _MOST_DOTS:
            raise InputError(
                f"{shown}, line {number}: expected a line such as key = 1.5, got one of {line.count('.')} dots"
            )
    try:
        return tomllib.loads(text), key_lines(text)
    except RecursionError:
        raise InputError(f"{shown}: expected TOML, got brackets nested too deep") from None
    except ValueError as error:  # TOMLDecodeError, or Python's own limit on the digits of a whole number
        raise InputError(f"{shown}{_explain(str(error), text)}") from None


def _read(path: Path, shown: str) -> str:
    data = read_input_file(path, "a configuration file", most_bytes=LARGEST_FILE_BYTES, may_be_empty=True)
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")  # "sig": some editors begin with a byte-order mark
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{shown}, line {line}: expected UTF-8 text, got byte 0x{data[error.start]:02x}") from None


def _explain(message: str, text: str) -> str:
    """What tomllib says, "… (at line 3, column 5)" → ", line 3, column 5: expected …, got …"."""
    found = _SYNTAX_ERROR.fullmatch(message)
    if found is None:
        return ": expected numbers of a sensible length, got one of thousands of digits"
    lines = text.rstrip("\n").split("\n")
    line = int(found["line"] or len(lines))
    column = int(found["column"] or len(lines[-1]) + 1)
    what = found["what"]
    if what.startswith(("Cannot overwrite", "Cannot declare")):
        what = "expected every key and section once, this one is there already"
    else:
        what = f'expected TOML such as key = "text" or key = 1.5: {what[:1].lower()}{one_line(what[1:])}'
    return f", line {line}, column {column}: {what}: {quote(lines[line - 1].strip())}"


def key_lines(text: str) -> dict[KeyPath, int]:
    """Every section and key → the line, from 1, on which it first stands; in the order of the lines.

    A statement is the fewest lines that tomllib itself takes as a whole, so that strings and lists over several
    lines, dotted and quoted keys and inline tables need no grammar of our own. What comes after very long ones has no
    line: looking for their ends takes time that grows with the square of their length.

    Args:
        text: valid TOML, its lines ended by a line feed alone.
    """
    lines: dict[KeyPath, int] = {}
    header: KeyPath = ()
    statement = ""
    first = 1
    read = 0
    for number, line in enumerate(text.split("\n"), start=1):
        statement += line + "\n"
        read += len(statement)
        if read > _MOST_READ:
            break
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
                header = whole
        statement, first = "", number + 1
    return lines


def _paths(table: object) -> list[KeyPath]:
    """The paths of what a statement defines, at most DEPTH long; [[name]] counts like [name]."""
    found: list[KeyPath] = []
    waiting: list[tuple[KeyPath, object]] = [((), table)]
    while waiting:
        path, value = waiting.pop(0)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, dict) and value and len(path) < DEPTH:
            waiting += [((*path, str(key)), inner) for key, inner in value.items()]
        elif path:
            found.append(path)
    return found


def quote(text: str) -> str:
    """The user's text in quotes, on one line and not too long to be read."""
    shown = one_line(redact_credentials(text))
    return f"'{shown if len(shown) <= LONGEST_QUOTE else shown[:LONGEST_QUOTE] + '…'}'"
