"""A folder for what visitors bring. It goes with the server, that of a killed one when the next server starts."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: what a killed server left stays there
    fcntl = None  # type: ignore[assignment]

_PREFIX = "visavis-portraits-"
_IN_USE = "in-use"
"""A file in each of them, locked for as long as its server lives."""


class PrivateFolder:
    """For this user alone. It is made when it is first needed."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._lock: IO[str] | None = None
        _remove_abandoned()

    def new(self) -> Path:
        """A new folder within it."""
        if self._path is None:
            self._path = Path(tempfile.mkdtemp(prefix=_PREFIX))
            self._lock = (self._path / "new").open("w")
            if fcntl is not None:
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            (self._path / "new").rename(self._path / _IN_USE)  # nobody finds it before it is locked
        return Path(tempfile.mkdtemp(dir=self._path))

    def close(self) -> None:
        """Deletes it, and all that is in it."""
        if self._path is not None and self._lock is not None:
            shutil.rmtree(self._path, ignore_errors=True)
            self._lock.close()
            self._path = self._lock = None


def _remove_abandoned() -> None:
    if fcntl is None:
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # Not ours to open, or still locked: it is somebody's.
        with contextlib.suppress(OSError), (folder / _IN_USE).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
