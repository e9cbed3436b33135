"""SVOX Pico as a voice: German, French, Spanish, Italian, British and American English, small and quick.

Its sound is made in a process of its own (`speech.pico_worker`).
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Self

import numpy as np

from speech.clauses import clauses_of, in_letters
from speech.errors import InputError
from speech.kept_worker import KeptWorker
from speech.latin import to_latin
from speech.pico_engine import SAMPLE_RATE_HZ
from speech.spoken_text import SpokenWord, pause_after_s, spoken_words
from speech.tts import SpeechChunk, Voice, WordTime, cut_speech

DEFAULT_RATE_WPM = 165
CHUNK_S = 0.1
MALE = "+m"
"""What follows the name of a voice that is to sound like a man's."""


@dataclass(frozen=True, slots=True)
class _Language:
    """One of Pico's voices: all are women's.

    Attributes:
        name: for people to read.
        sound: which of the files is its sound.
        own_rate_wpm: its own speed in words a minute as eSpeak NG counts them (both read the same text).
        letters: what it reads beside ASCII.
    """

    name: str
    sound: str
    own_rate_wpm: int
    letters: str = ""


_LANGUAGES: Mapping[str, _Language] = {
    "de-DE": _Language("German", "gl0", 154, "äöüß"),
    "fr-FR": _Language("French", "nk0", 158, "àâæçéèêëîïôœùûüÿ"),
    "es-ES": _Language("Spanish", "zl0", 148, "áéíóúüñ¿¡"),
    "it-IT": _Language("Italian", "cm0", 150, "àèéìíîòóùú"),
    "en-GB": _Language("British English", "kh0", 163),
    "en-US": _Language("American English", "lh0", 159),
}

# A man's throat is longer: the same sound, slower, has his resonances; what it then lacks in speed is made up for, and
# what a man's voice is lower beyond that is asked of Pico.
_MALE_RATE_HZ = 13_600
_MALE_PITCH = 72  # per cent


class PicoTTS:
    """Speaks with SVOX Pico. Word times are exact to 4 ms in nearly all sentences, see `speech.pico_marks`.

    Args:
        folder: of Pico's files ("de-DE_ta.bin" …) in the package py-nanotts.
        voice: a language that it has, such as "de" or "de-DE"; with "+m" it sounds like a man.
        rate_wpm: words a minute, 80 to 300, on the same scale as `EspeakTTS`.
        volume: factor on the even loudness of all voices, 0 to 2.

    Raises:
        InputError: the voice is unknown, or a number is out of its range; (on entering) Pico could not be loaded.
    """

    name = "pico"
    phoneme_set = "none"
    parallel = 1

    def __init__(
        self, *, folder: Path, voice: str = "de-DE", rate_wpm: int = DEFAULT_RATE_WPM, volume: float = 1.0
    ) -> None:
        tag = find_voice(voice)
        if tag is None:
            known = difflib.get_close_matches(voice, _LANGUAGES, n=3, cutoff=0.0)
            raise InputError(f"voice: expected one of Pico's, got {voice!r}; the nearest are {', '.join(known)}")
        if not 80 <= rate_wpm <= 300:
            raise InputError(f"rate_wpm: expected 80 to 300 words a minute, got {rate_wpm}")
        if not 0.0 <= volume <= 2.0:
            raise InputError(f"volume: expected 0 to 2 (1 is the even loudness of all voices), got {volume:g}")
        is_male = tag.endswith(MALE)
        self._tag = tag.removesuffix(MALE)
        self._language = _LANGUAGES[self._tag]
        self._letters = frozenset(self._language.letters + self._language.letters.upper())
        self.sample_rate_hz = _MALE_RATE_HZ if is_male else SAMPLE_RATE_HZ
        faster = rate_wpm / self._language.own_rate_wpm * SAMPLE_RATE_HZ / self.sample_rate_hz
        setup = {
            "library": str(_library(folder)),
            "files": [str(folder / f"{self._tag}_{part}.bin") for part in ("ta", f"{self._language.sound}_sg")],
            "speed": round(100 * faster),
            "pitch": _MALE_PITCH if is_male else 100,
            "sample_rate_hz": self.sample_rate_hz,
            "volume": volume,
        }
        self._kept = KeptWorker("speech.pico_worker", setup, what="SVOX Pico")

    async def __aenter__(self) -> Self:
        """Loads the voice and measures how loud it is, once."""
        await self._kept.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Ends the process."""
        await self._kept.stop()

    async def synthesize(self, text: str) -> AsyncGenerator[SpeechChunk, None]:
        """Speaks one sentence; see `TTS.synthesize`. A text without anything to say gives no chunks.

        Its first clause is spoken by itself, the rest while the first is heard.
        """
        written = spoken_words(text, self._tag)
        if not written:
            return
        words = in_letters(written, self._in_own_letters)
        if not words:
            raise InputError(
                f"voice engine pico: expected {self._language.name}, got {text[:40]!r}; choose the voice engine espeak"
            )
        clauses = clauses_of(words)
        pauses_s = [pause_after_s(clause[-1].spoken) for clause in clauses[:-1]] + [pause_after_s(text)]
        speaking = asyncio.create_task(self._speak(clauses[0], pauses_s[0], start_sample=0), name="pico's first clause")
        try:
            for index in range(len(clauses)):
                chunks = await speaking
                if index + 1 < len(clauses):
                    end = chunks[-1].audio.end_sample
                    speaking = asyncio.create_task(
                        self._speak(clauses[index + 1], pauses_s[index + 1], start_sample=end),
                        name="pico's next clause",
                    )
                for chunk in chunks:
                    yield chunk
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)

    async def _speak(self, words: list[SpokenWord], pause_s: float, *, start_sample: int) -> list[SpeechChunk]:
        """Speaks a clause to its end; `start_sample` is where it begins in the sentence."""
        fields = {"words": [word.spoken for word in words], "pause_s": pause_s}
        chunks: list[SpeechChunk] = []
        try:
            worker = await self._kept.running()
            async with aclosing(worker.request(fields)) as items:
                async for item in items:
                    times = [
                        WordTime(word.text, start_sample + first, start_sample + last)
                        for word, (first, last) in zip(words, item.fields["words"], strict=True)
                    ]
                    samples = np.frombuffer(item.payload, "<f4").astype(np.float32)
                    size = round(CHUNK_S * self.sample_rate_hz)
                    chunks = cut_speech(
                        samples, self.sample_rate_hz, times, (), start_sample=start_sample, chunk_samples=size
                    )
        except InputError as error:
            raise InputError(f"voice engine pico: {error}") from None
        return chunks

    def voices(self) -> list[Voice]:
        """Its six voices, and what they sound like as a man's."""
        return [
            Voice(f"{tag}{suffix}", tag.lower(), f"Pico, {language.name}{what}", gender, "pico")
            for tag, language in _LANGUAGES.items()
            for suffix, what, gender in (("", "", "female"), (MALE, ", lowered", "male"))
        ]

    def _in_own_letters(self, text: str) -> str:
        return "".join(letter if letter.isascii() or letter in self._letters else to_latin(letter) for letter in text)


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
