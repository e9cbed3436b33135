"""A spoken text with the times of its phonemes: what every voice gives, and every recording that was aligned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from avatar.motion import Floats

Alphabet = Literal["espeak", "arpabet", "ipa"]
"""How phonemes are written: as eSpeak NG names them; as Flite and the CMU dictionary do, in lower case; or in the
International Phonetic Alphabet with the capitals that misaki adds to it (A I O Q W Y for diphthongs)."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A phoneme with its times.

    Attributes:
        symbol: its name without stress marks; "" is silence.
        start_s: seconds from the start of the sound.
        end_s: seconds.
        stress: 2 primary, 1 secondary, 0 none (vowels only).
        alphabet: of the symbol.
    """

    symbol: str
    start_s: float
    end_s: float
    stress: int = 0
    alphabet: Alphabet = "espeak"


@dataclass(frozen=True, slots=True)
class Utterance:
    """A spoken text: `samples` float32 [N] at 16 kHz and its phones, in order, without gaps.

    Attributes:
        samples: the sound.
        phones: with their times.
        voice: whose.
        text: what is said.
        effort: how it is spoken: -1 very softly, 0 as usual, 1 shouted.
    """

    samples: Floats
    phones: tuple[Phone, ...]
    voice: str
    text: str
    effort: float = 0.0


class TrainingVoice(Protocol):
    """Somebody who can be made to say things: one voice of an engine, in one language."""

    @property
    def name(self) -> str:
        """Engine and voice, such as "kokoro af_bella"."""
        ...

    @property
    def language(self) -> str:
        """BCP 47 tag of what it reads, lower case."""
        ...

    def speak(self, text: str, *, pace: float, random: np.random.Generator) -> Utterance:
        """Says a text.

        Args:
            text: in the voice's language, as one writes it.
            pace: how many times as fast as the voice's own.
            random: decides what an engine lets vary beyond that, such as the pitch.

        Raises:
            VisavisError: the voice can't say this.
        """
        ...
