"""Output to a window on the screen: a preview beside the work, or a kiosk's whole screen."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Self

from avatar.decoder import Image, VideoFrame
from avatar.motion import Floats
from avatar.outputs.window_process import HEADER
from avatar.picture.backdrop import flatten
from speech.audio import Samples
from speech.errors import DeviceError, InputError

_OPEN_S = 30.0
"""How long a window may take to open: a cold start from a slow disk, not a wait that anyone sees."""

_CLOSE_S = 1.0

# What is seen behind a transparent face, RGB.
_BEHIND = (0, 0, 0)


class WindowOutput:
    """Shows frames in a window that has a process of its own.

    Writing never waits: a window that is stalled, or dragged about, misses pictures. The user may close it (the output
    goes quiet), fill the screen and come back (F, double click), leave the full screen or close (Esc).

    Args:
        title: what the window's bar says.
        fullscreen: fill the screen at first.
        on_key: called with a key's name ("space", "escape", "q") and whether it went down, on a thread of its own.
        on_close: called, on that thread, when the user has closed the window.

    Attributes:
        process_id: of the window's process, once it is open.
    """

    def __init__(
        self,
        *,
        title: str,
        fullscreen: bool = False,
        on_key: Callable[[str, bool], None] = lambda name, pressed: None,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._title, self._fullscreen = title, fullscreen
        self._on_key, self._on_close = on_key, on_close
        self._changed = threading.Condition()
        self._latest: Image | None = None
        self._is_open = False
        self._has_ended = False
        self._stderr_tail = ""

    def __enter__(self) -> Self:
        """Opens the window; returns when it is there.

        Raises:
            DeviceError: there is no display.
            InputError: pygame-ce is not installed.
        """
        if find_spec("pygame") is None:
            raise InputError(
                "window: expected the package pygame-ce, it is not installed; pip install 'visavis[window]'"
            )
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "avatar.outputs.window_process",
                self._title,
                "fullscreen" if self._fullscreen else "window",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            start_new_session=True,  # Ctrl-C in the terminal is ours to handle
        )
        self.process_id = self._process.pid
        self._is_open = True
        opened: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._messages = self._start_thread("messages", self._keep_stderr_tail)
        self._threads = (
            self._messages,
            self._start_thread("events", self._read_events, opened),
            self._start_thread("frames", self._send_frames),
        )
        try:
            problem = opened.get(timeout=_OPEN_S)
        except queue.Empty:
            problem = f"it did not open in {_OPEN_S:.0f} s"
        if problem:
            self._close()
            raise DeviceError(f"window: expected a display, got {problem}; set DISPLAY, or leave the window off")
        return self

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        """Shows one picture as soon as the window takes it; a newer one takes its place.

        Raises:
            DeviceError: the window's process has died; said once, later frames go nowhere.
        """
        with self._changed:
            if self._has_ended and self._is_open:
                self._is_open = False
                reason = f": {self._stderr_tail}" if self._stderr_tail else ""
                raise DeviceError(f"window: it has ended unexpectedly{reason}; it comes back with the next start")
            if frame is not None and self._is_open:
                self._latest = flatten(frame.image, _BEHIND)
                self._changed.notify_all()

    def __exit__(self, *_: object) -> None:
        """Closes the window; returns when it is gone."""
        self._close()

    def _close(self) -> None:
        with self._changed:
            self._is_open = False
            self._changed.notify_all()
        try:
            self._process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    @staticmethod
    def _start_thread(name: str, target: Callable[..., None], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, name=f"window {name}", daemon=True)
        thread.start()
        return thread

    def _send_frames(self) -> None:
        """Gives the window the latest frame whenever it has taken the last."""
        assert self._process.stdin is not None
        with self._process.stdin as pipe, contextlib.suppress(OSError):
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._latest is not None or not self._is_open or self._has_ended)
                    if not self._is_open or self._has_ended or self._latest is None:
                        return
                    image, self._latest = self._latest, None
                height, width = image.shape[:2]
                _write_all(pipe, HEADER.pack(width, height))
                _write_all(pipe, image.reshape(-1).data)

    def _read_events(self, opened: queue.SimpleQueue[str]) -> None:
        """Passes on what happens in the window."""
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            rest = b""
            while piece := pipe.read(4096):
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    self._event(json.loads(line), opened)
        self._messages.join()  # the process has ended, and so will these
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()
        opened.put(self._stderr_tail or "its process ended")

    def _event(self, fields: dict[str, Any], opened: queue.SimpleQueue[str]) -> None:
        if "ready" in fields:
            opened.put("")
        elif "error" in fields:
            opened.put(str(fields["error"]))
        elif "key" in fields:
            self._on_key(str(fields["key"]), bool(fields["pressed"]))
        elif "closed" in fields:
            with self._changed:
                is_news, self._is_open = self._is_open, False
                self._changed.notify_all()
            if is_news:
                self._on_close()

    def _keep_stderr_tail(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as pipe:
            while piece := pipe.read(4096):
                words = piece.decode(errors="replace").strip().splitlines()
                self._stderr_tail = words[-1] if words else self._stderr_tail


def _write_all(pipe: Any, data: bytes | memoryview) -> None:
    """An unbuffered pipe may take a part only."""
    view = memoryview(data)
    while view:
        view = view[pipe.write(view) :]
