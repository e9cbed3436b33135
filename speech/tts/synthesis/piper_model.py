"""A Piper voice as the worker uses it: spoken words in, raw sound and the times of words and phonemes out.

Piper (https://github.com/OHF-Voice/piper1-gpl) reads text with eSpeak NG, clause by clause, and keeps the punctuation
between them; each phoneme is followed by a blank.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from speech.audio import Samples
from speech.errors import InputError
from speech.tts.synthesis.clauses import clauses_of
from speech.tts.synthesis.espeak_engine import ipa_symbols
from speech.tts.synthesis.neural_speaker import RawSpeech, Turn
from speech.tts.synthesis.piper_network import PiperNetwork
from speech.tts.synthesis.symbol_times import phoneme_times, without_blanks
from speech.tts.synthesis.word_times import words_from_symbols

_HOP = 256
"""Samples a frame, in all qualities."""
_ONSET_S = 0.06
"""By which the first sound of all may come before the durations say."""
_BEGIN, _END, _BLANK = "^", "$", "_"
_FIRST_LETTERS, _MOST_LETTERS = 80, 220
"""In one go. The sound of a clause comes in chunks, but nothing comes before all its durations are known."""


class PiperModel:
    """The network and the reader of text for it.

    Args:
        setup: see `speech.tts.synthesis.onnx_voice_worker`.
    """

    def __init__(self, setup: dict[str, Any]) -> None:
        self._network = PiperNetwork(Path(setup["model"]))
        self.knows_times = self._network.gives_durations
        self._ids: dict[str, list[int]] = setup["symbols"]
        self._espeak_voice: str | None = setup["espeak_voice"]
        self._noise, self._length, self._duration_noise = setup["scales"]
        self._speaker = setup["speaker"]
        self._rate_hz: int = setup["sample_rate_hz"]
        self._pace = 1.0

    def set_pace(self, faster: float) -> None:
        """Speaks this many times as fast as by itself."""
        self._pace = faster

    def speak(self, words: list[str], turn: Turn) -> Generator[RawSpeech, None, None]:
        """See `speech.tts.synthesis.neural_speaker.Model`; the sound of each clause comes in pieces."""
        start = 0
        clauses = clauses_of(words, first=_FIRST_LETTERS, longest=_MOST_LETTERS)
        for number, clause in enumerate(clauses):
            with turn():
                symbols = [symbol for symbol in self._symbols(" ".join(clause)) if symbol in self._ids]
                if not any(symbol.isalnum() for symbol in symbols):
                    raise InputError(f"expected text in the voice's language, got {' '.join(words)[:40]!r}")
                bounds, pieces = self._say(symbols)
            if bounds is None:
                for piece in _in_turns(pieces, turn):
                    yield RawSpeech(piece, None)
                continue
            # The silence at the ends is kept only around the whole sentence.
            first = 0 if number == 0 else max(bounds[1] - round(_ONSET_S * self._rate_hz), 0)
            last = bounds[-1] if number == len(clauses) - 1 else bounds[-2]
            times = without_blanks(symbols, [bound - first + start for bound in bounds[1:-1]])
            spans = words_from_symbols([self._alone(word) for word in clause], symbols, times)
            phonemes = phoneme_times(symbols, times, start=start, end=start + last - first)
            position = 0
            for piece in _in_turns(pieces, turn):
                kept = piece[max(first - position, 0) : max(last - position, 0)]
                position += len(piece)
                yield RawSpeech(kept, spans, phonemes)
                spans, phonemes = [], []
            start += last - first

    def _say(self, symbols: list[str]) -> tuple[list[int] | None, Generator[Samples, None, None]]:
        """Where each symbol begins, in samples, one more before them and two after them, if known; and the sound."""
        blank = self._ids[_BLANK]
        groups = [[*self._ids[symbol], *blank] for symbol in symbols]
        groups = [[*self._ids[_BEGIN], *blank], *groups, self._ids[_END]]
        scales = (self._noise, self._length / self._pace, self._duration_noise)
        durations, pieces = self._network.run([one for group in groups for one in group], scales, self._speaker)
        if durations is None:
            return None, pieces
        ends = np.cumsum(durations)[np.cumsum([len(group) for group in groups]) - 1]
        return [0, *(round(float(end) * _HOP) for end in ends)], pieces

    def _symbols(self, text: str) -> list[str]:
        """The symbols that stand for a text, punctuation and blanks included."""
        if self._espeak_voice is None:
            return list(unicodedata.normalize("NFD", text.casefold()))
        return ipa_symbols(text, self._espeak_voice)

    def _alone(self, word: str) -> str:
        """A word as it is read by itself, by which it is found among the symbols of the whole."""
        return "".join(self._symbols(word))


def _in_turns(pieces: Iterator[Samples], turn: Turn) -> Iterator[Samples]:
    """The pieces of sound, each made in a turn of its own."""
    while True:
        with turn():
            piece = next(pieces, None)
        if piece is None:
            return
        yield piece
