"""The same speech in another voice: read faster or slower, as if sung. Phonemes move exactly with their sound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from avatar.training.voices.utterance import Utterance
from speech.audio import SPEECH_RATE_HZ, resample


def stretched(utterance: Utterance, factor: float) -> Utterance:
    """The same speech played `factor` times as fast: pitch, formants and pace change together."""
    samples = resample(utterance.samples, round(SPEECH_RATE_HZ * factor), SPEECH_RATE_HZ)
    phones = tuple(replace(p, start_s=p.start_s / factor, end_s=p.end_s / factor) for p in utterance.phones)
    return replace(utterance, samples=samples, phones=phones)


def sung(utterance: Utterance, random: np.random.Generator) -> Utterance:
    """The same speech as if sung: held notes that step every few syllables, with vibrato.

    The recording is read at a pace that follows the melody, so formants shift a little with the pitch, as they do
    when the larynx rises.
    """
    rate = 200
    count = int(len(utterance.samples) / SPEECH_RATE_HZ * rate) + 2
    notes = np.repeat(random.integers(-4, 5, count // 60 + 1), 60)[:count]
    notes = np.convolve(np.pad(notes, 8, mode="edge"), np.full(17, 1.0 / 17.0), mode="valid")
    times = np.arange(count) / rate
    vibrato = 0.35 * np.sin(2.0 * np.pi * float(random.uniform(4.5, 6.5)) * times)
    pace = 2.0 ** ((notes + vibrato) / 12.0)
    reached = np.concatenate([[0.0], np.cumsum(1.0 / pace[:-1])]) / rate  # time in the song of each old time
    song = np.arange(int(reached[-1] * SPEECH_RATE_HZ)) / SPEECH_RATE_HZ
    at = np.interp(song, reached, times) * SPEECH_RATE_HZ
    samples = np.interp(at, np.arange(len(utterance.samples)), utterance.samples).astype(np.float32)

    def moved(time_s: float) -> float:
        return min(float(reached[-1]), float(np.interp(time_s, times, reached)))

    phones = [replace(p, start_s=moved(p.start_s), end_s=moved(p.end_s)) for p in utterance.phones]
    kept = tuple(phone for phone in phones if phone.end_s > phone.start_s)
    return replace(utterance, samples=samples, phones=kept)
