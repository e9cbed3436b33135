"""SVOX Pico as a voice: German, French, Spanish, Italian, British and American English, small and quick.

Its sound is made in a process of its own (`speech.tts.synthesis.pico_worker`).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from speech.errors import InputError
from speech.text.latin import to_latin, transliterate_words
from speech.text.spoken_text import SpokenWord, spoken_words
from speech.tts.base import Voice
from speech.tts.neural import DEFAULT_RATE_WPM, NeuralTTS, check_settings
from speech.tts.synthesis.pico_engine import SAMPLE_RATE_HZ

MALE = "+m"
"""What follows the name of a voice that is to sound like a man's."""


@dataclass(frozen=True, slots=True)
class _Language:
    """One of Pico's voices: all are women's.

    Attributes:
        name: for people to read.
        sound: which of the files is its sound.
        letters: what it reads beside ASCII.
    """

    name: str
    sound: str
    letters: str = ""


_LANGUAGES: Mapping[str, _Language] = {
    "de-DE": _Language("German", "gl0", "äöüß"),
    "fr-FR": _Language("French", "nk0", "àâæçéèêëîïôœùûüÿ"),
    "es-ES": _Language("Spanish", "zl0", "áéíóúüñ¿¡"),
    "it-IT": _Language("Italian", "cm0", "àèéìíîòóùú"),
    "en-GB": _Language("British English", "kh0"),
    "en-US": _Language("American English", "lh0"),
}

# A man's throat is longer: the same sound, slower, has his resonances; what it then lacks in speed is made up for, and
# what a man's voice is lower beyond that is asked of Pico.
_MALE_RATE_HZ = 13_600
_MALE_PITCH = 72  # per cent


class PicoTTS(NeuralTTS):
    """Speaks with SVOX Pico: 2 % of real time. Word times are exact to 4 ms in nearly all sentences.

    Args:
        folder: of Pico's files ("de-DE_ta.bin" …) in the package py-nanotts.
        voice: a language that it has, such as "de" or "de-DE"; with "+m" it sounds like a man.
        rate_wpm: words a minute, 80 to 300, on the same scale as `EspeakTTS`.
        volume: factor on the even loudness of all voices, 0 to 2.

    Raises:
        InputError: the voice is unknown; (on entering) Pico could not be loaded.
        ValueError: a number is out of its range.
    """

    name = "pico"
    parallel = 1

    def __init__(
        self, *, folder: Path, voice: str = "de-DE", rate_wpm: int = DEFAULT_RATE_WPM, volume: float = 1.0
    ) -> None:
        found = find_voice(voice)
        if found is None:
            known = difflib.get_close_matches(voice, _LANGUAGES, n=3, cutoff=0.0)
            raise InputError(f"voice: expected one of Pico's, got {voice!r}; the nearest are {', '.join(known)}")
        check_settings(rate_wpm=rate_wpm, volume=volume)
        tag, is_male = found.removesuffix(MALE), found.endswith(MALE)
        self._known = _LANGUAGES[tag]
        self._letters = frozenset(self._known.letters + self._known.letters.upper())
        super().__init__(
            worker="speech.tts.synthesis.pico_worker",
            what="SVOX Pico",
            setup={
                "library": str(_library(folder)),
                "files": [str(folder / f"{tag}_{part}.bin") for part in ("ta", f"{self._known.sound}_sg")],
                "pitch": _MALE_PITCH if is_male else 100,
                "rate_wpm": rate_wpm,
                "volume": volume,
                "language": tag.lower(),
            },
            sample_rate_hz=_MALE_RATE_HZ if is_male else SAMPLE_RATE_HZ,
            speakers=(),
            language=tag.lower(),
        )

    def _read(self, text: str) -> list[SpokenWord]:
        written = spoken_words(text, self._language)
        words = transliterate_words(written, self._in_own_letters)
        if written and not words:
            raise InputError(
                f"voice engine pico: expected {self._known.name}, got {text[:40]!r}; choose the voice engine espeak"
            )
        return words

    def voices(self) -> list[Voice]:
        """Its six voices, and what they sound like as a man's."""
        return pico_voices()

    def _in_own_letters(self, text: str) -> str:
        return "".join(letter if letter.isascii() or letter in self._letters else to_latin(letter) for letter in text)


def pico_voices() -> list[Voice]:
    """All of them, without loading any."""
    return [
        Voice(f"{tag}{suffix}", tag.lower(), f"Pico, {language.name}{what}", gender, "pico")
        for tag, language in _LANGUAGES.items()
        for suffix, what, gender in (("", "", "female"), (MALE, ", lowered", "male"))
    ]


def find_voice(wanted: str) -> str | None:
    """The voice that is meant by "de", "de-de", "de-DE+m" or "en" (British); None if it is none of Pico's."""
    name, plus, variant = wanted.strip().replace("_", "-").lower().partition("+")
    if plus + variant not in ("", MALE):
        return None
    tags = {tag.lower(): tag for tag in _LANGUAGES} | {tag.partition("-")[0]: tag for tag in _LANGUAGES}
    tags["en"] = "en-GB"
    return f"{tags[name]}{plus}{variant}" if name in tags else None


def _library(folder: Path) -> Path:
    """Pico's functions, in the package's extension module beside its files.

    Raises:
        InputError: it isn't there.
    """
    for suffix in EXTENSION_SUFFIXES:
        if (path := folder.parent / f"_nanotts{suffix}").is_file():
            return path
    raise InputError(f"voice engine pico: expected the extension module of py-nanotts in {folder.parent}, found none")
