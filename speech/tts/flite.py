"""Flite as a voice, where its program is installed (Debian: `apt install flite`): clearer English than eSpeak NG's."""

from __future__ import annotations

import asyncio
import difflib
import functools
import shutil
import subprocess
from collections.abc import AsyncGenerator
from typing import Self

import numpy as np
import soundfile

from speech.audio import Samples
from speech.errors import BackendError, InputError, VisavisError
from speech.files.scratch import scratch_folder
from speech.text.spoken_text import SpokenWord, pause_after_s, spoken_words
from speech.tts.base import PhonemeTime, SpeechChunk, Voice, WordTime, cut_speech
from speech.tts.flite_text import clauses_of, in_flites_letters
from speech.tts.synthesis.loudness import CALIBRATION_TEXT, gain_to_speech_level, limit

SAMPLE_RATE_HZ = 16_000
CHUNK_S = 0.1
LEAD_IN_S = 0.02
"""Silence kept before the first sound: Flite leaves 0.12 to 0.25 s, which a listener would wait for nothing."""
_FADE_S = 0.005
_TIMEOUT_S = 20.0  # Flite takes 5 % of real time: a sentence that takes this long is stuck

DEFAULT_RATE_WPM = 165

# Gender, name, and the voice's own speed in words a minute as eSpeak NG counts them (both read the same 90 words), for
# the voices that Debian's flite has: it does not say itself.
_KNOWN_VOICES = {
    "slt": ("female", "SLT, American woman", 171),
    "rms": ("male", "RMS, American man", 157),
    "awb": ("male", "AWB, Scottish man", 165),
    "kal16": ("male", "KAL, American man, robotic", 177),
}
_COUNTING_VOICE = "kal16"  # the quickest (diphones): it only has to name phones

_INSTALL = "install it (Debian: apt install flite), or choose the voice engine espeak"


class FliteTTS:
    """Speaks English with the program `flite`, a process a clause, killed when the sentence is dropped.

    Phoneme times are Flite's own. Word times come from counting each word's phones in a second, tiny call, whose
    sound is thrown away; where the counts disagree they are estimated in proportion.

    Args:
        voice: one of `voices()`: "slt" (female), "rms", "awb" (male).
        rate_wpm: words a minute, 80 to 300, on the same scale as `EspeakTTS`.
        volume: factor on the even loudness of all voices, 0 to 2.

    Raises:
        InputError: flite is not installed, or the voice is unknown.
        ValueError: a number is out of its range.
    """

    name = "flite"
    phoneme_set = "radio"
    parallel = 2
    sample_rate_hz = SAMPLE_RATE_HZ

    def __init__(self, *, voice: str = "slt", rate_wpm: int = DEFAULT_RATE_WPM, volume: float = 1.0) -> None:
        if not self.available():
            raise InputError(f"voice engine flite: expected the program flite, found none; {_INSTALL}")
        if voice not in flite_voices():
            nearest = difflib.get_close_matches(voice, flite_voices(), n=3, cutoff=0.0)
            raise InputError(
                f"voice: expected one of Flite's, got {voice!r}; the nearest are {', '.join(nearest) or 'none'}"
            )
        if not 80 <= rate_wpm <= 300:
            raise ValueError(f"rate_wpm: expected 80 to 300 words a minute, got {rate_wpm}")
        if not 0.0 <= volume <= 2.0:
            raise ValueError(f"volume: expected 0 to 2 (1 is the even loudness of all voices), got {volume:g}")
        self._voice = voice
        own_rate_wpm = _KNOWN_VOICES[voice][2] if voice in _KNOWN_VOICES else DEFAULT_RATE_WPM
        self._stretch = own_rate_wpm / rate_wpm
        self._volume = volume
        self._gain: float | None = None
        self._processes: set[asyncio.subprocess.Process] = set()

    @staticmethod
    def available() -> bool:
        """Says whether the program flite is installed."""
        return shutil.which("flite") is not None

    async def __aenter__(self) -> Self:
        """Measures how loud the voice is, once (about 0.1 s); then each sentence has its own processes."""
        await self._own_gain()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Kills what still runs."""
        for process in self._processes:
            process.kill()

    async def synthesize(self, text: str) -> AsyncGenerator[SpeechChunk, None]:
        """Speaks one sentence; see `TTS.synthesize`. A text without anything to say gives no chunks.

        Flite gives nothing before a text is finished, so the first clause is spoken by itself, and the rest while the
        first is heard.
        """
        written = spoken_words(text, "en")
        if not written:
            return
        words = in_flites_letters(written)
        if not words:
            raise InputError(f"voice engine flite: expected English, got {text[:40]!r}; choose the voice engine espeak")
        clauses = clauses_of(words)
        pauses_s = [pause_after_s(clause[-1].spoken) for clause in clauses[:-1]] + [pause_after_s(text)]
        speaking = asyncio.create_task(
            self._speak(clauses[0], pauses_s[0], start_sample=0), name="flite's first clause"
        )
        try:
            for index in range(len(clauses)):
                chunks = await speaking
                if index + 1 < len(clauses):
                    end = chunks[-1].audio.end_sample
                    speaking = asyncio.create_task(
                        self._speak(clauses[index + 1], pauses_s[index + 1], start_sample=end),
                        name=f"flite's clause {index + 1}",
                    )
                for chunk in chunks:
                    yield chunk
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)

    async def _speak(self, words: list[SpokenWord], pause_s: float, *, start_sample: int) -> list[SpeechChunk]:
        """Speaks a clause to its end; `start_sample` is where it begins in the sentence."""
        # A comma after every word makes Flite put a pause between them: so each word's phones can be counted.
        apart = ", ".join(word.spoken.replace(",", "").rstrip(".!?;:") for word in words)
        try:
            async with asyncio.TaskGroup() as programs:
                speaking = programs.create_task(self._sound_of(" ".join(word.spoken for word in words)))
                counting = programs.create_task(
                    self._flite("-voice", _COUNTING_VOICE, "-ps", "-t", apart, "-o", "none")
                )
        except* VisavisError as failures:
            raise failures.exceptions[0] from None
        samples, phonemes = _trim(*speaking.result(), pause_s)
        samples = limit(samples * np.float32(await self._own_gain() * self._volume))
        phonemes = [
            PhonemeTime(phoneme.symbol, phoneme.start_sample + start_sample, phoneme.end_sample + start_sample)
            for phoneme in phonemes
        ]
        times = share_phones(words, phonemes, counting.result())
        size = round(CHUNK_S * SAMPLE_RATE_HZ)
        return cut_speech(samples, SAMPLE_RATE_HZ, times, phonemes, start_sample=start_sample, chunk_samples=size)

    async def _sound_of(self, text: str) -> tuple[Samples, list[PhonemeTime]]:
        """What Flite makes of a text: its sound, untrimmed, and the phones in it."""
        with scratch_folder() as folder:
            path = folder / "speech.wav"
            stretch = f"duration_stretch={self._stretch:.4f}"
            printed = await self._flite(
                "-voice", self._voice, "--setf", stretch, "-psdur", "-t", text, "-o", str(path)
            )  # fmt: skip
            samples, rate = await asyncio.to_thread(soundfile.read, path, dtype="float32")
        if rate != SAMPLE_RATE_HZ:
            raise InputError(
                f"Flite voice {self._voice}: expected {SAMPLE_RATE_HZ} Hz, got {rate}; choose another voice"
            )
        return samples, _phonemes(printed, len(samples))

    async def _own_gain(self) -> float:
        """What makes this voice as loud as the others; measured once."""
        if self._gain is None:
            samples, _ = await self._sound_of(CALIBRATION_TEXT)
            self._gain = gain_to_speech_level(samples, SAMPLE_RATE_HZ)
        return self._gain

    def voices(self) -> list[Voice]:
        """The voices compiled into this machine's flite; none where it is not installed."""
        return [
            Voice(voice, "en-us" if voice != "awb" else "en-gb-scotland", name, gender, "flite")
            for voice in flite_voices()
            for gender, name, _ in (_KNOWN_VOICES.get(voice, (None, voice, 0)),)
        ]

    async def _flite(self, *arguments: str) -> str:
        """Runs flite to its end and returns what it printed; kills it when this task is cancelled."""
        process = await asyncio.create_subprocess_exec(
            "flite",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._processes.add(process)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                printed, complaints = await process.communicate()
        except TimeoutError:
            raise BackendError(
                f"flite: expected an answer within {_TIMEOUT_S:g} s, got none; try a shorter text"
            ) from None
        finally:
            self._processes.discard(process)
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise BackendError(
                f"flite: expected it to speak, it ended with {process.returncode}: {complaints.decode()!r}"
            )
        return printed.decode()


@functools.lru_cache(maxsize=1)
def flite_voices() -> tuple[str, ...]:
    """Names of the voices in this machine's flite, the friendliest first; none where it is not installed.

    The 8 kHz voice and the talking clock are left out.
    """
    if not FliteTTS.available():
        return ()
    listed = subprocess.run(["flite", "-lv"], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False).stdout
    names = listed.partition(":")[2].split()
    return tuple(sorted((set(names) - {"kal", "awb_time"}), key=lambda name: (name == _COUNTING_VOICE, name != "slt")))


def _phonemes(printed: str, samples: int) -> list[PhonemeTime]:
    """Reads "pau:0.119 hh:0.212 …": each phone with the second in which it ends."""
    phonemes = []
    start = 0
    for entry in printed.split():
        symbol, _, end_s = entry.rpartition(":")
        end = min(round(float(end_s) * SAMPLE_RATE_HZ), samples)
        phonemes.append(PhonemeTime("_" if symbol == "pau" else symbol, start, max(end, start)))
        start = end
    return phonemes


def _trim(samples: Samples, phonemes: list[PhonemeTime], pause_s: float) -> tuple[Samples, list[PhonemeTime]]:
    """Makes the silence before the first phone short and that after the last one `pause_s` long."""
    spoken = [phoneme for phoneme in phonemes if phoneme.symbol != "_"]
    if not spoken:
        return samples, phonemes
    start = max(spoken[0].start_sample - round(LEAD_IN_S * SAMPLE_RATE_HZ), 0)
    end = spoken[-1].end_sample + round(pause_s * SAMPLE_RATE_HZ)
    trimmed = np.concatenate([samples[start:end], np.zeros(max(end - len(samples), 0), np.float32)])
    ramp = np.linspace(0.0, 1.0, round(_FADE_S * SAMPLE_RATE_HZ), dtype=np.float32)
    trimmed[: len(ramp)] *= ramp
    trimmed[-len(ramp) :] *= ramp[::-1]
    kept = [
        PhonemeTime(phoneme.symbol, max(phoneme.start_sample - start, 0), min(phoneme.end_sample, end) - start)
        for phoneme in phonemes
        if phoneme.end_sample > start and phoneme.start_sample < spoken[-1].end_sample
    ]
    return trimmed, [*kept, PhonemeTime("_", spoken[-1].end_sample - start, end - start)]


def share_phones(words: list[SpokenWord], phonemes: list[PhonemeTime], counted: str) -> list[WordTime]:
    """Hands the phones out to the words.

    Args:
        words: what is said.
        phonemes: their phones, and silences.
        counted: names of the phones of the same words, with "pau" after every word, as flite prints them.

    Returns:
        The words' times: exact where the words were counted, else in proportion to their letters.
    """
    spoken = [phoneme for phoneme in phonemes if phoneme.symbol != "_"]
    counts = [len(group.split()) for group in counted.split("pau") if group.strip()]
    if len(counts) != len(words) or not spoken:
        counts = [max(len(word.spoken), 1) for word in words]
    bounds = np.round(np.cumsum([0, *counts]) * (len(spoken) / sum(counts))).astype(int)
    times = []
    for word, first, last in zip(words, bounds[:-1], bounds[1:], strict=True):
        start = spoken[min(first, len(spoken) - 1)].start_sample if spoken else 0
        end = spoken[last - 1].end_sample if last > first else start
        times.append(WordTime(word.text, start, end))
    return times
