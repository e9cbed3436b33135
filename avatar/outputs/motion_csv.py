"""Output to a CSV of motion curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from avatar.decoder import VideoFrame
from avatar.motion import Floats, MotionLayout, write_motion_csv
from speech.audio import Samples
from speech.files.draft import Draft


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
        values = np.stack(self._rows) if self._rows else np.zeros((0, MotionLayout.SIZE), np.float32)
        with Draft(self._path) as draft:
            write_motion_csv(draft.path, values)

    def abandon(self) -> None:
        """Nothing was written yet."""
        self._rows.clear()
