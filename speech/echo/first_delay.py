"""Where the echo begins: the delay of a room that is not known yet, from its first half second of sound.

Generalized cross-correlation with a weight that no loud tone outvotes (SCOT): Knapp & Carter, "The generalized
correlation method for estimation of time delay", IEEE Transactions on Acoustics, Speech, and Signal Processing
24 (1976).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

_BINS = slice(8, 200)
"""200 to 5,000 Hz: where a voice is loud, and a loudspeaker too."""
_SURE = 16.0
"""Times the RMS of the correlation that its peak must have: rooms have 20 to 45, with a user 10 to 40, chance to 15."""

_Spectra = npt.NDArray[np.complex64]


def first_delay(far: _Spectra, heard: _Spectra, partitions: int, block: int) -> int | None:
    """The partition in which the loudest path of the echo begins.

    Args:
        far: complex64 [at least N + partitions - 1, bins], of overlapping double blocks of what was played, the newest
            first.
        heard: complex64 [N, bins], of double blocks of what was heard, the first half of each silent; the newest first.
        partitions: in which to look.
        block: samples of each.

    Returns:
        None where none stands out.
    """
    count = len(heard)
    far, heard = far[:, _BINS], heard[:, _BINS]
    cross = np.stack([np.sum(np.conj(far[p : p + count]) * heard, axis=0) for p in range(partitions)])
    loudness = np.sqrt(np.sum(np.abs(far) ** 2, axis=0) * np.sum(np.abs(heard) ** 2, axis=0)) + 1e-9
    spectra = np.zeros((partitions, block + 1), np.complex64)
    spectra[:, _BINS] = cross / loudness
    correlation = np.abs(fft.irfft(spectra)[:, :block])
    peaks = correlation.max(axis=1)
    found = int(np.argmax(peaks))
    return found if peaks[found] > _SURE * np.sqrt(np.mean(np.square(correlation))) else None
