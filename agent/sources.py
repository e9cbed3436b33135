"""Where the user's questions come from when nobody sits at a microphone: recordings and typed text."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import numpy as np

from agent.session import RecordingEnded, Session, TypedText
from avatar.clock import SAMPLES_PER_FRAME
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples, chunked

# What a microphone delivers at a time: 20 ms.
CHUNK_SAMPLES = OUTPUT_RATE_HZ // 50


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded question: float32 [N] at OUTPUT_RATE_HZ, and its name for messages."""

    name: str
    samples: Samples


class Questions:
    """Asks one question after the other, each when the one before has been answered.

    Args:
        questions: recordings and texts, in order.
        silence_after_s: with `real_time`, the silence that follows each recording, for the end of the turn.
        pause_before_s: with `real_time`, the silence before each question.
        real_time: feed the sound at its own pace on the session's clock, as a microphone would, and write it to the
            session's user track; else as fast as it is taken, while the clock stands still.
    """

    def __init__(
        self,
        questions: Sequence[Recording | TypedText],
        *,
        real_time: bool,
        silence_after_s: float = 0.0,
        pause_before_s: float = 0.0,
    ) -> None:
        self._questions = questions
        self.real_time = real_time
        self._silence_after_s, self._pause_before_s = silence_after_s, pause_before_s

    async def items(self, session: Session) -> AsyncGenerator[AudioChunk | TypedText | RecordingEnded, None]:
        """Yields the questions' sound in chunks of 20 ms, and each one's end."""
        fed = 0
        for question in self._questions:
            await session.floor_free()
            if isinstance(question, TypedText):
                yield question
                continue
            samples = question.samples
            if self.real_time:
                before, after = (
                    np.zeros(round(seconds * OUTPUT_RATE_HZ), np.float32)
                    for seconds in (self._pause_before_s, self._silence_after_s)
                )
                samples = np.concatenate([before, samples, after])
            for chunk in chunked(samples, OUTPUT_RATE_HZ, CHUNK_SAMPLES):
                if self.real_time:
                    start = session.user_track.append(chunk.samples, not_before=session.clock.position)
                    # A microphone hands a chunk over when its last sample has sounded.
                    await session.clock.reached(start + len(chunk.samples))
                yield AudioChunk(chunk.samples, OUTPUT_RATE_HZ, fed)
                fed += len(chunk.samples)
                await session.floor_free()
            yield RecordingEnded(question.name)


assert SAMPLES_PER_FRAME % CHUNK_SAMPLES == 0, "chunks must end where frames end, or the last one waits for a frame"
