"""What an output is: somewhere that frames, their sound and their motion go, in step."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from avatar.decoder import VideoFrame
from avatar.motion import Floats
from speech.audio import Samples

VIDEO_SUFFIXES = (".mp4", ".webm", ".mov")
"""Of the video files that can be written."""

TRANSPARENT_SUFFIXES = (".webm", ".mov")
"""Of those that keep alpha."""


class Output(Protocol):
    """Takes one frame time after the other, while it is entered (`with output: …`).

    Entering opens it. Leaving makes the result whole, leaving with an exception leaves nothing half-made behind,
    leaving it again does nothing. All of that may wait for an encoder or a window: never on the event loop. `write` is
    called from the rendering thread, in order, never at once.
    """

    def __enter__(self) -> Self:
        """Opens it.

        Raises:
            DeviceError: there is no such camera, or no screen.
            InputError: a file can't be written, or a package is not installed.
            DeviceError: there is no camera or no display.
        """
        ...

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        """Takes one frame time.

        Args:
            frame: the picture, or None when it came too late: the last one stays.
            sound: float32 [SAMPLES_PER_FRAME] at OUTPUT_RATE_HZ that plays while it is shown.
            motion: float32 [60] that it was drawn from.

        Raises:
            VisavisError: it has failed; nothing more is to be written.
        """
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it.

        Raises:
            InputError: the result can't be made whole.
        """
        ...
