"""A recogniser that may be exchanged for another between two utterances."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Self

from speech.asr.base import ASR
from speech.audio import AudioChunk
from speech.events import Transcript


class ExchangedASR:
    """See `speech.asr.base.ASR`; the recogniser is entered and left by whoever lends it.

    Args:
        asr: entered.
    """

    name: str

    def __init__(self, asr: ASR) -> None:
        self.hear_with(asr)

    def hear_with(self, asr: ASR) -> None:
        """From the next utterance on, another one understands; entered."""
        self._asr, self.name = asr, asr.name

    async def __aenter__(self) -> Self:
        """Nothing to load."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Nothing to stop."""

    def transcribe(self, chunks: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript, None]:
        """Understands one utterance; see `speech.asr.base.ASR.transcribe`."""
        return self._asr.transcribe(chunks)
