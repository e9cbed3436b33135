"""From eSpeak's pieces and events to chunks whose words and phonemes have a beginning and an end."""

from __future__ import annotations

import bisect

import numpy as np

from speech.audio import AudioChunk, Samples
from speech.text.spoken_text import SpokenWord
from speech.tts.base import PhonemeTime, SpeechChunk, WordTime
from speech.tts.synthesis.espeak_engine import EspeakEvent, EventType

FADE_S = 0.005
"""Fade-out at the very end: short enough not to be heard, long enough to leave no click."""


class EspeakTimeline:
    """Collects one sentence while it is spoken.

    eSpeak says only where words and phonemes begin, so sound is held back until all that begins in it has ended: one
    word, which is computed in about a millisecond. Any cutting of the same input gives the same words, phonemes and
    samples.

    Args:
        words: what is said.
        sample_rate_hz: eSpeak's.
        pause_s: how much of the silence after the last word to leave.

    Attributes:
        text: what eSpeak has to be given to say.
    """

    def __init__(self, words: list[SpokenWord], sample_rate_hz: int, pause_s: float) -> None:
        self._words = words
        self._rate = sample_rate_hz
        self._pause_samples = round(pause_s * sample_rate_hz)
        self.text = " ".join(word.spoken for word in words)
        self._word_starts: list[int] = []
        position = 0
        for word in words:
            self._word_starts.append(position)
            position += len(word.spoken) + 1
        self._held: list[Samples] = []  # sound from sample `_handed_over` on
        self._handed_over = 0
        self._received = 0
        self._next_word = 0  # first word without times
        self._open_word: int | None = None  # sample where `_next_word` began
        self._open_phoneme: tuple[int, str] | None = None
        self._silent_from: int | None = 0
        self._done_words: list[WordTime] = []
        self._done_phonemes: list[PhonemeTime] = []

    def push(self, samples: Samples, events: list[EspeakEvent]) -> list[SpeechChunk]:
        """Takes the next piece, float32 [N], with the events in it; returns what is complete by now."""
        self._held.append(samples)
        self._received += len(samples)
        for event in events:
            if event.type is EventType.WORD:
                self._begin_word(event)
            else:
                self._begin_phoneme(event)
        complete = self._received
        if self._open_word is not None:
            complete = min(complete, self._open_word)
        if self._open_phoneme is not None:
            complete = min(complete, self._open_phoneme[0])
        if self._silent_from is not None:
            complete = min(complete, self._silent_from)
        return self._hand_over(complete)

    def finish(self) -> list[SpeechChunk]:
        """Ends the sentence: the silence after it is made `pause_s` long and everything held back is returned."""
        speech_end = self._received if self._silent_from is None else max(self._silent_from, self._handed_over)
        self._end_words(speech_end, len(self._words))
        self._end_phoneme(self._received)
        self._done_phonemes = [phoneme for phoneme in self._done_phonemes if phoneme.start_sample < speech_end]
        wanted = speech_end + self._pause_samples
        held = np.concatenate([*self._held, np.zeros(max(wanted - self._received, 0), np.float32)])
        held = held[: wanted - self._handed_over]
        fade = min(round(FADE_S * self._rate), len(held))
        held[len(held) - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
        if wanted > speech_end:
            self._done_phonemes.append(PhonemeTime("_", speech_end, wanted))
        self._held, self._received = [held], wanted
        return self._hand_over(wanted)

    def _begin_word(self, event: EspeakEvent) -> None:
        index = max(bisect.bisect_right(self._word_starts, event.character) - 1, 0)
        if self._open_word is not None and index <= self._next_word:
            return  # eSpeak says "twenty-five" as two words; here it is one
        if self._open_word is not None:
            self._end_words(event.sample, index)
        if index >= self._next_word:
            self._open_word = event.sample

    def _begin_phoneme(self, event: EspeakEvent) -> None:
        self._end_phoneme(event.sample)
        silent = event.symbol.startswith("_") or not event.symbol
        self._open_phoneme = (event.sample, "_" if silent else event.symbol)
        if not silent:
            self._silent_from = None
        elif self._silent_from is None:
            self._silent_from = event.sample

    def _end_phoneme(self, sample: int) -> None:
        if self._open_phoneme is not None and self._open_phoneme[0] < sample:
            start, symbol = self._open_phoneme
            last = self._done_phonemes[-1] if self._done_phonemes else None
            if last is not None and symbol == last.symbol == "_" and last.end_sample == start:
                self._done_phonemes[-1] = PhonemeTime("_", last.start_sample, sample)
            else:
                self._done_phonemes.append(PhonemeTime(symbol, start, sample))
        self._open_phoneme = None

    def _end_words(self, sample: int, until: int) -> None:
        """Gives words `_next_word` to `until` their times. eSpeak runs some together ("of the"): they share."""
        start = self._open_word
        if start is None or until <= self._next_word:
            return
        end = sample if self._silent_from is None else max(min(sample, self._silent_from), start)
        together = self._words[self._next_word : until]
        shares = np.cumsum([0, *(len(word.spoken) for word in together)])
        bounds = [start + int((end - start) * share // shares[-1]) for share in shares]
        for word, first, last in zip(together, bounds, bounds[1:], strict=False):
            self._done_words.append(WordTime(word.text, first, last))
        self._next_word, self._open_word = until, None

    def _hand_over(self, complete: int) -> list[SpeechChunk]:
        if complete <= self._handed_over:
            return []
        held = np.concatenate(self._held)
        size = complete - self._handed_over
        audio = AudioChunk(held[:size], self._rate, self._handed_over)
        words = tuple(word for word in self._done_words if word.start_sample < complete)
        phonemes = tuple(phoneme for phoneme in self._done_phonemes if phoneme.start_sample < complete)
        self._done_words = self._done_words[len(words) :]
        self._done_phonemes = self._done_phonemes[len(phonemes) :]
        self._held, self._handed_over = [held[size:]], complete
        return [SpeechChunk(audio, words, phonemes)]
