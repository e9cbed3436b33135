"""Sentences become sound: several at once where the voice can do that, handed on in their order."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np

from agent.text.sentences import Sentence
from speech.audio import OUTPUT_RATE_HZ, Resampler, Samples
from speech.errors import VisavisError
from speech.tts.base import TTS

MOST_PIECES = 2000
"""Pieces of sound (50 to 100 ms) that a sentence may have: a neural voice that finds no end is stopped there."""

SENTENCES_AHEAD = 4
"""Sentences that are spoken and not yet taken; a voice that is further ahead waits."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a spoken sentence.

    Attributes:
        samples: float32 at OUTPUT_RATE_HZ.
        words: the words that begin in it, each with the sample of the sentence at which it has been said.
    """

    samples: Samples
    words: tuple[tuple[str, int], ...]


class SentenceAudio:
    """A sentence that is being spoken.

    Attributes:
        sentence: which one.
        problem: why the voice failed, once it has.
    """

    def __init__(self, sentence: Sentence) -> None:
        self.sentence = sentence
        self.problem: str | None = None
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue(MOST_PIECES)

    async def next_piece(self) -> Piece | None:
        """The next piece; None at the end."""
        return await self._pieces.get()

    async def speak(self, voice: TTS) -> None:
        """Has the voice speak the sentence; a failure is noted and ends it."""
        try:
            await self._speak(voice)
        except VisavisError as error:
            self.problem = str(error)
        except asyncio.QueueFull:
            self.problem = f"expected the sentence to end, got more than {MOST_PIECES} pieces of sound; cut off there"
        while self._pieces.full():
            self._pieces.get_nowait()
        self._pieces.put_nowait(None)

    async def _speak(self, voice: TTS) -> None:
        rate_hz = voice.sample_rate_hz
        resampler = Resampler(rate_hz, OUTPUT_RATE_HZ)
        async with aclosing(voice.synthesize(self.sentence.text)) as chunks:
            async for chunk in chunks:
                words = tuple((word.text, word.end_sample * OUTPUT_RATE_HZ // rate_hz) for word in chunk.words)
                self._pieces.put_nowait(Piece(resampler.push(chunk.audio.samples), words))
        self._pieces.put_nowait(Piece(resampler.push(np.zeros(0, np.float32), last=True), ()))


async def speak_in_order(
    voice: TTS, sentences: asyncio.Queue[Sentence | None], spoken: asyncio.Queue[SentenceAudio | None]
) -> None:
    """Starts every sentence as soon as the voice has room for one more, and hands all on in their order.

    Args:
        voice: entered; speaks `voice.parallel` sentences at once.
        sentences: None ends them.
        spoken: takes each sentence when its speaking begins, then None.
    """
    room = asyncio.Semaphore(voice.parallel)
    async with asyncio.TaskGroup() as voices:
        while (sentence := await sentences.get()) is not None:
            await room.acquire()
            soon = SentenceAudio(sentence)
            task = voices.create_task(soon.speak(voice), name=f"voice, sentence {sentence.index}")
            task.add_done_callback(lambda _: room.release())
            await spoken.put(soon)
    await spoken.put(None)
