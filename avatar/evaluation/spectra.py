"""Power over frequency of motion curves at 25 Hz."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avatar.motion import FRAME_RATE_HZ, Floats

SEGMENT_FRAMES = 4 * FRAME_RATE_HZ
HEAD_BANDS_HZ: tuple[tuple[float, float], ...] = ((0.0, 1.0), (1.0, 2.0), (2.0, 4.0))
MOUTH_BAND_HZ = (2.0, 7.0)
"""Where mouths and the speech envelope are modulated (Chandrasekaran 2009)."""


def power_spectrum(curves: Floats) -> tuple[Floats, Floats]:
    """Welch's estimate: Hann windows of 4 s that overlap by half, the mean taken out of each.

    Args:
        curves: float32 [T] or [T, C]; the power of C curves is added up.

    Returns:
        Frequencies in hertz, float32 [F], and power, float32 [F]; shorter curves give one shorter window.
    """
    columns = curves.reshape(len(curves), -1).astype(np.float64)
    size = min(SEGMENT_FRAMES, len(columns))
    window = np.hanning(size + 1)[:-1][:, None]
    total: npt.NDArray[np.float64] = np.zeros(size // 2 + 1)
    for start in range(0, len(columns) - size + 1, max(1, size // 2)):
        piece = columns[start : start + size]
        total += np.square(np.abs(np.fft.rfft((piece - piece.mean(axis=0)) * window, axis=0))).sum(axis=1)
    return np.fft.rfftfreq(size, 1.0 / FRAME_RATE_HZ).astype(np.float32), total.astype(np.float32)


def band_share(curves: Floats, low_hz: float, high_hz: float) -> float | None:
    """Share of the power in [low, high) hertz; None if nothing moves."""
    frequencies, power = power_spectrum(curves)
    total = float(power.sum())
    if total <= 0.0:
        return None
    return float(power[(frequencies >= low_hz) & (frequencies < high_hz)].sum()) / total
