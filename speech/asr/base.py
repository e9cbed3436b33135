"""Speech recognition: the protocol of a recogniser, and whole recordings through one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from types import TracebackType
from typing import Protocol, Self

from speech.audio import SPEECH_RATE_HZ, AudioChunk, Samples, chunked
from speech.events import SpeechStarted, SpeechStopped, Transcript
from speech.turns.base import PRE_ROLL_S, TurnDetector

_CHUNK_SAMPLES = SPEECH_RATE_HZ // 10
"""Length of the pieces in which a recording is listened to (0.1 s)."""

TAIL_S = 0.2
"""Seconds after the last voiced moment that the recogniser still hears: final consonants are soft."""


class ASR(Protocol):
    """A speech recogniser.

    `async with` loads it (in a thread or process of its own, never on the event loop) and really stops it at the end.
    Several utterances may be under way, each another conversation's: none of them ends or changes another.

    Attributes:
        name: what the configuration calls it.
    """

    name: str

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def transcribe(self, chunks: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript, None]:
        """Understands one utterance while it is being spoken.

        Args:
            chunks: the sound of the utterance, any rate; its end is the end of the utterance.

        Yields:
            Interim transcripts (`is_final` False) whenever they change or hold for more of the sound, then exactly one
            final transcript, whose text is "" when nothing was understood. Cancelling leaves the recogniser ready for
            the next utterance.

        Raises:
            BackendError: the recogniser failed on this utterance; the next one may be tried.
            DeviceError: the sound stopped coming.
        """
        ...


async def transcribe_recording(
    samples: Samples,
    asr: ASR,
    detector: TurnDetector,
    *,
    progress: Callable[[float], None] | None = None,
) -> AsyncGenerator[Transcript, None]:
    """Understands a whole recording, turn of speech by turn of speech; where nobody speaks, nothing is recognised.

    Args:
        samples: float32 [N] at 16 kHz, of any length.
        asr: an entered recogniser.
        detector: a fresh turn detector.
        progress: called now and then with the share done, 0 to 1.

    Yields:
        One final transcript for every turn in which words were understood, with its times in the recording.
    """

    async def replay(chunks: list[AudioChunk]) -> AsyncIterator[AudioChunk]:
        for chunk in chunks:
            yield chunk
            if progress is not None:
                progress(chunk.end_sample / len(samples))

    for turn in _turns(samples, detector):
        async for transcript in asr.transcribe(replay(turn)):
            if transcript.is_final and transcript.text:
                yield transcript
    if progress is not None:
        progress(1.0)


def _turns(samples: Samples, detector: TurnDetector) -> Iterable[list[AudioChunk]]:
    """The sound of each turn, with its pre-roll and tail."""
    open_at = 0
    taken = 0
    for chunk in [*chunked(samples, SPEECH_RATE_HZ, _CHUNK_SAMPLES), None]:
        for event in detector.flush() if chunk is None else detector.push(chunk):
            match event:
                case SpeechStarted(at_s):
                    open_at = max(taken, int((at_s - PRE_ROLL_S) * SPEECH_RATE_HZ))
                case SpeechStopped(at_s):
                    taken = min(len(samples), int((at_s + TAIL_S) * SPEECH_RATE_HZ))
                    yield [
                        AudioChunk(piece.samples, SPEECH_RATE_HZ, open_at + piece.start_sample)
                        for piece in chunked(samples[open_at:taken], SPEECH_RATE_HZ, _CHUNK_SAMPLES)
                    ]
