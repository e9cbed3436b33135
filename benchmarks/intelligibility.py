"""How well the voices are understood: Whisper base hears sentences that they say, and its wrong words are counted.

The sentences (sentences/LANGUAGE.txt: questions, numbers, dates, names, long ones; 100 in English, 30 in each other
language) were written for this before any voice had said them. What was written and what was heard are both read as
`speech.text.spoken_text` reads them, so that "10:30" and "ten thirty" are the same words.

Run as `python -m benchmarks.intelligibility [VOICE ...]` in the project's folder; a voice is named as for --voice.
Whisper takes a second or two a sentence.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import numpy as np
import soxr

from agent.backends.making import make_voice
from agent.config.config import load_config
from agent.models.packaged import packaged_path
from agent.models.packaged_catalogue import find_packaged
from benchmarks.ears import word_errors
from benchmarks.report import print_machine
from speech.audio import SPEECH_RATE_HZ, Samples
from speech.text.spoken_text import spoken_words

SENTENCES = Path(__file__).parent / "sentences"
VOICES = (
    "heart", "en_US-joe-medium", "pico:en-GB", "pico:en-GB+m", "slt", "rms", "en-us+f5", "en-us+edward", "espeak:en-gb",
    "pico:de-DE", "pico:de-DE+m", "espeak:de", "pico:fr-FR", "pico:fr-FR+m", "espeak:fr",
    "pico:es-ES", "pico:es-ES+m", "espeak:es", "pico:it-IT", "pico:it-IT+m", "espeak:it",
)  # fmt: skip
_LANGUAGE = re.compile(r"(?:\w+:)?([a-z]{2})[-_+]|(?:\w+:)([a-z]{2})$")
_TIME = re.compile(r"\b(\d{1,2})\.(\d\d)\b")
# Two spellings of one word are no error.
_SPELLINGS = ((r"our(s?)\b", r"or\1"), (r"tre(s?)\b", r"ter\1"), (r"\bgood bye\b", "goodbye"), (r"\bokay\b", "ok"))


def main() -> None:
    """Reads the command line, measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voices", nargs="*", default=VOICES, help="which; all of ours if none is named")
    parser.add_argument("--every", type=int, default=1, help="take every n-th sentence (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of Whisper (%(default)s)")
    parser.add_argument("--show", action="store_true", help="show what was heard otherwise")
    arguments = parser.parse_args()
    print_machine("faster-whisper", "ctranslate2", "hibari-tts", "py-nanotts", threads=arguments.threads, model="base")
    asyncio.run(measure(arguments.voices, arguments.every, arguments.threads, show=arguments.show))


async def measure(voices: Sequence[str], every: int, threads: int, *, show: bool) -> None:
    """Prints a line for each voice: wrong words, sentences without an error, its time over the time spoken."""
    from faster_whisper import WhisperModel

    base = find_packaged("faster-whisper", "base")
    assert base is not None
    whisper = WhisperModel(str(packaged_path(base)), device="cpu", compute_type="int8", cpu_threads=threads)
    for name in voices:
        found = _LANGUAGE.match(name)
        language = next((code for code in found.groups() if code), "en") if found else "en"
        sentences = (SENTENCES / f"{language}.txt").read_text("utf-8").splitlines()[::every]
        wrong = words = perfect = 0
        took_s = spoken_s = 0.0
        async with make_voice(load_config(None, [f"voice.voice={name}"], {})) as voice:
            for sentence in sentences:
                began = time.perf_counter()
                async with aclosing(voice.synthesize(sentence)) as chunks:
                    sound = np.concatenate([chunk.audio.samples async for chunk in chunks])
                took_s += time.perf_counter() - began
                spoken_s += len(sound) / voice.sample_rate_hz
                samples: Samples = soxr.resample(sound, voice.sample_rate_hz, SPEECH_RATE_HZ)
                pieces, _ = whisper.transcribe(samples, language=language, beam_size=5, temperature=0.0)
                heard = " ".join(piece.text.strip() for piece in pieces)
                expected = words_of(sentence, language)
                # Whisper writes times as "10.30" as well, which alone is a number.
                readings = [words_of(written, language) for written in {heard, _TIME.sub(r"\1:\2", heard)}]
                errors = min(word_errors(joined(expected, read), joined(read, expected)) for read in readings)
                wrong, words, perfect = wrong + errors, words + len(expected), perfect + (errors == 0)
                if errors and show:
                    print(f"    {errors}  {sentence}\n       {heard}", flush=True)
        share = f"{took_s / spoken_s:.3f} x"
        print(f"{name:<18} {wrong / words:6.1%} of {words} words wrong, {perfect} of {len(sentences)} perfect, {share}")


def words_of(text: str, language: str) -> list[str]:
    """The words of a written text as they are said, without marks and capitals, in one spelling."""
    said = " ".join(word.spoken for word in spoken_words(text, language)).lower().replace("œ", "oe")
    said = re.sub(r"[^\w']|(?<!\w)'|'(?!\w)", " ", said if language == "en" else said.replace("'", " "))
    for pattern, replacement in _SPELLINGS if language == "en" else ():
        said = re.sub(pattern, replacement, said)
    return said.split()


def joined(words: list[str], others: list[str]) -> list[str]:
    """The words, two of which are one where the others have them as one: "gerade aus", "on to"."""
    out: list[str] = []
    for word in words:
        if out and f"{out[-1]}{word}" in others:
            out[-1] += word
        else:
            out.append(word)
    return out


if __name__ == "__main__":
    main()
