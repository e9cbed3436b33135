"""SVOX Pico as its worker uses it: spoken words in, raw sound and the times of the words out."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np

from speech.audio import Samples
from speech.text.spoken_text import pause_after_s
from speech.tts.synthesis.clauses import clauses_of
from speech.tts.synthesis.neural_speaker import RawSpeech, Turn
from speech.tts.synthesis.pico_engine import PicoEngine
from speech.tts.synthesis.pico_marks import AUDIBLE, evenly_marked, marked, word_spans
from speech.tts.synthesis.word_times import Span

_FIRST_LETTERS, _MOST_LETTERS = 60, 220
"""In one go: about 4 and 15 s of speech, made in 50 and 200 ms."""
_SPEED_LIMITS = (20, 500)


class PicoModel:
    """One of Pico's voices.

    Args:
        setup: see `speech.tts.synthesis.pico_worker`.
    """

    knows_times = True

    def __init__(self, setup: dict[str, Any]) -> None:
        self._engine = PicoEngine(Path(setup["library"]), [Path(file) for file in setup["files"]])
        self._pitch, self._rate_hz = setup["pitch"], setup["sample_rate_hz"]
        self._speed = 100

    def set_pace(self, faster: float) -> None:
        """Speaks this many times as fast as by itself."""
        self._speed = int(np.clip(round(100 * faster), *_SPEED_LIMITS))

    def speak(self, words: list[str], turn: Turn) -> Generator[RawSpeech, None, None]:
        """See `speech.tts.synthesis.neural_speaker.Model`; a piece is a clause."""
        begin = f'<speed level="{self._speed}"><pitch level="{self._pitch}">'
        start = 0
        for clause in clauses_of(words, first=_FIRST_LETTERS, longest=_MOST_LETTERS):
            even = self._engine.speak(begin + evenly_marked(clause), turn)
            uneven = self._engine.speak(begin + marked(clause), turn)
            spans = word_spans(clause, even, uneven)
            sound, dropped = self._trimmed(even, pause_after_s(clause[-1]))
            yield RawSpeech(sound, [_shifted(span, start - dropped, start, start + len(sound)) for span in spans])
            start += len(sound)

    def _trimmed(self, sound: Samples, pause_s: float) -> tuple[Samples, int]:
        """Leaves out what is silent before it, and makes the silence after it as long as it should be."""
        audible = np.flatnonzero(np.abs(sound) > AUDIBLE)
        first, end = (int(audible[0]), int(audible[-1]) + 1) if len(audible) else (0, 0)
        return np.pad(sound[first:end], (0, round(pause_s * self._rate_hz))), first


def _shifted(span: Span, by: int, first: int, end: int) -> Span:
    return min(max(span[0] + by, first), end), min(max(span[1] + by, first), end)
