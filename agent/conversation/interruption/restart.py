"""Where a voice that was held goes on: not in the middle of a word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speech.audio import OUTPUT_RATE_HZ, Samples

_WINDOW = OUTPUT_RATE_HZ // 50
"""20 ms: shorter than the closure of a stop consonant, longer than a period of any voice."""
_NEAR = OUTPUT_RATE_HZ * 8 // 100
"""Voices tell their words' ends within about 80 ms."""
_BACK = OUTPUT_RATE_HZ * 7 // 10
"""Further back nobody looks for a word's beginning: few words are longer."""


def restart_at(sound: Samples, until: int, word_ends: Sequence[int]) -> int:
    """Finds the sample to go on from.

    Args:
        sound: float32 [N], what was said just before the hold.
        until: the output sample just after it: where the silence began.
        word_ends: output samples at which words end, as far as the voice tells them.

    Returns:
        The quietest place near the end of the last word that was heard whole, or where that is not known, of the last
        0.7 s.
    """
    first = until - len(sound)
    low, high = max(first, until - _BACK), until
    if ended := [end for end in word_ends if low <= end <= until]:
        low, high = max(low, ended[-1] - _NEAR), min(until, ended[-1] + _NEAR)
    frames = sound[low - first : high - first]
    frames = frames[: len(frames) // _WINDOW * _WINDOW].reshape(-1, _WINDOW)
    if not len(frames):
        return until
    levels = np.square(frames).mean(axis=1)
    quietest = int(np.flatnonzero(levels <= levels.min() + 1e-9)[-1])
    return low + quietest * _WINDOW + _WINDOW // 2
