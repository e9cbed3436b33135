"""Short phrases that are spoken before they are needed, and kept."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import aclosing

import numpy as np

from speech.audio import OUTPUT_RATE_HZ, Resampler, Samples
from speech.errors import BackendError
from speech.tts.base import TTS

MOST_KEPT = 48
"""Phrases: more than all that are not filled in; the one kept longest goes first."""

LONGEST_S = 5.0
"""What is longer is no short phrase, but a voice that finds no end."""

_SILENT = 3e-3
_BEFORE, _AFTER = round(0.02 * OUTPUT_RATE_HZ), round(0.08 * OUTPUT_RATE_HZ)
"""Of the silence around a phrase so much is left: what is said next follows without a gap."""


class SpokenPhrases:
    """The sound of phrases in one voice, each made once.

    Args:
        voice: entered.
        manner: gives the language, pace and loudness that it has now: in another one it says them anew.
    """

    def __init__(self, voice: TTS, manner: Callable[[], Hashable] = lambda: None) -> None:
        self._voice, self._manner = voice, manner
        self._kept: dict[tuple[Hashable, str], Samples] = {}

    async def sound(self, text: str) -> Samples:
        """The phrase, float32 at OUTPUT_RATE_HZ without silence around it; the voice makes it off the event loop.

        Raises:
            VisavisError: the voice can't say it.
        """
        key = self._manner(), text
        known = self._kept.get(key)
        if known is None:
            known = self._kept[key] = await self._make(text)
            if len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return known

    async def _make(self, text: str) -> Samples:
        resampler = Resampler(self._voice.sample_rate_hz, OUTPUT_RATE_HZ)
        pieces: list[Samples] = []
        async with aclosing(self._voice.synthesize(text)) as chunks:
            async for chunk in chunks:
                pieces.append(resampler.push(chunk.audio.samples))
                if chunk.audio.end_sample > LONGEST_S * self._voice.sample_rate_hz:
                    raise BackendError(f"expected {text!r} to end within {LONGEST_S:g} s")
        sound = np.concatenate([*pieces, resampler.push(np.zeros(0, np.float32), last=True)])
        audible = np.flatnonzero(np.abs(sound) > _SILENT)
        if not len(audible):
            raise BackendError(f"expected sound for {text!r}, got silence")
        phrase: Samples = sound[max(0, audible[0] - _BEFORE) : audible[-1] + _AFTER]
        return phrase
