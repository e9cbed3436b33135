"""Breathing at rest: how far the chest has risen, as a function of time alone.

Adults at rest breathe 12 to 20 times a minute, inhaling for about 40 % of each breath, and no two breaths are quite
alike (Benchetrit 2000, "Breathing pattern in humans: diversity and individuality").
"""

from __future__ import annotations

import math

_BREATHS_A_MINUTE, _INHALING = 14.0, 0.4
# Breaths come a little early or late, and are deeper or shallower: shares, and how slowly that changes, seconds.
_EARLY, _EARLY_S = (0.10, 0.06), (41.0, 17.3)
_DEPTH, _DEPTH_S = 0.18, 29.0


def breath_at(at_s: float) -> float:
    """The chest's rise at a time, 0 (breathed out) to 1; smooth, and the same for the same time."""
    turn = 2.0 * math.pi
    shift = sum(share * math.sin(turn * at_s / period) for share, period in zip(_EARLY, _EARLY_S, strict=True))
    phase = (at_s * _BREATHS_A_MINUTE / 60.0 + shift) % 1.0
    if phase < _INHALING:
        rise = 0.5 - 0.5 * math.cos(math.pi * phase / _INHALING)
    else:
        rise = 0.5 + 0.5 * math.cos(math.pi * (phase - _INHALING) / (1.0 - _INHALING))
    depth = 1.0 - _DEPTH * (0.5 + 0.5 * math.sin(turn * at_s / _DEPTH_S))
    return rise * depth
