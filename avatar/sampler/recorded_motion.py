"""Motion that was sampled or captured before, played back in place of a sampler."""

from __future__ import annotations

from avatar.motion import Controls, ConversationState, Floats, Motion
from speech.audio import AudioChunk


class RecordedMotion:
    """Gives the frames of a recording, whatever the sound; after its end the last frame stays.

    Args:
        values: float32 [T, 60], T > 0.
    """

    def __init__(self, values: Floats) -> None:
        self._values = values
        self.frame = 0

    def push(self, chunk: AudioChunk) -> None:
        """The sound changes nothing."""

    def end_of_speech(self) -> None:
        """Neither does its end."""

    def listen(self, chunk: AudioChunk) -> None:
        """Nor the user."""

    def set_state(self, state: ConversationState) -> None:
        """Nor the state."""

    def set_controls(self, controls: Controls) -> None:
        """Nor any control."""

    def nod(self, cycles: int) -> None:
        """Nor a nod."""

    def frames(self, ready: int = 0) -> Motion:
        """The next frame: float32 [1, 60]."""
        start = min(self.frame, len(self._values) - 1)
        self.frame += 1
        return Motion(self._values[start : start + 1], self.frame - 1)

    def interrupt(self, frame: int) -> None:
        """Goes back to `frame`."""
        self.frame = frame
