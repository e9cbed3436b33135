"""Files that a user names, before anything in them is believed."""

from __future__ import annotations

import stat
from pathlib import Path

from speech.errors import InputError, one_line

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe; write it into a file first",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def check_input_file(path: Path, expected: str, *, most_bytes: int | None = None, may_be_empty: bool = False) -> int:
    """Refuses what can't be read from its beginning to its end, without opening it: pipes would wait, devices not end.

    Args:
        path: the file.
        expected: what it should be, for the message: "a sound file".
        most_bytes: the largest that is still taken for one; None for any size.
        may_be_empty: whether nothing in it is something too.

    Returns:
        Its size in bytes.

    Raises:
        InputError: nothing there, no regular file, empty, or too large.
    """
    shown = one_line(str(path))
    try:
        found = path.stat()
    except FileNotFoundError:
        raise InputError(f"{shown}: expected {expected}, found nothing") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{shown}: expected {expected}, could not open it: {reason}") from None
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{shown}: expected {expected}, found {_KINDS.get(stat.S_IFMT(found.st_mode), 'no file')}")
    if found.st_size == 0 and not may_be_empty:
        raise InputError(f"{shown}: expected {expected}, got an empty file (0 bytes)")
    if most_bytes is not None and found.st_size > most_bytes:
        most, got = _size(most_bytes), _size(found.st_size)
        raise InputError(f"{shown}: expected {expected} of at most {most}, got {got if got != most else 'more'}")
    return found.st_size


def read_input_file(path: Path, expected: str, *, most_bytes: int, may_be_empty: bool = False) -> bytes:
    """The bytes of a file that fits in memory.

    Args:
        path: the file.
        expected: what it should be, for the message: "a knowledge file".
        most_bytes: the largest that is read.
        may_be_empty: whether nothing in it is something too.

    Raises:
        InputError: as `check_input_file`, or it can't be read.
    """
    check_input_file(path, expected, most_bytes=most_bytes, may_be_empty=may_be_empty)
    try:
        with path.open("rb") as file:
            return file.read(most_bytes)
    except OSError as error:
        raise InputError(f"{one_line(str(path))}: expected {expected}, could not read it: {error.strerror}") from None


def _size(size: int) -> str:
    if size < 10_000:
        return f"{size} bytes"
    return f"{size / 1e3:.0f} kB" if size < 10_000_000 else f"{size / 1e6:.0f} MB"
