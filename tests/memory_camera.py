"""A virtual camera in memory: a pyvirtualcam backend of its own, for machines where none can be made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import pyvirtualcam
import pyvirtualcam.camera

from avatar.decoder import Image

BACKEND = "memory"


class MemoryCamera:
    """What was sent to the camera.

    Attributes:
        frames: uint8 [H, W, 3] RGB, in order.
        busy: opening it fails, as when another program shows it.
        unplugged: sending fails, as when it has gone.
        opened: how many programs hold it now.
    """

    def __init__(self) -> None:
        self.frames: list[Image] = []
        self.busy = self.unplugged = False
        self.opened = 0


@contextlib.contextmanager
def memory_camera() -> Iterator[MemoryCamera]:
    """Registers the backend `BACKEND` while the context lasts."""
    camera = MemoryCamera()

    class Backend:
        def __init__(self, *, width: int, height: int, fps: float, fourcc: int, device: str | None) -> None:
            if camera.busy:
                raise RuntimeError("the camera is busy")
            self._shape, self._device = (height, width, 3), device or "Memory Camera"
            camera.opened += 1

        def send(self, frame: np.ndarray) -> None:
            if camera.unplugged:
                raise RuntimeError("the camera\nhas been taken away")
            camera.frames.append(frame.reshape(self._shape).copy())

        def close(self) -> None:
            camera.opened -= 1

        def device(self) -> str:
            return self._device

        def native_fourcc(self) -> int | None:
            return None

    pyvirtualcam.register_backend(BACKEND, Backend)
    try:
        yield camera
    finally:
        del pyvirtualcam.camera.BACKENDS[BACKEND]
