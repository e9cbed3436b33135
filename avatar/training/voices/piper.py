"""A Piper voice to train on; each has one speaker or several, in one language."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from avatar.training.voices.timed_symbols import phones_from_symbols
from avatar.training.voices.utterance import Utterance
from speech.audio import SPEECH_RATE_HZ, resample
from speech.errors import InputError
from speech.tts.synthesis.espeak_engine import ipa_symbols
from speech.tts.synthesis.piper_network import PiperNetwork
from speech.tts.synthesis.piper_voice import open_piper_voice

_HOP = 256
"""Samples that a unit of the durations lasts, in all qualities."""
_EARLY_S = 0.016
"""By which the sound comes before the durations say: medians of p b m against forced alignment and the sound's dips."""
_NOISE, _DURATION_NOISE = (0.4, 0.8), (0.5, 1.0)
"""The voices' own settings are 0.667 and 0.8: more is livelier."""


class PiperVoice:
    """A voice that reads with eSpeak NG and tells its durations.

    Args:
        network: its .onnx file, with the settings beside it; the network is loaded with the first text.

    Raises:
        InputError: no such voice.
    """

    def __init__(self, network: Path) -> None:
        self._voice = open_piper_voice(network)
        if self._voice.espeak_voice is None:
            raise InputError(f"{network}: expected a voice that reads with eSpeak NG, this one reads letter by letter")
        self._espeak_voice = self._voice.espeak_voice
        self.name = f"piper {network.stem}"
        self.language = self._voice.language

    def speak(self, text: str, *, pace: float, random: np.random.Generator) -> Utterance:
        """See `TrainingVoice`; how lively it speaks is left to chance."""
        numbers = self._voice.symbols
        symbols = [symbol for symbol in ipa_symbols(text, self._espeak_voice) if symbol in numbers]
        if not any(symbol.isalpha() for symbol in symbols):
            raise InputError(f"{self.name}: expected text in the voice's language, got {text[:40]!r}")
        groups = [[*numbers[symbol], *numbers["_"]] for symbol in ("^", *symbols)] + [numbers["$"]]
        scales = (float(random.uniform(*_NOISE)), self._voice.scales[1] / pace, float(random.uniform(*_DURATION_NOISE)))
        speaker = int(random.choice(list(self._voice.speakers.values())))
        durations, pieces = self._network.run([one for group in groups for one in group], scales, speaker)
        samples = np.concatenate(list(pieces))
        if durations is None:
            raise InputError(f"{self.name}: expected a network that tells its durations, this one does not")
        rate = self._voice.sample_rate_hz
        ends_s = np.cumsum(durations)[np.cumsum([len(group) for group in groups]) - 1] * (_HOP / rate)
        samples = resample(samples, rate, SPEECH_RATE_HZ)
        phones = phones_from_symbols(symbols, [float(end) - _EARLY_S for end in ends_s[:-1]], samples)
        return Utterance(samples, phones, self.name, text)

    @cached_property
    def _network(self) -> PiperNetwork:
        return PiperNetwork(self._voice.network)
