"""Where the log of this process goes: a file that stays small, and with --verbose standard error.

Modules log with `logging.getLogger(__name__)`, and know nothing of this. The one handler is on Python's root logger:
the three packages pass on what the level allows, all libraries their warnings, which so don't cross the terminal.

Whoever logs only puts the record into a queue; a thread redacts and writes it. What finds no room there is counted.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from typing import Any

from agent.config.session_sections import LogSection
from agent.log.lines import JsonLine, TextLine, log_event
from agent.log.redaction import Redaction
from speech.user_folders import state_folder

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

PACKAGES = ("agent", "avatar", "speech")

MOST_WAITING = 2000
"""Records that wait for the thread; further ones are dropped, and counted in the log itself."""

FILE_BYTES, FILES = 2_000_000, 6
"""visavis.log, visavis.log.1 … visavis.log.5: 12 MB, months of a kiosk."""

MOST_PROGRAMS = 9
"""Programs with a log at the same time: visavis.log, visavis-2.log …"""

_CLOSING_S = 1.0
"""How long closing waits for what still waits to be written: the disk may hang."""

_LOG = logging.getLogger(__name__)


class Log:
    """The log of a process. Nothing is logged before `show` or `open`.

    Attributes:
        is_json: write JSON lines instead of text; set before `show` and `open`.
        path: of the file; None where there is none.
        redaction: what is left out.
    """

    def __init__(self) -> None:
        self.is_json = False
        self.path: Path | None = None
        self.redaction = Redaction()
        self._waiting: _Waiting | None = None
        self._writing: _Writing | None = None
        self._shown: logging.Handler | None = None
        self._lock: int | None = None
        self._levels: dict[str, int] = {}

    @property
    def is_open(self) -> bool:
        """Whether anything is logged anywhere."""
        return self._waiting is not None

    @property
    def is_shown(self) -> bool:
        """Whether it goes to standard error."""
        return self._shown is not None

    def show(self, print_line: Callable[[str], None]) -> None:
        """Shows the log: everything, whatever the configured level.

        Args:
            print_line: called on the log's thread.
        """
        if self._shown is None:
            self._shown = _Printed(print_line)
            self._add(self._shown, logging.DEBUG)

    def open(self, section: LogSection, on_problem: Callable[[str], None]) -> None:
        """Begins to write the file. Where that can't be done, one line says so, and the program goes on without.

        Args:
            section: what the configuration says of it.
            on_problem: called once, on the log's thread or here, with what can't be written, in one line.
        """
        if section.level == "off" or self.path is not None:
            return
        self.is_json = self.is_json or section.format == "json"
        folder = section.folder or state_folder()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path = self._own_path(folder)
            if self.path is None:
                on_problem(f"log: {MOST_PROGRAMS} programs write to {folder} already; this one goes on without a log")
                return
            file = _File(self.path, on_problem)
        except OSError as error:
            self.path = None
            on_problem(f"log: {folder}: {error.strerror or error}; it goes on without a log")
            return
        self._add(file, logging.DEBUG if self.is_shown else logging.getLevelNamesMapping()[section.level.upper()])

    def close(self) -> None:
        """Writes what waits, and ends; waits a second at most. All is then as it was before, levels too."""
        if self._waiting is not None and self._writing is not None:
            logging.captureWarnings(False)
            threading.excepthook = threading.__excepthook__
            logging.getLogger().removeHandler(self._waiting)
            self._writing.stop()
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)
        if self._lock is not None:
            os.close(self._lock)
        self.is_json, self.path, self.redaction = False, None, Redaction()
        self._waiting = self._writing = self._shown = self._lock = None
        self._levels = {}

    def _add(self, handler: logging.Handler, level: int) -> None:
        handler.setFormatter((JsonLine if self.is_json else TextLine)(self.redaction))
        if self._waiting is None:
            self._waiting = _Waiting()
            self._writing = _Writing(self._waiting, handler)
            self._writing.start()
            logging.getLogger().addHandler(self._waiting)
            logging.captureWarnings(True)
            threading.excepthook = _log_thread_failure
        elif self._writing is not None:
            self._writing.handlers = (*self._writing.handlers, handler)
        for name in PACKAGES:
            logger = logging.getLogger(name)
            self._levels.setdefault(name, logger.level)
            logger.setLevel(level)

    def _own_path(self, folder: Path) -> Path | None:
        """A name that no other living program writes to; a lock says which those are."""
        for number in range(1, MOST_PROGRAMS + 1):
            path = folder / (f"visavis-{number}.log" if number > 1 else "visavis.log")
            handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
            if _is_locked(handle):
                self._lock = handle
                return path
            os.close(handle)
        return None


LOG = Log()
"""The log of this process."""


class _Waiting(QueueHandler):
    """Puts records into the queue, and never waits. A SimpleQueue may be put into even from a signal's handler."""

    queue: queue.SimpleQueue[Any]

    def __init__(self) -> None:
        super().__init__(queue.SimpleQueue())
        self.dropped = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        if self.queue.qsize() < MOST_WAITING:
            self.queue.put(record)
        else:
            self.dropped += 1

    def handleError(self, record: logging.LogRecord) -> None:
        """A record that can't be formatted is nobody's problem but the log's."""
        self.dropped += 1


class _Writing(QueueListener):
    """The thread that writes."""

    def __init__(self, waiting: _Waiting, handler: logging.Handler) -> None:
        super().__init__(waiting.queue, handler)
        self._waiting, self._told_dropped = waiting, 0

    def handle(self, record: logging.LogRecord) -> None:
        if (dropped := self._waiting.dropped) > self._told_dropped:
            self._told_dropped, more = dropped, dropped - self._told_dropped
            log_event(_LOG, "lines_dropped", level=logging.WARNING, count=more)
        super().handle(record)

    def enqueue_sentinel(self) -> None:
        self._waiting.queue.put(None)

    def stop(self) -> None:
        thread: threading.Thread | None = self._thread
        if thread is None:
            return
        self.enqueue_sentinel()
        thread.join(_CLOSING_S)
        self._thread = None
        if not thread.is_alive():
            for handler in self.handlers:
                handler.close()


class _File(RotatingFileHandler):
    """The file. What can't be written, as on a full disk, is told once, and tried again with the next line."""

    def __init__(self, path: Path, on_problem: Callable[[str], None]) -> None:
        self._on_problem: Callable[[str], None] | None = on_problem
        super().__init__(path, maxBytes=FILE_BYTES, backupCount=FILES - 1, encoding="utf-8", errors="backslashreplace")

    def _open(self) -> Any:
        return open(
            self.baseFilename,
            self.mode,
            encoding=self.encoding,
            errors=self.errors,
            opener=lambda name, flags: os.open(name, flags, 0o600),
        )

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exception()
        with contextlib.suppress(OSError):
            if self.stream is not None:
                self.stream.close()
        self.stream = None  # opened again with the next line
        if self._on_problem is not None and error is not None:
            told, self._on_problem = self._on_problem, None
            reason = getattr(error, "strerror", None) or error
            told(f"log: {self.baseFilename} can't be written: {reason}; it goes on without, and tries again")


class _Printed(logging.Handler):
    """Standard error, beside what is shown there."""

    def __init__(self, print_line: Callable[[str], None]) -> None:
        super().__init__()
        self._print_line = print_line

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):  # nobody reads it any more
            self._print_line(self.format(record))


def _log_thread_failure(failed: threading.ExceptHookArgs) -> None:
    """What nobody caught on a thread is logged instead of printed across what is shown."""
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        thread = failed.thread.name if failed.thread else "a thread"
        _LOG.critical("an error that nobody foresaw on the thread %s", thread, exc_info=failed.exc_value)


def _is_locked(handle: int) -> bool:
    """Whether the lock is ours now; also where the disk knows no locks."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return sys.platform != "win32"
    return True
