"""The process in which SVOX Pico speaks, run by `speech.tts_pico` as `python -m speech.pico_worker`.

Its setup:

    library     path of the C library
    files       paths of the voice's two files
    speed       per cent of the voice's own, at the rate of the sound
    pitch       likewise
    sample_rate_hz, volume

A call has the spoken words and the pause after them; it is answered by one piece of sound (float32) with the times
of the words.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from speech.errors import InputError
from speech.loudness import CALIBRATION_TEXT, speech_level_dbfs
from speech.pico_engine import PicoEngine
from speech.pico_marks import evenly_marked, marked, word_spans
from speech.speech_shaper import LEAD_IN_S, SpeechShaper
from speech.word_times import in_order
from speech.worker_main import Call, Work, serve


class Speaker:
    """One of Pico's voices with even loudness, the wanted rate and the times of its words.

    Args:
        setup: see the module.
    """

    def __init__(self, setup: dict[str, Any]) -> None:
        text_analysis, sound = map(Path, setup["files"])
        self._engine = PicoEngine(Path(setup["library"]), (text_analysis, sound))
        self._begin = f'<speed level="{setup["speed"]}"><pitch level="{setup["pitch"]}">'
        self._rate_hz, self._volume = setup["sample_rate_hz"], setup["volume"]
        raw = self._engine.speak(self._begin + evenly_marked(CALIBRATION_TEXT.split()), lambda: None)
        self._level_dbfs = speech_level_dbfs(raw, self._rate_hz)

    def say(self, call: Call) -> None:
        """Does one call."""
        words = call.fields["words"]
        even = self._engine.speak(self._begin + evenly_marked(words), call.check)
        uneven = self._engine.speak(self._begin + marked(words), call.check)
        spans = word_spans(words, even, uneven)
        shaper = SpeechShaper(
            self._rate_hz, level_dbfs=self._level_dbfs, volume=self._volume, pause_s=call.fields["pause_s"]
        )
        first, end = shaper.push(even), shaper.speech_end
        if end == 0:
            raise InputError(f"expected sound, the voice says nothing for {' '.join(words)[:60]!r}")
        samples = np.concatenate((first.samples, shaper.finish().samples))
        shifted = [(start - shaper.dropped, last - shaper.dropped) for start, last in spans]
        placed = in_order(shifted, min(round(LEAD_IN_S * self._rate_hz), shaper.dropped), end)
        call.emit({"words": placed}, samples.astype("<f4").tobytes())


def load(setup: dict[str, Any]) -> Work:
    """Loads the voice and measures its loudness."""
    return Speaker(setup).say


if __name__ == "__main__":
    serve(load)
