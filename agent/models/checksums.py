"""SHA-256 of large files, computed once: what was found right is remembered until the file changes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from speech.errors import InputError
from speech.files.draft import Draft
from speech.user_folders import cache_folder

_known: set[str] = set()
"""What this process found right itself: all there is where no cache folder can be written to."""


def sha256_of(path: Path) -> str:
    """The checksum of a file's content, hexadecimal; OSError if it can't be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def mismatch(path: Path, size: int, sha256: str) -> str:
    """What a file has that was not expected, "" if it is the right one.

    Args:
        path: the file; OSError if it can't be read.
        size: bytes that it should have.
        sha256: of the content that it should have, hexadecimal.
    """
    found = path.stat()
    if found.st_size != size:
        return f"expected {size} bytes, got {found.st_size}"
    state = _state(path, found, sha256)
    if state in _known or _is_remembered(path, state):
        return ""
    if sha256_of(path) != sha256:
        return "expected other content (its SHA-256 differs)"
    _remember(path, state)
    return ""


def remember(path: Path, sha256: str) -> None:
    """Remembers a file's checksum that has just been computed."""
    _remember(path, _state(path, path.stat(), sha256))


def _state(path: Path, found: os.stat_result, sha256: str) -> str:
    return f"{path} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {sha256}"


def _mark(path: Path) -> Path:
    """One for a path, so that they don't become more with every version."""
    return cache_folder() / "checked" / hashlib.sha256(os.fsencode(path)).hexdigest()[:32]


def _is_remembered(path: Path, state: str) -> bool:
    try:
        return _mark(path).read_text("utf-8") == state
    except (OSError, ValueError):
        return False


def _remember(path: Path, state: str) -> None:
    _known.add(state)
    mark = _mark(path)
    try:
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with Draft(mark, private=True) as draft:
            draft.path.write_text(state, "utf-8")
    except (OSError, ValueError, InputError):  # no cache folder, a full disk: checked again by the next process
        pass
