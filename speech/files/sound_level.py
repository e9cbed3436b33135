"""The scale of samples: what is no number, what was never scaled to [-1, 1], what lies off the middle."""

from __future__ import annotations

import numpy as np

from speech.audio import Samples

_LARGEST = 1.01 * 2.0**31
"""Nothing that records sound writes larger values than 32-bit numbers have."""

_HOTTEST = 4.0
"""Up to here (12 dB) samples are a loud master: turned down as a whole."""

_MANY = 0.01
"""The share of samples beyond [-1, 1] from which on they are another scale, and not some clicks."""

_FULL_SCALES = {16: 2.0**15, 24: 2.0**23, 32: 2.0**31}
_LEAST_INTEGER = 16.0

_OFFSET = 0.01
_LEAST_S_FOR_OFFSET = 0.5
_BLOCK = 1 << 20


def silence_invalid_samples(sound: Samples) -> tuple[Samples, int]:
    """Silence for what is no number, infinite or absurdly large, so that it can't spread when resampled.

    Returns:
        The sound, of the same shape, and how many values were replaced.
    """
    fine = np.abs(sound) <= _LARGEST  # False for NaN
    wild = int(sound.size - np.count_nonzero(fine))
    return (np.where(fine, sound, np.float32(0.0)), wild) if wild else (sound, 0)


def scale_to_full_range(samples: Samples, *, is_damaged: bool = False) -> str | None:
    """Brings samples into [-1, 1], in place.

    Args:
        samples: float32 [N], finite.
        is_damaged: some of it could not be decoded, so that what is too loud is a crack, and no loud master.

    Returns:
        What the owner should know; None where nothing is worth a notice.
    """
    peak = max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))
    if peak <= 1.0:
        return None
    beyond = sum(int(np.count_nonzero(np.abs(block) > 1.0)) for block in _blocks(samples))
    if is_damaged and peak <= _HOTTEST:
        notice = None
    elif peak <= _HOTTEST:
        samples *= np.float32(1.0 / peak)
        notice = f"its samples go up to {peak:.2f}, where 1 is full scale: turned down to fit" if peak > 2.0 else None
    elif beyond < _MANY * len(samples):
        notice = f"{beyond} samples go beyond full scale, up to {peak:.0f}: cut to fit"
    elif peak < _LEAST_INTEGER:
        samples *= np.float32(1.0 / peak)
        notice = f"its samples go up to {peak:.1f}, where 1 is full scale: turned down to fit"
    else:
        bits, full = next((bits, full) for bits, full in _FULL_SCALES.items() if peak <= 1.1 * full)
        samples *= np.float32(1.0 / full)
        notice = f"its samples go up to {peak:.0f}, where 1 is full scale: taken as {bits}-bit numbers"
    np.clip(samples, -1.0, 1.0, out=samples)
    return notice


def remove_dc_offset(samples: Samples, rate_hz: int) -> None:
    """Takes a constant offset away, in place: cheap sound cards add one, and it clicks where the sound begins."""
    if len(samples) < _LEAST_S_FOR_OFFSET * rate_hz:
        return
    mean = float(np.mean(samples, dtype=np.float64))
    if abs(mean) > _OFFSET:
        samples -= np.float32(mean)
        np.clip(samples, -1.0, 1.0, out=samples)


def _blocks(samples: Samples) -> list[Samples]:
    """Views, so that no whole recording is copied to be counted."""
    return [samples[start : start + _BLOCK] for start in range(0, len(samples), _BLOCK)]
