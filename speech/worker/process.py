"""A process of our own that does one kind of heavy work, so that the frames never wait for Python's lock.

Recognisers, language models and neural voices hold the lock between their kernels, and some while they work; in a
process of their own they can't stall the picture, load in parallel, and may crash without taking the face along.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from speech.errors import error_named
from speech.worker.messages import HEADER, Kind, pack_message, unpack_fields

_STOP_S = 1.0
"""How long a worker may take to end once its input has ended."""

PING_S = 2.0
"""A worker that has something to do is asked so often whether it is there."""

SILENT_S = 10.0
"""One that doesn't answer for so long has stopped: it is ended, and what it had to do has failed."""

_ILLEGAL_INSTRUCTION = int(signal.SIGILL)
"""How a process ends whose library was built for newer processors."""

_WAITING_ITEMS = 1024
"""Items that a call's reader may be behind; then the worker is held up by its full pipe. A reply or a spoken sentence
has far fewer."""


@dataclass(frozen=True, slots=True)
class Item:
    """A piece of a call's result.

    Attributes:
        fields: what the worker says of it.
        payload: bytes that come with it.
    """

    fields: Mapping[str, Any]
    payload: bytes


class WorkerCall:
    """One call to a worker; made by `Worker.open`, ended by `close`."""

    def __init__(self, worker: Worker, number: int) -> None:
        self._worker, self._number = worker, number
        self._replies: asyncio.Queue[tuple[Kind, Item]] = asyncio.Queue(_WAITING_ITEMS)

    def send(self, payload: bytes) -> None:
        """Sends more for the call; the caller bounds how far it is ahead of the answers."""
        self._worker._send(pack_message(Kind.DATA, self._number, None, payload))

    def end(self) -> None:
        """Says that all was sent."""
        self._worker._send(pack_message(Kind.END, self._number))

    def fail(self, message: str) -> None:
        """Ends the reading of this call with an error."""
        self._put_by_force((Kind.ERROR, Item({"message": message}, b"")))

    async def items(self) -> AsyncGenerator[Item, None]:
        """The pieces of the result as they come.

        Raises:
            BackendError: the call failed, or the worker died.
            InputError: the worker found fault with what it was given.
        """
        while True:
            kind, item = await self._replies.get()
            if kind is Kind.ERROR:
                raise error_named(item.fields.get("error"), str(item.fields["message"]))
            if kind is Kind.DONE:
                return
            yield item

    def close(self) -> None:
        """Nothing more of this call is wanted: the worker stops working on it."""
        if self._worker._calls.pop(self._number, None) is not None:
            self._worker._send(pack_message(Kind.CANCEL, self._number))
            while not self._replies.empty():  # whoever waits to put something in must go on
                self._replies.get_nowait()

    async def _put(self, reply: tuple[Kind, Item]) -> None:
        await self._replies.put(reply)

    def _put_by_force(self, reply: tuple[Kind, Item]) -> None:
        while self._replies.full():
            self._replies.get_nowait()
        self._replies.put_nowait(reply)


class Worker:
    """A running worker process and the tasks that read from it. Made by `start`, ended by `stop`.

    Attributes:
        has_ended: whether it is of no use any more.
    """

    def __init__(self, process: asyncio.subprocess.Process, what: str) -> None:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        self._process, self._what = process, what
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._calls: dict[int, WorkerCall] = {}
        self._number = 0
        self._stderr_tail: deque[str] = deque(maxlen=1)
        self._tasks: list[asyncio.Task[None]] = []
        self._watching: asyncio.Task[None] | None = None
        self._has_work, self._ended = asyncio.Event(), asyncio.Event()
        self._was_heard = self._is_held_up = False
        self._fell_silent = False
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
        worker = cls(process, what)
        loading = worker._calls[0] = WorkerCall(worker, 0)
        worker._tasks = [
            asyncio.create_task(worker._sort_replies(), name=f"read {what}"),
            asyncio.create_task(worker._keep_stderr_tail(), name=f"read {what}'s messages"),
        ]
        try:
            worker._send(pack_message(Kind.SETUP, 0, setup))
            kind, item = await loading._replies.get()
            if kind is not Kind.READY:
                raise error_named(item.fields.get("error"), str(item.fields["message"]))
        except BaseException:
            await worker.stop()
            raise
        worker._calls.pop(0, None)
        worker._watching = asyncio.create_task(worker._watch(), name=f"watch {what}")
        worker._tasks.append(worker._watching)
        return worker

    def open(self, fields: Mapping[str, Any] | None = None) -> WorkerCall:
        """Begins a call with these arguments; close it in the end."""
        self._number += 1
        call = self._calls[self._number] = WorkerCall(self, self._number)
        self._send(pack_message(Kind.OPEN, self._number, fields))
        self._has_work.set()
        if self.has_ended:
            call.fail(self._exit_message())
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
        self.has_ended = True
        self._stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._watching is not None:
            self._watching.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _send(self, message: bytes) -> None:
        """Queues a message. A dead worker is reported by its reader."""
        with contextlib.suppress(ConnectionError, RuntimeError):  # RuntimeError: the pipe was closed by `stop`
            self._stdin.write(message)

    async def _sort_replies(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, number, text_length, length = HEADER.unpack(await self._stdout.readexactly(HEADER.size))
                fields = unpack_fields(await self._stdout.readexactly(text_length))
                payload = await self._stdout.readexactly(length)
                self._was_heard = True
                if (call := self._calls.get(number)) is not None:
                    self._is_held_up = True
                    await call._put((Kind(kind), Item(fields, payload)))
                    self._is_held_up = False
        self.has_ended = True
        self._ended.set()
        if self._calls:
            await self._process.wait()
            for call in self._calls.values():
                call.fail(self._exit_message())

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
            # Held up by a reader of ours that is behind, it can't say anything.
            unanswered = 0 if self._was_heard or self._is_held_up else unanswered + 1
            if unanswered * PING_S >= SILENT_S:
                self._fell_silent = True
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                return

    def _exit_message(self) -> str:
        if self._fell_silent:
            return f"{self._what} did not answer for {SILENT_S:g} s; it is started again"
        reason = f": {self._stderr_tail[0]}" if self._stderr_tail else ""
        code = self._process.returncode
        if code == -_ILLEGAL_INSTRUCTION:
            return f"{self._what} ended: it needs instructions that this processor does not have"
        return f"{self._what} ended unexpectedly (status {code}{reason}); it is started again"

    async def _keep_stderr_tail(self) -> None:
        rest = ""
        while piece := await self._stderr.read(4096):
            # Progress bars write carriage returns only: a line must not grow for ever.
            *lines, rest = (rest + piece.decode(errors="replace")).replace("\r", "\n")[-4096:].split("\n")
            self._stderr_tail.extend(line.strip() for line in (*lines, rest) if line.strip())
