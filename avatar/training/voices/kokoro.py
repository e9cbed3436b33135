"""Kokoro-82M as voices to train on: 54 people, and as many mixtures of two as one likes.

StyleTTS 2 (Li et al., 2023, https://arxiv.org/abs/2306.07691), slimmed down: symbols and a style vector become
durations in the network, and those sound. Too slow to talk with, good enough to learn from. English is read by
misaki's rules, other languages by eSpeak NG, as in its training.
"""

from __future__ import annotations

import tarfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from avatar.motion import Floats
from avatar.training.voices.misaki import misaki_symbols, symbol_numbers
from avatar.training.voices.timed_symbols import phones_from_symbols
from avatar.training.voices.utterance import TrainingVoice, Utterance
from speech.audio import SPEECH_RATE_HZ, Samples, resample
from speech.errors import InputError
from speech.tts.synthesis.espeak_engine import ipa_symbols
from speech.tts.synthesis.onnx_graph import with_output
from speech.tts.synthesis.onnx_session import open_session

SAMPLE_RATE_HZ = 24_000
HELD_OUT = ("af_nova", "am_eric", "bf_lily", "bm_george")
"""For validation."""

_LANGUAGES = {
    "a": "en-us", "b": "en-gb", "e": "es", "f": "fr", "h": "hi", "i": "it", "p": "pt-br",
    # Their own languages are read by nothing that is here; they speak English with an accent.
    "j": "en-us", "z": "en-us",
}  # fmt: skip
"""By the first letter of a voice's name; the second says whether it is a woman or a man."""
_ESPEAK_VOICES = {"es": "es", "fr": "fr", "hi": "hi", "it": "it", "pt-br": "pt-br"}
_TWO_AS_ONE = {
    "aɪ": "I", "aʊ": "W", "eɪ": "A", "oʊ": "O", "əʊ": "Q", "ɔɪ": "Y", "tʃ": "ʧ", "dʒ": "ʤ", "ts": "ʦ", "dz": "ʣ",
}  # fmt: skip
"""What eSpeak NG writes in two symbols and the network knows as one."""
_DURATIONS = "/encoder/Clip_output_0"
"""The tensor in the graph: how long each symbol lasts, in frames of 25 ms."""
_EARLY_S = 0.046
"""By which the sound comes before the durations say: medians of p b m against forced alignment and the sound's dips."""
_MOST_SYMBOLS = 500
_STYLES_SHAPE = (510, 256)
_MIXTURES = 100
_MIXED = (0.25, 0.5)
"""The second one's share in a mixture."""


class KokoroNetwork:
    """The network and the style vectors; both are loaded when they are first needed.

    Args:
        network: the .onnx file.
        styles: the archive (.tgz) that has a file for each voice, float32 [510, 256] by the number of symbols.
    """

    def __init__(self, network: Path, styles: Path) -> None:
        self._path, self._archive = network, styles

    def say(
        self, symbols: str, styles: Sequence[tuple[str, float]], pace: float
    ) -> tuple[Samples, npt.NDArray[np.float32]]:
        """Speaks.

        Args:
            symbols: T of them, all known to the network.
            styles: name of a voice and its share, which add up to 1.
            pace: how many times as fast as by itself.

        Returns:
            The sound at `SAMPLE_RATE_HZ`, and how long each symbol lasts, float32 [T + 2] with a pause on both sides.
        """
        ids = [0, *(symbol_numbers()[symbol] for symbol in symbols), 0]
        row = min(len(symbols), _STYLES_SHAPE[0] - 1)
        style = sum(share * self.styles[name][row] for name, share in styles)
        inputs = {
            "tokens": np.asarray([ids], np.int64),
            "style": np.asarray([style], np.float32),
            "speed": np.asarray([pace], np.float32),
        }
        sound, durations = self._session.run(None, inputs)
        return sound.ravel(), durations.ravel()

    @cached_property
    def styles(self) -> dict[str, Floats]:
        """Name of a voice → its style vectors, float32 [510, 256].

        Raises:
            InputError: the archive is damaged.
        """
        found: dict[str, Floats] = {}
        try:
            with tarfile.open(self._archive) as archive:
                for member in archive:
                    path = PurePosixPath(member.name)
                    if path.parent.name == "voices" and path.suffix == ".bin" and (file := archive.extractfile(member)):
                        found[path.stem] = np.frombuffer(file.read(), "<f4").reshape(_STYLES_SHAPE)
        except (tarfile.TarError, OSError, ValueError) as error:
            raise InputError(f"{self._archive}: expected Kokoro's voices, could not read them: {error}") from None
        return dict(sorted(found.items()))

    @cached_property
    def _session(self) -> Any:
        try:
            return open_session(with_output(self._path.read_bytes(), _DURATIONS))
        except Exception as error:  # whatever a damaged file may raise in onnxruntime
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            raise InputError(f"{self._path}: expected Kokoro's network, could not load it: {reason}") from None


@dataclass(frozen=True, slots=True)
class KokoroVoice:
    """Somebody in the network's space of styles.

    Attributes:
        network: what speaks.
        styles: name of a voice and its share, which add up to 1.
        language: that they speak.
    """

    network: KokoroNetwork
    styles: tuple[tuple[str, float], ...]
    language: str

    @property
    def name(self) -> str:
        """See `TrainingVoice`."""
        return "kokoro " + "+".join(name for name, _ in self.styles)

    def speak(self, text: str, *, pace: float, random: np.random.Generator) -> Utterance:
        """See `TrainingVoice`; leaves nothing to chance."""
        symbols = self._symbols(text)
        if not any(symbol.isalpha() for symbol in symbols):
            raise InputError(f"{self.name}: expected text in the voice's language, got {text[:40]!r}")
        if len(symbols) > _MOST_SYMBOLS:
            raise InputError(
                f"{self.name}: expected at most {_MOST_SYMBOLS} phonemes, got {len(symbols)}: {text[:40]!r}"
            )
        sound, durations = self.network.say(symbols, self.styles, pace)
        length_s = len(sound) / SAMPLE_RATE_HZ
        ends_s = np.cumsum(durations) * (length_s / float(durations.sum()))
        samples = resample(sound, SAMPLE_RATE_HZ, SPEECH_RATE_HZ)
        phones = phones_from_symbols(symbols, [float(end) - _EARLY_S for end in ends_s[:-1]], samples)
        return Utterance(samples, phones, self.name, text)

    def _symbols(self, text: str) -> str:
        if self.language.startswith("en"):
            return misaki_symbols(text, british=self.language == "en-gb")
        ipa = "".join(ipa_symbols(text, _ESPEAK_VOICES[self.language]))
        for two, one in _TWO_AS_ONE.items():
            ipa = ipa.replace(two, one)
        return "".join(symbol for symbol in unicodedata.normalize("NFC", ipa) if symbol in symbol_numbers())


def kokoro_voices(network: KokoroNetwork) -> tuple[list[TrainingVoice], list[TrainingVoice]]:
    """The voices to train on, mixtures among them, and those for validation.

    Raises:
        InputError: the archive of the styles is damaged.
    """
    names = [name for name in network.styles if name not in HELD_OUT and name[0] in _LANGUAGES]
    alone = [KokoroVoice(network, ((name, 1.0),), _LANGUAGES[name[0]]) for name in names]
    # Always the same ones, whatever the data's seed.
    random = np.random.default_rng(0)
    mixed = []
    for _ in range(_MIXTURES):
        one, other = (names[int(at)] for at in random.choice(len(names), 2, replace=False))
        share = round(float(random.uniform(*_MIXED)), 2)
        mixed.append(KokoroVoice(network, ((one, 1.0 - share), (other, share)), _LANGUAGES[one[0]]))
    held_out = [KokoroVoice(network, ((name, 1.0),), _LANGUAGES[name[0]]) for name in HELD_OUT]
    return [*alone, *mixed], list(held_out)
