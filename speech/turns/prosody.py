"""How finished a turn sounds, by our own rules: at its end the voice has sunk; who goes on breaks off or says "um".

Measured on fluent sentences, whole and cut inside (benchmarks/turns.py): of the level's fall, the level at the end, the
pitch's fall and height, and the length of the last sound, only the first two told whole ones from cut ones (area under
the curve 0.80 and 0.87 for both together; the others at most 0.58).
"""

from __future__ import annotations

import numpy as np

from speech.audio import SPEECH_RATE_HZ, Samples
from speech.turns.base import JUDGED_AT_S
from speech.turns.filled_pause import filled_pause

_HEARD_S = 1.5
_WINDOW, _HOP = 512, 160  # samples at 16 kHz: 32 and 10 ms
_LEAST_FRAMES = 20

_SPOKEN_DB = 30.0
"""Frames this much below the loudest are no voice."""

_LOUD_DB = 10.0
"""The voice is up as long as it is no more than this below the loudest."""

_FILLED = 0.7
"""A sound that is a filled pause with this probability is taken for one."""

_MAYBE_FILLED, _UNFINISHED, _LESS = 0.4, 0.6, 0.1
"""From this probability on it may be one, where the voice has not sunk either: then it counts so much as finished. Of
ums 98 in 100 reach it, of finished sentences one in five, most of which end in a voice that has sunk."""

_LAST_FRAMES = 6
_LEVEL_WEIGHT, _FALL_WEIGHT, _BIAS = -0.194, 1.86, -2.18
"""A logistic regression over dB and seconds."""


def completeness(sound: Samples) -> float:
    """Judges the end of a turn.

    Args:
        sound: float32 [N] at 16 kHz, with `JUDGED_AT_S` of silence at its end.

    Returns:
        [0, 1]: how likely it was the end; 0 after a filled pause, 0.5 where there is too little sound to tell.
    """
    filled = filled_pause(sound)
    if filled > _FILLED:
        return 0.0
    voice = sound[: len(sound) - round(JUDGED_AT_S * SPEECH_RATE_HZ)][-round(_HEARD_S * SPEECH_RATE_HZ) :]
    if len(voice) < _WINDOW + _LEAST_FRAMES * _HOP:
        return 0.5
    frames = np.lib.stride_tricks.sliding_window_view(voice, _WINDOW)[::_HOP]
    levels = 10.0 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12)
    loudest = np.percentile(levels, 95)
    spoken = levels[levels > loudest - _SPOKEN_DB]
    last_level = float(np.mean(spoken[-_LAST_FRAMES:]) - np.percentile(spoken, 75))
    fall_s = (len(levels) - 1 - int(np.flatnonzero(levels > loudest - _LOUD_DB)[-1])) * _HOP / SPEECH_RATE_HZ
    sunk = float(1.0 / (1.0 + np.exp(-(_LEVEL_WEIGHT * last_level + _FALL_WEIGHT * fall_s + _BIAS))))
    return _LESS * sunk if filled > _MAYBE_FILLED and sunk < _UNFINISHED else sunk
