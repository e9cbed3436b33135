"""Single keys from the terminal, without Enter."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator

from speech.worker import signals

_NAMES = {" ": "space", "\x1b": "escape", "\r": "enter", "\n": "enter"}


@contextlib.contextmanager
def keyboard(on_key: Callable[[str], None]) -> Iterator[bool]:
    """Calls `on_key`, on the event loop, with every key's name ("space", "escape", "q", …) while the context lasts.

    Yields:
        Whether there is a terminal to read keys from.
    """
    if not sys.stdin.isatty():
        yield False
    elif sys.platform == "win32":
        _read_windows_keys(on_key)
        yield True
    else:
        import termios
        import tty

        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)
        loop = asyncio.get_running_loop()

        def read() -> None:
            try:
                typed = os.read(terminal, 32)
            except OSError:
                typed = b""
            if not typed:  # it was closed, and would be readable for ever
                loop.remove_reader(terminal)
            _call_with_names(typed.decode(errors="ignore"), on_key)

        def restore() -> None:
            with contextlib.suppress(termios.error):  # it was closed
                termios.tcsetattr(terminal, termios.TCSADRAIN, before)

        with signals.undone(restore):
            tty.setcbreak(terminal)
            loop.add_reader(terminal, read)
            try:
                yield True
            finally:
                loop.remove_reader(terminal)


def _call_with_names(typed: str, on_key: Callable[[str], None]) -> None:
    if typed.startswith("\x1b") and len(typed) > 1:
        return  # an arrow or a function key
    for character in typed:
        on_key(_NAMES.get(character, character.lower()))


def _read_windows_keys(on_key: Callable[[str], None]) -> None:
    """Windows has no readable terminal: a thread waits for each key. It ends with the program."""
    import msvcrt

    loop = asyncio.get_running_loop()

    def read() -> None:
        while True:
            character = msvcrt.getwch()  # type: ignore[attr-defined]
            if character in ("\x00", "\xe0"):  # an arrow or a function key: its name follows
                msvcrt.getwch()  # type: ignore[attr-defined]
                continue
            loop.call_soon_threadsafe(_call_with_names, character, on_key)

    threading.Thread(target=read, name="keys", daemon=True).start()
