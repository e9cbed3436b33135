"""WebRTC's third echo canceller (AEC3), which finds the delay by itself."""

from __future__ import annotations

import numpy as np

from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.echo.base import CleanSound
from speech.errors import InputError

_FRAME = OUTPUT_RATE_HZ // 100


class Aec3:
    """An `EchoCanceller`: sure, and hard on a user who speaks at the same time.

    Raises:
        InputError: the package is not installed.
    """

    def __init__(self) -> None:
        try:
            from pywebrtc_audio import EchoCanceller
        except ImportError:
            raise InputError(
                "echo cancelling: expected the package pywebrtc-audio, it is not installed; "
                "run: pip install 'pywebrtc-audio==0.2.0'"
            ) from None
        self._aec3 = EchoCanceller(OUTPUT_RATE_HZ)

    def push(self, heard: Samples, played: Samples) -> CleanSound:
        """See `EchoCanceller.push`; the piece is whole frames of 10 ms."""
        if len(heard) % _FRAME or len(heard) != len(played):
            raise ValueError(f"push: expected equal multiples of {_FRAME} samples, got {len(heard)}, {len(played)}")
        clean = np.empty_like(heard)
        for start in range(0, len(heard), _FRAME):
            part = slice(start, start + _FRAME)
            clean[part] = self._aec3.process(heard[part], played[part])
        return CleanSound(clean, clean)

    def reset(self) -> None:
        """See `EchoCanceller.reset`."""
        self._aec3.reset()
