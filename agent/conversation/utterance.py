"""One utterance of the user on its way to the recogniser, and what is understood of it so far."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from speech.asr.base import ASR
from speech.audio import AudioChunk
from speech.events import Transcript

# Chunks on their way to the recogniser (20 to 40 ms each: ten seconds or more); when it is further behind, hearing
# waits.
QUEUED_CHUNKS = 512
# Of a pause so much more is still passed on: a recogniser that looks for pauses itself may find it a little later.
HEARD_OF_A_PAUSE_S = 0.12


class Utterance:
    """Sound goes in as it comes, interim transcripts come out meanwhile, and the words in the end.

    Args:
        ears: the recogniser.
        start_sample: where it began in the output, if its sound is there.
        on_transcript: called with every interim transcript and with the final one.

    Attributes:
        interim: the words so far.
        start_sample: as above.
        is_paused: whether the user is silent for now.
    """

    def __init__(self, ears: ASR, start_sample: int | None, on_transcript: Callable[[Transcript], None]) -> None:
        self._ears, self._on_transcript = ears, on_transcript
        self.start_sample = start_sample
        self.interim = ""
        self.is_paused = False
        self._chunks: asyncio.Queue[AudioChunk | None] = asyncio.Queue(QUEUED_CHUNKS)
        self._held: list[AudioChunk] = []  # at most the silence that ends a turn
        self._still_heard_s = 0.0
        self._is_over = False

    async def put(self, chunk: AudioChunk) -> None:
        """Appends the next sound. In a pause it is soon held back: if that ends the turn, nobody need listen to it."""
        if self.is_paused and self._still_heard_s <= 0.0:
            self._held.append(chunk)
            return
        self._still_heard_s -= len(chunk.samples) / chunk.sample_rate_hz
        await self._chunks.put(chunk)

    def pause(self) -> None:
        """The user has fallen silent, maybe for good."""
        self.is_paused = True
        self._still_heard_s = HEARD_OF_A_PAUSE_S

    async def go_on(self) -> None:
        """The user speaks again: what was held back belongs to it."""
        self.is_paused = False
        held, self._held = self._held, []
        for chunk in held:
            await self._chunks.put(chunk)

    async def end(self) -> None:
        """Says that this was all."""
        await self._chunks.put(None)

    async def words(self) -> Transcript:
        """Recognises what is put in, to its end, and returns the last transcript.

        Raises:
            VisavisError: the recogniser failed; whoever puts sound in need not know, `drop_the_rest` takes it.
        """
        transcript = Transcript("", True, 0.0, 0.0)
        async with aclosing(self._ears.transcribe(self._stream())) as transcripts:
            async for transcript in transcripts:
                self.interim = transcript.text
                self._on_transcript(transcript)
        return transcript

    async def drop_the_rest(self) -> None:
        """A recogniser that gave up takes nothing more: the hearing must not wait for it."""
        while not self._is_over:
            self._is_over = await self._chunks.get() is None

    async def _stream(self) -> AsyncGenerator[AudioChunk, None]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk
        self._is_over = True
