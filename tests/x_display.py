"""A screen without a screen: Xvfb, and a small X11 client that looks at it, types, clicks, and closes windows.

The client speaks the X11 protocol itself (X.org's "X Window System Protocol" and the XTEST extension), so that a test
needs no further program and real key presses go the way that a keyboard's do.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import subprocess
from collections.abc import Iterator

import numpy as np

from avatar.decoder import Image

_READY_S = 20.0

_SEND_EVENT, _GET_IMAGE, _INTERN_ATOM, _QUERY_TREE, _GET_PROPERTY = 25, 73, 16, 15, 20
_GET_KEYBOARD_MAPPING, _QUERY_EXTENSION, _GET_INPUT_FOCUS = 101, 98, 43
_FAKE_INPUT = 2
_KEY_PRESS, _BUTTON_PRESS, _MOTION = 2, 4, 6
_KEYSYMS = {"space": 0x20, "escape": 0xFF1B}
_WM_NAME, _ANY = 39, 0


@contextlib.contextmanager
def x_display(width: int = 1024, height: int = 768) -> Iterator[XDisplay]:
    """Runs an X server on a free display number while the context lasts."""
    reader, writer = os.pipe()
    try:
        command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"]
        server = subprocess.Popen([*command, "-ac"], pass_fds=[writer], stderr=subprocess.DEVNULL)
        os.close(writer)
        try:
            ready, _, _ = select.select([reader], [], [], _READY_S)
            number = os.read(reader, 16).decode().strip() if ready else ""
            if not number:
                raise RuntimeError("Xvfb does not start")
            with contextlib.closing(XDisplay(int(number), server)) as display:
                yield display
        finally:
            server.terminate()
            server.wait()
    finally:
        os.close(reader)


class XDisplay:
    """A client of one X server.

    Attributes:
        name: what DISPLAY is set to.
        server: the X server's process.
    """

    def __init__(self, number: int, server: subprocess.Popen[bytes]) -> None:
        self.name, self.server = f":{number}", server
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_READY_S)
        self._socket.connect(f"\0/tmp/.X11-unix/X{number}")  # where X.org's servers listen (Linux's abstract name)
        self._socket.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
        accepted, length = struct.unpack("<B5xH", self._receive(8))
        setup = self._receive(4 * length)
        assert accepted == 1, setup
        vendor_length, formats = struct.unpack_from("<16xHxxxB", setup)
        self._first_key, last_key = setup[26], setup[27]
        screen = 32 + (vendor_length + 3) // 4 * 4 + 8 * formats
        self._root, self._width, self._height = struct.unpack_from("<I16xHH", setup, screen)
        self._xtest = self._request(_QUERY_EXTENSION, 0, struct.pack("<Hxx", 5) + b"XTEST\0\0\0")[9]
        count = last_key - self._first_key + 1
        mapping = self._request(_GET_KEYBOARD_MAPPING, 0, struct.pack("<BBxx", self._first_key, count))
        self._keysyms = np.frombuffer(mapping, "<u4", offset=32).reshape(count, mapping[1])

    def close(self) -> None:
        """Ends the connection."""
        self._socket.close()

    def screenshot(self) -> Image:
        """The whole screen, uint8 [height, width, 3] RGB."""
        area = struct.pack("<IhhHHI", self._root, 0, 0, self._width, self._height, 0xFFFFFFFF)
        pixels = np.frombuffer(self._request(_GET_IMAGE, 2, area), np.uint8, offset=32)
        return pixels.reshape(self._height, self._width, 4)[..., 2::-1]

    def key(self, name: str) -> None:
        """Presses and releases a key."""
        keysym = _KEYSYMS.get(name) or ord(name)
        code = self._first_key + int(np.flatnonzero(self._keysyms[:, 0] == keysym)[0])
        for kind in (_KEY_PRESS, _KEY_PRESS + 1):
            self._fake(kind, code)

    def click(self, x: int, y: int) -> None:
        """Moves the pointer there and clicks."""
        self._fake(_MOTION, 0, x, y)
        for kind in (_BUTTON_PRESS, _BUTTON_PRESS + 1):
            self._fake(kind, 1)

    def double_click(self, x: int, y: int) -> None:
        """Moves the pointer there and clicks twice."""
        self._fake(_MOTION, 0, x, y)
        for kind in (_BUTTON_PRESS, _BUTTON_PRESS + 1) * 2:
            self._fake(kind, 1)

    def close_window(self, title: str) -> None:
        """Asks a window to close, as its bar's button does."""
        protocols, delete = self._atom("WM_PROTOCOLS"), self._atom("WM_DELETE_WINDOW")
        event = struct.pack("<BBHIIII12x", 33, 32, 0, self._window(title), protocols, delete, 0)
        self._request(_SEND_EVENT, 0, struct.pack("<II", self._window(title), 0) + event, replies=False)
        self._request(_GET_INPUT_FOCUS, 0)  # its answer says that everything before it was done

    def _window(self, title: str) -> int:
        tree = self._request(_QUERY_TREE, 0, struct.pack("<I", self._root))
        for window in np.frombuffer(tree, "<u4", offset=32):
            query = struct.pack("<IIIII", window, _WM_NAME, _ANY, 0, 64)
            if self._request(_GET_PROPERTY, 0, query)[32:].rstrip(b"\0") == title.encode():
                return int(window)
        raise LookupError(f"no window {title!r}")

    def _atom(self, name: str) -> int:
        padded = name.encode() + bytes(-len(name) % 4)
        (atom,) = struct.unpack_from("<8xI", self._request(_INTERN_ATOM, 0, struct.pack("<Hxx", len(name)) + padded))
        return int(atom)

    def _fake(self, kind: int, detail: int, x: int = 0, y: int = 0) -> None:
        event = struct.pack("<BBxxII8xhh8x", kind, detail, 0, self._root, x, y)
        self._request(self._xtest, _FAKE_INPUT, event, replies=False)
        self._request(_GET_INPUT_FOCUS, 0)

    def _request(self, code: int, detail: int, body: bytes = b"", *, replies: bool = True) -> bytes:
        """Sends a request; returns its whole reply, without the events that may lie before it."""
        self._socket.sendall(struct.pack("<BBH", code, detail, 1 + len(body) // 4) + body)
        if not replies:
            return b""
        while (head := self._receive(32))[0] > 1:
            pass
        assert head[0] == 1, f"X error {head[1]} for request {code}"
        (length,) = struct.unpack_from("<4xI", head)
        return head + self._receive(4 * length)

    def _receive(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            piece = self._socket.recv(count - len(data))
            assert piece, "the X server has gone"
            data += piece
        return bytes(data)
