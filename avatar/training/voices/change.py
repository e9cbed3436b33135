"""The same speech from another throat, or in another mood. Phonemes stay with their sound, exactly.

Pitch and pace change by resampling, which moves every moment by a known factor; formants, whispering and vocal effort
change by filters that leave time alone. A change of pitch at the same pace is speech that was made slower and is played
faster.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from avatar.motion import Floats
from avatar.training.voices.utterance import Utterance
from speech.audio import SPEECH_RATE_HZ, resample

_WINDOW, _HOP = 512, 128
_LIFTER = 40
"""Samples of the cepstrum that make the envelope: 2.5 ms, the period of a voice of 400 Hz."""
_MOST_DB = 20.0
_CURVE_HZ = 200
"""At which a melody is drawn."""


@dataclass(frozen=True, slots=True)
class Throat:
    """Who speaks, as far as a voice can be changed into somebody else.

    Attributes:
        pitch: factor on the fundamental frequency.
        formants: factor on the resonances: above 1 a shorter vocal tract.
    """

    pitch: float = 1.0
    formants: float = 1.0


def through(throat: Throat, utterance: Utterance) -> Utterance:
    """The utterance from another throat: `pitch` times as fast, too, so have it spoken so much slower."""
    played = stretched(utterance, throat.pitch)
    factor = throat.formants / throat.pitch
    return replace(played, samples=_with_formants(played.samples, factor)) if abs(factor - 1.0) > 0.01 else played


def stretched(utterance: Utterance, factor: float) -> Utterance:
    """The same speech played `factor` times as fast: pitch, formants and pace change together."""
    samples = resample(utterance.samples, round(SPEECH_RATE_HZ * factor), SPEECH_RATE_HZ)
    phones = tuple(replace(p, start_s=p.start_s / factor, end_s=p.end_s / factor) for p in utterance.phones)
    return replace(utterance, samples=samples, phones=phones)


def whispered(utterance: Utterance, random: np.random.Generator) -> Utterance:
    """The same without a voice: the spectrum's envelope, filled with noise, and less of it below 500 Hz."""
    envelope = _log_envelope(_spectra(utterance.samples))
    noise = _spectra(random.standard_normal(len(utterance.samples)).astype(np.float32))
    frequencies = np.fft.rfftfreq(_WINDOW, 1.0 / SPEECH_RATE_HZ)
    breath = (
        noise / np.sqrt(np.mean(np.abs(noise) ** 2)) * np.exp(envelope) / (1.0 + (500.0 / (frequencies + 1.0)) ** 2)
    )
    return replace(utterance, samples=_sound(breath, len(utterance.samples)))


def with_effort(utterance: Utterance, effort: float) -> Utterance:
    """The same spoken up or softly: effort (-1 to 1) tilts the spectrum by up to 6 dB an octave around 1 kHz."""
    size = 1 << int(np.ceil(np.log2(len(utterance.samples) + 1)))
    octaves = np.log2(np.clip(np.fft.rfftfreq(size, 1.0 / SPEECH_RATE_HZ), 125.0, 4000.0) / 1000.0)
    tilted = np.fft.rfft(utterance.samples, size) * 10.0 ** (6.0 * effort * octaves / 20.0)
    samples = np.fft.irfft(tilted, size)[: len(utterance.samples)].astype(np.float32)
    return replace(utterance, samples=samples, effort=effort)


def lively(utterance: Utterance, semitones: float, random: np.random.Generator) -> Utterance:
    """The same with a melody that wanders: by about so many semitones up and down, a turn every second or so."""
    count = int(len(utterance.samples) / SPEECH_RATE_HZ * _CURVE_HZ) + 2
    turns = random.normal(0.0, semitones, count // (_CURVE_HZ // 2) + 3)
    melody = np.interp(np.arange(count) / (_CURVE_HZ // 2), np.arange(len(turns)), turns)
    return _at_pace(
        utterance, 2.0 ** (np.convolve(np.pad(melody, 20, mode="edge"), np.full(41, 1 / 41), "valid") / 12.0)
    )


def sung(utterance: Utterance, random: np.random.Generator) -> Utterance:
    """The same as if sung: held notes that step every few syllables, with vibrato.

    The recording is read at a pace that follows the melody, so formants shift a little with the pitch, as they do
    when the larynx rises.
    """
    count = int(len(utterance.samples) / SPEECH_RATE_HZ * _CURVE_HZ) + 2
    notes = np.repeat(random.integers(-4, 5, count // 60 + 1), 60)[:count]
    notes = np.convolve(np.pad(notes, 8, mode="edge"), np.full(17, 1.0 / 17.0), mode="valid")
    vibrato = 0.35 * np.sin(2.0 * np.pi * float(random.uniform(4.5, 6.5)) * np.arange(count) / _CURVE_HZ)
    return _at_pace(utterance, 2.0 ** ((notes + vibrato) / 12.0))


def _at_pace(utterance: Utterance, pace: npt.NDArray[np.float64]) -> Utterance:
    """The recording read at a pace that changes: [N] at `_CURVE_HZ`, from the beginning to a little after the end."""
    times = np.arange(len(pace)) / _CURVE_HZ
    reached = np.concatenate([[0.0], np.cumsum(1.0 / pace[:-1])]) / _CURVE_HZ  # the new time of each old one
    new = np.arange(int(reached[-1] * SPEECH_RATE_HZ)) / SPEECH_RATE_HZ
    at = np.interp(new, reached, times) * SPEECH_RATE_HZ
    samples = np.interp(at, np.arange(len(utterance.samples)), utterance.samples).astype(np.float32)

    def moved(time_s: float) -> float:
        return min(float(reached[-1]), float(np.interp(time_s, times, reached)))

    phones = [replace(p, start_s=moved(p.start_s), end_s=moved(p.end_s)) for p in utterance.phones]
    kept = tuple(phone for phone in phones if phone.end_s > phone.start_s)
    return replace(utterance, samples=samples, phones=kept)


def _with_formants(samples: Floats, factor: float) -> Floats:
    """The spectrum's envelope stretched by a factor, under the same harmonics: float32 [N]."""
    spectra = _spectra(samples)
    envelope = _log_envelope(spectra)
    bins = np.arange(envelope.shape[1])
    at = np.clip(bins / factor, 0, bins[-1])
    low = np.minimum(at.astype(np.int64), bins[-1] - 1)
    moved = envelope[:, low] + (at - low) * (envelope[:, low + 1] - envelope[:, low])
    most = _MOST_DB / 20.0 * np.log(10.0)
    return _sound(spectra * np.exp(np.clip(moved - envelope, -most, most)), len(samples))


def _spectra(samples: Floats) -> npt.NDArray[np.complex128]:
    """Short-time spectra of windows whose squares add up to a constant: [T, 257]."""
    padded = np.pad(samples, (_WINDOW, _WINDOW + -len(samples) % _HOP))
    starts = np.arange(0, len(padded) - _WINDOW + 1, _HOP)
    return np.fft.rfft(padded[starts[:, None] + np.arange(_WINDOW)] * _window(), axis=1)


def _sound(spectra: npt.NDArray[np.complex128], count: int) -> Floats:
    """The other way round: float32 [count]."""
    pieces = np.fft.irfft(spectra, _WINDOW, axis=1) * _window()
    blocks = pieces.reshape(len(pieces), _WINDOW // _HOP, _HOP)
    out = np.zeros((len(pieces) + _WINDOW // _HOP - 1, _HOP))
    for part in range(_WINDOW // _HOP):
        out[part : part + len(pieces)] += blocks[:, part]
    return out.ravel()[_WINDOW : _WINDOW + count].astype(np.float32)


def _window() -> npt.NDArray[np.float64]:
    return np.sqrt(np.hanning(_WINDOW + 1)[:-1] * (2.0 * _HOP / _WINDOW))


def _log_envelope(spectra: npt.NDArray[np.complex128]) -> npt.NDArray[np.float64]:
    """Natural logarithm of the envelope of every spectrum, by its cepstrum's slow part: [T, 257]."""
    cepstra = np.fft.irfft(np.log(np.abs(spectra) + 1e-6), axis=1)
    cepstra[:, _LIFTER : _WINDOW - _LIFTER + 1] = 0.0
    return np.fft.rfft(cepstra, axis=1).real
