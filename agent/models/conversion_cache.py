"""Folders of weights made once of other weights: kept in the user's cache folder, made again where they are damaged."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.models.checksums import mismatch, remember, sha256_of
from agent.models.manifest import FileRecord, Manifest, read_manifest, write_manifest
from speech.errors import InputError
from speech.files.locked_temporary import LockedTemporary
from speech.user_folders import cache_folder

try:
    import fcntl
except ImportError:  # Windows: two processes may convert the same at once; the last one stays
    fcntl = None  # type: ignore[assignment]

_SPARE_BYTES = 50_000_000
"""What is left free on the cache's disk when something is made there."""


def converted(title: str, version: str, size: int, make: Callable[[Path], None]) -> Path:
    """A folder in the cache that is made once, by one process at a time; others wait for it.

    What was damaged since is made again; what was made for another version is removed.

    Args:
        title: what it is, such as "whisper/tiny.en"; the folder's name.
        version: what it depends on, such as a checksum and the version of its maker; another one is made anew.
        size: about how many bytes it takes.
        make: fills an empty folder; may take its time. What it raises goes through, and nothing is kept.

    Raises:
        InputError: the cache folder can't be written to, or its disk is too full.
    """
    made = _place_of(title, version)
    if _is_sound(made):
        return made
    folder, name = made.parent, _folder_name(title)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(folder / f".{name}.lock"):
            if _is_sound(made):  # another process has just made it
                return made
            _remove_versions(folder, name)
            free = shutil.disk_usage(folder).free
            if free < size + _SPARE_BYTES:
                raise InputError(
                    f"{title}: expected {(size + _SPARE_BYTES) / 1e6:.0f} MB free in {folder}, got {free / 1e6:.0f}; "
                    "make room there, or name another folder in XDG_CACHE_HOME"
                )
            temporary = LockedTemporary.folder(folder)
            try:
                make(temporary.path)
                records = _record(temporary.path, title, version)
                os.replace(temporary.path, made)
            except BaseException:
                temporary.remove()
                raise
            temporary.release()
            for path, record in records.items():
                remember(made / path, record.sha256)
    except OSError as error:
        instead = "make room there" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "change that"
        raise InputError(
            f"{title}: expected to write to {folder}, could not: {error.strerror or error}; {instead}, or name another "
            "folder in XDG_CACHE_HOME"
        ) from None
    return made


def is_converted(title: str, version: str) -> bool:
    """Whether `converted` would find what it is asked for; the arguments are as there."""
    return _is_sound(_place_of(title, version))


def _place_of(title: str, version: str) -> Path:
    digest = hashlib.sha256(version.encode()).hexdigest()[:16]
    return cache_folder() / "models" / f"{_folder_name(title)}-{digest}"


def _folder_name(title: str) -> str:
    return title.replace("/", "--")


def _is_sound(made: Path) -> bool:
    """Whether a folder is there with all files as they were made."""
    try:
        manifest = read_manifest(made)
        return manifest is not None and not any(
            mismatch(made / path, record.size, record.sha256) for path, record in manifest.files.items()
        )
    except (OSError, InputError):
        return False


def _record(folder: Path, title: str, version: str) -> dict[str, FileRecord]:
    """Writes down what was made, for `_is_sound`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    records = {path.relative_to(folder).as_posix(): FileRecord(path.stat().st_size, sha256_of(path)) for path in files}
    write_manifest(folder, Manifest(title, "made of packaged weights", version, "", "", records))
    return records


def _remove_versions(folder: Path, name: str) -> None:
    """Removes all that was made under a name before; a process that has it open keeps what it has."""
    mine = re.compile(re.escape(name) + "-[0-9a-f]{16}")
    for path in folder.iterdir():
        if mine.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Waits until no other process is inside; the lock of one that died is free."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if fcntl is not None:
            with suppress(OSError):  # a disk that knows no locks
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
