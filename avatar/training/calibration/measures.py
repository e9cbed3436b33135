"""How a made mouth agrees with the real one of the same clip, and how both move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from avatar.evaluation.curves import LAGS, correlation, lag_curve
from avatar.evaluation.people.movement import flashes, jumps, lip_speed, openings, range_95
from avatar.motion import FRAME_RATE_HZ, Floats
from avatar.training.calibration.mouth import MouthCurves

WITHIN_FRAMES = 3
"""The best lag is looked for this far: sound and picture of a clip are seldom exactly in step."""


@dataclass(frozen=True, slots=True)
class Movement:
    """How a mouth moves.

    Attributes:
        aperture_spread: between the 2.5th and the 97.5th percentile, eye distances.
        width_spread: the same of the width.
        opened: the aperture's 90 % point, eye distances.
        speed: the aperture's, 95th percentile, eye distances a second.
        openings: a second.
        jumps: a second, of more than `avatar.evaluation.people.movement.JUMP` in one frame.
        flashes: closures of one frame alone, a second.
        wide_when_open: correlation of aperture and width.
    """

    aperture_spread: float
    width_spread: float
    opened: float
    speed: float
    openings: float
    jumps: float
    flashes: float
    wide_when_open: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a made mouth follows the real one.

    Attributes:
        aperture: correlation of the apertures at the best lag.
        width: correlation of the widths at that lag.
        lag: frames by which the made mouth is late there.
    """

    aperture: float
    width: float
    lag: int


def movement(mouth: MouthCurves) -> Movement:
    """How a mouth moves, over a second at least."""
    seconds = len(mouth.aperture) / FRAME_RATE_HZ
    return Movement(
        aperture_spread=range_95(mouth.aperture),
        width_spread=range_95(mouth.width),
        opened=float(np.percentile(mouth.aperture, 90.0)),
        speed=lip_speed(mouth.aperture),
        openings=openings(mouth.aperture) / seconds,
        jumps=jumps(mouth.aperture) / seconds,
        flashes=flashes(mouth.aperture) / seconds,
        wide_when_open=correlation(mouth.aperture, mouth.width) or 0.0,
    )


def agreement(made: MouthCurves, real: MouthCurves) -> Agreement:
    """How a made mouth follows the real one."""
    curve = lag_curve(made.aperture, real.aperture)
    if curve is None:
        return Agreement(0.0, 0.0, 0)
    near = [i for i, lag in enumerate(LAGS) if abs(lag) <= WITHIN_FRAMES]
    best = max(near, key=lambda i: float(curve[i]))
    lag = LAGS[best]
    return Agreement(float(curve[best]), correlation(*_overlap(made.width, real.width, lag)) or 0.0, lag)


def _overlap(made: Floats, real: Floats, lag: int) -> tuple[Floats, Floats]:
    """Both at a lag, over the frames that both have."""
    frames = min(len(made), len(real))
    return made[max(lag, 0) : frames + min(lag, 0)], real[max(-lag, 0) : frames - max(lag, 0)]


def mean_movement(found: Sequence[Movement]) -> Movement:
    """Of several clips, the mean of every figure."""
    return Movement(**{f.name: float(np.mean([getattr(one, f.name) for one in found])) for f in fields(Movement)})
