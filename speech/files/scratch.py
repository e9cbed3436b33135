"""Folders for what a library or another program will only take from a file, or leave in one."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speech.errors import InputError
from speech.files.locked_temporary import LockedTemporary

_INSTEAD = "make room there, or name another folder in TMPDIR"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that only this user may look into and that is gone afterwards; what killed processes left goes with it.

    Raises:
        InputError: it can't be made, or the disk that it is on is full.
    """
    try:
        temporary = LockedTemporary.folder(Path(tempfile.gettempdir()))
    except OSError as error:
        folder = f" in {error.filename}" if error.filename else ""
        reason = f"{error.strerror}{folder}" if error.strerror else error
        raise InputError(f"temporary files: expected a folder to write to, got none: {reason}; {_INSTEAD}") from None
    try:
        yield temporary.path
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(f"temporary files: {temporary.path.parent}: {error.strerror}; {_INSTEAD}") from None
        raise
    finally:
        temporary.remove()
