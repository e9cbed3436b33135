"""Output to a CSV of motion curves."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from avatar.decoder import VideoFrame
from avatar.motion import Floats, MotionLayout, write_motion_csv
from speech.audio import Samples
from speech.files.draft import Draft, check_writable


class MotionCsvOutput:
    """Keeps every frame's 60 numbers and writes them when all is done (ten minutes are 3.6 MB).

    Args:
        path: where the file goes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_open = False
        self._rows: list[Floats] = []

    def __enter__(self) -> Self:
        """Nothing is opened before the end.

        Raises:
            InputError: no file can be written there.
        """
        check_writable(self._path)
        self._is_open = True
        return self

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        """Keeps the motion of one frame."""
        self._rows.append(motion)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Writes the file whole or not at all."""
        was_open, self._is_open = self._is_open, False
        if error is not None or not was_open:
            return
        values = np.stack(self._rows) if self._rows else np.zeros((0, MotionLayout.SIZE), np.float32)
        with Draft(self._path) as draft:
            write_motion_csv(draft.path, values)
