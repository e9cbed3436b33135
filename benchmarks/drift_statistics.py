"""Statistics of hours of motion, kept minute by minute: means, spreads, trends, steps, how each state was acted."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from avatar.evaluation.bands import BLINKS, DIRECT_GAZE, HEAD_SPEED
from avatar.evaluation.behaviour import DIRECT_GAZE_DEG, blinks, gaze_distance_deg, head_velocity
from avatar.motion import FRAME_RATE_HZ, ConversationState, Floats, MotionLayout
from avatar.sampler.dynamics import MOUTH
from benchmarks.kiosk_day import Shown
from benchmarks.memory import memory_mb

MINUTE = 60 * FRAME_RATE_HZ
QUIET_FRAMES = 15
"""The mouth is at rest so long after the voice; only then is it measured."""

INDEX = MotionLayout.INDEX
_DEGREES = {name: INDEX[name] for name in ("headPitch", "headYaw", "headRoll", "gazeYaw", "gazePitch")}
_PLAIN = {name: INDEX[name] for name in ("headX", "headY", "headDistance")}
_MEANS = {
    "lids": [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]],
    "browsUp": [INDEX["browInnerUp"], INDEX["browOuterUpLeft"], INDEX["browOuterUpRight"]],
    "browsDown": [INDEX["browDownLeft"], INDEX["browDownRight"]],
}
_MOUTH = [MotionLayout.SAMPLED[i] for i in MOUTH]
MEASURES = (*_DEGREES, *_PLAIN, *_MEANS, "mouthInSilence", "jawInSilence")
"""Angles in degrees, places in distances between the eyes, the rest in ARKit's units (means of several)."""

STEPS = {"head °": MotionLayout.ROTATION, "place": slice(3, 6), "gaze °": MotionLayout.GAZE, "face": MotionLayout.FACE}
"""Groups whose largest step between two frames is kept."""


def measured(values: Floats, is_quiet: np.ndarray) -> dict[str, np.ndarray]:
    """float32 [T, 60] to one curve for each of MEASURES, [T]; those of silence are shorter."""
    curves = {name: np.degrees(values[:, i]) for name, i in _DEGREES.items()}
    curves |= {name: values[:, i] for name, i in _PLAIN.items()}
    curves |= {name: values[:, columns].mean(axis=1) for name, columns in _MEANS.items()}
    curves["mouthInSilence"] = values[is_quiet][:, _MOUTH].mean(axis=1)
    curves["jawInSilence"] = values[is_quiet, INDEX["jawOpen"]]
    return {name: curves[name].astype(np.float64) for name in MEASURES}


@dataclass
class Moments:
    """Count, sum and sum of squares, of one measure in one minute."""

    count: int
    total: float
    squares: float

    @classmethod
    def of(cls, curve: np.ndarray) -> Moments:
        """The moments of a curve."""
        return cls(len(curve), float(curve.sum()), float(np.square(curve).sum()))

    @classmethod
    def merged(cls, parts: Iterable[Moments]) -> Moments:
        """The moments of several minutes together."""
        parts = list(parts)
        return cls(sum(p.count for p in parts), sum(p.total for p in parts), sum(p.squares for p in parts))

    @property
    def mean(self) -> float:
        """Mean; NaN without a value."""
        return self.total / self.count if self.count else math.nan

    @property
    def spread(self) -> float:
        """Standard deviation."""
        return math.sqrt(max(0.0, self.squares / self.count - self.mean**2)) if self.count else math.nan


@dataclass
class StateCounts:
    """What was done in one state."""

    frames: int = 0
    blinks: int = 0
    direct_frames: int = 0
    moves: int = 0
    speed_squares: float = 0.0

    def report(self) -> dict[str, float]:
        """Rates, by the names of `avatar.evaluation.bands`."""
        return {
            "minutes": self.frames / MINUTE,
            BLINKS: self.blinks * MINUTE / max(1, self.frames),
            DIRECT_GAZE: self.direct_frames / max(1, self.frames),
            HEAD_SPEED: math.sqrt(self.speed_squares / max(1, self.moves)),
        }


@dataclass
class Drift:
    """Statistics of a run, minute by minute; `hour` is how many minutes are one line of the report."""

    hour: int = 60
    minutes: list[dict[str, Moments]] = field(default_factory=list)
    steps: list[dict[str, float]] = field(default_factory=list)
    steps_rewound: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STEPS, 0.0))
    memory_mb: list[float] = field(default_factory=list)
    states: dict[ConversationState, StateCounts] = field(default_factory=dict)
    _last: Floats | None = None
    _since_voice: int = QUIET_FRAMES

    def add(self, frames: Sequence[Shown]) -> None:
        """Adds a minute, or what there is of the last one."""
        values = np.stack([frame.values for frame in frames])
        self.minutes.append({name: Moments.of(curve) for name, curve in measured(values, self._quiet(frames)).items()})
        whole = values if self._last is None else np.concatenate([self._last[None], values])
        rewound = np.array([frame.is_rewound for frame in frames])[-(len(whole) - 1) :]
        largest = {}
        for name, columns in STEPS.items():
            step = np.abs(np.diff(whole[:, columns], axis=0)).max(axis=1)
            step = np.degrees(step) if "°" in name else step
            largest[name] = float(step.max(initial=0.0))
            self.steps_rewound[name] = max(self.steps_rewound[name], float(step[rewound].max(initial=0.0)))
        self.steps.append(largest)
        self._count(frames, values)
        self.memory_mb.append(round(memory_mb(os.getpid()), 1))
        self._last = values[-1]

    def _quiet(self, frames: Sequence[Shown]) -> np.ndarray:
        quiet = np.zeros(len(frames), bool)
        for i, frame in enumerate(frames):
            self._since_voice = 0 if frame.is_audible else self._since_voice + 1
            quiet[i] = self._since_voice > QUIET_FRAMES and frame.state is not ConversationState.SPEAKING
        return quiet

    def _count(self, frames: Sequence[Shown], values: Floats) -> None:
        states = [frame.state for frame in frames]
        direct = gaze_distance_deg(values) <= DIRECT_GAZE_DEG
        speed = np.square(head_velocity(values)).sum(axis=1)
        for state in ConversationState:
            here = np.array([one is state for one in states])
            counts = self.states.setdefault(state, StateCounts())
            counts.frames += int(here.sum())
            counts.direct_frames += int(direct[here].sum())
            counts.moves += int(here[1:].sum())
            counts.speed_squares += float(speed[here[1:]].sum())
        for blink in blinks(values):
            self.states[states[int(blink.start_s * FRAME_RATE_HZ)]].blinks += 1

    def hours(self) -> list[dict[str, Moments]]:
        """Each hour's moments; the last one may be shorter."""
        chunks = [self.minutes[i : i + self.hour] for i in range(0, len(self.minutes), self.hour)]
        return [{name: Moments.merged(minute[name] for minute in chunk) for name in MEASURES} for chunk in chunks]

    def report(self) -> dict[str, Any]:
        """Everything as plain numbers."""
        hours = self.hours()
        return {
            "minutes_done": len(self.minutes),
            "minutes_a_line": self.hour,
            "hours": [
                {
                    "means": {name: hour[name].mean for name in MEASURES},
                    "spreads": {name: hour[name].spread for name in MEASURES},
                    "largest_steps": self._largest(i * self.hour, (i + 1) * self.hour),
                    "memory_mb": self.memory_mb[min(len(self.memory_mb), (i + 1) * self.hour) - 1],
                }
                for i, hour in enumerate(hours)
            ],
            "drift": {name: self._drift(name, hours) for name in MEASURES},
            "largest_steps": self._largest(0, len(self.steps)),
            "largest_steps_after_a_rewind": self.steps_rewound,
            "states": {str(state): counts.report() for state, counts in self.states.items()},
            "minute_means": {name: [minute[name].mean for minute in self.minutes] for name in MEASURES},
        }

    def _largest(self, first: int, stop: int) -> dict[str, float]:
        return {name: max((minute[name] for minute in self.steps[first:stop]), default=0.0) for name in STEPS}

    def _drift(self, name: str, hours: Sequence[dict[str, Moments]]) -> dict[str, float | None]:
        """How far the hours lie apart, and the straight trend over the whole run, both in spreads within an hour.

        `trend_t` is the trend over its standard error (least squares through the minutes' means): within ±3 there is
        none that could be told from chance.
        """
        means = np.array([hour[name].mean for hour in hours])
        spread = float(np.nanmean([hour[name].spread for hour in hours]))
        minutes = np.array([minute[name].mean for minute in self.minutes])
        when = np.flatnonzero(np.isfinite(minutes))
        if len(when) < 3 or not spread > 0.0:
            return {"hours_apart": None, "trend": None, "trend_t": None}
        level, centred = minutes[when], when - when.mean()
        slope = float(centred @ level / (centred @ centred))
        left = level - level.mean() - slope * centred
        error = math.sqrt(float(left @ left) / (len(when) - 2) / float(centred @ centred))
        return {
            "hours_apart": float(np.nanmax(means) - np.nanmin(means)) / spread,
            "trend": slope * len(self.minutes) / spread,
            "trend_t": slope / error if error > 0.0 else 0.0,
        }
