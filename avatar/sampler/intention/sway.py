"""One corner of the mouth drawn back beyond the other, and the jaw aside: now left, now right, over seconds.

Nobody hears it, and of something so slow a flow in a few steps gives back a third. So it is drawn here and put on what
was sampled: two critically damped springs that chance pushes, keyed like all that is intended.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout
from avatar.sampler.intention.chance import Stream, generator
from avatar.sampler.intention.state import IntentionState
from avatar.sampler.intention.talker import Talker

_PACE = 2.0 * math.pi * 0.3 / FRAME_RATE_HZ  # radians a frame: most of it takes one to eight seconds
_PUSH = 2.0 * _PACE**1.5  # gives a spread of 1
SWAYS_FROM = 0.25
"""From this jawOpen on in full; a closed mouth is straight."""

_JAW, _CLOSE, *_SIDES = (
    MotionLayout.INDEX[name]
    for name in ("jawOpen", "mouthClose", "mouthStretchLeft", "mouthStretchRight", "jawLeft", "jawRight")
)


def swing(state: IntentionState, person: Talker, seed: int, frame: int) -> None:
    """One frame further, in place."""
    pushes = generator(Stream.SWAY, seed, state.heard, frame).standard_normal(2)
    speeds, places = [], []
    for place, speed, push, size in zip(
        state.sway, state.sway_speed, pushes, (person.corner_sway, person.jaw_sway), strict=True
    ):
        speed += size * _PUSH * float(push) - _PACE * _PACE * place - 2.0 * _PACE * speed
        speeds.append(speed)
        places.append(place + speed)
    state.sway, state.sway_speed = (places[0], places[1]), (speeds[0], speeds[1])


def with_sway(values: Floats, states: Sequence[IntentionState]) -> Floats:
    """Puts it on a face: float32 [F, 60] to a new one, the states being those after each frame."""
    jaw = values[:, _JAW]
    apart = 1.0 - np.clip(values[:, _CLOSE] / np.maximum(jaw, 1e-3), 0.0, 1.0)
    free = np.clip(jaw / SWAYS_FROM, 0.0, 1.0) * apart
    corner, aside = np.array([state.sway for state in states], np.float32).T * free
    out = values.copy()
    out[:, _SIDES] = np.clip(out[:, _SIDES] + np.maximum([corner, -corner, aside, -aside], 0.0).T, 0.0, 1.0)
    return out
