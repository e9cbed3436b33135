"""What learners who agreed have learned: which questions they know, and when each is due again.

Leitner's boxes (Leitner 1972): a question that was right moves to the next box and rests twice as long, one that was
missed goes back to the first. No words of a learner are kept, only names and numbers.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from agent.text.letter_to_sound import phrase_sounds
from agent.text.words import tokens
from agent.tutor.state import Result
from speech.errors import BackendError, InputError, one_line

DAY_S = 86_400.0
RESTS_DAYS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
"""How long a question rests in each box; the first holds what was missed."""

_BUSY_S = 5.0
"""How long another process may hold the file."""
_FEWEST_SOUNDS = 3

_SCHEMA = """
create table if not exists learners (id integer primary key, name text not null, key text not null unique);
create table if not exists cards (
    learner integer not null references learners (id) on delete cascade,
    lesson text not null, question text not null, box integer not null, due_s real not null,
    primary key (learner, lesson, question)
);
"""


class Progress:
    """The learners of one folder; safe to be used by several threads and processes.

    Args:
        folder: where the file lies; made when something is first kept.
        now: seconds since 1970.

    Attributes:
        problem: what was wrong with the file, in one line, or "".
    """

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time) -> None:
        self.file = folder / "progress.sqlite"
        self.problem = ""
        self._now, self._lock = now, threading.Lock()

    def known(self, name: str) -> str:
        """The name under which somebody is remembered; "" for nobody. What sounds the same is the same name.

        Raises:
            VisavisError: the file can't be used.
        """
        if not self.file.exists():
            return ""
        with self._open() as database:
            found = _find(database, name)
        return found[1] if found else ""

    def record(self, name: str, lesson: str, results: Sequence[Result]) -> None:
        """Keeps answers of a learner who agreed, in their order.

        Raises:
            VisavisError: they can't be kept.
        """
        with self._open() as database:
            database.execute("begin immediate")  # the boxes are read and written by one process at a time
            found = _find(database, name)
            learner = found[0] if found else _added(database, name)
            for result in results:
                row = database.execute(
                    "select box from cards where learner = ? and lesson = ? and question = ?",
                    (learner, lesson, result.key),
                ).fetchone()
                box = min((row[0] if row else 0) + 1, len(RESTS_DAYS) - 1) if result.is_right else 0
                due_s = self._now() + RESTS_DAYS[box] * DAY_S
                database.execute(
                    "insert or replace into cards values (?, ?, ?, ?, ?)", (learner, lesson, result.key, box, due_s)
                )

    def due(self, name: str, lesson: str, questions: Sequence[str]) -> list[str] | None:
        """What is to be asked next: what is due, the least known first; then what was never asked.

        Args:
            name: the learner's.
            lesson: the lesson's key.
            questions: the keys of all its questions, in their order.

        Returns:
            Keys; None where nothing is known of that learner in that lesson.

        Raises:
            VisavisError: the file can't be used.
        """
        if not self.file.exists():
            return None
        with self._open() as database:
            found = _find(database, name)
            rows = (
                found
                and database.execute(
                    "select question, box, due_s from cards where learner = ? and lesson = ?", (found[0], lesson)
                ).fetchall()
            )
        if not rows:
            return None
        cards = {question: (box, due_s) for question, box, due_s in rows}
        due = [key for key in questions if key in cards and cards[key][1] <= self._now()]
        return [*sorted(due, key=lambda key: cards[key]), *(key for key in questions if key not in cards)]

    def forget(self, name: str) -> bool:
        """Deletes all that is kept of a learner; whether there was anything.

        Raises:
            VisavisError: it could not be deleted.
        """
        if not self.file.exists():
            return False
        with self._open() as database:
            database.execute("begin immediate")
            found = _find(database, name)
            if found:
                database.execute("delete from learners where id = ?", (found[0],))
        return found is not None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The file, in a transaction that is whole or not at all; a damaged one is put aside, and a new one begun."""
        with self._lock:
            try:
                with closing(self._connected()) as database, database:  # commits, or rolls back
                    yield database
            except sqlite3.DatabaseError as error:
                raise BackendError(f"{one_line(str(self.file))}: could not be used: {error}") from None
            except OSError as error:
                raise InputError(
                    f"{one_line(str(self.file))}: expected a place to write to, could not: {error.strerror}"
                ) from None

    def _connected(self) -> sqlite3.Connection:
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            return _opened(self.file)
        except sqlite3.OperationalError:
            raise  # busy, or a disk that can't be written: nothing is wrong with the file
        except sqlite3.DatabaseError:
            aside = self.file.with_name(f"progress.damaged-{int(self._now())}.sqlite")
            os.replace(self.file, aside)
            self.problem = (
                f"{one_line(str(self.file))}: expected a file of progress, it is damaged; kept as {aside.name}"
            )
            os.close(os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            return _opened(self.file)


def _opened(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(file, timeout=_BUSY_S, isolation_level=None)
    try:
        database.execute("pragma secure_delete = on")  # what is forgotten is overwritten
        database.execute("pragma foreign_keys = on")
        if database.execute("pragma quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("damaged")
        database.executescript(_SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def _find(database: sqlite3.Connection, name: str) -> tuple[int, str] | None:
    """The learner of a name: the very name, else the only one that sounds the same, as "Ana" and "Anna" do."""
    row = database.execute("select id, name from learners where key = ?", (_key(name),)).fetchone()
    if row:
        return int(row[0]), str(row[1])
    sounds = _sounds(name)
    if len(sounds) < _FEWEST_SOUNDS or not _is_said(name):
        return None
    alike = [
        (int(number), str(known))
        for number, known in database.execute("select id, name from learners")
        if _is_said(known) and _sounds(known) == sounds
    ]
    return alike[0] if len(alike) == 1 else None


def _is_said(name: str) -> bool:
    """Whether it is a name that a recogniser may have heard, and no id."""
    return all(letter.isalpha() or letter in " '’-" for letter in name)


def _sounds(name: str) -> str:
    return phrase_sounds(tokens(name))


def _added(database: sqlite3.Connection, name: str) -> int:
    number = database.execute("insert into learners (name, key) values (?, ?)", (name.strip(), _key(name))).lastrowid
    assert number is not None
    return number
