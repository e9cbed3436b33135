"""One utterance of the user on its way to the recogniser, and what is understood of it so far."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from speech.asr.base import ASR
from speech.audio import AudioChunk
from speech.events import Transcript
from speech.turns.base import WORDS_MISS_S

# Chunks on their way to the recogniser (20 to 40 ms each: ten seconds or more); when it is further behind, hearing
# waits.
QUEUED_CHUNKS = 512
# Of a pause so much more is still passed on: a recogniser that looks for pauses itself may find it later, above all in
# what comes over a network, with the noise that codecs put into pauses.
HEARD_OF_A_PAUSE_S = 0.4


class Utterance:
    """Sound goes in as it comes, interim transcripts come out meanwhile, and the words in the end.

    Args:
        ears: the recogniser.
        start_sample: where it began in the output, if its sound is there.
        on_transcript: called with every interim transcript and with the final one, and whether its words are new.

    Attributes:
        understood: the words so far, and how much of the sound they hold for.
        start_sample: as above.
        paused_s: where the user fell silent on the input stream; None while the user speaks.
    """

    def __init__(self, ears: ASR, start_sample: int | None, on_transcript: Callable[[Transcript, bool], None]) -> None:
        self._ears, self._on_transcript = ears, on_transcript
        self.start_sample = start_sample
        self.understood = Transcript("", False, 0.0, 0.0)
        self.paused_s: float | None = None
        self._chunks: asyncio.Queue[AudioChunk | None] = asyncio.Queue(QUEUED_CHUNKS)
        self._held: list[AudioChunk] = []  # at most the silence that ends a turn
        self._still_heard_s = 0.0
        self._is_over = False

    async def put(self, chunk: AudioChunk) -> None:
        """Appends the next sound. In a pause it is soon held back: if that ends the turn, nobody need listen to it."""
        if self.paused_s is not None and self._still_heard_s <= 0.0:
            self._held.append(chunk)
            return
        self._still_heard_s -= len(chunk.samples) / chunk.sample_rate_hz
        await self._chunks.put(chunk)

    def pause(self, at_s: float) -> None:
        """The user has fallen silent, maybe for good."""
        self.paused_s = at_s
        self._still_heard_s = HEARD_OF_A_PAUSE_S

    @property
    def early_words(self) -> str:
        """The words before a pause, once they hold for all that was said; "" while the user speaks."""
        if self.paused_s is None or self.understood.end_s < self.paused_s - WORDS_MISS_S:
            return ""
        return self.understood.text

    async def go_on(self) -> None:
        """The user speaks again: what was held back belongs to it."""
        self.paused_s = None
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
                is_new = transcript.is_final or transcript.text != self.understood.text
                self.understood = transcript
                self._on_transcript(transcript, is_new)
        return transcript

    async def drop_the_rest(self) -> None:
        """A recogniser that gave up takes nothing more: the hearing must not wait for it."""
        while not self._is_over:
            self._is_over = await self._chunks.get() is None

    async def _stream(self) -> AsyncGenerator[AudioChunk, None]:
        while (chunk := await self._chunks.get()) is not None:
            yield chunk
        self._is_over = True
