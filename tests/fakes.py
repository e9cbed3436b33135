"""Parts that do what they are told, at the virtual time they are told, behind the real protocols."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Self

import numpy as np

from agent.llm.base import Conversation, Message
from avatar.clock import SAMPLES_PER_FRAME
from avatar.decoder import VideoFrame
from avatar.motion import (
    LOOK_AHEAD_FRAMES,
    Controls,
    ConversationState,
    Emotion,
    Floats,
    Gesture,
    Motion,
    MotionLayout,
    neutral,
)
from speech.audio import AudioChunk, Samples
from speech.errors import InputError
from speech.events import Transcript
from speech.tts.base import SpeechChunk, Voice, WordTime


class _Entered:
    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        pass


class LoudnessVAD:
    """A voice is whatever is loud."""

    def probability(self, window: Samples) -> float:
        return float(np.sqrt(np.mean(window**2)) > 0.05)

    def reset(self) -> None:
        pass


class ScriptedEars(_Entered):
    """Hears the scripted texts, one an utterance, `delay_s` after its end; `interim` come with its first sound.

    A text that ends in "(?)" is doubtful, without that mark.
    """

    name = "scripted ears"

    def __init__(self, texts: Sequence[str | InputError], delay_s: float = 0.1, interim: Sequence[str] = ()) -> None:
        self._texts, self._interim = list(texts), list(interim)
        self._delay_s = delay_s
        self.heard_s: list[float] = []

    async def transcribe(self, chunks: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript, None]:
        if self._texts and isinstance(self._texts[0], InputError):
            raise self._texts.pop(0)  # gives up at once, without listening to the end
        received = []
        async for chunk in chunks:
            if not received and self._interim:
                yield Transcript(self._interim.pop(0), False, 0.0, math.inf)
            received.append(chunk)
        self.heard_s.append(sum(chunk.duration_s for chunk in received))
        await asyncio.sleep(self._delay_s)
        text = str(self._texts.pop(0))
        yield Transcript(text.removesuffix("(?)"), True, 0.0, self.heard_s[-1], text.endswith("(?)"))


class ScriptedMind(_Entered):
    """Gives the scripted reply to a question, word by word, each after `delay_s`; an exception is raised instead."""

    name = "scripted mind"
    preparing = problem = ""

    def __init__(self, replies: Mapping[str, str | Exception], delay_s: float = 0.05) -> None:
        self._replies, self._delay_s = replies, delay_s
        self.histories: list[tuple[Message, ...]] = []
        self.closed = 0

    def conversation(self) -> AbstractContextManager[Conversation]:
        return nullcontext(self)

    async def stream(self, history: Sequence[Message], text: str) -> AsyncGenerator[str, None]:
        self.histories.append(tuple(history))
        try:
            reply = self._replies[text]
            if isinstance(reply, Exception):
                raise reply
            for word in reply.split():
                await asyncio.sleep(self._delay_s)
                yield word + " "
        finally:
            self.closed += 1


class ToneVoice(_Entered):
    """Says every word as `word_s` of a tone, in chunks of 50 ms, a sentence after `delay_s`."""

    name = "tone voice"
    sample_rate_hz = 24_000
    phoneme_set = "none"

    def __init__(
        self,
        word_s: float = 0.2,
        delay_s: float = 0.02,
        fails_on: str = "\0",
        stubborn: bool = False,
        parallel: int = 1,
    ) -> None:
        self._word_s, self._delay_s, self._fails_on, self._stubborn = word_s, delay_s, fails_on, stubborn
        self.parallel = parallel
        self.spoken: list[str] = []

    async def synthesize(self, text: str) -> AsyncGenerator[SpeechChunk, None]:
        self.spoken.append(text)
        await self._pause()
        if self._fails_on in text:
            raise InputError("the voice broke")
        length = round(self._word_s * self.sample_rate_hz)
        words = [WordTime(word, i * length, (i + 1) * length) for i, word in enumerate(text.split())]
        tone = (0.3 * np.sin(np.arange(length * len(words)) * 0.05)).astype(np.float32)
        step = self.sample_rate_hz // 20
        for start in range(0, len(tone), step):
            piece = AudioChunk(tone[start : start + step], self.sample_rate_hz, start)
            yield SpeechChunk(piece, tuple(w for w in words if start <= w.start_sample < start + step), ())
            await self._pause()

    async def _pause(self) -> None:
        """A stubborn voice is a badly written backend: it swallows its cancellation and goes on."""
        try:
            await asyncio.sleep(self._delay_s)
        except asyncio.CancelledError:
            if not self._stubborn:
                raise

    def voices(self) -> list[Voice]:
        return []


class LoudnessSampler:
    """Opens the jaw with the sound's level, in blocks of `block` frames, by the real streaming contract."""

    def __init__(self, block: int = 5) -> None:
        self._block = block
        self._sound: Samples = np.zeros(0, np.float32)
        self.frame = 0
        self.rewinds: list[int] = []
        self.states: list[ConversationState] = []
        self.emotions: list[tuple[int, Emotion | None]] = []
        self.gestures: list[tuple[int, Gesture | None]] = []
        self.nods: list[tuple[int, int]] = []

    def push(self, chunk: AudioChunk) -> None:
        assert chunk.start_sample == len(self._sound), "the sound must come without gaps"
        self._sound = np.concatenate([self._sound, chunk.samples])

    def frames(self, ready: int = 0) -> Motion:
        if len(self._sound) < (self.frame + self._block + LOOK_AHEAD_FRAMES) * SAMPLES_PER_FRAME:
            return Motion(neutral(0), self.frame)
        values = neutral(self._block)
        for i in range(self._block):
            start = (self.frame + i) * SAMPLES_PER_FRAME
            values[i, MotionLayout.INDEX["jawOpen"]] = np.abs(self._sound[start : start + SAMPLES_PER_FRAME]).max()
        self.frame += self._block
        return Motion(values, self.frame - self._block)

    def interrupt(self, frame: int) -> None:
        assert frame <= self.frame
        self.rewinds.append(frame)
        self.frame = frame
        self._sound = self._sound[: frame * SAMPLES_PER_FRAME]

    def end_of_speech(self) -> None:
        pass

    def listen(self, chunk: AudioChunk) -> None:
        pass

    def nod(self, cycles: int) -> None:
        self.nods.append((self.frame, cycles))

    def set_state(self, state: ConversationState) -> None:
        if not self.states or self.states[-1] != state:
            self.states.append(state)

    def set_controls(self, controls: Controls) -> None:
        if not self.emotions or self.emotions[-1][1] != controls.emotion:
            self.emotions.append((self.frame, controls.emotion))
        if controls.gesture is not (self.gestures[-1][1] if self.gestures else None):
            self.gestures.append((self.frame, controls.gesture))


class KeptOutput:
    """Keeps everything that comes out."""

    def __init__(self) -> None:
        self.sound: list[Samples] = []
        self.motion: list[Floats] = []
        self.pictures: list[VideoFrame | None] = []

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        self.pictures.append(frame)
        self.sound.append(sound)
        self.motion.append(motion)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def all_sound(self) -> Samples:
        return np.concatenate(self.sound)
