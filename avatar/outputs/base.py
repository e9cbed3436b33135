"""What an output is: somewhere that frames, their sound and their motion go, in step."""

from __future__ import annotations

from typing import Protocol

from avatar.decoder import VideoFrame
from avatar.motion import Floats
from speech.audio import Samples

VIDEO_SUFFIXES = (".mp4", ".webm", ".mov")
"""Of the video files that can be written."""

TRANSPARENT_SUFFIXES = (".webm", ".mov")
"""Of those that keep alpha."""


class Output(Protocol):
    """Takes one frame time after the other. Called from the rendering thread, in order, never at once."""

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        """Takes one frame time.

        Args:
            frame: the picture, or None when it came too late: the last one stays.
            sound: float32 [SAMPLES_PER_FRAME] at OUTPUT_RATE_HZ that plays while it is shown.
            motion: float32 [60] that it was drawn from.
        """
        ...

    def finish(self) -> None:
        """Everything was written: make the result whole."""
        ...

    def abandon(self) -> None:
        """Something failed: leave nothing half-made behind."""
        ...
