"""When a turn of speech begins and when it is over.

chunk ─ windows of 32 ms ─ VAD ─ voice or silence ─ onset, pause, end
                                      a pause: its length against `Endpointing.wait_s`
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from speech.audio import SPEECH_RATE_HZ, AudioChunk, Resampler, Samples
from speech.events import SpeechPaused, SpeechResumed, SpeechStarted, SpeechStopped, Transcript, VoiceEvent
from speech.turns.base import JUDGED_AT_S, PRE_ROLL_S
from speech.turns.endpointing import HEARD_S, RESUMED_S, Endpointing, FixedWait
from speech.turns.vad import VAD, VAD_WINDOW

_WINDOW_S = VAD_WINDOW / SPEECH_RATE_HZ

_HYSTERESIS = 0.15
"""Once a voice is heard, it goes on down to this much below the threshold (Silero's own recommendation)."""

_MAX_ONSET_GAP_S = 0.1
"""A silence longer than this before `min_speech_s` of voice has come makes it a noise, not an onset: longer than the
closure of a stop consonant (50 to 90 ms), shorter than a pause between words."""

_ROUNDING_S = 1e-6
"""Tolerance of sums of window lengths against limits in seconds."""


@dataclass(slots=True)
class _Turn:
    """Voice being heard: an onset that is not confirmed yet, or an open turn."""

    onset_s: float
    last_voiced_s: float
    voiced_s: float
    is_open: bool = False
    is_paused: bool = False
    is_judged: bool = False
    completeness: float | None = None


class SilenceTurnDetector:
    """A `TurnDetector` that ends a turn after a silence: always the same one, or what `endpointing` says.

    Args:
        vad: judges the windows; it hears this stream only.
        threshold: probability of a voice from which on a window counts as speech, (0, 1).
        end_of_turn_s: silence that ends a turn, seconds; or
        endpointing: says how long it must be; fresh.
        min_speech_s: voice that makes an onset a turn, seconds; less is a click or a cough.
        pause_s: silence that is reported as a pause, seconds; from `end_of_turn_s` on there are no pauses.
        min_level_dbfs: windows whose RMS level is below this are silence whatever the network says.
    """

    def __init__(
        self,
        vad: VAD,
        *,
        threshold: float = 0.5,
        end_of_turn_s: float = 0.6,
        endpointing: Endpointing | None = None,
        min_speech_s: float = 0.2,
        pause_s: float = float("inf"),
        min_level_dbfs: float = -60.0,
    ) -> None:
        self._vad = vad
        self._threshold = threshold
        self._endpointing = endpointing or FixedWait(end_of_turn_s)
        self._min_speech_s = min_speech_s
        self._pause_s = pause_s
        self._min_rms = 10.0 ** (min_level_dbfs / 20.0)
        self._rate_hz = 0
        self._next_sample = 0
        self._resampler = Resampler(SPEECH_RATE_HZ, SPEECH_RATE_HZ)
        self._pending: Samples = np.zeros(0, np.float32)
        self._recent: deque[Samples] = deque(maxlen=round(HEARD_S / _WINDOW_S))
        self._words: Transcript | None = None
        self._now_s = 0.0
        self._turn: _Turn | None = None
        self._last_end_s = -math.inf

    @property
    def is_speaking(self) -> bool:
        """Whether a turn is open."""
        return self._turn is not None and self._turn.is_open

    @property
    def is_voiced(self) -> bool:
        """Whether there was voice in the latest window."""
        return self._turn is not None and self._turn.last_voiced_s == self._now_s

    def push(
        self, chunk: AudioChunk, min_speech_s: float | None = None, words: Transcript | None = None
    ) -> list[VoiceEvent]:
        """See `TurnDetector.push`."""
        self._words = words
        min_speech_s = self._min_speech_s if min_speech_s is None else min_speech_s
        events: list[VoiceEvent] = []
        if chunk.sample_rate_hz != self._rate_hz or chunk.start_sample != self._next_sample:
            self._rate_hz = chunk.sample_rate_hz
            self._resampler = Resampler(chunk.sample_rate_hz, SPEECH_RATE_HZ)
            self._pending = np.zeros(0, np.float32)
            self._now_s = chunk.start_sample / chunk.sample_rate_hz
            self._vad.reset()
            events += self._silence()
            self._recent.clear()
        self._next_sample = chunk.end_sample
        return events + self._hear(self._resampler.push(chunk.samples), min_speech_s)

    def flush(self) -> list[VoiceEvent]:
        """See `TurnDetector.flush`."""
        if self._rate_hz == 0:
            return []
        end_s = self._next_sample / self._rate_hz
        tail = self._resampler.push(np.zeros(0, np.float32), last=True)
        padding = -(len(self._pending) + len(tail)) % VAD_WINDOW
        events = self._hear(np.concatenate((tail, np.zeros(padding, np.float32))), self._min_speech_s)
        if self._turn is not None and self._turn.is_open:
            events.append(SpeechStopped(min(self._turn.last_voiced_s, end_s), end_s))
        self._turn = None
        self._last_end_s = -math.inf
        self._rate_hz = 0
        return events

    def _hear(self, samples: Samples, min_speech_s: float) -> list[VoiceEvent]:
        sound = np.concatenate((self._pending, samples))
        usable = len(sound) - len(sound) % VAD_WINDOW
        self._pending = sound[usable:]
        events: list[VoiceEvent] = []
        for window in sound[:usable].reshape(-1, VAD_WINDOW):
            probability = self._vad.probability(window)
            loud_enough = float(np.sqrt(np.mean(np.square(window)))) >= self._min_rms
            self._recent.append(window)
            started_s, self._now_s = self._now_s, self._now_s + _WINDOW_S
            events += self._judge(probability if loud_enough else 0.0, started_s, min_speech_s)
        return events

    def _judge(self, probability: float, started_s: float, min_speech_s: float) -> list[VoiceEvent]:
        """One window that began at `started_s` and ends now."""
        turn = self._turn
        if probability < (self._threshold if turn is None else self._threshold - _HYSTERESIS):
            return self._silence()
        if turn is None:
            turn = self._turn = _Turn(started_s, self._now_s, 0.0)
        if turn.is_paused:
            self._endpointing.go_on(started_s - turn.last_voiced_s)
        turn.last_voiced_s = self._now_s
        turn.voiced_s += _WINDOW_S
        turn.is_judged, turn.completeness = False, None
        # The nearest number of windows: 0.2 s are six of 32 ms.
        if not turn.is_open and turn.voiced_s + _WINDOW_S / 2 > min_speech_s:
            turn.is_open = True
            if turn.onset_s - self._last_end_s < RESUMED_S:
                self._endpointing.go_on(turn.onset_s - self._last_end_s)
            else:
                self._endpointing.begin()
            return [SpeechStarted(turn.onset_s)]
        if turn.is_paused:
            turn.is_paused = False
            return [SpeechResumed(started_s)]
        return []

    def _silence(self) -> list[VoiceEvent]:
        """No voice now: long enough to end what was heard?"""
        turn = self._turn
        if turn is None:
            return []
        silence_s = self._now_s - turn.last_voiced_s + _ROUNDING_S
        if silence_s < (self._wait_s(turn, silence_s) if turn.is_open else _MAX_ONSET_GAP_S):
            if turn.is_open and not turn.is_paused and silence_s >= self._pause_s:
                turn.is_paused = True
                return [SpeechPaused(turn.last_voiced_s)]
            return []
        self._turn = None
        if not turn.is_open:
            return []
        self._last_end_s = turn.last_voiced_s
        return [SpeechStopped(turn.last_voiced_s, self._now_s)]

    def _wait_s(self, turn: _Turn, silence_s: float) -> float:
        if not turn.is_judged and silence_s >= JUDGED_AT_S:
            turn.is_judged = True
            windows = math.ceil((self._now_s - turn.onset_s + PRE_ROLL_S) / _WINDOW_S)
            turn.completeness = self._endpointing.completeness(np.concatenate(list(self._recent)[-windows:]))
        return self._endpointing.wait_s(turn.last_voiced_s, self._words, turn.completeness)
