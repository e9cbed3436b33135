"""hibari as a voice to train on: an American woman, made in a fiftieth of real time."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from avatar.training.voices.misaki import misaki_symbols, symbol_numbers
from avatar.training.voices.timed_symbols import phones_from_symbols
from avatar.training.voices.utterance import Utterance
from speech.audio import SPEECH_RATE_HZ, resample
from speech.errors import InputError
from speech.tts.synthesis.onnx_graph import with_output
from speech.tts.synthesis.onnx_session import open_session

_DURATIONS = "/Clip_output_0"
"""The tensor in the graph: how long each symbol lasts, float32 [T]."""
_EARLY_S = 0.046
"""By which the sound comes before the durations say: medians of p b m against forced alignment and the sound's dips."""


class HibariVoice:
    """The voice of the package hibari-tts.

    Args:
        network: its .onnx file; it is loaded with the first text.
    """

    name = "hibari heart"
    language = "en-us"

    def __init__(self, network: Path) -> None:
        self._path = network

    def speak(self, text: str, *, pace: float, random: np.random.Generator) -> Utterance:
        """See `TrainingVoice`; only the grain of the noise is left to chance."""
        from hibari import dsp

        symbols = misaki_symbols(text)
        if not any(symbol.isalpha() for symbol in symbols):
            raise InputError(f"{self.name}: expected English text, got {text[:40]!r}")
        ids = [[0, *(symbol_numbers()[symbol] for symbol in symbols), 0]]
        inputs = {"ids": np.asarray(ids, np.int64), "speed": np.asarray([pace], np.float32)}
        *spectrum, durations = self._session.run(None, inputs)
        samples = dsp.synth(*(part[0] for part in spectrum), np.random.default_rng(int(random.integers(1 << 31))))
        length_s = len(samples) / dsp.SR
        ends_s = np.cumsum(durations) * (length_s / float(durations.sum()))
        phones = phones_from_symbols(symbols, [float(end) - _EARLY_S for end in ends_s[:-1]], length_s)
        return Utterance(resample(samples, dsp.SR, SPEECH_RATE_HZ), phones, self.name, text)

    @cached_property
    def _session(self) -> Any:
        return open_session(with_output(self._path.read_bytes(), _DURATIONS))
