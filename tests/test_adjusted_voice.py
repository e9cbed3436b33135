"""A shared voice at a pace and loudness of one's own."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from speech.audio import Samples
from speech.tts.adjusted import AdjustedSound, AdjustedVoice, Adjustment
from speech.tts.base import SpeechChunk
from tests.fakes import ToneVoice
from tests.virtual_time import run

RATE_HZ = 24_000


def _sound(seconds: float = 1.0) -> Samples:
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.4 * np.sin(2 * np.pi * 180 * times) * np.sin(2 * np.pi * 3 * times)).astype(np.float32)


@pytest.mark.parametrize("adjustment", [Adjustment(0.7), Adjustment(1.4, 9.0), Adjustment(1.0, -6.0)])
def test_however_it_is_cut_the_sound_is_the_same_and_as_long_as_the_pace_says(adjustment: Adjustment) -> None:
    sound = _sound()
    made = []
    for size in (len(sound), 1200, 333):
        adjusted = AdjustedSound(RATE_HZ, adjustment)
        pieces = [adjusted.push(sound[start : start + size]) for start in range(0, len(sound), size)]
        made.append(np.concatenate([*pieces, adjusted.finish()]))
    assert all(len(one) == round(len(sound) / adjustment.pace) for one in made)
    assert np.allclose(made[0], made[1], atol=1e-5) and np.allclose(made[0], made[2], atol=1e-5)


def test_the_pitch_stays_and_nothing_exceeds_the_ceiling() -> None:
    adjusted = AdjustedSound(RATE_HZ, Adjustment(0.7, 12.0))
    sound = np.concatenate([adjusted.push(np.sin(2 * np.pi * 300 * np.arange(RATE_HZ) / RATE_HZ)), adjusted.finish()])
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert spectrum.argmax() * RATE_HZ / len(sound) == pytest.approx(300, abs=3)
    assert np.abs(sound).max() <= 0.96


async def _spoken(voice: AdjustedVoice, text: str) -> list[SpeechChunk]:
    return [chunk async for chunk in voice.synthesize(text)]


def test_words_keep_their_places_in_the_sound_at_another_pace() -> None:
    async def speak() -> tuple[list[SpeechChunk], list[SpeechChunk]]:
        voice = AdjustedVoice(ToneVoice())
        plain = await _spoken(voice, "one two three four")
        voice.adjustment = Adjustment(0.6)
        return plain, await _spoken(voice, "one two three four")

    plain, slow = run(speak())
    for chunks in (plain, slow):
        assert all(a.audio.end_sample == b.audio.start_sample for a, b in pairwise(chunks))
        for chunk in chunks:
            assert all(word.start_sample < chunk.audio.end_sample for word in chunk.words)
    before, after = ([word for chunk in chunks for word in chunk.words] for chunks in (plain, slow))
    assert [word.text for word in after] == ["one", "two", "three", "four"]
    assert [word.start_sample * 0.6 for word in after] == pytest.approx([word.start_sample for word in before], abs=1)
    assert after[-1].end_sample <= slow[-1].audio.end_sample


def test_another_voice_speaks_from_the_next_sentence_on_at_the_same_pace() -> None:
    first, second = ToneVoice(), ToneVoice(word_s=0.5)
    second.sample_rate_hz = 16_000

    async def speak() -> int:
        voice = AdjustedVoice(first)
        voice.adjustment = Adjustment(0.5)
        begun = voice.synthesize("before")
        voice.speak_as(second)
        assert {chunk.audio.sample_rate_hz async for chunk in begun} == {RATE_HZ}
        assert voice.sample_rate_hz == 16_000
        return (await _spoken(voice, "after"))[-1].audio.end_sample

    assert run(speak()) == 16_000
    assert (first.spoken, second.spoken) == (["before"], ["after"])
