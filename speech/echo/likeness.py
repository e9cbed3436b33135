"""Whether a sound is what was just played, in whatever room and however late it comes.

A filter that has learnt a room knows nothing of the next one: where the delay jumps or the laptop is moved, the first
words after that come through whole, as loud as a user. But they still are the same sound, at one delay. Generalised
cross-correlation of whitened spectra (Knapp & Carter, "The generalized correlation method for estimation of time
delay", IEEE Transactions on Acoustics, Speech, and Signal Processing 24, 1976) shows that within a syllable.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

from speech.audio import OUTPUT_RATE_HZ, Samples

_HEARD = OUTPUT_RATE_HZ * 16 // 100
"""Of what is heard so much is compared: 160 ms."""
_LATEST = OUTPUT_RATE_HZ * 64 // 100
"""An echo is no later than this."""
_SIZE = fft.next_fast_len(_HEARD + _LATEST, real=True)
_RATE_HZ = 8_000
"""Voices are known by what lies below 4 kHz."""
_SMALL_SIZE = _SIZE * _RATE_HZ // OUTPUT_RATE_HZ
_SMALL_HEARD = _HEARD * _RATE_HZ // OUTPUT_RATE_HZ
_SMALL_ALL = (_HEARD + _LATEST) * _RATE_HZ // OUTPUT_RATE_HZ
_BINS = slice(200 * _SIZE // OUTPUT_RATE_HZ, _SMALL_SIZE // 2)
_SMOOTH = 150 * _SIZE // OUTPUT_RATE_HZ
"""Bins to each side over which a spectrum's power is taken that it is whitened by: 150 Hz, wider than a harmonic."""
_SOFT = 0.02
"""A place in what was played counts as no softer than this against the loudest."""
_WINDOW = np.hanning(_HEARD).astype(np.float32)


class Likeness:
    """Compares the latest of two streams of sound."""

    def __init__(self) -> None:
        self._heard: Samples = np.zeros(_HEARD, np.float32)
        self._played: Samples = np.zeros(_HEARD + _LATEST, np.float32)

    def push(self, heard: Samples, played: Samples) -> None:
        """Takes the next of both: float32 [N] at OUTPUT_RATE_HZ."""
        self._heard = np.concatenate((self._heard, heard))[-_HEARD:]
        self._played = np.concatenate((self._played, played))[-_HEARD - _LATEST :]

    def value(self) -> float:
        """How much of the last 160 ms is what was played, at the delay at which that is most; 0 to 1.

        A voice that has nothing to do with it comes to 0.1 to 0.25, an echo to 0.3 to 0.7: the more, the less
        reverberation there is in it.
        """
        heard = _whitened(self._heard * _WINDOW)[:_SMALL_HEARD]
        played = _whitened(self._played)[:_SMALL_ALL]
        product = fft.irfft(fft.rfft(played, _SMALL_SIZE) * np.conj(fft.rfft(heard, _SMALL_SIZE)), _SMALL_SIZE)
        sums = np.cumsum(np.square(played))
        power = sums[_SMALL_HEARD:] - sums[:-_SMALL_HEARD]
        power = np.maximum(power, _SOFT * power.max()) * np.square(heard).sum() + 1e-12
        return float(np.max(np.abs(product[: len(power)]) / np.sqrt(power)))


def _whitened(sound: Samples) -> npt.NDArray[np.float32]:
    """As loud at every frequency, at the lower rate."""
    spectrum = fft.rfft(sound, _SIZE)
    power = np.cumsum(np.concatenate(([0.0], np.square(spectrum.real) + np.square(spectrum.imag))))
    bins = np.arange(_BINS.start, _BINS.stop)
    mean = (power[bins + _SMOOTH + 1] - power[np.maximum(bins - _SMOOTH, 0)]) / (2 * _SMOOTH + 1)
    white = np.zeros(_SMALL_SIZE // 2 + 1, np.complex64)
    white[_BINS] = spectrum[_BINS] / np.sqrt(mean + 1e-12)
    samples: npt.NDArray[np.float32] = fft.irfft(white, _SMALL_SIZE)
    return samples
