"""The sound that a sampler has been given so far."""

from __future__ import annotations

import numpy as np

from avatar.motion import Floats
from avatar.sampler.features import FrameFeatures, frame_features
from avatar.sampler.speech_mels import SpeechMels, speech_mels
from speech.audio import AudioChunk


class AudioBuffer:
    """A gapless stream of sound that can be cut back, and forgets what is old when asked.

    Attributes:
        rate: hertz, set by the first chunk.
        end: samples pushed so far.
    """

    def __init__(self) -> None:
        self.rate: int | None = None
        self.end = 0
        self._needed_from = 0
        self._start = 0  # sample index of the first one kept
        self._buffer: Floats = np.zeros(0, np.float32)  # the first end - start are valid

    def extractor(self) -> FrameFeatures:
        """What turns this sound into features; needs a first chunk."""
        assert self.rate is not None, "a rate is set by the first chunk"
        return frame_features(self.rate)

    def mel_extractor(self) -> SpeechMels:
        """What turns this sound into what the speech encoder hears; needs a first chunk."""
        assert self.rate is not None, "a rate is set by the first chunk"
        return speech_mels(self.rate)

    def push(self, chunk: AudioChunk, what: str) -> None:
        """Appends a chunk.

        Args:
            chunk: continues the sound.
            what: the sound's name in an error.

        Raises:
            ValueError: a gap, an overlap, or another rate.
        """
        if self.rate is None:
            frame_features(chunk.sample_rate_hz)  # refuses rates that don't fit
            self.rate = chunk.sample_rate_hz
        if chunk.sample_rate_hz != self.rate:
            raise ValueError(f"{what}: expected {self.rate} Hz as before, got {chunk.sample_rate_hz} Hz; resample it")
        if chunk.start_sample != self.end:
            raise ValueError(f"{what}: expected sample {self.end} next, got {chunk.start_sample}; push without gaps")
        more = len(chunk.samples)
        if self.end - self._start + more > len(self._buffer):
            self._make_room(more)
        kept = self.end - self._start
        self._buffer[kept : kept + more] = chunk.samples
        self.end += more

    def _make_room(self, more: int) -> None:
        """Lets go of what was forgotten; half of the buffer is free then, so that it is seldom done."""
        start = max(self._start, min(self._needed_from, self.end))
        kept = self._buffer[start - self._start : self.end - self._start]
        roomy = np.zeros(max(len(self._buffer), 2 * (len(kept) + more)), np.float32)
        roomy[: len(kept)] = kept
        self._buffer, self._start = roomy, start

    def read(self, start: int, stop: int) -> Floats:
        """Samples [start, stop), zeros where there are none."""
        out = np.zeros(stop - start, np.float32)
        first, last = max(start, self._start), min(stop, self.end)
        if last > first:
            out[first - start : last - start] = self._buffer[first - self._start : last - self._start]
        return out

    def cut(self, end: int) -> None:
        """Takes back what is after sample `end`."""
        self.end = min(self.end, end)

    def forget(self, before: int) -> None:
        """What is before sample `before` is not needed any more: its room is taken when more is wanted."""
        self._needed_from = max(self._needed_from, before)
