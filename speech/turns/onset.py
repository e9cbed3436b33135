"""The first moment of a voice that talks into another one: early, then sure, or gone again.

A sudden loudness is there after 10 ms, and makes the other one duck; whether it is a voice, Silero VAD says within
some 100 ms: of coughs, claps and knocks it mostly says no. Over loudspeakers, loudness may be left of the other one's
echo, and only what sounds like a voice counts. Sure of it one is after a while of voice, each window
counting as much as the network is sure of it: a throat that is cleared counts little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from speech.audio import SPEECH_RATE_HZ, AudioChunk, Resampler, Samples
from speech.turns.vad import VAD, VAD_WINDOW

_FRAME_S = 0.005
_WINDOW_S = VAD_WINDOW / SPEECH_RATE_HZ

_SUDDEN_DB = 8.0
"""So much louder than anything of late, that was no voice, for two frames in a row."""
_LEAST_DB = -54.0
"""RMS level under which nobody speaks to a microphone; dB relative to full scale."""
_FALLING_DB = 10.0
"""A second frame that is so much softer than the first one was a click."""
_FORGETTING_DB_PER_S = 6.0
"""How fast it is forgotten how loud the room, and what is left of an echo, was."""

_IS_VOICE, _MAY_BE_VOICE = 0.5, 0.35
"""Probabilities from which on a window begins a voice, and goes on with one (Silero's own recommendation)."""
_NO_VOICE, _SURELY_VOICE = 0.3, 0.8
"""Windows between these count in part."""
_DOUBTFUL_S = 0.16
"""Without any voice for so long it was none: longer than the hiss or the closure with which a word may begin."""


@dataclass(frozen=True, slots=True)
class VoiceOnset:
    """There may be a voice since then, in seconds of the stream."""

    at_s: float


@dataclass(frozen=True, slots=True)
class VoiceLost:
    """It was none, or is gone."""


OnsetEvent = VoiceOnset | VoiceLost


@dataclass(slots=True)
class _Onset:
    """What is there now.

    Attributes:
        last_s: when it was last taken for a voice; at first when it began.
        loudest_db: of it.
        voiced_s: weighted by how sure the network was.
        is_sure: whether that was enough.
    """

    last_s: float
    loudest_db: float
    voiced_s: float = 0.0
    is_sure: bool = False


class OnsetDetector:
    """Finds onsets in one stream of sound; any chunking of it gives the same events.

    Args:
        vad: judges the windows; it hears this stream only.
        sure_s: of voice that makes it sure.
    """

    def __init__(self, vad: VAD, *, sure_s: float) -> None:
        self._vad, self._sure_s = vad, sure_s
        self._rate_hz = self._next_sample = 0
        self.reset()

    @property
    def is_sure(self) -> bool:
        """Whether there is a voice now, and surely one."""
        return self._onset is not None and self._onset.is_sure

    def reset(self) -> None:
        """Forgets the stream; how loud the room is, too."""
        self._rate_hz = 0
        self._vad.reset()
        self._frames = self._windows = np.zeros(0, np.float32)
        self._now_s = self._judged_s = 0.0
        self._room_db, self._before_db = _LEAST_DB, -120.0
        self._onset: _Onset | None = None

    def push(self, chunk: AudioChunk, *, may_be_echo: bool = False) -> list[OnsetEvent]:
        """Listens to the next chunk.

        Args:
            chunk: of any rate and length; one that does not follow the last begins a new stream.
            may_be_echo: loudness alone means nothing in it.
        """
        if chunk.sample_rate_hz != self._rate_hz or chunk.start_sample != self._next_sample:
            self.reset()
            self._rate_hz = chunk.sample_rate_hz
            self._resampler = Resampler(chunk.sample_rate_hz, SPEECH_RATE_HZ)
            self._now_s = self._judged_s = chunk.start_sample / chunk.sample_rate_hz
        self._next_sample = chunk.end_sample
        frame_size = round(_FRAME_S * self._rate_hz)
        sound = np.concatenate((self._frames, chunk.samples))
        usable = len(sound) - len(sound) % frame_size
        self._frames = sound[usable:]
        events: list[OnsetEvent] = []
        for frame in sound[:usable].reshape(-1, frame_size):
            self._now_s += frame_size / self._rate_hz
            events += self._listen(frame, may_be_echo)
            # Frame by frame, so that the two kinds of news come in the same order however the sound is cut.
            self._windows = np.concatenate((self._windows, self._resampler.push(frame)))
            while len(self._windows) >= VAD_WINDOW:
                window, self._windows = self._windows[:VAD_WINDOW], self._windows[VAD_WINDOW:]
                self._judged_s += _WINDOW_S
                events += self._judge(window)
        return events

    def _listen(self, frame: Samples, may_be_echo: bool) -> list[OnsetEvent]:
        """How loud is a frame?"""
        level_db = 10.0 * float(np.log10(np.mean(np.square(frame)) + 1e-12))
        before_db, self._before_db = self._before_db, level_db
        if self._onset is not None:
            self._onset.loudest_db = max(self._onset.loudest_db, level_db)
            return []
        sudden_db = max(self._room_db + _SUDDEN_DB, _LEAST_DB)
        if not may_be_echo and min(level_db, before_db) >= sudden_db and level_db > before_db - _FALLING_DB:
            return self._begin(self._now_s - 2 * _FRAME_S, level_db)
        if level_db < sudden_db:  # else the next frame tells
            self._room_db = max(level_db, self._room_db - _FORGETTING_DB_PER_S * _FRAME_S)
        return []

    def _begin(self, at_s: float, level_db: float) -> list[OnsetEvent]:
        self._onset = _Onset(self._now_s, level_db)
        return [VoiceOnset(at_s)]

    def _judge(self, window: Samples) -> list[OnsetEvent]:
        """Are 32 ms a voice?"""
        probability = self._vad.probability(window)
        events: list[OnsetEvent] = []
        if self._onset is None and probability >= _IS_VOICE:
            events += self._begin(self._judged_s - _WINDOW_S, self._before_db)
        if (onset := self._onset) is None:
            return events
        if probability >= _MAY_BE_VOICE:
            onset.last_s = self._now_s
        onset.voiced_s += min(1.0, max(0.0, (probability - _NO_VOICE) / (_SURELY_VOICE - _NO_VOICE))) * _WINDOW_S
        onset.is_sure = onset.is_sure or onset.voiced_s >= self._sure_s
        if self._now_s - onset.last_s >= _DOUBTFUL_S:
            self._onset = None
            if not onset.is_sure:
                self._room_db = max(self._room_db, onset.loudest_db)  # the same noise again is no news
            events.append(VoiceLost())
        return events
