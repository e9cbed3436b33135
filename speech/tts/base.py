"""What a voice is: sentences in, sound with the times of its words and phonemes out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self, TypeVar

from speech.audio import AudioChunk, Samples


@dataclass(frozen=True, slots=True)
class WordTime:
    """When one word of the text is spoken.

    Attributes:
        text: the word as it stands in the text that was asked for ("$5", not "five dollars"), punctuation included.
        start_sample: its first sample in this synthesis, at the voice's rate.
        end_sample: just after its last sample.
    """

    text: str
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class PhonemeTime:
    """When one phoneme is spoken.

    Attributes:
        symbol: the engine's own name for it, in the set that the voice's `phoneme_set` names; "_" is silence.
        start_sample: its first sample in this synthesis, at the voice's rate.
        end_sample: just after its last sample.
    """

    symbol: str
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """A piece of a spoken sentence.

    Attributes:
        audio: the sound; chunks of one synthesis join without gaps, starting at sample 0.
        words: the words that begin inside this chunk (they may end in a later one).
        phonemes: the phonemes that begin inside this chunk.
    """

    audio: AudioChunk
    words: tuple[WordTime, ...]
    phonemes: tuple[PhonemeTime, ...]

    def begun_at(self, sample: int) -> SpeechChunk:
        """The same in a synthesis that has begun so many samples earlier."""
        audio = AudioChunk(self.audio.samples, self.audio.sample_rate_hz, self.audio.start_sample + sample)
        return SpeechChunk(audio, _later(self.words, sample), _later(self.phonemes, sample))


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that can be chosen.

    Attributes:
        id: what to write in the configuration.
        language: BCP 47 tag, lower case, such as "en-us".
        name: for people to read.
        gender: "female", "male", or None where the engine does not say.
        engine: "espeak" or "flite" (or another backend's name).
    """

    id: str
    language: str
    name: str
    gender: str | None
    engine: str


class TTS(Protocol):
    """Text to speech, for several conversations at once.

    Enter it with `async with` before use; leaving it stops whatever it still speaks.
    """

    name: str
    sample_rate_hz: int
    """Known once the engine is entered."""
    phoneme_set: str
    """Whose phoneme names the chunks carry: "espeak" (eSpeak NG's mnemonics), "radio" (Flite's US English set),
    "misaki" (hibari's alphabet: IPA with one letter for each diphthong and affricate), "ipa" or "none" (it carries
    none)."""
    parallel: int
    """Sentences of one conversation that may be spoken at once; more would only wait for each other. Each conversation
    may have so many: their sentences take turns, and none ends, changes or holds up another."""

    async def __aenter__(self) -> Self:
        """Makes the engine ready."""
        ...

    async def __aexit__(self, *exc_info: object) -> None:
        """Stops the engine."""
        ...

    def synthesize(self, text: str) -> AsyncGenerator[SpeechChunk, None]:
        """Speaks one sentence, in chunks as they come. Closing the iterator early really stops the engine.

        Args:
            text: one sentence as a person would write it; numbers, abbreviations and Markdown are dealt with.

        Raises:
            BackendError: the engine failed on this text; another may be tried.
            InputError: there is nothing in the text that this voice can say.
        """
        ...

    def voices(self) -> list[Voice]:
        """All voices of this engine on this machine."""
        ...


Timed = TypeVar("Timed", WordTime, PhonemeTime)


def _later(times: Sequence[Timed], by: int) -> tuple[Timed, ...]:
    return tuple(replace(time, start_sample=time.start_sample + by, end_sample=time.end_sample + by) for time in times)


def _beginning_in(times: Sequence[Timed], start: int, end: int) -> tuple[Timed, ...]:
    return tuple(time for time in times if start <= time.start_sample < end)


def cut_speech(
    samples: Samples,
    sample_rate_hz: int,
    words: Sequence[WordTime],
    phonemes: Sequence[PhonemeTime],
    *,
    start_sample: int = 0,
    chunk_samples: int,
) -> list[SpeechChunk]:
    """Cuts sound whose times are all known into chunks.

    Args:
        samples: float32 [N].
        sample_rate_hz: its rate.
        words: their times in the whole synthesis; those that begin elsewhere are left out.
        phonemes: likewise.
        start_sample: where `samples` begins in the whole synthesis.
        chunk_samples: samples a chunk; the last may be shorter.
    """
    chunks = []
    for offset in range(0, len(samples), chunk_samples):
        audio = AudioChunk(samples[offset : offset + chunk_samples], sample_rate_hz, start_sample + offset)
        within = audio.start_sample, audio.end_sample
        chunks.append(SpeechChunk(audio, _beginning_in(words, *within), _beginning_in(phonemes, *within)))
    return chunks
