"""People who asked to be remembered, and what they said of themselves."""

from __future__ import annotations

import sqlite3
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.database.names import find_person, name_key
from agent.database.private_file import PrivateFile
from agent.text.words import tokens
from agent.tutor.progress import Progress
from speech.errors import InputError

LONGEST_FACT = 150
"""Characters: a sentence."""

MOST_FACTS = 200
"""Of one person."""

MOST_PEOPLE = 1000

LONGEST_NAME = 60

Kind = Literal["fact", "liking"]

_UNSPEAKABLE = frozenset("[]{}<>*_`|~;\\")
"""What markup and emotion tags are made of: nobody says it, nor pictures (category So)."""

_SCHEMA = """
create table if not exists people (
    id integer primary key, name text not null, key text not null unique, since_s real not null
);
create table if not exists facts (
    id integer primary key, person integer not null references people (id) on delete cascade,
    kind text not null, topic text not null, said text not null, at_s real not null,
    unique (person, topic)
);
"""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a person said of themselves.

    Attributes:
        said: in their own words, in the first person, without a full stop.
        kind: "liking" for what they like or don't.
        topic: two facts of one topic can't both be true: the newer one is kept.
    """

    said: str
    kind: Kind = "fact"
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is remembered.

    Attributes:
        name: as they said it.
        facts: how many are kept.
        since_s: since when, in seconds since 1970.
    """

    name: str
    facts: int
    since_s: float


class Memories:
    """The people of one folder, or of one conversation; safe to be used by several threads and processes.

    Nobody is asked for a password: who gives a name is taken for that person.

    Args:
        folder: where the file lies, made when something is first kept; None keeps all in memory.
        progress: what the same people learned in lessons, where that is kept; it is forgotten with them.
        now: seconds since 1970.

    Attributes:
        lasts: whether what is kept outlives this object.
    """

    def __init__(
        self, folder: Path | None, *, progress: Progress | None = None, now: Callable[[], float] = time.time
    ) -> None:
        path = folder / "memory.sqlite" if folder is not None else None
        self._database = PrivateFile(path, _SCHEMA, version=1, holds="what people asked to have remembered", now=now)
        self._now, self._progress = now, progress
        self.lasts = folder is not None

    def take_problem(self) -> str:
        """What was wrong with a file since this was last called, in one line, or ""."""
        return self._database.take_problem() or (self._progress.take_problem() if self._progress else "")

    def close(self) -> None:
        """The conversation is over: what was kept for it alone is gone."""
        self._database.close()

    def people(self) -> list[Person]:
        """All who are remembered, by name.

        Raises:
            VisavisError: the file can't be used.
        """
        if not self._database.is_there:
            return []
        counted = "select name, (select count(*) from facts where person = people.id), since_s from people order by key"
        with self._database.opened() as database:
            return [Person(str(name), int(facts), float(since_s)) for name, facts, since_s in database.execute(counted)]

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

    def facts(self, name: str) -> list[Fact]:
        """What a person said, the oldest first.

        Raises:
            VisavisError: the file can't be used.
        """
        if not self._database.is_there:
            return []
        with self._database.opened() as database:
            if (found := _find(database, name)) is None:
                return []
            rows = database.execute(
                "select said, kind, topic from facts where person = ? order by at_s, id", (found[0],)
            ).fetchall()
        return [Fact(str(said), kind, str(topic)) for said, kind, topic in rows]

    def learned(self, name: str) -> tuple[int, int]:
        """How many questions a person was asked in lessons, and how many of these they know for now.

        Raises:
            VisavisError: the file can't be used.
        """
        return self._progress.learned(name) if self._progress is not None else (0, 0)

    def keep(self, name: str, *facts: Fact) -> None:
        """Keeps a person, and what they said; what they said before about the same is forgotten.

        Raises:
            InputError: there is no room, or it is too long.
            VisavisError: it can't be kept.
        """
        if any(len(fact.said) > LONGEST_FACT for fact in facts) or len(name) > LONGEST_NAME:
            raise InputError(f"memory: expected at most {LONGEST_FACT} characters, got more; not kept")
        with self._database.opened(to_change=True) as database:
            found = _find(database, name)
            person = found[0] if found else self._added(database, name)
            for fact in facts:
                database.execute(
                    "insert or replace into facts (person, kind, topic, said, at_s) values (?, ?, ?, ?, ?)",
                    (person, fact.kind, fact.topic or topic_of(fact.said), fact.said, self._now()),
                )
            if _count(database, "select count(*) from facts where person = ?", person) > MOST_FACTS:
                raise InputError(f"memory: expected at most {MOST_FACTS} facts of a person, this is one more; not kept")

    def forget_fact(self, name: str, fact: Fact) -> bool:
        """Deletes one thing that a person said; whether it was there.

        Raises:
            VisavisError: it could not be deleted.
        """
        with self._database.opened(to_change=True) as database:
            if (found := _find(database, name)) is None:
                return False
            topic = fact.topic or topic_of(fact.said)
            deleted = database.execute("delete from facts where person = ? and topic = ?", (found[0], topic))
            return deleted.rowcount > 0

    def forget(self, name: str) -> bool:
        """Deletes a person and all that is kept of them, progress too; whether there was anything.

        Raises:
            VisavisError: it could not be deleted.
        """
        had_learned = self._progress is not None and bool(name) and self._progress.forget(name)
        if not self._database.is_there:
            return had_learned
        with self._database.opened(to_change=True) as database:
            if (found := _find(database, name)) is None:
                return had_learned
            database.execute("delete from people where id = ?", (found[0],))
        return True

    def _added(self, database: sqlite3.Connection, name: str) -> int:
        if _count(database, "select count(*) from people") >= MOST_PEOPLE:
            raise InputError(f"memory: expected at most {MOST_PEOPLE} people, this would be one more; not kept")
        values = name.strip(), name_key(name), self._now()
        number = database.execute("insert into people (name, key, since_s) values (?, ?, ?)", values).lastrowid
        assert number is not None
        return number


def speakable(text: str) -> str:
    """What of a text can be kept and said again: one line without markup, brackets and characters nobody sees."""
    plain = "".join(
        " "
        if letter in _UNSPEAKABLE or unicodedata.category(letter)[0] in "CZ" or unicodedata.category(letter) == "So"
        else letter
        for letter in unicodedata.normalize("NFC", text)
    )
    return " ".join(plain.split()).strip(" .,;:!?…")


def topic_of(said: str) -> str:
    """The same for what is said with the same words."""
    return " ".join(tokens(said)) or said.casefold()


def _find(database: sqlite3.Connection, name: str) -> tuple[int, str] | None:
    return find_person(name, database.execute("select id, name from people"))


def _count(database: sqlite3.Connection, query: str, *values: object) -> int:
    return int(database.execute(query, values).fetchone()[0])
