"""A voice that is entered once for all tests of a module, and what is checked of every voice's times."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, TypeVar

import numpy as np

from agent.models.packaged import is_installed
from agent.models.packaged_catalogue import find_packaged
from speech.audio import Samples
from speech.tts.base import TTS, PhonemeTime, SpeechChunk, WordTime

Result = TypeVar("Result")


def is_missing(backend: str, name: str) -> bool:
    """Whether packaged weights are not installed."""
    model = find_packaged(backend, name)
    return model is None or not is_installed(model)


class Spoken:
    """What a voice made of a text."""

    def __init__(self, chunks: list[SpeechChunk]) -> None:
        self.chunks = chunks
        self.words: list[WordTime] = [word for chunk in chunks for word in chunk.words]
        self.phonemes: list[PhonemeTime] = [phoneme for chunk in chunks for phoneme in chunk.phonemes]
        self.texts = [word.text for word in self.words]

    @property
    def samples(self) -> Samples:
        return np.concatenate([chunk.audio.samples for chunk in self.chunks])

    def check_times(self) -> None:
        """All in order, each in the chunk in which it begins, phonemes without gaps."""
        position = 0
        for chunk in self.chunks:
            assert chunk.audio.start_sample == position
            position = chunk.audio.end_sample
            for time in (*chunk.words, *chunk.phonemes):
                assert chunk.audio.start_sample <= time.start_sample < chunk.audio.end_sample
        for times in (self.words, self.phonemes):
            assert all(time.start_sample < time.end_sample for time in times)
            assert all(before.end_sample <= after.start_sample for before, after in itertools.pairwise(times))
        for before, after in itertools.pairwise(self.phonemes):
            assert before.end_sample == after.start_sample
        assert self.phonemes[0].symbol == "_"
        assert self.phonemes[0].end_sample == self.words[0].start_sample
        assert self.phonemes[-1] == PhonemeTime("_", self.phonemes[-1].start_sample, position)


class KeptVoice:
    """Speaks with one voice as often as wanted."""

    def __init__(self, runner: asyncio.Runner, tts: TTS) -> None:
        self._runner, self._tts = runner, tts

    def run(self, scene: Callable[[TTS], Coroutine[Any, Any, Result]]) -> Result:
        """Whatever else is done with the voice."""
        return self._runner.run(scene(self._tts))

    def say(self, text: str) -> Spoken:
        async def all_chunks() -> list[SpeechChunk]:
            return [chunk async for chunk in self._tts.synthesize(text)]

        return Spoken(self._runner.run(all_chunks()))

    def say_at_once(self, *texts: str) -> list[Spoken]:
        """As `say`, each in a conversation of its own."""

        async def all_chunks(text: str) -> list[SpeechChunk]:
            return [chunk async for chunk in self._tts.synthesize(text)]

        async def together() -> list[list[SpeechChunk]]:
            return await asyncio.gather(*map(all_chunks, texts))

        return [Spoken(chunks) for chunks in self._runner.run(together())]

    def check_several_at_once(self, *texts: str) -> None:
        """Each text sounds as it does alone, to the sample, with the same times."""
        for beside, text in zip(self.say_at_once(*texts), texts, strict=True):
            alone = self.say(text)
            assert np.array_equal(beside.samples, alone.samples), text
            assert (beside.words, beside.phonemes) == (alone.words, alone.phonemes)

    def begin(self, text: str) -> SpeechChunk:
        """The first chunk; then it is cancelled."""

        async def first_chunk() -> SpeechChunk:
            async with aclosing(self._tts.synthesize(text)) as chunks:
                return await anext(chunks)

        return self._runner.run(first_chunk())


@contextmanager
def kept(tts: TTS) -> Iterator[KeptVoice]:
    """Enters a voice."""
    with asyncio.Runner() as runner:
        runner.run(tts.__aenter__())
        try:
            yield KeptVoice(runner, tts)
        finally:
            runner.run(tts.__aexit__())
