"""Temporary files and folders that belong to a living process: marked while it lives, cleared once it is gone."""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, so nothing is ever taken for abandoned
    fcntl = None  # type: ignore[assignment]

# A lock that another machine holds on a shared disk may not be seen from here, so each clears only what is its own.
_MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"
_PREFIX, _MARK = f".visavis-{_MACHINE}-", ".partial"

_held: dict[Path, LockedTemporary] = {}


class LockedTemporary:
    """A hidden file or folder with a name of its own, locked for as long as this process lives.

    Attributes:
        path: where it is.
        handle: of the open file or folder; -1 once let go, and where nothing can be locked.
    """

    def __init__(self, path: Path, handle: int) -> None:
        self.path, self.handle = path, handle
        _held[path] = self

    @classmethod
    def file(cls, folder: Path, suffix: str, mode: int) -> Self:
        """Makes an empty file; OSError if that can't be done."""

        def make(path: Path) -> int:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

        return cls._made(folder, suffix, make)

    @classmethod
    def folder(cls, folder: Path) -> Self:
        """Makes a folder that only this user may look into; OSError if that can't be done."""

        def make(path: Path) -> int:
            path.mkdir(mode=0o700)
            return os.open(path, os.O_RDONLY) if fcntl is not None else -1

        return cls._made(folder, "", make)

    @classmethod
    def _made(cls, folder: Path, suffix: str, make: Callable[[Path], int]) -> Self:
        _remove_abandoned(folder)
        while True:
            path = folder / f"{_PREFIX}{secrets.token_hex(6)}{_MARK}{suffix}"
            temporary = cls(path, make(path))
            if fcntl is None:  # Windows renames nothing that is open
                temporary._close()
                return temporary
            # Between its making and its locking another process may have taken it for abandoned.
            if _lock(temporary.handle) is not False and os.path.lexists(path):
                return temporary
            temporary.remove()

    def remove(self) -> None:
        """Removes it from the disk, with what is in it; what can't be removed stays, and is cleared another time."""
        _remove(self.path)
        self.release()

    def release(self) -> None:
        """Unlocks it, once it is renamed or gone."""
        _held.pop(self.path, None)
        self._close()

    def _close(self) -> None:
        if self.handle >= 0:
            os.close(self.handle)
            self.handle = -1


def remove_all() -> None:
    """Removes everything that this process holds, at an exit that can't wait for its owners."""
    for path in list(_held):
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    """Removes what processes that are gone left here; whatever may belong to a living one stays."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        for path in _locked_names(folder):
            with contextlib.suppress(OSError):
                access = os.O_RDONLY if path.is_dir() else os.O_RDWR  # some disks lock only what may be written
                handle = os.open(path, access | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    if os.fstat(handle).st_uid == os.getuid() and _lock(handle):
                        _remove(path)
                finally:
                    os.close(handle)


def _locked_names(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and _MARK in entry.name:
                yield Path(entry.path)


def _lock(handle: int) -> bool | None:
    """Whether the lock is ours now; None where the disk knows no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
