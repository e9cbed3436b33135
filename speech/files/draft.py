"""Files in the making: each appears under its own name whole, or not at all, whoever else writes the same."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from speech.errors import InputError
from speech.files.locked_temporary import LockedTemporary

_LONGEST_SUFFIX_BYTES = 16


class Draft:
    """A file that is written under a hidden name of its own beside its target, and gets the target's name at the end.

    Two processes that make the same file don't touch each other's drafts; the last one that is complete stays. A draft
    is locked for as long as its process lives, so the next one made in that folder can tell what was abandoned (by a
    process that was killed, a machine that went down) and removes it.

    As a context manager: kept at the end of the block, thrown away if that raises. An OSError in the block becomes an
    InputError about the target, so the block should do nothing but write.

    Args:
        target: what the file will be called; its folder must exist. A link there stays, and what it leads to is
            replaced; permissions of what is replaced stay as well.
        private: only the user may read it (transcripts, what was analysed of portraits).

    Attributes:
        path: where to write; an empty file with the target's suffix.

    Raises:
        InputError: no file can be made there.
    """

    def __init__(self, target: Path, *, private: bool = False) -> None:
        self._target = target
        before = check_writable(target)
        self._place = Path(os.path.realpath(target))
        suffix = target.suffix if len(os.fsencode(target.suffix)) <= _LONGEST_SUFFIX_BYTES else ""
        try:
            self._temporary = LockedTemporary.file(self._place.parent, suffix, 0o600 if private else 0o666)
        except OSError as error:
            raise _unwritable(target, error) from None
        self.path = self._temporary.path
        self._is_open = True
        if before is not None and not private:
            with contextlib.suppress(OSError):  # a disk without permissions
                self.path.chmod(stat.S_IMODE(before.st_mode))

    def keep(self) -> None:
        """Gives the file its name, in the place of what had it before.

        Raises:
            InputError: it can't be renamed; then it is thrown away.
        """
        try:
            os.replace(self.path, self._place)
        except OSError as error:
            self.discard()
            raise _unwritable(self._target, error) from None
        self._is_open = False
        self._temporary.release()

    def discard(self) -> None:
        """Removes the file; once kept or discarded, nothing happens."""
        if self._is_open:
            self._is_open = False
            self._temporary.remove()

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
            raise _unwritable(self._target, error) from error


def create_unique_file(path: Path, *, private: bool = False) -> Path:
    """Makes an empty file that nobody else has: `a.mp4`, or where there is one `a-2.mp4`, `a-3.mp4`.

    Args:
        path: what it is to be called; its folder must exist.
        private: only the user may read it.

    Raises:
        InputError: no file can be made there.
    """
    made, number = path, 1
    while True:
        try:
            os.close(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666))
            return made
        except FileExistsError:
            number += 1
            made = path.with_name(f"{path.stem}-{number}{path.suffix}")
        except OSError as error:
            raise _unwritable(path, error) from None


def check_writable(target: Path) -> os.stat_result | None:
    """Refuses a name under which no file can appear, before any work is done for it.

    Returns:
        What is known of the file that will be replaced; None where there is none.

    Raises:
        InputError: the folder is missing or not writable, the name is too long, or something stands there that is no
            file or may not be written.
    """
    try:
        folder = Path(os.path.realpath(target)).parent
        try:
            found = target.stat()
        except FileNotFoundError:
            found = None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise _unwritable(target, error) from None
    if found is not None and stat.S_ISDIR(found.st_mode):
        raise InputError(f"{target}: expected a file to write, this is a folder")
    if found is not None and not stat.S_ISREG(found.st_mode):
        raise InputError(f"{target}: expected a file to write, this is a device or a pipe")
    if not folder.is_dir():
        raise InputError(f"{target}: the folder {folder} does not exist; create it first")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{target}: the folder {folder} is not writable")
    if found is not None and not os.access(target, os.W_OK):
        raise InputError(f"{target}: expected a file that may be replaced, this one is write-protected")
    return found


def _unwritable(target: Path, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or error
    return InputError(f"{target}: expected a place to write to, could not: {reason}")
