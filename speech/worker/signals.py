"""Ctrl-C, a service manager's stop and a closed terminal: all three end a command in the same way, and leave nothing.

The first one lets a live session or a training leave (`leaving`), or else interrupts: the running task is cancelled, or
KeyboardInterrupt raised. One that comes while that is still cleaning up ends the process at once; what would stay on
the disk is removed then as well, and so it is when the clean-up hangs. Before anything was made, the first one does.

Standard library only, and little of it: this is in place before anything else is imported.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading

TYPE_CHECKING = False  # typing's own takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from types import FrameType
    from typing import Any, TypeVar

    _T = TypeVar("_T")

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

_CLEAN_UP_S = 10.0
"""How long cleaning up may take once interrupted."""

_THREADS_S = 0.5
"""How long threads that read or compute may still go on when all else is cleaned up: nothing can interrupt them."""


class _Now:
    """What a signal would end.

    Attributes:
        is_handled: whether signals come here.
        is_empty: whether there is nothing to clean up yet, or any more.
        leave: asks what is going on to leave by itself.
        cancel: cancels the running task.
        interrupted_by: the signal that interrupted; 0 for none.
        asked_by: the signal that asked to leave; 0 for none.
        undone: what to undo even in an end that doesn't wait.
        watchdog: ends the process when cleaning up takes too long.
    """

    def __init__(self, *, is_handled: bool = False, is_empty: bool = False) -> None:
        self.is_handled, self.is_empty = is_handled, is_empty
        self.leave: Callable[[], object] | None = None
        self.cancel: Callable[[], object] | None = None
        self.interrupted_by = self.asked_by = 0
        self.undone: list[Callable[[], object]] = []
        self.watchdog: threading.Timer | None = None


_now = _Now()


@contextlib.contextmanager
def handled(*, is_empty: bool = False) -> Iterator[None]:
    """Takes the signals over while the context lasts. Those that this process was started to ignore stay ignored.

    Args:
        is_empty: nothing was made yet (see `begun`).
    """
    global _now
    if _now.is_handled or threading.current_thread() is not threading.main_thread():
        yield
        return
    _now = _Now(is_handled=True, is_empty=is_empty)
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    taken = [number for number in _SIGNALS if before[number] is not signal.SIG_IGN]
    hook = sys.unraisablehook
    try:
        for number in taken:
            signal.signal(number, _on_signal)
        sys.unraisablehook = _on_unraisable
        yield
    finally:
        _now.is_empty = True
        if _now.watchdog is not None:
            _now.watchdog.cancel()
        for number in taken:
            signal.signal(number, before[number] or signal.SIG_DFL)
        sys.unraisablehook = hook
        _now = _Now()


def begun() -> None:
    """From now on there may be something to clean up."""
    _now.is_empty = False


def interrupted_by() -> int:
    """The number of the signal that interrupted what was going on; 0 where none did, or where it left by itself."""
    return _now.interrupted_by


def asked_to_leave_by() -> int:
    """The number of the signal that let what was going on leave by itself; 0 for none."""
    return _now.asked_by


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """`asyncio.run`, with a task that signals cancel.

    Raises:
        KeyboardInterrupt: it was cancelled so.
    """
    import asyncio  # here, and not before signals are handled

    with asyncio.Runner() as runner:
        loop = runner.get_loop()

        async def watched() -> _T:
            task = asyncio.current_task()
            assert task is not None
            _now.cancel = lambda: loop.call_soon_threadsafe(task.cancel)
            try:
                return await main
            finally:
                _now.cancel = None

        try:
            return runner.run(watched())
        except asyncio.CancelledError:
            if _now.interrupted_by:
                _end_in(_THREADS_S)  # closing the runner waits for its threads
            raise KeyboardInterrupt from None


@contextlib.contextmanager
def leaving(leave: Callable[[], object]) -> Iterator[None]:
    """The first signal calls this instead of interrupting; on the main thread, between any two steps of it."""
    with handled():
        before, _now.leave = _now.leave, leave
        try:
            yield
        finally:
            _now.leave = before


@contextlib.contextmanager
def undone(undo: Callable[[], object]) -> Iterator[None]:
    """Undoes something in the end, even when the process is ended at once: the terminal's settings."""
    _now.undone.append(undo)
    try:
        yield
    finally:
        _now.undone.remove(undo)
        undo()


def _on_signal(number: int, frame: FrameType | None) -> None:
    if _now.is_empty or _now.interrupted_by:
        end_at_once(number)
    if _now.leave is not None:
        leave, _now.leave, _now.asked_by = _now.leave, None, number
        leave()
        return
    _now.interrupted_by = number
    _end_in(_CLEAN_UP_S)
    if _now.cancel is not None:
        _now.cancel()
    else:
        raise KeyboardInterrupt


def _end_in(seconds: float) -> None:
    """Ends the process if it has not ended by itself until then."""
    if _now.watchdog is not None:
        _now.watchdog.cancel()
    _now.watchdog = threading.Timer(seconds, end_at_once, (_now.interrupted_by,))
    _now.watchdog.daemon = True
    _now.watchdog.start()


def _on_unraisable(failed: sys.UnraisableHookArgs) -> None:
    """An interruption in the middle of what can't be interrupted, such as a destructor, is not to be lost."""
    if isinstance(failed.exc_value, KeyboardInterrupt):
        end_at_once(_now.interrupted_by or signal.SIGINT)
    sys.__unraisablehook__(failed)


def end_at_once(number: int) -> None:
    """Ends the process without waiting for anything; nothing of it stays on the disk."""
    for undo in reversed(_now.undone):
        with contextlib.suppress(Exception):
            undo()
    if (locked_temporary := sys.modules.get("speech.files.locked_temporary")) is not None:
        locked_temporary.remove_all()
    with contextlib.suppress(OSError):
        os.write(2, b"interrupted\n")
    os._exit(128 + number)
