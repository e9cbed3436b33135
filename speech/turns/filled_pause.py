"""Whether a turn ends in a filled pause: "um", "uh", "äh", "euh". Recognisers write them as other words or not at all.

It is heard as a sound with a little quiet before it that stays the same, like a schwa at first and like a schwa or a
nasal at the end (Shriberg 2001): a logistic regression over these, fitted on fillers of ten synthetic voices against
the ends of finished sentences by people and voices. Of six fillers of voices that were left out it finds three, and of
twenty finished sentences it takes one for a filler; most sentences that end in a drawn-out vowel are told from them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from speech.audio import SPEECH_RATE_HZ, Samples
from speech.turns.base import JUDGED_AT_S

_HEARD_S, _LEAST_S = 1.5, 0.3
_WINDOW, _HOP, _FFT = 512, 160, 1024  # samples at 16 kHz: 32, 10 and 64 ms
_HOP_S = _HOP / SPEECH_RATE_HZ
_EDGES_HZ = (80, 300, 500, 750, 1000, 1300, 1700, 2200, 2800, 3500, 4500, 7000)

_SPOKEN_DB = 22.0
"""Frames this much below the loudest are no voice."""

_LONGEST_GAP_S = 0.08
"""A longer quiet before the sound tells no more."""

_SHORTEST_S, _LONGEST_S = 0.06, 0.45
"""What is looked at of the last sound."""

_LAST_FRAMES = 8
_STEADY_DB = 4.0
"""Root mean square over the bands."""

_PITCH_LAGS = slice(SPEECH_RATE_HZ // 400, SPEECH_RATE_HZ // 75)
_VOICED = 0.45
"""Height of the autocorrelation from which on a frame has a pitch."""

_WEIGHTS = np.array([53.2, 7.91, 0.068, 0.058, 0.106, -0.063])
_BIAS = -2.77


def filled_pause(sound: Samples) -> float:
    """Judges the last sound of a turn.

    Args:
        sound: float32 [N] at 16 kHz, with `JUDGED_AT_S` of silence at its end.

    Returns:
        [0, 1]: how likely it is a filled pause; 0 where there is too little sound to tell.
    """
    features = features_of(sound[: len(sound) - round(JUDGED_AT_S * SPEECH_RATE_HZ)])
    return 0.0 if features is None else float(1.0 / (1.0 + np.exp(-(features @ _WEIGHTS + _BIAS))))


def features_of(voice: Samples) -> npt.NDArray[np.float64] | None:
    """Of sound that ends with a voice, float32 [N] at 16 kHz, what the regression takes; None where it is too short.

    Returns:
        float64 [6]: seconds of quiet before the last sound, seconds for which its spectrum stayed the same, then levels
        in dB of bands: 500 to 750 and 1300 to 1700 Hz in its first half, 80 to 300 and 1700 to 2200 Hz in its second.
    """
    voice = voice[-round(_HEARD_S * SPEECH_RATE_HZ) :]
    if len(voice) < _LEAST_S * SPEECH_RATE_HZ:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(voice, _WINDOW)[::-_HOP][::-1]
    power: npt.NDArray[np.float64] = np.square(np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), _FFT, axis=1)))
    levels = 10.0 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12)
    is_spoken = levels > np.percentile(levels, 95) - _SPOKEN_DB
    last = int(np.flatnonzero(is_spoken)[-1])
    size = _run(is_spoken, last)
    gap_s = _run(~is_spoken, last - size) * _HOP_S
    bands = _bands(power)
    distances = np.sqrt(np.mean(np.square(bands - bands[max(0, last + 1 - _LAST_FRAMES) : last + 1].mean(0)), axis=1))
    steady_s = _run(is_spoken & (distances < _STEADY_DB) & (_periodicity(power) > _VOICED), last) * _HOP_S
    looked_at = min(max(size, round(_SHORTEST_S / _HOP_S)), round(_LONGEST_S / _HOP_S), last + 1)
    first, second = np.array_split(bands[last + 1 - looked_at : last + 1], 2)
    first_db, second_db = first.mean(0), second.mean(0)
    return np.array([min(gap_s, _LONGEST_GAP_S), steady_s, first_db[2], first_db[5], second_db[0], second_db[6]])


def _run(is_so: npt.NDArray[np.bool_], last: int) -> int:
    """For how many frames up to `last` it is so."""
    others = np.flatnonzero(~is_so[: last + 1])
    return last - int(others[-1]) if len(others) else last + 1


def _bands(power: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Levels of the bands in dB against the whole frame, [frames, bands]."""
    at_hz = np.fft.rfftfreq(_FFT, 1.0 / SPEECH_RATE_HZ)
    is_in = (at_hz[:, np.newaxis] >= _EDGES_HZ[:-1]) & (at_hz[:, np.newaxis] < _EDGES_HZ[1:])
    whole = power.sum(axis=1, keepdims=True) + 1e-9
    levels_db: npt.NDArray[np.float64] = 10.0 * np.log10((power @ is_in) / whole + 1e-4)
    return levels_db


def _periodicity(power: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The highest autocorrelation at a pitch's lag, with the window's own taken out (Boersma 1993)."""
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(_WINDOW), _FFT)) ** 2)[:_WINDOW]
    correlation = np.fft.irfft(power, axis=1)[:, :_WINDOW]
    normed = correlation / (correlation[:, :1] + 1e-9) / (window / window[0] + 0.03)
    highest: npt.NDArray[np.float64] = normed[:, _PITCH_LAGS].max(axis=1)
    return highest
