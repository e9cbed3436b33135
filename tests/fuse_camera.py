"""A virtual camera without a kernel module: a FUSE file that pyvirtualcam's own v4l2loopback backend takes for one.

The file answers the two ioctls with which that backend opens a camera, and passes on what is written to it. It lives in
a process of its own (this file, run as a module), so that it can be killed as a camera can be unplugged, and so that
the backend, which holds Python's lock while it writes, never waits for itself.

    with fuse_camera(folder, 1280, 720) as camera:
        output = VirtualCameraOutput(device=camera.device, framing=framing)
        output.write(...)
        frame = camera.receive()
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import queue
import select
import shutil
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np

from avatar.decoder import Image

_NAME = "video0"
_READY_S, _RECEIVE_S = 20.0, 5.0
_HEADER = struct.Struct("<dI")
"""Before every message of the camera's process: a time, and the length of the picture; length 0 says it is ready."""

# <linux/videodev2.h>: the requests, and what v4l2loopback answers to the first. S_FMT keeps what it was given.
_VIDIOC_QUERYCAP, _VIDIOC_S_FMT = 0x80685600, 0xC0D05605
_VIDEO_OUTPUT_READWRITE = 0x05200002
_V4L2_FORMAT = struct.Struct("<I4xIII")
"""The begin of struct v4l2_format: type, width, height, pixel format."""
_YUV420 = int.from_bytes(b"YU12", "little")


@dataclass(frozen=True)
class CameraFrame:
    """One picture as a meeting program would get it.

    Attributes:
        at_s: `time.monotonic()` when the camera had it whole.
        i420: uint8 [height * 3 / 2, width], planes Y, U, V.
    """

    at_s: float
    i420: Image

    def rgb(self) -> Image:
        """The picture as uint8 [height, width, 3] RGB."""
        return np.asarray(cv2.cvtColor(self.i420, cv2.COLOR_YUV2RGB_I420), np.uint8)


class FuseCamera:
    """A running camera; made by `fuse_camera`.

    Attributes:
        device: its path, for pyvirtualcam.
        frames: what has arrived, in order; `receive` takes from it. Nothing is dropped: keep up, or keep it short.
    """

    def __init__(self, folder: Path, width: int, height: int) -> None:
        self.device = str(folder / _NAME)
        self.frames: queue.SimpleQueue[CameraFrame] = queue.SimpleQueue()
        self._folder, self._shape = folder, (height * 3 // 2, width)
        command = [sys.executable, "-m", "tests.fuse_camera", str(folder), str(width), str(height)]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._pipe: BinaryIO = self._process.stdout
        self._reader = threading.Thread(target=self._read_frames, name="read the camera", daemon=True)
        ready, _, _ = select.select([self._pipe], [], [], _READY_S)
        if not ready or len(self._pipe.read(_HEADER.size)) < _HEADER.size:
            self.close()
            raise RuntimeError("the FUSE camera does not start")
        self._reader.start()

    def receive(self, timeout_s: float = _RECEIVE_S) -> CameraFrame:
        """Waits for the next picture; `queue.Empty` where none comes."""
        return self.frames.get(timeout=timeout_s)

    def unplug(self) -> None:
        """Takes the camera away from whoever writes to it."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Ends everything and takes the mount away."""
        self.unplug()
        if self._reader.ident is not None:
            self._reader.join()
        self._pipe.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        _unmount(str(self._folder))

    def _read_frames(self) -> None:
        while len(header := self._pipe.read(_HEADER.size)) == _HEADER.size:
            at_s, length = _HEADER.unpack(header)
            data = self._pipe.read(length)
            if len(data) == length:
                self.frames.put(CameraFrame(at_s, np.frombuffer(data, np.uint8).reshape(self._shape)))


@contextlib.contextmanager
def fuse_camera(folder: Path, width: int, height: int) -> Iterator[FuseCamera]:
    """Runs a camera while the context lasts.

    Args:
        folder: an empty folder, or one that is not there yet, for the mount.
        width: of the pictures that the camera takes, pixels.
        height: likewise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(FuseCamera(folder, width, height)) as camera:
        yield camera


def _unmount(folder: str) -> None:
    """Lazily: whoever still holds the file must not keep the folder."""
    program = shutil.which("fusermount") or shutil.which("fusermount3")
    command = [program, "-u", "-z", "-q"] if program else ["umount", "-l"]
    subprocess.run([*command, folder], stderr=subprocess.DEVNULL, check=False)


def _serve(folder: str, width: int, height: int) -> None:
    """The camera's process."""
    from fuse import FUSE, FuseOSError, Operations

    messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    frame_bytes = width * height * 3 // 2

    def send_messages() -> None:
        while True:
            view = memoryview(messages.get())
            while view:
                view = view[os.write(1, view) :]

    def end_with_the_test() -> None:
        os.read(0, 1)  # ends when whoever started us does, however that is
        _unmount(folder)
        os._exit(0)

    class Camera(Operations):  # type: ignore[misc]
        def __init__(self) -> None:
            self._frame = bytearray()

        def init(self, path: str) -> None:
            messages.put(_HEADER.pack(time.monotonic(), 0))

        def getattr(self, path: str, fh: Any = None) -> dict[str, int]:
            if path == "/":
                return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
            if path == f"/{_NAME}":
                return {"st_mode": stat.S_IFREG | 0o666, "st_nlink": 1, "st_size": 0}
            raise FuseOSError(errno.ENOENT)

        def open(self, path: str, flags: int) -> int:
            self._frame.clear()
            return 1

        def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
            # The kernel hands a frame over in pieces.
            self._frame += data
            if len(self._frame) >= frame_bytes:
                messages.put(_HEADER.pack(time.monotonic(), frame_bytes) + self._frame[:frame_bytes])
                del self._frame[:frame_bytes]
            return len(data)

        def ioctl(self, path: str, request: int, argument: Any, file: Any, flags: int, data: int) -> int:
            request &= 0xFFFFFFFF
            if request == _VIDIOC_QUERYCAP:
                names = struct.pack("16s32s32s", b"v4l2 loopback", b"Test Camera", b"platform:v4l2loopback-000")
                capabilities = struct.pack("<III", 0, 0x80000000 | _VIDEO_OUTPUT_READWRITE, _VIDEO_OUTPUT_READWRITE)
                ctypes.memmove(data, names + capabilities, len(names + capabilities))
                return 0
            if request == _VIDIOC_S_FMT:
                _, *format_ = _V4L2_FORMAT.unpack(ctypes.string_at(data, _V4L2_FORMAT.size))
                if format_ != [width, height, _YUV420]:
                    raise FuseOSError(errno.EBUSY)  # as v4l2loopback does while a viewer holds another format
                return 0
            raise FuseOSError(errno.ENOTTY)

    for task in (send_messages, end_with_the_test):
        threading.Thread(target=task, name=task.__name__, daemon=True).start()
    FUSE(Camera(), folder, foreground=True, direct_io=True, nothreads=True, big_writes=True)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
