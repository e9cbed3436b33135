"""How loud the user's voice was, frame by frame."""

from __future__ import annotations

import numpy as np

from avatar.motion import FRAME_RATE_HZ, Floats
from avatar.sampler.audio_buffer import AudioBuffer
from avatar.sampler.conditions import REACTION_FRAMES, USER_HISTORY_FRAMES, user_voice
from avatar.sampler.features import loudness
from speech.audio import AudioChunk


class UserLoudness:
    """Loudness of the user's voice by frame."""

    def __init__(self) -> None:
        self._sound = AudioBuffer()
        self._frames: list[float] = []
        self._from = 0  # frame of the first one

    def push(self, chunk: AudioChunk) -> None:
        """Appends sound.

        Raises:
            ValueError: a gap, an overlap, or another rate.
        """
        self._sound.push(chunk, "user's voice")
        size = self._sound.extractor().samples
        while (self._from + len(self._frames) + 1) * size <= self._sound.end:
            start = (self._from + len(self._frames)) * size
            self._frames.append(loudness(self._sound.read(start, start + size)))
        self._sound.forget(self._sound.end - size)

    def forget(self, frame: int) -> None:
        """Lets go of what `voice_at` needs for no frame from this one on."""
        old = min(frame - REACTION_FRAMES - USER_HISTORY_FRAMES + 1 - self._from, len(self._frames))
        if old > len(self._frames) // 2:  # in large steps, so that forgetting costs nothing
            del self._frames[:old]
            self._from += old

    def voice_at(self, frame: int) -> Floats | None:
        """What `user_voice` gives a listener for `frame`: float32 [3]; None if nothing was heard for a second."""
        known_to = self._from + len(self._frames)
        if frame - known_to > FRAME_RATE_HZ:
            return None
        # Motion is made ahead of being shown: where the reaction time does not cover that, the last known voice holds.
        stop = min(frame - REACTION_FRAMES + 1, known_to)
        first = max(stop - USER_HISTORY_FRAMES, self._from)
        heard = np.zeros(USER_HISTORY_FRAMES, np.float32)
        if stop > first:
            heard[USER_HISTORY_FRAMES - (stop - first) :] = self._frames[first - self._from : stop - self._from]
        return user_voice(heard)
