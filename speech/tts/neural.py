"""A neural voice in a process of its own: what all of them share.

Their workers are `speech.tts.coqui_worker` and `speech.tts.synthesis.onnx_voice_worker`. A sentence is one call with
its spoken words; the answers are pieces of finished sound (float32) with the words and the phonemes that begin in them.
"""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Self

import numpy as np

from speech.errors import InputError, VisavisError
from speech.text.spoken_text import SpokenWord, pause_after_s, spoken_words
from speech.tts.base import PhonemeTime, SpeechChunk, Voice, WordTime, cut_speech
from speech.worker.kept import KeptWorker

DEFAULT_RATE_WPM = 165
CHUNK_S = 0.1


class NeuralTTS:
    """A voice whose work is done by a worker process; the process is started again if it died.

    Args:
        worker: the module of its worker.
        what: what people call it: "Coqui".
        setup: what the worker is to load, all but the sample rate; see the worker.
        sample_rate_hz: of its sound.
        speakers: the names of its voices; empty where it has only one, without a name.
        language: BCP 47 tag of what it reads.

    Raises:
        VisavisError: (on entering) the worker could not load.
    """

    name: str
    phoneme_set = "none"
    parallel: int

    def __init__(
        self,
        *,
        worker: str,
        what: str,
        setup: Mapping[str, Any],
        sample_rate_hz: int,
        speakers: Sequence[str],
        language: str,
    ) -> None:
        self.sample_rate_hz = sample_rate_hz
        self._kept = KeptWorker(worker, {**setup, "sample_rate_hz": sample_rate_hz}, what=what)
        self._speakers, self._language = speakers, language

    async def __aenter__(self) -> Self:
        """Loads the model and measures how loud and how fast the voice is, once."""
        await self._kept.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stops whatever this voice still speaks."""
        await self._kept.stop()

    async def synthesize(self, text: str) -> AsyncGenerator[SpeechChunk, None]:
        """Speaks one sentence; see `speech.tts.base.TTS.synthesize`. A text without anything to say gives no chunks."""
        words = self._read(text)
        if not words:
            return
        fields = {"words": [word.spoken for word in words], "pause_s": pause_after_s(text)}
        start = 0
        try:
            worker = await self._kept.running()
            async with aclosing(worker.request(fields)) as items:
                async for item in items:
                    times = [WordTime(words[index].text, first, last) for index, first, last in item.fields["words"]]
                    phonemes = [PhonemeTime(*phoneme) for phoneme in item.fields["phonemes"]]
                    samples = np.frombuffer(item.payload, "<f4").astype(np.float32)
                    size = round(CHUNK_S * self.sample_rate_hz)
                    for chunk in cut_speech(
                        samples, self.sample_rate_hz, times, phonemes, start_sample=start, chunk_samples=size
                    ):
                        yield chunk
                    start += len(samples)
        except VisavisError as error:
            raise type(error)(f"voice engine {self.name}: {error}") from None

    def _read(self, text: str) -> list[SpokenWord]:
        """The words of a text as the voice is to say them; none where there is nothing to say.

        Raises:
            InputError: the voice can say none of it.
        """
        return spoken_words(text, self._language)

    def voices(self) -> list[Voice]:
        """The model's voices."""
        return [Voice(speaker, self._language, speaker, None, self.name) for speaker in self._speakers]


def check_settings(*, rate_wpm: int, volume: float) -> None:
    """Checks numbers before anything is loaded.

    Raises:
        ValueError: one is out of its range.
    """
    if not 80 <= rate_wpm <= 300:
        raise ValueError(f"rate_wpm: expected 80 to 300 words a minute, got {rate_wpm}")
    if not 0.0 <= volume <= 2.0:
        raise ValueError(f"volume: expected 0 to 2 (1 is the even loudness of all voices), got {volume:g}")


def check_package(engine: str, package: str, *, module: str, install: str) -> None:
    """Checks that a package is installed, without importing it.

    Args:
        engine: the voice that needs it.
        package: its name.
        module: what it brings.
        install: the command that installs it.

    Raises:
        InputError: it isn't.
    """
    if importlib.util.find_spec(module) is None:
        raise InputError(f"voice engine {engine}: expected the package {package}, it is not installed; run: {install}")


def choose_speaker(voice: str, preferred: str, speakers: Sequence[str]) -> str:
    """The speaker that is meant: the one named, else the preferred one where there is such, else the first.

    Returns:
        Its name; "" for a model with one nameless voice.

    Raises:
        InputError: there is none of the name; the message names some.
    """
    if not voice:
        return preferred if preferred in speakers else next(iter(speakers), "")
    if voice not in speakers:
        if not speakers:
            raise InputError(f"voice: expected none, because the model has only one without a name, got {voice!r}")
        nearest = difflib.get_close_matches(voice, speakers, n=4, cutoff=0.0)
        raise InputError(f"voice: expected one of the model's, got {voice!r}; the nearest are {', '.join(nearest)}")
    return voice
