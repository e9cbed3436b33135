"""A neural voice's raw sound → what is played: the wanted rate, even loudness, and the times of words and phonemes.

What the worker processes of all neural voices share; each has models of its own (see `Model`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from speech.audio import Samples
from speech.errors import BackendError
from speech.tts.synthesis.calibration import calibration_of
from speech.tts.synthesis.loudness import speech_level_dbfs
from speech.tts.synthesis.speech_shaper import LEAD_IN_S, SpeechShaper, speech_bounds
from speech.tts.synthesis.word_times import LetterPacer, Span, in_order, letters_of
from speech.worker.main import Call
from speech.worker.turns import Turns

_PACE_LIMITS = (0.3, 3.0)
"""Beyond these factors a model's speech falls apart."""
_HOLD_S = 0.2
"""Of a stream that is kept back: room for words that the estimate has not placed when the sound ends."""


@dataclass(frozen=True, slots=True)
class RawSpeech:
    """Sound as a model made it: a sentence, or its next piece.

    Attributes:
        samples: float32 [N].
        words: when the words that come next are spoken, in samples of the sentence's raw sound; each is given no later
            than with the sound in which it begins. None where the model doesn't know.
        phonemes: likewise, with their names; "_" is silence.
    """

    samples: Samples
    words: Sequence[Span] | None
    phonemes: Sequence[tuple[str, int, int]] = ()


Turn = Callable[[], AbstractContextManager[object]]
"""Waits until a sentence may have a step of its sound made, while other sentences wait; entering raises where nobody
wants the sentence any more."""


class Model(Protocol):
    """A voice that makes raw sound, of several sentences at once: each step in a turn, and nothing is kept between."""

    knows_times: bool
    """Whether it gives the times of its words."""

    def set_pace(self, faster: float) -> None:
        """Speaks this many times as fast as by itself."""
        ...

    def speak(self, words: list[str], turn: Turn) -> Generator[RawSpeech, None, None]:
        """Says a sentence, in pieces as they are made; close it in the end.

        Args:
            words: as they are read aloud.
            turn: to be entered for each step, and left before a piece is handed over: its reader may be slow.

        Raises:
            InputError: the voice can't say this.
        """
        ...


class Speaker:
    """A model with even loudness and the wanted rate. Sentences in progress take turns, step by step.

    Args:
        model: the voice.
        sample_rate_hz: of its sound.
        rate_wpm: words a minute, on eSpeak NG's scale.
        volume: factor on the even loudness.
        language: BCP 47 tag of what it reads.

    Raises:
        BackendError: the model makes no sound.
    """

    def __init__(
        self, model: Model, *, sample_rate_hz: int, rate_wpm: int, volume: float, language: str = "en"
    ) -> None:
        self._model, self._rate, self._volume = model, sample_rate_hz, volume
        self._turns = Turns()
        calibration = calibration_of(language)
        words = calibration.text.split()
        pace = 1.0
        # A second look, where it costs little: durations are whole frames, so twice the pace isn't half the time.
        for _ in range(2 if model.knows_times else 1):
            raw = np.concatenate([_checked(speech.samples) for speech in model.speak(words, nullcontext)])
            self._level_dbfs = speech_level_dbfs(raw, sample_rate_hz)
            bounds = speech_bounds(raw, sample_rate_hz, self._level_dbfs) if np.isfinite(self._level_dbfs) else None
            if bounds is None:
                raise BackendError("expected sound, the voice says nothing")
            samples = bounds[1] - bounds[0]
            faster = rate_wpm * samples / sample_rate_hz / calibration.wpm_seconds
            before, pace = pace, float(np.clip(pace * faster, *_PACE_LIMITS))
            model.set_pace(pace)
        self._samples_per_letter = samples * before / pace / sum(map(letters_of, words))

    def say(self, call: Call) -> None:
        """Does one call: see `speech.tts.neural`."""
        knows_times = self._model.knows_times
        shaper = SpeechShaper(
            self._rate,
            level_dbfs=self._level_dbfs,
            volume=self._volume,
            pause_s=call.fields["pause_s"],
            hold_s=0.0 if knows_times else _HOLD_S,
        )
        with closing(self._model.speak(call.fields["words"], lambda: call.turn(self._turns))) as pieces:
            (self._say_timed if knows_times else self._say_estimated)(call, pieces, shaper)
        if shaper.speech_end == 0:
            raise BackendError(f"expected sound, the voice says nothing for {' '.join(call.fields['words'])[:60]!r}")

    def _say_estimated(self, call: Call, pieces: Iterator[RawSpeech], shaper: SpeechShaper) -> None:
        pacer = LetterPacer([letters_of(word) for word in call.fields["words"]], self._samples_per_letter)
        for raw in pieces:
            piece = shaper.push(_checked(raw.samples))
            _emit(call, piece.samples, pacer.push(piece.is_speech, more_speech=shaper.speech_held))
        rest = shaper.finish()
        if len(rest.samples):
            _emit(call, rest.samples, pacer.finish(rest.is_speech))

    def _say_timed(self, call: Call, pieces: Iterator[RawSpeech], shaper: SpeechShaper) -> None:
        times = _RawTimes(shaper, lead_in=round(LEAD_IN_S * self._rate))
        for raw in pieces:
            times.add(raw)
            piece = shaper.push(_checked(raw.samples))
            _emit(call, piece.samples, *times.beginning_in(len(piece.samples)))
        rest = shaper.finish()
        if len(rest.samples):
            _emit(call, rest.samples, *times.rest(len(rest.samples)))


class _RawTimes:
    """Brings times in a model's raw sound into the shaped one, and gives them out with the sound they begin in."""

    def __init__(self, shaper: SpeechShaper, *, lead_in: int) -> None:
        self._shaper, self._lead_in = shaper, lead_in
        self._words: list[tuple[int, Span]] = []
        self._phonemes: list[tuple[str, int, int]] = []
        self._count = self._received = 0
        self._free = 0
        self._begin = 0
        self._has_phonemes = False

    def add(self, raw: RawSpeech) -> None:
        """Takes a piece's times, before its sound is shaped."""
        words = raw.words or ()
        self._words += [(self._count + index, span) for index, span in enumerate(words)]
        self._count += len(words)
        self._phonemes += raw.phonemes
        self._has_phonemes |= bool(raw.phonemes)
        self._received += len(raw.samples)

    def beginning_in(self, samples: int) -> tuple[list[tuple[int, Span]], list[tuple[str, int, int]]]:
        """The words and phonemes that begin in the next samples of the shaped sound."""
        if not samples:
            return [], []
        end = self._begin + samples
        dropped, speech_end = self._shaper.dropped, self._shaper.speech_end
        if self._begin == 0:
            self._start_with_the_sound()
        words = []
        while self._words and (first := max(self._words[0][1][0] - dropped, self._first, self._begin)) < end:
            number, (_, last) = self._words.pop(0)
            # What follows in the sound that has come is silence, or it would be speech.
            last = last - dropped if last > self._received else min(last - dropped, speech_end)
            self._free = max(last, first + 1)
            words.append((number, (first, self._free)))
        phonemes = []
        while self._phonemes and max(self._phonemes[0][1] - dropped, 0) < end:
            symbol, first, last = self._phonemes.pop(0)
            until = last
            if symbol == "_" and not self._phonemes:  # the last silence may be cut short
                until = min(last, end + dropped)
            elif symbol != "_" and last <= self._received:
                until = min(last, speech_end + dropped)
            if until < last:
                self._phonemes.insert(0, ("_", until, last))
            if until - dropped > max(first - dropped, 0):
                phonemes.append((symbol, max(first - dropped, 0), until - dropped))
        self._begin = end
        return words, phonemes

    def rest(self, samples: int) -> tuple[list[tuple[int, Span]], list[tuple[str, int, int]]]:
        """Those that begin in the rest of the shaped sound: the last speech, and the pause."""
        dropped, end = self._shaper.dropped, self._shaper.speech_end
        spans = in_order([(a - dropped, b - dropped) for _, (a, b) in self._words], max(self._first, self._begin), end)
        words = [(number, span) for (number, _), span in zip(self._words, spans, strict=True)]
        phonemes = [
            (symbol, max(first - dropped, 0), min(last - dropped, end))
            for symbol, first, last in self._phonemes
            if max(first - dropped, 0) < min(last - dropped, end) and (symbol, last) != ("_", self._received)
        ]
        silence = max(phonemes[-1][2] if phonemes else end, self._begin)
        if self._has_phonemes:
            phonemes.append(("_", silence, self._begin + samples))
        return words, phonemes

    def _start_with_the_sound(self) -> None:
        """What is heard first is the first word, even where its durations say later."""
        onset = self._first + self._shaper.dropped
        if self._words:
            number, (_, last) = self._words[0]
            self._words[0] = number, (onset, last)
        if len(self._phonemes) > 1 and self._phonemes[0][0] == "_" and self._phonemes[0][2] > onset:
            symbol, _, last = self._phonemes[1]
            self._phonemes[:2] = [("_", self._phonemes[0][1], onset), (symbol, onset, last)]

    @property
    def _first(self) -> int:
        """No word begins before the silence that was kept in front of the sound has passed."""
        return self._free or min(self._lead_in, self._shaper.dropped)


def _emit(
    call: Call,
    samples: Samples,
    words: Sequence[tuple[int, Span]],
    phonemes: Sequence[tuple[str, int, int]] = (),
) -> None:
    """Sends a piece, even an empty one: this is where a call that nobody wants any more ends."""
    fields = {"words": [(number, *span) for number, span in words], "phonemes": phonemes}
    call.emit(fields, samples.astype("<f4").tobytes())


def _checked(samples: Samples) -> Samples:
    if not np.isfinite(samples).all():
        raise BackendError("expected sound, the voice's numbers are not finite; its weights may be damaged")
    return samples
