"""What learners who agreed have learned: which questions they know, and when each is due again.

Leitner's boxes (Leitner 1972): a question that was right moves to the next box and rests twice as long, one that was
missed goes back to the first. No words of a learner are kept, only names and numbers.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.database.names import find_person, name_key
from agent.database.private_file import PrivateFile
from agent.tutor.state import Result

DAY_S = 86_400.0
RESTS_DAYS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
"""How long a question rests in each box; the first holds what was missed."""

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
        file: where it lies.
    """

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time) -> None:
        self.file = folder / "progress.sqlite"
        self._database = PrivateFile(self.file, _SCHEMA, version=1, holds="progress", now=now)
        self._now = now

    def take_problem(self) -> str:
        """What was wrong with the file since this was last called, in one line, or ""."""
        return self._database.take_problem()

    def known(self, name: str) -> str:
        """The name under which somebody is remembered; "" for nobody. What sounds the same is the same name.

        Raises:
            VisavisError: the file can't be used.
        """
        if not self._database.is_there:
            return ""
        with self._database.opened() as database:
            found = _find(database, name)
        return found[1] if found else ""

    def record(self, name: str, lesson: str, results: Sequence[Result]) -> None:
        """Keeps answers of a learner who agreed, in their order.

        Raises:
            VisavisError: they can't be kept.
        """
        with self._database.opened(to_change=True) as database:
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
        if not self._database.is_there:
            return None
        with self._database.opened() as database:
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

    def learned(self, name: str) -> tuple[int, int]:
        """How many questions a learner was asked, over all lessons, and how many of these are known for now.

        Raises:
            VisavisError: the file can't be used.
        """
        if not self._database.is_there:
            return 0, 0
        with self._database.opened() as database:
            found = _find(database, name)
            cards = "select count(*), coalesce(sum(box > 0), 0) from cards where learner = ?"
            asked, known = database.execute(cards, (found[0] if found else -1,)).fetchone()
        return int(asked), int(known)

    def forget(self, name: str) -> bool:
        """Deletes all that is kept of a learner; whether there was anything.

        Raises:
            VisavisError: it could not be deleted.
        """
        if not self._database.is_there:
            return False
        with self._database.opened(to_change=True) as database:
            found = _find(database, name)
            if found:
                database.execute("delete from learners where id = ?", (found[0],))
        return found is not None


def _find(database: sqlite3.Connection, name: str) -> tuple[int, str] | None:
    return find_person(name, database.execute("select id, name from learners"))


def _added(database: sqlite3.Connection, name: str) -> int:
    values = name.strip(), name_key(name)
    number = database.execute("insert into learners (name, key) values (?, ?)", values).lastrowid
    assert number is not None
    return number
