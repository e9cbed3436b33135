"""The side of a worker process that works: reads calls from stdin, answers them on stdout.

A module that is to be a worker says what it does with a call and hands that to `serve`:

    def load(setup: dict[str, Any]) -> Work: ...       # slow: imports, weights
    if __name__ == "__main__":
        serve(load)
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from speech.errors import VisavisError
from speech.files import locked_temporary
from speech.worker.messages import HEADER, WINDOW_BYTES, Kind, pack_message, unpack_fields
from speech.worker.turns import Turns

_OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
"""A worker takes what was fetched before: set before any library is imported that would look elsewhere, or tell."""

MOST_CALLS = 32
"""Calls that are worked on at once."""


class Cancelled(Exception):
    """Nobody wants the result any more; raised inside the work, which need not catch it."""


class Call:
    """One call that is being worked on, beside others: each has a thread, and they take turns at what they share.

    Attributes:
        fields: its arguments.
    """

    def __init__(self, number: int, fields: dict[str, Any], send: Callable[[bytes], None]) -> None:
        self.fields = fields
        self._number = number
        self._send = send
        # The caller bounds what it sends ahead (see `speech.asr.process`).
        self._incoming: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._untaken_bytes = 0
        self._is_cancelled = False

    @property
    def is_cancelled(self) -> bool:
        """Whether the result is not wanted any more."""
        return self._is_cancelled

    def check(self) -> None:
        """Ends the work if it is not wanted any more: call it between long steps.

        Raises:
            Cancelled: it is not wanted.
        """
        if self._is_cancelled:
            raise Cancelled

    @contextmanager
    def turn(self, turns: Turns) -> Iterator[None]:
        """A turn for one step of the work; `emit` outside of it, as the reader may be behind.

        Raises:
            Cancelled: the result is not wanted any more.
        """
        with turns.taken():
            self.check()
            yield

    def incoming(self) -> Iterator[bytes]:
        """The payloads that the caller sends, as they come, to their end.

        Raises:
            Cancelled: the call was cancelled meanwhile.
        """
        while (payload := self._incoming.get()) is not None:
            self.check()
            yield payload
        self.check()

    def emit(self, fields: Mapping[str, Any] | None = None, payload: bytes = b"") -> None:
        """Sends a piece of the result; waits first while the reader is `WINDOW_BYTES` behind.

        Raises:
            Cancelled: it is not wanted any more.
        """
        message = pack_message(Kind.ITEM, self._number, fields, payload)
        with self._changed:
            while self._untaken_bytes >= WINDOW_BYTES and not self._is_cancelled:
                self._changed.wait()
            self.check()
            self._untaken_bytes += len(message)
        self._send(message)

    def _take(self, payload: bytes | None) -> None:
        self._incoming.put(payload)

    def _was_read(self, count: int) -> None:
        with self._changed:
            self._untaken_bytes -= count
            self._changed.notify()

    def _cancel(self) -> None:
        with self._changed:
            self._is_cancelled = True
            self._changed.notify()
        self._incoming.put(None)


Work = Callable[[Call], None]
"""Does one call, on a thread of its own beside others; what it raises is the caller's to read, in one line."""


def serve(load: Callable[[dict[str, Any]], Work]) -> None:
    """Serves on the standard streams until stdin ends; what a library prints goes to stderr.

    At most `MOST_CALLS` are worked on at once; more wait for the first that ends.

    Args:
        load: makes everything ready from the caller's setup, and returns what does a call.
    """
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _Server(sys.stdin.buffer, messages).run(load)
    end(0)


def end(status: int) -> None:
    """Ends the process, whatever its threads are doing: the caller is gone, so that is nobody's work any more."""
    locked_temporary.remove_all()
    os._exit(status)


class _Server:
    def __init__(self, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self._stdin, self._stdout = stdin, stdout
        self._lock = threading.Lock()
        self._calls: dict[int, Call] = {}
        self._handing_out = threading.Lock()
        self._waiting: deque[tuple[int, Call]] = deque()
        self._idle: list[queue.SimpleQueue[tuple[int, Call]]] = []  # the thread that has worked last is the last
        self._threads = 0
        self._wanted_threads: queue.SimpleQueue[None] = queue.SimpleQueue()

    def run(self, load: Callable[[dict[str, Any]], Work]) -> None:
        first = self._read()
        if first is None:
            return
        # From here on another thread reads: whoever is loading or computing for minutes must still see the caller go.
        threading.Thread(target=self._take_all, name="calls", daemon=True).start()
        os.environ.update(_OFFLINE)
        try:
            work = load(first[2])
        except BaseException as error:  # whatever it is, the caller reports it in one line
            self._send_failure(0, error, "could not load: ")
            return
        self._send(pack_message(Kind.READY))
        while True:
            self._wanted_threads.get()
            # Started on the main thread: it inherits the priority that `load` has given it.
            threading.Thread(target=self._work, args=(work,), name="work", daemon=True).start()

    def _hand_out(self, number: int, call: Call) -> None:
        """Gives a call to the idle thread that has worked last, whose memory is warm, or asks for a new one."""
        with self._handing_out:
            if self._idle:
                self._idle.pop().put((number, call))
                return
            self._waiting.append((number, call))
            if self._threads < MOST_CALLS:
                self._threads += 1
                self._wanted_threads.put(None)

    def _take_all(self) -> None:
        while (message := self._read()) is not None:
            self._take(*message)
        end(0)

    def _take(self, kind: Kind, number: int, fields: dict[str, Any], payload: bytes) -> None:
        if kind is Kind.OPEN:
            call = self._calls[number] = Call(number, fields, self._send)
            self._hand_out(number, call)
        elif kind is Kind.PING:
            self._send(pack_message(Kind.PONG))
        elif (known := self._calls.get(number)) is not None:  # else it has ended already
            if kind is Kind.DATA:
                known._take(payload)
            elif kind is Kind.END:
                known._take(None)
            elif kind is Kind.TAKEN:
                known._was_read(fields["bytes"])
            elif kind is Kind.CANCEL:
                known._cancel()

    def _work(self, work: Work) -> None:
        mine: queue.SimpleQueue[tuple[int, Call]] = queue.SimpleQueue()
        while True:
            with self._handing_out:
                if self._waiting:
                    mine.put(self._waiting.popleft())
                else:
                    self._idle.append(mine)
            number, call = mine.get()
            try:
                call.check()
                work(call)
                self._send(pack_message(Kind.DONE, number))
            except Cancelled:
                pass
            except BaseException as error:  # Rust's panics are no `Exception`; the next call may do better
                self._send_failure(number, error)
            self._calls.pop(number, None)

    def _send_failure(self, number: int, error: BaseException, what: str = "") -> None:
        """Says in one line why a call failed; of what nobody has expected also where, for the log."""
        told = {"message": f"{what}{_one_line(error)}", "error": type(error).__name__}
        if not isinstance(error, VisavisError):
            told["where"] = "\n" + "".join(traceback.format_tb(error.__traceback__)).rstrip()
        self._send(pack_message(Kind.ERROR, number, told))

    def _send(self, message: bytes) -> None:
        try:
            with self._lock:
                self._stdout.write(message)
                self._stdout.flush()
        except OSError:  # nobody reads any more
            end(0)

    def _read(self) -> tuple[Kind, int, dict[str, Any], bytes] | None:
        """The next message; None when the stream has ended."""
        header = self._stdin.read(HEADER.size)
        if len(header) < HEADER.size:
            return None
        kind, call, text_length, length = HEADER.unpack(header)
        text = self._stdin.read(text_length)
        payload = self._stdin.read(length)
        if len(text) + len(payload) < text_length + length:
            return None
        return Kind(kind), call, unpack_fields(text), payload


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
