"""The turns of a conversation on the disk: JSON lines, each written when its turn is over."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from speech.errors import InputError
from speech.files.draft import Draft, create_unique_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.conversation.turn import TurnRecord


class TurnsFile:
    """Grows by a line a turn, and is never without the turns before: a program that is killed takes none along.

    What can't be written waits, and is tried again with the next turn and at the end. For the user alone.

    Args:
        name: what it is to be called; where there is such a file, a number is added. Made with the first turn.

    Attributes:
        path: where it is; None before there is one.
    """

    def __init__(self, name: Path) -> None:
        self._name = name
        self._waiting = b""
        self.path: Path | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there was no turn yet."""
        return self.path is None and not self._waiting

    def add(self, record: TurnRecord) -> None:
        """Writes one turn.

        Raises:
            InputError: the disk is full, or the folder is gone; nothing of what is there already is lost.
        """
        self._waiting += _lines([record])
        self.complete()

    def complete(self) -> None:
        """Writes what waits.

        Raises:
            InputError: as `add`.
        """
        if not self._waiting:
            return
        if self.path is None:
            self.path = create_unique_file(self._name, private=True)
        try:
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o600)
            try:
                self._append(handle)
            finally:
                os.close(handle)
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{self.path}: expected room for what was said, could not write it: {reason}") from None

    def rename(self, target: Path) -> None:
        """Gives it another name, in the place of what had that.

        Raises:
            InputError: as `add`, or it can't be renamed; it stays where it is.
        """
        self.complete()
        assert self.path is not None, "there is no turn"
        try:
            os.replace(self.path, os.path.realpath(target))
        except OSError as error:
            raise InputError(
                f"{target}: expected a place to write to, could not: {error.strerror or error}; what was said is in "
                f"{self.path.name}"
            ) from None
        self.path = target

    def _append(self, handle: int) -> None:
        before, written = os.fstat(handle).st_size, 0
        try:
            while written < len(self._waiting):
                written += os.write(handle, self._waiting[written:])
        except OSError:
            os.ftruncate(handle, before)  # half a line is none
            raise
        self._waiting = b""


def write_turns(target: Path, records: Sequence[TurnRecord]) -> None:
    """Writes all turns at once, in the place of what is there; for the user alone.

    Raises:
        InputError: the file could not be written.
    """
    with Draft(target, private=True) as draft:
        draft.path.write_bytes(_lines(records))


def _lines(records: Sequence[TurnRecord]) -> bytes:
    text = "".join(json.dumps(record.as_json(), ensure_ascii=False) + "\n" for record in records)
    return text.encode("utf-8", "backslashreplace")  # half a character pair becomes what JSON escapes it as
