"""A SQLite file with what people agreed to have kept: the user's alone, whole or not at all, and of limited size."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from speech.errors import BackendError, InputError, one_line

BUSY_S = 5.0
"""How long another process may hold a file."""

MOST_BYTES = 32 * 2**20
"""No file grows beyond this; what is more can't be kept, and that is told."""

_PAGE_BYTES = 4096


class PrivateFile:
    """One database; safe to be used by several threads and processes.

    Args:
        path: where it lies; made when it is first opened. None keeps it in memory, for as long as this object lives.
        schema: makes its tables, where they are not there yet.
        version: of the schema. A file of a later one is left alone.
        holds: what it holds, in words.
        now: seconds since 1970.

    Attributes:
        path: as above.
    """

    def __init__(
        self,
        path: Path | None,
        schema: str,
        *,
        version: int,
        holds: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path, self._problem = path, ""
        self._schema, self._version, self._holds, self._now = schema, version, holds, now
        self._lock = threading.Lock()
        self._in_memory: sqlite3.Connection | None = None

    @property
    def is_there(self) -> bool:
        """Whether anything was ever kept."""
        return self.path.exists() if self.path is not None else self._in_memory is not None

    @contextmanager
    def opened(self, *, to_change: bool = False) -> Iterator[sqlite3.Connection]:
        """The database, in a transaction that is whole or not at all; a damaged file is put aside, and a new one begun.

        Args:
            to_change: what is read is changed after it: one process at a time.

        Raises:
            VisavisError: it can't be used.
        """
        with self._lock:
            try:
                database = self._connected()
                try:
                    with database:  # commits, or rolls back
                        if to_change:
                            database.execute("begin immediate")
                        yield database
                finally:
                    if database is not self._in_memory:
                        database.close()
            except sqlite3.DatabaseError as error:
                raise BackendError(f"{self._shown}: could not be used: {error}") from None
            except OSError as error:
                raise InputError(f"{self._shown}: expected a place to write to, could not: {error.strerror}") from None

    def take_problem(self) -> str:
        """What was wrong with the file since this was last called, in one line, or ""."""
        problem, self._problem = self._problem, ""
        return problem

    def close(self) -> None:
        """What is only in memory is gone."""
        with self._lock:
            if self._in_memory is not None:
                self._in_memory.close()
                self._in_memory = None

    @property
    def _shown(self) -> str:
        return one_line(str(self.path or self._holds))

    def _connected(self) -> sqlite3.Connection:
        if self.path is None:
            if self._in_memory is None:
                self._in_memory = self._prepared(
                    sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
                )
            return self._in_memory
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(self.path)
        try:
            return self._prepared(sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None))
        except sqlite3.OperationalError:
            raise  # busy, or a disk that can't be written: nothing is wrong with the file
        except sqlite3.DatabaseError:
            aside = self.path.with_name(f"{self.path.stem}.damaged-{int(self._now())}{self.path.suffix}")
            os.replace(self.path, aside)
            self._problem = f"{self._shown}: expected a file of {self._holds}, it is damaged; kept as {aside.name}"
            _make(self.path)
            return self._prepared(sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None))

    def _prepared(self, database: sqlite3.Connection) -> sqlite3.Connection:
        try:
            database.execute("pragma secure_delete = on")  # what is forgotten is overwritten
            database.execute("pragma foreign_keys = on")
            database.execute(f"pragma max_page_count = {MOST_BYTES // _PAGE_BYTES}")
            if database.execute("pragma quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("damaged")
            (version,) = database.execute("pragma user_version").fetchone()
            if version > self._version:
                raise InputError(
                    f"{self._shown}: expected {self._holds} as this program keeps it (version {self._version}), it was "
                    f"written by a later one ({version}); use that, or move the file away"
                )
            if version < self._version:
                database.executescript(
                    f"begin immediate; {self._schema} pragma user_version = {self._version}; commit;"
                )
        except BaseException:
            database.close()
            raise
        return database


def _make(path: Path) -> None:
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
