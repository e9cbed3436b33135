"""Output to a CSV of motion curves."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from avatar.decoder import VideoFrame
from avatar.motion import Floats, MotionLayout, write_motion_csv
from speech.audio import Samples


class MotionCsvOutput:
    """Keeps every frame's 60 numbers and writes them when all is done (ten minutes are 3.6 MB).

    Args:
        path: where the file goes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: list[Floats] = []

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        """Keeps the motion of one frame."""
        self._rows.append(motion)

    def finish(self) -> None:
        """Writes the file whole or not at all."""
        partial = self._path.with_name(f".{self._path.name}.partial")
        values = np.stack(self._rows) if self._rows else np.zeros((0, MotionLayout.SIZE), np.float32)
        try:
            write_motion_csv(partial, values)
            os.replace(partial, self._path)
        finally:
            partial.unlink(missing_ok=True)

    def abandon(self) -> None:
        """Nothing was written yet."""
        self._rows.clear()
