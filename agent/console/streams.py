"""The standard streams, made safe before anything is printed: closed, full, or with an alphabet too small."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

_ESCAPED = "visavis-escaped"


def prepare() -> None:
    """Opens what is closed, and lets letters that standard output does not know be written as JSON writes them.

    Where a standard stream is closed, the first file that is opened would take its place, and what libraries print
    would go into it.
    """
    # What is written to a closed output still fails, as it should: that is not a place for a result.
    for number, how in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, how), True)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    codecs.register_error(_ESCAPED, _escaped)
    if sys.stdout is None:
        sys.stdout = _StandardOutput(open(1, "wb", closefd=False), encoding="utf-8", errors=_ESCAPED)
    elif sys.stdout is sys.__stdout__ and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = _StandardOutput(
            sys.stdout.buffer,
            encoding=sys.stdout.encoding,
            errors=_ESCAPED if sys.stdout.errors == "strict" else sys.stdout.errors,
            line_buffering=sys.stdout.line_buffering,
            write_through=sys.stdout.write_through,
        )


def flush() -> None:
    """Flushes both output streams; OSError if standard output can't be written, whose rest is then dropped."""
    for number, stream in ((2, sys.stderr), (1, sys.stdout)):
        try:
            stream.flush()
        except OSError:
            # Python tries once more when it ends, and would complain once more.
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            if number == 1:
                raise


class StandardError:
    """Standard error for messages: where a terminal was closed or a disk is full, the work goes on without them."""

    @property
    def encoding(self) -> str:
        """The text encoding of the present standard error."""
        return _current_stderr().encoding

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return _current_stderr().isatty()

    def fileno(self) -> int:
        """Its file descriptor."""
        return _current_stderr().fileno()

    def write(self, text: str) -> int:
        """Writes text; an OSError is ignored."""
        with contextlib.suppress(OSError):
            _current_stderr().write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes; an OSError is ignored."""
        with contextlib.suppress(OSError):
            _current_stderr().flush()


def _current_stderr() -> TextIO:
    """Standard error; while a line is shown at the bottom of the terminal, Rich puts something of its own there."""
    stream: TextIO = getattr(sys.stderr, "rich_proxied_file", sys.stderr)
    return stream


class _StandardOutput(io.TextIOWrapper):
    """Standard output, which is named in its errors: those of files are."""

    def write(self, text: str) -> int:
        with _named_stdout_errors():
            return super().write(text)

    def flush(self) -> None:
        with _named_stdout_errors():
            super().flush()


@contextlib.contextmanager
def _named_stdout_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from None


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{letters[at : at + 4]}" for at in range(0, len(letters), 4)), error.end
