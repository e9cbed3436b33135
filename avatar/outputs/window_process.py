"""The preview window's own process: frames come in on standard input, keys go out on standard output.

Input: a message for every frame, HEADER (width and height) and then width * height * 3 bytes of RGB. Its end closes the
window. Output: one JSON object a line: {"ready": true}, {"key": "space", "pressed": true}, {"closed": true}, and
{"error": "…"} where no window could be opened.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import threading
from collections.abc import Callable
from io import FileIO
from typing import Any

import cv2
import numpy as np

from avatar.decoder import FRAME_SIZE, Image

HEADER = struct.Struct("<HH")
"""Before every frame: its width and height in pixels."""

_DOUBLE_CLICK_MS = 400

BLIND_DRIVERS = ("offscreen", "dummy", "evdev")
"""What SDL falls back to where it finds no screen; nobody would see the window."""


def main() -> None:
    """Shows the window until its input ends or it is closed. Arguments: title, and "fullscreen" or "window"."""
    title, mode = sys.argv[1:]
    # Libraries that print to standard output must not print among the events.
    events = open(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
    cv2.setNumThreads(1)
    import pygame

    def say(**fields: Any) -> None:
        events.write(json.dumps(fields) + "\n")

    try:
        pygame.display.init()
        if pygame.display.get_driver() in BLIND_DRIVERS and "SDL_VIDEODRIVER" not in os.environ:
            where = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
            say(error=f"none at {where}" if where else "none")
            return
        window = Window(title, fullscreen=mode == "fullscreen", say=say)
    except pygame.error as error:
        say(error=str(error))
        return
    say(ready=True)
    # Unbuffered: Python can't end while a thread waits inside a buffered reader.
    frames = FileIO(0, closefd=False)
    threading.Thread(target=window.read_frames, args=(frames,), name="read frames", daemon=True).start()
    window.run()


class Window:
    """The window and the frame in it. `run` owns the main thread, as macOS wants it.

    Args:
        title: what its bar says.
        fullscreen: fill the screen at first.
        say: passes events on.
    """

    def __init__(self, title: str, *, fullscreen: bool, say: Callable[..., None]) -> None:
        import pygame

        self._pygame, self._say = pygame, say
        self._frame_came, self._input_ended = pygame.event.custom_type(), pygame.event.custom_type()
        self._lock = threading.Lock()
        self._latest: Image | None = None
        self._shown: Image | None = None
        self._size = (FRAME_SIZE, FRAME_SIZE)
        self._last_click_ms = -_DOUBLE_CLICK_MS
        self._fullscreen = fullscreen
        self._position: tuple[int, int] | None = None
        pygame.display.set_caption(title)
        pygame.display.set_allow_screensaver(False)
        self._open()

    def read_frames(self, stream: FileIO) -> None:
        """Reads frames until they end; the window shows the latest. Runs on a thread of its own."""
        while (header := _read(stream, HEADER.size)) is not None:
            width, height = HEADER.unpack(header)
            if (data := _read(stream, width * height * 3)) is None:
                break
            with self._lock:
                is_told = self._latest is not None
                self._latest = np.frombuffer(data, np.uint8).reshape(height, width, 3)
            if not is_told:  # one event for the newest frame, however many came meanwhile
                self._pygame.event.post(self._pygame.event.Event(self._frame_came))
        self._pygame.event.post(self._pygame.event.Event(self._input_ended))

    def run(self) -> None:
        """Handles events until the window is closed."""
        while self._handle(self._pygame.event.wait()):
            pass
        self._pygame.display.quit()

    def _handle(self, event: Any) -> bool:
        """Does what one event asks for; False ends the program."""
        pygame = self._pygame
        if event.type == self._frame_came:
            with self._lock:
                self._shown, self._latest = self._latest, None
            self._draw()
        elif event.type in (pygame.KEYDOWN, pygame.KEYUP):
            return self._key(pygame.key.name(event.key), event.type == pygame.KEYDOWN)
        elif event.type == pygame.MOUSEBUTTONDOWN and event.button == pygame.BUTTON_LEFT:
            now_ms = pygame.time.get_ticks()
            if now_ms - self._last_click_ms < _DOUBLE_CLICK_MS:
                self._toggle_fullscreen()
                now_ms -= _DOUBLE_CLICK_MS  # a third click is not the second of another pair
            self._last_click_ms = now_ms
        elif event.type in (pygame.VIDEORESIZE, pygame.VIDEOEXPOSE):
            if not self._fullscreen:
                self._size = pygame.display.get_window_size()
            self._draw()
        elif event.type == pygame.QUIT:
            self._say(closed=True)
            return False
        return bool(event.type != self._input_ended)

    def _key(self, name: str, pressed: bool) -> bool:
        if name != "escape" or not self._fullscreen:  # there it only leaves the full screen
            self._say(key=name, pressed=pressed)
        if pressed and name == "escape" and not self._fullscreen:
            self._say(closed=True)
            return False
        if pressed and name in ("f", "escape"):
            self._toggle_fullscreen()
        return True

    def _toggle_fullscreen(self) -> None:
        self._fullscreen = not self._fullscreen
        self._open()

    def _open(self) -> None:
        pygame = self._pygame
        if self._fullscreen:
            # Window managers place it themselves; a kiosk often has none.
            if pygame.display.get_surface() is not None:
                self._position = pygame.display.get_window_position()
                pygame.display.set_window_position((0, 0))
            pygame.display.set_mode(pygame.display.get_desktop_sizes()[0], pygame.FULLSCREEN)
        else:
            pygame.display.set_mode(self._size, pygame.RESIZABLE)
            if self._position is not None:
                pygame.display.set_window_position(self._position)
        pygame.mouse.set_visible(not self._fullscreen)
        self._draw()

    def _draw(self) -> None:
        """The frame as large as fits, in the middle, black around it."""
        pygame = self._pygame
        screen = pygame.display.get_surface()
        screen.fill((0, 0, 0))
        if self._shown is not None:
            height, width = self._shown.shape[:2]
            scale = min(screen.get_width() / width, screen.get_height() / height)
            size = max(round(width * scale), 1), max(round(height * scale), 1)
            method = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
            picture = self._shown if scale == 1.0 else cv2.resize(self._shown, size, interpolation=method)
            place = (screen.get_width() - size[0]) // 2, (screen.get_height() - size[1]) // 2
            screen.blit(pygame.image.frombuffer(picture, size, "RGB"), place)
        pygame.display.flip()


def _read(stream: FileIO, count: int) -> bytearray | None:
    """Exactly so many bytes, or None where the input ends."""
    data = bytearray(count)
    rest = memoryview(data)
    while rest:
        got = stream.readinto(rest)
        if not got:
            return None
        rest = rest[got:]
    return data


if __name__ == "__main__":
    main()
