"""What the tiny Whisper hears while it is trained: its sentences in many voices, and what a room does to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from speech.audio import SPEECH_RATE_HZ, Samples, resample
from speech.tts import TTS
from speech.tts_espeak import FEMALE_VOICE, MALE_VOICE, EspeakTTS
from speech.tts_flite import FliteTTS

ESPEAK_VOICES = (FEMALE_VOICE, MALE_VOICE, "en-us", "en-us+f2", "en-us+m7", "en-gb")
_ESPEAK_RATES_WPM = (150, 165, 180)
FLITE_VOICES = ("rms", "awb", "slt")
_FLITE_RATES_WPM = (150, 165, 178)
_LONGEST_SILENCE_S = 0.9
_QUIETEST, _LOUDEST = 0.3, 1.3  # factors on the voice's loudness
_NOISE_DBFS = (-80.0, -45.0)
_OUTER_RATE_HZ = 48_000  # most microphones: sound comes from there


@dataclass(frozen=True, slots=True)
class Utterance:
    """A spoken sentence, or its beginning; or no speech at all.

    Attributes:
        samples: float32 [N] at 16 kHz.
        text: what is said; "" for noise and silence.
        words: start and end of each word of the text, seconds.
        phonemes: name, start and end (seconds) of each phoneme.
    """

    samples: Samples
    text: str
    words: tuple[tuple[float, float], ...]
    phonemes: tuple[tuple[str, float, float], ...]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SPEECH_RATE_HZ


async def speak(sentences: tuple[str, ...]) -> list[Utterance]:
    """All sentences in all voices at all speeds, clean."""
    voices: list[TTS] = [EspeakTTS(voice=voice, rate_wpm=rate) for voice in ESPEAK_VOICES for rate in _ESPEAK_RATES_WPM]
    voices += [FliteTTS(voice=voice, rate_wpm=rate) for voice in FLITE_VOICES for rate in _FLITE_RATES_WPM]
    return [await say(voice, sentence) for voice in voices for sentence in sentences]


async def say(voice: TTS, sentence: str) -> Utterance:
    """One sentence, with the times of its words and phonemes."""
    async with voice:
        chunks = [chunk async for chunk in voice.synthesize(sentence)]
    rate = voice.sample_rate_hz
    words = tuple((word.start_sample / rate, word.end_sample / rate) for chunk in chunks for word in chunk.words)
    phonemes = tuple(
        (f"{voice.phoneme_set} {phoneme.symbol}", phoneme.start_sample / rate, phoneme.end_sample / rate)
        for chunk in chunks
        for phoneme in chunk.phonemes
        if phoneme.symbol[:1] != "_"
    )
    samples = resample(np.concatenate([chunk.audio.samples for chunk in chunks]), rate, SPEECH_RATE_HZ)
    if len(words) != len(sentence.split()):
        raise ValueError(f"{sentence!r}: expected the times of {len(sentence.split())} words, got {len(words)}")
    return Utterance(samples, sentence, words, phonemes)


def roughen(clean: Utterance, random: np.random.Generator) -> Iterator[Utterance]:
    """The sentence as it may come from a microphone, three times in full and once broken off."""
    for _ in range(3):
        yield _in_a_room(clean, random)
    if len(clean.words) > 1:
        yield _in_a_room(_break_off(clean, random), random)


def no_speech(random: np.random.Generator) -> Utterance:
    """Silence, noise, or clicks."""
    samples = np.zeros(int(random.uniform(0.2, 4.0) * SPEECH_RATE_HZ), np.float32)
    if random.random() < 0.3:
        samples[random.integers(len(samples), size=random.integers(1, 6))] = random.uniform(0.2, 1.0)
    return Utterance(_add_noise(samples, random), "", (), ())


def _in_a_room(clean: Utterance, random: np.random.Generator) -> Utterance:
    """Silence before and after, another loudness, noise, the microphone's rate."""
    lead, tail = (int(random.uniform(0.0, _LONGEST_SILENCE_S) * SPEECH_RATE_HZ) for _ in range(2))
    lead *= random.random() < 0.7
    samples = np.concatenate((np.zeros(lead, np.float32), clean.samples, np.zeros(tail, np.float32)))
    samples = _add_noise(samples * np.float32(random.uniform(_QUIETEST, _LOUDEST)), random)
    if random.random() < 0.5:
        samples = resample(resample(samples, SPEECH_RATE_HZ, _OUTER_RATE_HZ), _OUTER_RATE_HZ, SPEECH_RATE_HZ)
    lead_s = lead / SPEECH_RATE_HZ
    return Utterance(
        samples,
        clean.text,
        tuple((start + lead_s, end + lead_s) for start, end in clean.words),
        tuple((name, start + lead_s, end + lead_s) for name, start, end in clean.phonemes),
    )


def _break_off(clean: Utterance, random: np.random.Generator) -> Utterance:
    """The sentence up to somewhere before or in a later word: what a partial decoding hears."""
    count = int(random.integers(1, len(clean.words)))
    (_, last_end), (start, end) = clean.words[count - 1], clean.words[count]
    # Never in the last word: a short one would be as good as heard, and whole sentences would lose theirs.
    into_the_word = 0.4 if count + 1 < len(clean.words) else 0.0
    cut_s = random.uniform(last_end, max(start + into_the_word * (end - start), last_end))
    return Utterance(
        clean.samples[: int(cut_s * SPEECH_RATE_HZ)],
        " ".join(clean.text.split()[:count]),
        clean.words[:count],
        tuple((name, begin, min(end, cut_s)) for name, begin, end in clean.phonemes if begin < cut_s),
    )


def _add_noise(samples: Samples, random: np.random.Generator) -> Samples:
    """Usually noise, sometimes digital silence; then 16 bits, as microphones give."""
    if random.random() < 0.75:
        scale = 10.0 ** (random.uniform(*_NOISE_DBFS) / 20.0)
        samples = samples + random.normal(scale=scale, size=len(samples)).astype(np.float32)
    quantised: Samples = np.round(np.clip(samples, -1.0, 1.0) * 32767.0).astype(np.float32) / np.float32(32767.0)
    return quantised
