"""A voice that others use too, at a pace and loudness of one's own, and to be exchanged for another in between.

What the engine says is stretched and amplified afterwards: WSOLA (Verhelst and Roelands 1993), which keeps the pitch,
and a limiter that looks ahead, so that loud stays clean; FFmpeg's `atempo` and `alimiter`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Self, TypeVar

import numpy as np

from speech.audio import AudioChunk, Samples
from speech.tts.base import TTS, PhonemeTime, SpeechChunk, Voice, WordTime

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

_CEILING = 0.95
"""Amplitude that nothing exceeds when it is made louder."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """How a voice is changed.

    Attributes:
        pace: how many times as fast as by itself, 0.5 to 2.
        gain_db: how much louder, in dB.
    """

    pace: float = 1.0
    gain_db: float = 0.0


class AdjustedVoice:
    """See `speech.tts.base.TTS`; the voice is entered and left by whoever lends it.

    Args:
        voice: entered.

    Attributes:
        adjustment: of the sentences that begin from now on.
    """

    name: str
    sample_rate_hz: int
    phoneme_set: str
    parallel: int

    def __init__(self, voice: TTS) -> None:
        self.adjustment = Adjustment()
        self.speak_as(voice)

    def speak_as(self, voice: TTS) -> None:
        """From the next sentence on, another voice speaks; entered."""
        self._voice = voice
        self.name, self.sample_rate_hz = voice.name, voice.sample_rate_hz
        self.phoneme_set, self.parallel = voice.phoneme_set, voice.parallel

    async def __aenter__(self) -> Self:
        """Nothing to load."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Nothing to stop."""

    def synthesize(self, text: str) -> AsyncGenerator[SpeechChunk, None]:
        """Speaks one sentence with what is set now; see `speech.tts.base.TTS.synthesize`."""
        if self.adjustment == Adjustment():
            return self._voice.synthesize(text)
        return _adjusted(self._voice, text, self.adjustment)

    def voices(self) -> list[Voice]:
        """Those of its engine."""
        return self._voice.voices()


async def _adjusted(voice: TTS, text: str, adjustment: Adjustment) -> AsyncGenerator[SpeechChunk, None]:
    rate_hz = voice.sample_rate_hz
    sound = AdjustedSound(rate_hz, adjustment)
    times = _Times(adjustment.pace)
    done = 0
    async with aclosing(voice.synthesize(text)) as chunks:
        async for chunk in chunks:
            times.add(chunk)
            samples = sound.push(chunk.audio.samples)
            if len(samples):
                done += len(samples)
                yield SpeechChunk(AudioChunk(samples, rate_hz, done - len(samples)), *times.begun_before(done))
    samples = sound.finish()
    if len(samples) or times.are_left:
        end = done + len(samples)
        yield SpeechChunk(AudioChunk(samples, rate_hz, done), *times.rest(end))


class AdjustedSound:
    """Sound at another pace and loudness; however it is cut into pieces, the result is the same.

    Args:
        rate_hz: of the sound.
        adjustment: what is changed.
    """

    def __init__(self, rate_hz: int, adjustment: Adjustment) -> None:
        import av

        self._rate_hz, self._pace, self._pushed, self._made = rate_hz, adjustment.pace, 0, 0
        self._graph = av.filter.Graph()
        last = self._graph.add_abuffer(format="flt", sample_rate=rate_hz, layout="mono", time_base=Fraction(1, rate_hz))
        filters = [("atempo", f"{adjustment.pace:.4f}")] if adjustment.pace != 1.0 else []
        if adjustment.gain_db:
            filters.append(("volume", f"{adjustment.gain_db:.2f}dB"))
        if adjustment.gain_db > 0.0:
            filters.append(("alimiter", f"limit={_CEILING}:level=0:latency=1:attack=5:release=50"))
        for name, arguments in (*filters, ("abuffersink", "")):
            node = self._graph.add(name, arguments)
            last.link_to(node)
            last = node
        self._graph.configure()

    def push(self, samples: Samples) -> Samples:
        """What is finished of it: float32 [N], N maybe 0."""
        from av import AudioFrame

        if not len(samples):
            return np.zeros(0, np.float32)
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples[None], np.float32), format="flt", layout="mono")
        frame.sample_rate, frame.pts = self._rate_hz, self._pushed
        self._pushed += len(samples)
        self._graph.push(frame)
        return self._pulled()

    def finish(self) -> Samples:
        """The rest: together it is as long as the pace says, to the sample; `atempo` alone is a millisecond off."""
        if not self._pushed:
            return np.zeros(0, np.float32)
        self._graph.push(None)
        left = round(self._pushed / self._pace) - self._made
        rest = self._pulled()[: max(left, 0)]
        return np.concatenate([rest, np.zeros(left - len(rest), np.float32)]) if left > len(rest) else rest

    def _pulled(self) -> Samples:
        from av import BlockingIOError as NothingYet
        from av import EOFError as Ended

        pieces: list[Samples] = []
        while True:
            try:
                frame: AudioFrame = self._graph.pull()  # type: ignore[assignment]
            except (NothingYet, Ended):
                return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
            pieces.append(frame.to_ndarray().reshape(-1).astype(np.float32))
            self._made += len(pieces[-1])


_Time = TypeVar("_Time", WordTime, PhonemeTime)


class _Times:
    """The times of a sentence at another pace, given out with the sound in which they begin."""

    def __init__(self, pace: float) -> None:
        self._pace = pace
        self._words: list[WordTime] = []
        self._phonemes: list[PhonemeTime] = []

    @property
    def are_left(self) -> bool:
        return bool(self._words or self._phonemes)

    def add(self, chunk: SpeechChunk) -> None:
        self._words += self._scaled(chunk.words)
        self._phonemes += self._scaled(chunk.phonemes)

    def begun_before(self, sample: int) -> tuple[tuple[WordTime, ...], tuple[PhonemeTime, ...]]:
        return _taken(self._words, sample), _taken(self._phonemes, sample)

    def rest(self, end: int) -> tuple[tuple[WordTime, ...], tuple[PhonemeTime, ...]]:
        """Those that are left, all of them before the end of the sound."""
        self._words = _before(self._words, end)
        self._phonemes = _before(self._phonemes, end)
        return tuple(self._words), tuple(self._phonemes)

    def _scaled(self, times: tuple[_Time, ...]) -> list[_Time]:
        return [
            replace(
                time,
                start_sample=round(time.start_sample / self._pace),
                end_sample=round(time.end_sample / self._pace),
            )
            for time in times
        ]


def _taken(times: list[_Time], before: int) -> tuple[_Time, ...]:
    count = next((place for place, time in enumerate(times) if time.start_sample >= before), len(times))
    taken = tuple(times[:count])
    del times[:count]
    return taken


def _before(times: list[_Time], end: int) -> list[_Time]:
    return [
        replace(time, start_sample=min(time.start_sample, end), end_sample=min(time.end_sample, end)) for time in times
    ]
