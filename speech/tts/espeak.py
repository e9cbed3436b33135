"""eSpeak NG as a voice: over a hundred languages, first sound within milliseconds, exact word and phoneme times."""

from __future__ import annotations

import asyncio
import difflib
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Self

import numpy as np

from speech.audio import Samples
from speech.errors import InputError
from speech.text.spoken_text import pause_after_s, spoken_words
from speech.tts.base import SpeechChunk, Voice
from speech.tts.espeak_timeline import EspeakTimeline
from speech.tts.synthesis.espeak_engine import EspeakEngine, EspeakEvent, EspeakSettings, EspeakVoice, espeak_engine
from speech.tts.synthesis.loudness import CALIBRATION_TEXT, gain_to_speech_level, limit

FEMALE_VOICE = "en-us+f5"
MALE_VOICE = "en-us+edward"
DEFAULT_RATE_WPM = 165
DEFAULT_PITCH = 50
DEFAULT_PITCH_RANGE = 50

MOST_WORDS = 64
"""That eSpeak says in one go, in 0.1 s: it can't be halted inside of one, so a listener who is behind would keep all
others from speaking. What is longer than any sentence is said in parts, the next when the last was taken."""


class EspeakTTS:
    """Speaks with eSpeak NG. All instances share one engine, and sentences take turns: each takes it 3 ms a second.

    Args:
        voice: a language ("de", "en-gb"), an identifier ("roa/pt-BR") or a name ("Italian"), with "+variant" for
            another timbre ("en-us+f3"). Upper and lower case don't matter.
        rate_wpm: words a minute, 80 to 450.
        pitch: 0 to 99; 50 is the voice's own.
        pitch_range: liveliness of the intonation, 0 (monotone) to 99; 50 is the voice's own.
        volume: factor on the even loudness of all voices, 0 to 2.

    Raises:
        InputError: an unknown voice or variant.
        ValueError: a number is out of its range.
    """

    name = "espeak"
    phoneme_set = "espeak"
    parallel = 1

    def __init__(
        self,
        *,
        voice: str = FEMALE_VOICE,
        rate_wpm: int = DEFAULT_RATE_WPM,
        pitch: int = DEFAULT_PITCH,
        pitch_range: int = DEFAULT_PITCH_RANGE,
        volume: float = 1.0,
    ) -> None:
        _check("rate_wpm", rate_wpm, 80, 450, "words a minute")
        _check("pitch", pitch, 0, 99, "50 is the voice's own")
        _check("pitch_range", pitch_range, 0, 99, "50 is the voice's own")
        _check("volume", volume, 0.0, 2.0, "1 is the even loudness of all voices")
        self._engine = espeak_engine()
        base, variant = find_voice(self._engine, voice)
        identifier = base.identifier + (f"+{variant.identifier.removeprefix('!v/')}" if variant else "")
        self._settings = EspeakSettings(identifier, rate_wpm, pitch, pitch_range)
        self._language = base.languages[0][1]
        self._volume = volume
        self._gain: float | None = None
        self._running: set[threading.Event] = set()
        self.sample_rate_hz = self._engine.sample_rate_hz

    async def __aenter__(self) -> Self:
        """Measures how loud the voice is, once (a few milliseconds)."""
        await asyncio.get_running_loop().run_in_executor(self._engine.worker, self._calibrate)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stops whatever this voice still speaks."""
        for stop in self._running:
            stop.set()

    async def synthesize(self, text: str) -> AsyncGenerator[SpeechChunk, None]:
        """Speaks one sentence; see `TTS.synthesize`. A text without anything to say gives no chunks."""
        words = spoken_words(text, self._language, numbers=False)
        start = 0
        for first in range(0, len(words), MOST_WORDS):
            part = words[first : first + MOST_WORDS]
            pause_s = pause_after_s(text if first + MOST_WORDS >= len(words) else part[-1].spoken)
            async with aclosing(self._say(EspeakTimeline(part, self.sample_rate_hz, pause_s))) as chunks:
                end = start
                async for chunk in chunks:
                    later = chunk.begun_at(start)
                    end = later.audio.end_sample
                    yield later
            start = end

    async def _say(self, timeline: EspeakTimeline) -> AsyncGenerator[SpeechChunk, None]:
        """Has the engine say a text in one go: what its listener has not taken waits here, not in the engine."""
        loop = asyncio.get_running_loop()
        # A chunk is about a word, so `MOST_WORDS` bounds it.
        chunks: asyncio.Queue[SpeechChunk | None] = asyncio.Queue()
        stop = threading.Event()

        def hand_over(ready: SpeechChunk | None) -> None:
            if not stop.is_set():
                loop.call_soon_threadsafe(chunks.put_nowait, ready)

        def speak() -> None:
            try:
                if not stop.is_set():
                    self._speak(timeline, hand_over, stop)
            finally:
                hand_over(None)

        self._running.add(stop)
        speaking = loop.run_in_executor(self._engine.worker, speak)
        try:
            while (chunk := await chunks.get()) is not None:
                yield chunk
            await speaking
        finally:
            stop.set()
            self._running.discard(stop)
            await asyncio.wait([speaking])

    def voices(self) -> list[Voice]:
        """All languages' voices, the two recommended English ones first; "+variant" can follow any `id`."""
        english = next(voice for voice in self._engine.voices if voice.identifier == "gmw/en-US")
        recommended = [
            Voice(FEMALE_VOICE, "en-us", f"{english.name}, friendly woman", "female", "espeak"),
            Voice(MALE_VOICE, "en-us", f"{english.name}, calm man", "male", "espeak"),
        ]
        return recommended + [
            Voice(voice.languages[0][1], voice.languages[0][1], voice.name, voice.gender, "espeak")
            for voice in self._engine.voices
        ]

    def variants(self) -> list[str]:
        """The timbres that can follow a voice's `id` after a "+"."""
        return [variant.identifier.removeprefix("!v/") for variant in self._engine.variants]

    def _speak(self, timeline: EspeakTimeline, hand_over: Callable[[SpeechChunk], None], stop: threading.Event) -> None:
        gain = self._calibrate() * self._volume

        def receive(samples: Samples, events: list[EspeakEvent]) -> bool:
            for chunk in timeline.push(limit(samples * np.float32(gain)), events):
                hand_over(chunk)
            return not stop.is_set()

        self._engine.speak(timeline.text, self._settings, receive)
        if not stop.is_set():
            for chunk in timeline.finish():
                hand_over(chunk)

    def _calibrate(self) -> float:
        if self._gain is None:
            pieces: list[Samples] = []

            def collect(samples: Samples, _: list[EspeakEvent]) -> bool:
                pieces.append(samples)
                return True

            self._engine.speak(CALIBRATION_TEXT, self._settings, collect)
            self._gain = gain_to_speech_level(np.concatenate(pieces), self.sample_rate_hz)
        return self._gain


def _check(what: str, value: float, low: float, high: float, meaning: str) -> None:
    if not low <= value <= high:
        raise ValueError(f"{what}: expected {low:g} to {high:g} ({meaning}), got {value:g}")


def find_voice(engine: EspeakEngine, wanted: str) -> tuple[EspeakVoice, EspeakVoice | None]:
    """Finds a voice and its variant by language, identifier or name.

    Raises:
        InputError: there is none; the message names the nearest.
    """
    base_name, plus, variant_name = wanted.partition("+")
    named: dict[str, tuple[int, EspeakVoice]] = {}
    for voice in engine.voices:
        for priority, name in [(0, voice.identifier), (0, voice.name), *voice.languages]:
            if priority < named.get(name.lower(), (256, voice))[0]:
                named[name.lower()] = (priority, voice)
    base = _named(base_name, {name: voice for name, (_, voice) in named.items()}, f"voice {wanted!r}", "en-us")
    if not plus:
        return base, None
    variants = {name.lower(): variant for variant in engine.variants for name in (variant.name, variant.identifier[3:])}
    return base, _named(variant_name, variants, f"voice {wanted!r}, variant", "f5")


def _named(wanted: str, voices: dict[str, EspeakVoice], what: str, example: str) -> EspeakVoice:
    found = voices.get(wanted.strip().lower().replace("_", "-")) or voices.get(wanted.strip().lower())
    if found is None:
        nearest = difflib.get_close_matches(wanted.lower(), voices, n=4, cutoff=0.4) or [example]
        raise InputError(f"{what}: expected one of eSpeak NG's, got {wanted!r}; the nearest are {', '.join(nearest)}")
    return found
