"""An utterance on its way to the recogniser: what it hears of a pause."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np

from agent.conversation.listening.utterance import Utterance
from speech.audio import SPEECH_RATE_HZ, AudioChunk
from speech.events import Transcript
from tests.fakes import ScriptedEars


class LateEars(ScriptedEars):
    """Finds the pause itself, 0.2 s later than the turn detector: soft noise sounds like a voice to it."""

    async def transcribe(self, chunks: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript, None]:
        end_s = 0.0
        async for chunk in chunks:
            end_s = chunk.end_sample / chunk.sample_rate_hz
            if end_s >= 1.32:
                yield Transcript("tell me more", False, 0.0, 1.1)
        yield Transcript("tell me more", True, 0.0, end_s)


def test_a_recogniser_that_finds_the_pause_later_still_tells_the_words_in_it() -> None:
    """Where it heard too little of the pause, the words came only when the turn had ended by silence alone."""

    async def main() -> str:
        utterance = Utterance(LateEars([]), None, lambda transcript, is_new: None)
        hearing = asyncio.create_task(utterance.words())
        for start in range(0, 2 * SPEECH_RATE_HZ, 320):
            if start == round(1.1 * SPEECH_RATE_HZ):
                utterance.pause(1.0)
            await utterance.put(AudioChunk(np.zeros(320, np.float32), SPEECH_RATE_HZ, start))
            await asyncio.sleep(0)
        words = utterance.early_words
        await utterance.end()
        await hearing
        return words

    assert asyncio.run(main()) == "tell me more"
