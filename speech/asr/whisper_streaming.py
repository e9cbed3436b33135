"""Whisper while somebody speaks: which stretches of the sound are decoded, and when, beside taking the sound in.

Whisper understands whole stretches of sound, not a stream. So one thread takes the sound in and another decodes what
has come: interim transcripts while somebody speaks, always of the latest sound, and the words themselves as soon as a
pause begins. What is decoded for the final words depends on the sound alone, never on when it came or how quick the
machine is. Several utterances take turns at the decoder, final words before interim transcripts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

import numpy as np

from speech.asr.understood import Understood, joined
from speech.audio import SPEECH_RATE_HZ, AudioChunk, Samples
from speech.events import SpeechStarted, SpeechStopped, VoiceEvent
from speech.turns.base import PRE_ROLL_S
from speech.turns.detector import SilenceTurnDetector
from speech.turns.vad import VAD, SileroVAD
from speech.worker.main import MOST_CALLS, Call, Work
from speech.worker.turns import Turns

PAUSE_S = 0.128
"""Silence after which what was said is decoded without waiting for more: longer than the closure of a stop consonant
(50 to 90 ms). Decoding takes about 0.12 s, and the words say how long a silence ends the turn: 0.25 s, or more. With
0.1 s more words are misunderstood, with 0.16 s no fewer (benchmarks/ears.py)."""

_TAIL_S = PAUSE_S
"""Sound after the last voiced moment that is decoded too: final consonants are soft."""

_GAP_S = 0.1
"""Least distance of a stretch from the voice before it."""

_LONG_PAUSE_S = 1.0
"""A silence this long ends a stretch: Whisper makes words up in long silences."""

_LONG_STRETCH_S = 15.0
"""A stretch this long ends at the next pause, so that long utterances are not decoded from their beginning again and
again."""

_MIN_VOICE_S = 0.1
_VAD_THRESHOLD = 0.4
"""Whoever sends the sound has already decided that somebody speaks: this only finds where, and is easily convinced."""

_NEW_SOUND_S = 0.4
"""New sound that is worth another interim transcript."""

_LULL_S = 0.01
"""Sound that is spoken now comes every 20 ms; with no lull this long it is a recording, and interim transcripts would
only cost time."""

Stretch = tuple[int, int]
"""First sample and the one after the last, at 16 kHz from the utterance's beginning."""


class Decode(Protocol):
    """Turns a stretch of sound into words."""

    def __call__(self, sound: Samples, check: Callable[[], None], *, is_interim: bool = False) -> Understood:
        """Understands a stretch.

        Args:
            sound: float32 [N] at 16 kHz.
            check: to be called between long steps; raises `Stopped` when the words are not wanted any more.
            is_interim: somebody is still speaking, and what comes soon is worth more than what is right.
        """
        ...


class Stopped(Exception):
    """A decoding is not wanted any more."""


class Stretches:
    """Finds the stretches of an utterance in which somebody speaks.

    Attributes:
        closed: those that nothing can change any more.
        start: where the last one begins; None before anybody has spoken.
        end: where it ends; None while somebody speaks.
        length: samples heard so far.
    """

    def __init__(self, vad: VAD) -> None:
        self._turns = SilenceTurnDetector(
            vad, threshold=_VAD_THRESHOLD, end_of_turn_s=PAUSE_S, min_speech_s=_MIN_VOICE_S
        )
        self._last_voiced = 0
        self.closed: list[Stretch] = []
        self.start: int | None = None
        self.end: int | None = None
        self.length = 0

    @property
    def is_voiced(self) -> bool:
        """Whether somebody speaks at this very moment."""
        return self._turns.is_voiced

    def push(self, samples: Samples) -> None:
        """Hears on: float32 [N] at 16 kHz."""
        chunk = AudioChunk(samples, SPEECH_RATE_HZ, self.length)
        self.length += len(samples)
        for event in self._turns.push(chunk):
            self._take(event)

    def finish(self) -> None:
        """The utterance is over: somebody who still speaks stops here."""
        for event in self._turns.flush():
            self._take(event)

    def _take(self, event: VoiceEvent) -> None:
        match event:
            case SpeechStarted(at_s):
                self._begin(_samples(at_s))
            case SpeechStopped(at_s):
                self._last_voiced = _samples(at_s)
                self.end = min(self._last_voiced + _samples(_TAIL_S), self.length)

    def _begin(self, at: int) -> None:
        """Somebody speaks from here on: the last stretch goes on, or another begins."""
        if self.start is not None and self.end is not None:
            was_long = self.end - self.start >= _samples(_LONG_STRETCH_S)
            if was_long or at - self._last_voiced >= _samples(_LONG_PAUSE_S):
                self.closed.append((self.start, self.end))
                self.start = None
        if self.start is None:
            after_the_last = self._last_voiced + _samples(_GAP_S) if self.closed else 0
            self.start = max(after_the_last, at - _samples(PRE_ROLL_S))
        self.end = None


class Transcription:
    """One utterance: `hear` and `finish` take its sound in on one thread, `run` decodes it on another.

    Args:
        decode: understands a stretch.
        turns: to decode, which utterances share.
        vad: judges this utterance's sound; used by one utterance at a time.
        is_cancelled: whether nobody wants the words any more.
        on_words: called on the decoding thread with the words so far, and up to which sample they hold.
    """

    def __init__(
        self,
        decode: Decode,
        turns: Turns,
        vad: VAD,
        is_cancelled: Callable[[], bool],
        on_words: Callable[[Understood, int], None] = lambda words, until: None,
    ) -> None:
        self._decode, self._turns = decode, turns
        self._is_cancelled, self._on_words = is_cancelled, on_words
        self._changed = threading.Condition()
        self._stretches = Stretches(vad)
        self._pieces: list[Samples] = []
        self._closed: list[Understood] = []
        self._open: tuple[Stretch, Understood] = ((0, 0), Understood())
        self._is_interim = False
        self._is_over = False
        self._is_abandoned = False

    def hear(self, pcm: bytes) -> None:
        """Takes int16 samples at 16 kHz in."""
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768.0)
        with self._changed:
            self._pieces.append(samples)
            self._stretches.push(samples)
            self._changed.notify()

    def finish(self) -> None:
        """All sound has come."""
        with self._changed:
            self._stretches.finish()
            self._is_over = True
            self._changed.notify()

    def abandon(self) -> None:
        """Nobody wants the words any more."""
        with self._changed:
            self._is_abandoned = True
            self._changed.notify()

    def run(self) -> Understood:
        """Decodes until everything is decoded, and returns the final words; "" where nobody spoke.

        Raises:
            Stopped: the utterance was abandoned or cancelled.
        """
        while self._next() is not None:
            with self._turns.taken(self._awaits_final_words):
                self._decode_due()
        return self._words()

    def _decode_due(self) -> None:
        """Decodes what is due, now that the turn has come."""
        with self._changed:
            self._stop_if_unwanted()
            stretch = self._due()
            if stretch is None:
                return
            is_interim = self._is_spoken(stretch)
        try:
            heard = self._decode(self._sound(stretch), partial(self._check, stretch, is_interim), is_interim=is_interim)
        except Stopped:
            return  # something else is wanted; if nothing is, `_next` ends it
        with self._changed:
            self._open, self._is_interim = (stretch, heard), is_interim
            words = self._words()
        self._on_words(words, stretch[1])

    def _awaits_final_words(self) -> bool:
        """Whether what is to be decoded can't change any more; asked on other utterances' threads."""
        return self._is_over or self._stretches.end is not None

    def _next(self) -> Stretch | None:
        """Waits for something to decode; None when all is done."""
        with self._changed:
            while True:
                self._stop_if_unwanted()
                stretch = self._due()
                if stretch is None:
                    if self._is_over:
                        return None
                    self._changed.wait()
                elif self._is_over or not self._changed.wait(_LULL_S):
                    return stretch

    def _due(self) -> Stretch | None:
        """What is to be decoded now, if anything."""
        known, heard = self._open
        for stretch in self._stretches.closed[len(self._closed) :]:
            if stretch != known or self._is_interim:
                return stretch
            self._closed.append(heard)
            self._open = known, heard = (stretch[1], stretch[1]), Understood()
        start, end, length = self._stretches.start, self._stretches.end, self._stretches.length
        if start is None:
            return None
        if end is not None:
            return (start, end) if known != (start, end) or self._is_interim else None
        if not self._stretches.is_voiced:  # an interim transcript would be in the way of a pause's words
            return None
        return (start, length) if length - max(known[1], start) >= _samples(_NEW_SOUND_S) else None

    def _check(self, stretch: Stretch, is_interim: bool) -> None:
        """Ends a decoding whose result has become useless, or less urgent than another utterance's final words.

        Raises:
            Stopped: it has.
        """
        if is_interim and self._turns.is_urgent_waiting:
            raise Stopped
        with self._changed:
            self._stop_if_unwanted()
            last = self._stretches
            if not (self._is_spoken(stretch) or stretch == (last.start, last.end) or stretch in last.closed):
                raise Stopped

    def _is_spoken(self, stretch: Stretch) -> bool:
        """Whether a stretch is what somebody is saying just now."""
        return self._stretches.end is None and stretch[0] == self._stretches.start

    def _stop_if_unwanted(self) -> None:
        if self._is_abandoned or self._is_cancelled():
            raise Stopped

    def _sound(self, stretch: Stretch) -> Samples:
        with self._changed:
            self._pieces = [np.concatenate(self._pieces)]
            sound: Samples = self._pieces[0][stretch[0] : stretch[1]]
            return sound

    def _words(self) -> Understood:
        return joined((*self._closed, self._open[1]))


def listen_with(decode: Decode) -> Work:
    """What a worker does with a call (`speech.asr.process` says what it answers): every utterance through `decode`."""
    turns = Turns()
    detectors: list[VAD] = [SileroVAD()]  # those that hear no utterance now
    decoding = ThreadPoolExecutor(MOST_CALLS, thread_name_prefix="decode")

    def hear(call: Call) -> None:
        try:
            vad = detectors.pop()
        except IndexError:
            vad = SileroVAD()

        def tell(words: Understood, until: int) -> None:
            decoded_s = until / SPEECH_RATE_HZ
            call.emit({"text": words.text, "is_doubtful": words.is_doubtful, "decoded_s": decoded_s})

        transcription = Transcription(decode, turns, vad, lambda: call.is_cancelled, tell)
        final = decoding.submit(transcription.run)
        try:
            for pcm in call.incoming():
                if final.done():
                    final.result()  # it has failed: say so now
                transcription.hear(pcm)
                call.emit()
            transcription.finish()
            heard = final.result()
            call.emit(
                {
                    "text": heard.text,
                    "is_final": True,
                    "is_doubtful": heard.is_doubtful,
                    "confidence": heard.confidence,
                }
            )
        except Stopped:
            call.check()
            raise
        finally:
            transcription.abandon()
            detectors.append(vad)

    return hear


def _samples(seconds: float) -> int:
    return round(seconds * SPEECH_RATE_HZ)
