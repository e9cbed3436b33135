"""Random numbers that depend on a seed, on all the sound so far, and on the frame: on nothing else.

A frame's numbers come from a counter-based generator (Philox; Salmon et al. 2011), so that any frame's can be had
without those before it, and a rewind repeats them exactly. The sound is in the key: the same seed says something else
with other movements, and says the same again with the same ones. Every frame's sound counts at once, and not phrases
alone, so that two sentences with the same first word part where their sound does.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cached_property
from zlib import crc32

import numpy as np

LEVELS = 64
"""Steps of loudness that tell sounds apart, 0.6 dB each. Much coarser than what one processor's arithmetic computes
otherwise than another's; a sound in the lowest one counts as silence, and changes nothing."""

_WORD = 0xFFFFFFFFFFFFFFFF


class Stream(IntEnum):
    """What random numbers are for: those of one stream never depend on those of another."""

    INTENTION = 0
    NOISE = 1
    TALKER = 2
    SWAY = 3


def heard_after(heard: int, own: float, user: float) -> int:
    """The key of all the sound so far, after one more frame of it.

    Args:
        heard: before; 0 where nothing was heard.
        own: loudness of the own voice in the frame, as `avatar.sampler.features.loudness`.
        user: likewise of the user's, as far as it is known.
    """
    levels = int(own * LEVELS), int(user * LEVELS)
    return crc32(bytes(levels), heard) if any(levels) else heard


def generator(stream: Stream, seed: int, heard: int, frame: int) -> np.random.Generator:
    """A frame's random numbers, `heard` being the key of the sound that they may depend on."""
    counter = np.array([0, 0, frame & _WORD, stream], np.uint64)
    return np.random.Generator(np.random.Philox(key=np.array([seed & _WORD, heard], np.uint64), counter=counter))


class Chance:
    """One frame's random numbers, one after the other; most frames ask for few, and many for none.

    Args:
        seed: of the whole motion.
        heard: key of the sound so far.
        frame: absolute index.
    """

    def __init__(self, seed: int, heard: int, frame: int) -> None:
        self._key = seed, heard, frame

    @cached_property
    def _generator(self) -> np.random.Generator:
        return generator(Stream.INTENTION, *self._key)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Evenly from [low, high)."""
        return low + (high - low) * float(self._generator.random())

    def normal(self, limit: float = np.inf) -> float:
        """From the standard normal distribution, cut at ±limit."""
        return float(np.clip(self._generator.standard_normal(), -limit, limit))

    def log_normal(self, mean: float, spread: float) -> float:
        """Of a mean, and a standard deviation of its logarithm."""
        return mean * float(np.exp(spread * self.normal() - spread * spread / 2.0))
