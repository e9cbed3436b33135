"""A process of our own that does one kind of heavy work, so that the frames never wait for Python's lock.

Recognisers, language models and neural voices hold the lock between their kernels, and some while they work; in a
process of their own they can't stall the picture, load in parallel, and may crash without taking the face along.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from speech.errors import BackendError, error_named
from speech.worker.call import Item, WorkerCall
from speech.worker.messages import HEADER, Kind, pack_message, unpack_fields
from speech.worker.stderr_tail import StderrTail

_STOP_S = 1.0
"""How long a worker may take to end once its input has ended."""

PING_S = 2.0
"""A worker that has something to do is asked so often whether it is there."""

SILENT_S = 10.0
"""One that doesn't answer for so long has stopped: it is ended, and what it had to do has failed."""

_ILLEGAL_INSTRUCTION = int(signal.SIGILL)
"""How a process ends whose library was built for newer processors."""

_PIPES_S = 0.5
"""How long a dead worker's pipes may still be read: a program that it has started may hold them open."""

_LOG = logging.getLogger(__name__)


class Worker:
    """A running worker process and the tasks that read from it. Made by `start`, ended by `stop`.

    Attributes:
        has_ended: whether it is of no use any more.
    """

    def __init__(self, process: asyncio.subprocess.Process, what: str) -> None:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        self._process, self._what = process, what
        self._stdin, self._stdout = process.stdin, process.stdout
        self._calls: dict[int, WorkerCall] = {}
        self._number = 0
        self._stderr_tail = StderrTail(process.stderr)
        self._tasks: list[asyncio.Task[None]] = []
        self._watching: asyncio.Task[None] | None = None
        self._has_work, self._ended = asyncio.Event(), asyncio.Event()
        self._was_heard = self._fell_silent = False
        self._is_expected_to_end = self._calls_have_failed = False
        self.has_ended = False

    @classmethod
    async def start(cls, module: str, setup: Mapping[str, Any], *, what: str, inherited: Sequence[int] = ()) -> Worker:
        """Starts a process and waits until it has loaded everything.

        Args:
            module: what `python -m` runs; it calls `speech.worker.main.serve`.
            setup: goes to the module's `load`.
            what: whose work it is, for messages: "PocketSphinx".
            inherited: file descriptors that it needs.

        Raises:
            VisavisError: it could not load; an InputError where its files or settings are at fault.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # whatever lies in the current folder is not ours to import
                "-m",
                module,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                # Ctrl-C in the terminal is the parent's to handle.
                start_new_session=True,
                pass_fds=inherited,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError as error:  # no memory, or too many processes or files
            raise BackendError(f"{what} could not be started: {error.strerror or error}") from None
        worker = cls(process, what)
        loading = worker._calls[0] = worker._call(0)
        reading_stderr = asyncio.create_task(worker._stderr_tail.read(), name=f"read {what}'s messages")
        worker._tasks = [
            reading_stderr,
            asyncio.create_task(worker._sort_replies(reading_stderr), name=f"read {what}"),
        ]
        try:
            worker._send(pack_message(Kind.SETUP, 0, setup))
            kind, item = await loading.reply()
        except BaseException:
            await worker.stop()
            raise
        if kind is not Kind.READY:
            await worker.stop()
            where = f"{item.fields.get('where', '')}{worker._stderr_lines()}"
            _LOG.error("%s %s (%s)%s", what, item.fields["message"], item.fields["error"], where)
            raise error_named(item.fields["error"], str(item.fields["message"]))
        _LOG.info("%s is ready, process %d", what, process.pid)
        worker._watching = asyncio.create_task(worker._watch(), name=f"watch {what}")
        worker._tasks.append(worker._watching)
        return worker

    def open(self, fields: Mapping[str, Any] | None = None) -> WorkerCall:
        """Begins a call with these arguments; close it in the end."""
        self._number += 1
        call = self._calls[self._number] = self._call(self._number)
        self._send(pack_message(Kind.OPEN, self._number, fields))
        self._has_work.set()
        if self._calls_have_failed:
            call.fail(BackendError(self._exit_message()))
        return call

    async def request(self, fields: Mapping[str, Any]) -> AsyncGenerator[Item, None]:
        """One call without further data: yields its result. Closing the iteration stops the work.

        Raises:
            BackendError: the call failed, or the worker died.
            InputError: the worker found fault with what it was given.
        """
        call = self.open(fields)
        try:
            call.end()
            async with contextlib.aclosing(call.items()) as items:
                async for item in items:
                    yield item
        finally:
            call.close()

    async def ended(self) -> None:
        """Waits until the process has ended."""
        await self._ended.wait()

    async def stop(self) -> None:
        """Ends the process: politely, then not."""
        self.has_ended = self._is_expected_to_end = True
        self._stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._watching is not None:
            self._watching.cancel()
        await asyncio.wait(self._tasks, timeout=_PIPES_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._fail_calls()  # unless their reader has done it: it is cancelled where a program holds the pipe open
        self._process._transport.close()  # type: ignore[attr-defined]  # and with it our ends of the pipes

    def _send(self, message: bytes) -> None:
        """Queues a message. A dead worker is reported by its reader."""
        with contextlib.suppress(ConnectionError, RuntimeError):  # RuntimeError: the pipe was closed by `stop`
            self._stdin.write(message)

    def _call(self, number: int) -> WorkerCall:
        return WorkerCall(number, self._what, self._send, self._forget)

    def _forget(self, number: int) -> None:
        self._calls.pop(number, None)

    async def _sort_replies(self, reading_stderr: asyncio.Task[None]) -> None:
        """Hands every message to its call; none of them is ever waited for."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, number, text_length, length = HEADER.unpack(await self._stdout.readexactly(HEADER.size))
                fields = unpack_fields(await self._stdout.readexactly(text_length))
                payload = await self._stdout.readexactly(length)
                self._was_heard = True
                if number == 0 and Kind(kind) is Kind.ERROR:
                    self._is_expected_to_end = True
                if (call := self._calls.get(number)) is not None:
                    call.take(Kind(kind), Item(fields, payload), HEADER.size + text_length + length)
        self.has_ended = True
        self._ended.set()
        is_death = not self._is_expected_to_end
        await self._process.wait()
        if is_death:
            await asyncio.wait([reading_stderr], timeout=_PIPES_S)
            _LOG.error("%s; open calls: %d%s", self._exit_message(), len(self._calls), self._stderr_lines())
        self._fail_calls()

    def _fail_calls(self) -> None:
        """Ends the open calls, once, with what is known of the process's end; later ones fail at once."""
        if self._calls_have_failed:
            return
        self._calls_have_failed = True
        for call in self._calls.values():
            call.fail(BackendError(self._exit_message()))

    def _stderr_lines(self) -> str:
        """What the process has said last, for the log: the user reads one line."""
        return "".join(f"\n    {line}" for line in self._stderr_tail.lines)

    async def _watch(self) -> None:
        """Ends a process that is stopped or hangs: it would keep a conversation waiting for ever."""
        unanswered = 0
        while not self.has_ended:
            if not self._calls:
                self._has_work.clear()
                await self._has_work.wait()
            self._was_heard = False
            self._send(pack_message(Kind.PING))
            await asyncio.sleep(PING_S)
            unanswered = 0 if self._was_heard else unanswered + 1
            if unanswered * PING_S >= SILENT_S:
                self._fell_silent = True
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                return

    def _exit_message(self) -> str:
        if self._fell_silent:
            return f"{self._what} did not answer for {SILENT_S:g} s; it is started again"
        reason = f": {self._stderr_tail.last}" if self._stderr_tail.last else ""
        code = self._process.returncode
        if code == -_ILLEGAL_INSTRUCTION:
            return f"{self._what} ended: it needs instructions that this processor does not have"
        return f"{self._what} ended unexpectedly (status {code}{reason}); it is started again"
