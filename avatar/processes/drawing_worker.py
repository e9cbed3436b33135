"""A process in which pictures are drawn.

Run by `avatar.processes.drawing` as `python -m avatar.processes.drawing_worker`. A call draws for one session:

    face    path of a pickled decoder, which calls with the same path share
    buffer  path of the file that a picture is written to, uint8 [H, W, 3 or 4]

What is sent for it is one picture's motion, breath and lag each, float32 [63]; an empty item says that the picture is
in the buffer. The next one is asked for when the buffer was read.
"""

from __future__ import annotations

import mmap
import pickle
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from avatar.decoder import FaceDecoder
from avatar.mesh import decoder as mesh_decoder
from avatar.motion import MotionLayout
from speech.worker.main import Call, Work, serve
from speech.worker.turns import Turns

PICKLED = (mesh_decoder,)
"""What is imported before the first session wants it."""


class Faces:
    """The decoders that calls are using, by their path."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: dict[str, tuple[FaceDecoder, int]] = {}

    def take(self, path: str) -> FaceDecoder:
        """The decoder of a path, for as long as it isn't given back."""
        with self._lock:
            decoder, users = self._used.get(path) or (pickle.loads(Path(path).read_bytes()), 0)
            self._used[path] = decoder, users + 1
        return decoder

    def give_back(self, path: str) -> None:
        """It is forgotten after its last user."""
        with self._lock:
            decoder, users = self._used.pop(path)
            if users > 1:
                self._used[path] = decoder, users - 1


def load(setup: dict[str, Any]) -> Work:
    """There is nothing to load before a session brings its face."""
    cv2.setNumThreads(1)
    faces, turns = Faces(), Turns()

    def draw(call: Call) -> None:
        path = call.fields["face"]
        decoder = faces.take(path)
        try:
            with open(call.fields["buffer"], "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
                for asked in call.incoming():
                    numbers = np.frombuffer(asked, np.float32)
                    with call.turn(turns):
                        values, (breath,), lag = np.split(numbers, (MotionLayout.SIZE, MotionLayout.SIZE + 1))
                        image = decoder.decode(values, float(breath), lag)
                    memory[:] = image.data.cast("B")
                    call.emit()
        finally:
            faces.give_back(path)

    return draw


if __name__ == "__main__":
    serve(load)
