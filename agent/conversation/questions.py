"""Where the user's questions come from when nobody sits at a microphone: recordings and typed text."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import numpy as np

from agent.conversation.events import RecordingEnded, TypedText
from agent.conversation.session import Session
from avatar.clock import SAMPLES_PER_FRAME
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples


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

    full_duplex = False
    echo_s = 0.0

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
        """Yields the questions' sound, a frame time at a time, and each one's end."""
        fed = 0
        for question in self._questions:
            await session.floor_free()
            if isinstance(question, TypedText):
                yield question
                continue
            samples = self._padded(question.samples) if self.real_time else question.samples
            done = 0
            while done < len(samples):
                start = self._schedule(session, samples[done:]) - done
                while done < len(samples):
                    piece = samples[done : done + SAMPLES_PER_FRAME]
                    done += len(piece)
                    if self.real_time:  # a microphone hands sound over when it has sounded
                        await session.clock.reached(start + done)
                    yield AudioChunk(piece, OUTPUT_RATE_HZ, fed)
                    fed += len(piece)
                    if not session.floor_is_free:  # somebody who is being answered waits before going on
                        session.user_track.cut(start + done)
                        await session.floor_free()
                        break
            yield RecordingEnded(question.name)

    def _padded(self, samples: Samples) -> Samples:
        before, after = (
            np.zeros(round(seconds * OUTPUT_RATE_HZ), np.float32)
            for seconds in (self._pause_before_s, self._silence_after_s)
        )
        return np.concatenate([before, samples, after])

    def _schedule(self, session: Session, samples: Samples) -> int:
        """Writes what comes next to the user track, if it is to be heard; returns the output sample it starts at."""
        if not self.real_time:
            return 0
        return session.user_track.append(samples)
