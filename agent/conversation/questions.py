"""A user who is not there: recordings and typed text, each asked when the one before has been answered."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np

from agent.conversation.audio_io import Heard, Stage, UserSound
from agent.conversation.events import RecordingEnded, TypedText
from avatar.clock import SAMPLES_PER_FRAME
from speech.audio import OUTPUT_RATE_HZ, AudioChunk, Samples


@dataclass(frozen=True, slots=True)
class RecordedQuestion:
    """A recorded question: float32 [N] at OUTPUT_RATE_HZ, and its name for messages."""

    name: str
    samples: Samples


class Questions:
    """Asks one question after the other; an `AudioIO` that plays nothing, as the outputs have the sound.

    Args:
        questions: recordings and texts, in order.
        silence_after_s: with `real_time`, the silence that follows each recording, for the end of the turn.
        pause_before_s: with `real_time`, the silence before each question.
        real_time: feed the sound at its own pace on the conversation's clock, as a microphone would, and write it to
            the user's track; else as fast as it is taken, while the clock stands still.
    """

    player = None

    def __init__(
        self,
        questions: Sequence[RecordedQuestion | TypedText],
        *,
        real_time: bool,
        silence_after_s: float = 0.0,
        pause_before_s: float = 0.0,
    ) -> None:
        self._questions = questions
        self.real_time = real_time
        self.hears = any(isinstance(question, RecordedQuestion) for question in questions)
        self._silence_after_s, self._pause_before_s = silence_after_s, pause_before_s

    @asynccontextmanager
    async def open(self, stage: Stage) -> AsyncGenerator[AsyncGenerator[Heard, None], None]:
        """See `AudioIO.open`."""
        yield self._asked(stage)

    async def _asked(self, stage: Stage) -> AsyncGenerator[Heard, None]:
        """The questions' sound, a frame time at a time, and each one's end."""
        fed = 0
        for question in self._questions:
            await stage.floor.free()
            if isinstance(question, TypedText):
                yield question
                continue
            samples = self._padded(question.samples) if self.real_time else question.samples
            done = 0
            while done < len(samples):
                # Where what comes next begins in the output; in no time it is not part of that.
                start = stage.user.append(samples[done:]) - done if self.real_time else 0
                while done < len(samples):
                    piece = samples[done : done + SAMPLES_PER_FRAME]
                    done += len(piece)
                    if self.real_time:  # a microphone hands sound over when it has sounded
                        await stage.clock.reached(start + done)
                    yield UserSound.of(AudioChunk(piece, OUTPUT_RATE_HZ, fed))
                    fed += len(piece)
                    if not stage.floor.is_free:  # somebody who is being answered waits before going on
                        stage.user.cut(start + done)
                        await stage.floor.free()
                        break
            yield RecordingEnded(question.name)

    def _padded(self, samples: Samples) -> Samples:
        before, after = (
            np.zeros(round(seconds * OUTPUT_RATE_HZ), np.float32)
            for seconds in (self._pause_before_s, self._silence_after_s)
        )
        return np.concatenate([before, samples, after])
