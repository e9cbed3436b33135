"""Files in the making: each appears under its own name whole, or not at all, whoever else writes the same."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from speech.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, so nothing is ever taken for abandoned
    fcntl = None  # type: ignore[assignment]

_PREFIX, _MARK = ".visavis-", ".partial"
# A draft is locked right after it was made; what is so old and not locked has lost its process.
_YOUNG_S = 10.0
_LONGEST_SUFFIX = 16


class Draft:
    """A file that is written under a hidden name of its own beside its target, and gets the target's name at the end.

    Two processes that make the same file don't touch each other's drafts; the last one that is complete stays. A draft
    is locked for as long as its process lives, so the next one made in that folder can tell what was abandoned (by a
    process that was killed, a machine that went down) and removes it.

    As a context manager: kept at the end of the block, thrown away if that raises. An OSError in the block becomes an
    InputError about the target, so the block should do nothing but write.

    Args:
        target: what the file will be called; its folder must exist.
        private: only the user may read it (transcripts, what was analysed of portraits).

    Attributes:
        path: where to write; an empty file with the target's suffix.

    Raises:
        InputError: no file can be made there.
    """

    def __init__(self, target: Path, *, private: bool = False) -> None:
        self._target = target
        suffix = target.suffix if len(target.suffix.encode()) <= _LONGEST_SUFFIX else ""
        folder = target.absolute().parent
        _clear_abandoned(folder)
        self.path = folder / f"{_PREFIX}{secrets.token_hex(6)}{_MARK}{suffix}"
        try:
            self._lock = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
        except OSError as error:
            raise self._unwritable(error) from None
        _try_lock(self._lock)

    def keep(self) -> None:
        """Gives the file its name, in the place of what had it before.

        Raises:
            InputError: it can't be renamed; then it is thrown away.
        """
        try:
            os.replace(self.path, self._target)
        except OSError as error:
            self.discard()
            raise self._unwritable(error) from None
        self._unlock()

    def discard(self) -> None:
        """Removes the file; once kept or discarded, nothing happens."""
        if self._lock >= 0:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
            self._unlock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.keep()
            return
        self.discard()
        if isinstance(error, OSError):
            raise self._unwritable(error) from error

    def _unlock(self) -> None:
        os.close(self._lock)
        self._lock = -1

    def _unwritable(self, error: OSError) -> InputError:
        return InputError(f"{self._target}: expected a place to write to, could not: {error.strerror or error}")


def _clear_abandoned(folder: Path) -> None:
    """Removes the drafts of processes that are gone. What can't be told for certain stays."""
    with contextlib.suppress(OSError):
        for path in _drafts(folder):
            with contextlib.suppress(OSError):
                found = path.lstat()
                if found.st_uid != os.getuid() or time.time() - found.st_mtime < _YOUNG_S:
                    continue
                handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
                try:
                    if _try_lock(handle):
                        path.unlink()
                finally:
                    os.close(handle)


def _drafts(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and _MARK in entry.name:
                yield Path(entry.path)


def _try_lock(handle: int) -> bool:
    """Whether the file is ours now; False on file systems that know no locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
