"""Tables and texts as people have them: from spreadsheets of any country, from programs, in UTF-8 or UTF-16."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TextIO

from speech.errors import InputError, one_line
from speech.files.input_file import check_input_file, read_input_file

LONGEST_LINE = 200_000
"""Characters; what is longer is no line of a table."""

LARGEST_TEXT_BYTES = 1_000_000
"""Of a transcript: twenty hours of speech."""

_LONGEST_QUOTE = 40
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Table:
    """The rows of a table, read one after the other, and what is wrong with them; see `open_table`.

    Attributes:
        line: of the row that `row` gave last, from 1.
    """

    def __init__(self, path: Path, text: TextIO) -> None:
        self._path, self._text = path, text
        self.line = 1
        header = next(self._lines(), "")
        text.seek(0)
        delimiter = next((mark for mark in ";\t" if mark in header), ",")
        self._decimal_comma = delimiter != ","
        self._reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)

    def row(self) -> list[str] | None:
        """The next row, its cells without blanks around them; None at the end.

        Raises:
            InputError: no row of a CSV table, or text that can't be decoded; names the line.
        """
        try:
            row = next(self._reader, None)
        except csv.Error as error:
            self.line = max(1, self._reader.line_num)
            self.refuse(f"expected a row of a CSV table: {error}")
        self.line = max(1, self._reader.line_num)
        return None if row is None else [cell.strip() for cell in row]

    def with_decimal_point(self, cell: str) -> str:
        """A number's cell with its decimal comma, if the table has such, as a point."""
        return cell.replace(",", ".") if self._decimal_comma else cell

    def refuse(self, why: str) -> NoReturn:
        """Raises InputError about this line."""
        raise InputError(f"{one_line(str(self._path))}: line {self.line}: {why}")

    def _lines(self) -> Iterator[str]:
        try:
            while line := self._text.readline(LONGEST_LINE):
                if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
                    self.line += 1
                    self.refuse(f"expected lines of at most {LONGEST_LINE:,} characters, got a longer one")
                yield line
        except UnicodeDecodeError as error:
            if self._text.encoding == "utf-16":
                self.refuse(f"expected UTF-16, as its byte-order mark says: {error.reason}")
            self.line, byte = _not_utf_8(self._path)
            self.refuse(f"expected UTF-8, got byte 0x{byte:02x}")


@contextmanager
def open_table(path: Path, expected: str, *, most_bytes: int) -> Iterator[Table]:
    """Opens a table in UTF-8 or, with a byte-order mark, UTF-16.

    Where the header is separated by semicolons or tabs, as spreadsheets of many countries do it, so are the rows, and a
    comma may stand for the decimal point.

    Args:
        path: the file.
        expected: what it should be, for messages: "a motion CSV".
        most_bytes: the largest that is read.

    Raises:
        InputError: no regular file, empty, too large, or it can't be read.
    """
    check_input_file(path, expected, most_bytes=most_bytes)
    try:
        with path.open("rb") as file:
            coding = "utf-16" if file.read(2) in _UTF_16 else "utf-8-sig"
            file.seek(0)
            with io.TextIOWrapper(file, encoding=coding, newline="") as text:
                yield Table(path, text)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{one_line(str(path))}: expected {expected}, could not read it: {reason}") from None


def read_text(path: Path, expected: str, *, most_bytes: int = LARGEST_TEXT_BYTES) -> str:
    """A text in UTF-8 or, with a byte-order mark, UTF-16.

    Raises:
        InputError: no regular file, empty, too large, or in another coding; names the line.
    """
    data = read_input_file(path, expected, most_bytes=most_bytes)
    if data[:2] in _UTF_16:
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: expected {expected} in UTF-8 or UTF-16: {error.reason}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{path}: line {line}: expected UTF-8, got byte 0x{data[error.start]:02x}") from None


def quote(text: str) -> str:
    """The user's text in quotes, on one line and not too long to be read."""
    shown = one_line(text)
    return f"'{shown if len(shown) <= _LONGEST_QUOTE else shown[:_LONGEST_QUOTE] + '…'}'"


def _not_utf_8(path: Path) -> tuple[int, int]:
    """The line and the first byte that is no UTF-8 in a file that holds one."""
    decoder, number = codecs.getincrementaldecoder("utf-8")(), 1
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE):
            try:
                decoder.decode(line)
            except UnicodeDecodeError as error:
                return number, error.object[error.start]
            number += line.endswith(b"\n")
    return number, decoder.getstate()[0][0]
