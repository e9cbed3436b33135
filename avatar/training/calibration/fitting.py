"""A few numbers of the rule, looked for with a pattern search (Hooke & Jeeves 1961), one person left out at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from avatar.motion import FRAME_RATE_HZ
from avatar.progress import Progress
from avatar.training.articulation import articulate_at
from avatar.training.calibration.clips import Clip
from avatar.training.calibration.measures import Movement, agreement, movement
from avatar.training.calibration.mouth import DrawnMouth, MouthCurves
from avatar.training.gestures.coarticulation import Coarticulation

LIMITS: Mapping[str, tuple[float, float]] = {
    "jaw_before_s": (0.04, 0.14),
    "jaw_after_s": (0.04, 0.14),
    "round_before_s": (0.05, 0.2),
    "round_after_s": (0.04, 0.2),
    "contact_ramp_s": (0.085, 0.14),
    "vowels": (0.4, 1.3),
    "consonants": (0.3, 2.0),
    "stress": (0.0, 3.0),
    "opening_by_loudness": (0.0, 1.2),
    "opening_at_start": (-0.5, 0.5),
    "spread": (0.3, 2.5),
    "spread_by_opening": (0.0, 2.5),
    "funnel": (0.3, 1.5),
    "pucker": (0.1, 1.5),
    "rounded_closing": (0.0, 1.0),
    "pause_keeps_open_s": (0.0, 0.15),
}
"""The numbers that are fitted, and between what.

How long contacts last is not, since trackers blur them. They form and dissolve in more than two frames, however much
faster the search would have it: a curve that is sampled at 25 Hz and learnt by a network snaps otherwise. Lips pushed
forward are hardly seen from the front, and stay in any case.
"""

# What the loss adds up: misses of the two correlations, and how far spreads, speed and openings are from the person's
# own, as logarithms of ratios (none counts for more than a factor of e).
_WIDTH, _WIDE_WHEN_OPEN = 0.5, 0.2
_RATIOS = {"aperture_spread": 0.25, "width_spread": 0.15, "speed": 0.15, "openings": 0.1}
_LEAST = {"aperture_spread": 0.01, "width_spread": 0.01, "speed": 0.1, "openings": 0.2}
# What leaving the start costs at the far end of a number's limits: numbers that the clips say nothing about stay.
_STAY = 0.03
# A clip counts by the root of its length up to so many seconds: a short one says little.
_LONG_S = 20.0

_FIRST_STEP, _LAST_STEP = 0.12, 0.03  # of the limits' range


def made_mouth(clip: Clip, numbers: Coarticulation, mouth: DrawnMouth) -> MouthCurves:
    """The mouth that the rule makes for what a clip says."""
    return mouth(articulate_at(clip.phones, clip.loudness, clip.frames, numbers=numbers))


def clip_loss(made: MouthCurves, real: MouthCurves) -> float:
    """How far a made mouth is from the real one: 0 is the same, about 1.5 nothing in common."""
    agrees, ours, theirs = agreement(made, real), movement(made), movement(real)
    loss = (1.0 - agrees.aperture) + _WIDTH * (1.0 - agrees.width)
    loss += _WIDE_WHEN_OPEN * abs(ours.wide_when_open - theirs.wide_when_open)
    return loss + sum(weight * _log_ratio(ours, theirs, name) for name, weight in _RATIOS.items())


def _log_ratio(ours: Movement, theirs: Movement, name: str) -> float:
    least = _LEAST[name]
    return min(abs(float(np.log(max(getattr(ours, name), least) / max(getattr(theirs, name), least)))), 1.0)


def fit(
    clips: Sequence[Clip],
    mouth: DrawnMouth,
    start: Coarticulation,
    progress: Callable[[], None] = lambda: None,
    limits: Mapping[str, tuple[float, float]] = LIMITS,
) -> Coarticulation:
    """The numbers with which the rule comes nearest to these clips.

    Args:
        clips: of any people; every person counts the same.
        mouth: draws.
        start: where to look from; what has no limits stays.
        progress: called after every trial.
        limits: the numbers to look for, and between what.
    """
    names = tuple(limits)
    low, high = (np.array([limits[name][side] for name in names]) for side in (0, 1))
    origin = (np.array([getattr(start, name) for name in names]) - low) / (high - low)
    weights = _weights(clips)

    def numbers_at(place: npt.NDArray[np.float64]) -> Coarticulation:
        return replace(start, **dict(zip(names, map(float, low + place * (high - low)), strict=True)))

    def loss(place: npt.NDArray[np.float64]) -> float:
        numbers = numbers_at(place)
        losses = [clip_loss(made_mouth(clip, numbers, mouth), clip.real) for clip in clips]
        progress()
        return float(np.dot(weights, losses)) + _STAY * float(np.square(place - origin).sum())

    return numbers_at(pattern_search(loss, np.clip(origin, 0.0, 1.0), _FIRST_STEP, _LAST_STEP))


def _weights(clips: Sequence[Clip]) -> npt.NDArray[np.float64]:
    """How much each clip counts, summing to 1: a person by the root of all their seconds, shared by length."""
    seconds: dict[str, float] = {}
    for clip in clips:
        seconds[clip.person] = seconds.get(clip.person, 0.0) + clip.frames / FRAME_RATE_HZ
    person = {name: min(total, _LONG_S) ** 0.5 for name, total in seconds.items()}
    found = np.array([person[c.person] * c.frames / FRAME_RATE_HZ / seconds[c.person] for c in clips])
    return np.asarray(found / found.sum(), np.float64)


def pattern_search(
    loss: Callable[[npt.NDArray[np.float64]], float],
    start: npt.NDArray[np.float64],
    first_step: float,
    last_step: float,
) -> npt.NDArray[np.float64]:
    """The place in [0, 1]^N with the least loss that a pattern search finds: steps along every axis, ever smaller.

    Args:
        loss: of a place, float64 [N].
        start: where to begin.
        first_step: along each axis.
        last_step: steps smaller than this are not tried.
    """
    best, least, step = start.copy(), loss(start), first_step
    while step >= last_step:
        before = best.copy()
        best, least = _explored(loss, best, least, step)
        if np.array_equal(best, before):
            step /= 2.0
            continue
        # Where a round of steps helped, as far again in the same direction may help too.
        beyond = np.clip(2.0 * best - before, 0.0, 1.0)
        further, found = _explored(loss, beyond, loss(beyond), step)
        if found < least:
            best, least = further, found
    return best


def _explored(
    loss: Callable[[npt.NDArray[np.float64]], float], place: npt.NDArray[np.float64], least: float, step: float
) -> tuple[npt.NDArray[np.float64], float]:
    for axis in range(len(place)):
        for towards in (step, -step):
            tried = place.copy()
            tried[axis] = np.clip(tried[axis] + towards, 0.0, 1.0)
            if tried[axis] != place[axis] and (found := loss(tried)) < least:
                place, least = tried, found
                break
    return place, least


@dataclass(frozen=True, slots=True)
class Calibration:
    """Numbers fitted to people.

    Attributes:
        before: what the search began from.
        numbers: fitted to all who may be fitted to.
        held_out: person → the numbers fitted to everybody else.
    """

    before: Coarticulation
    numbers: Coarticulation
    held_out: Mapping[str, Coarticulation]


def calibrate(
    clips: Sequence[Clip],
    judges: frozenset[str],
    mouth: DrawnMouth,
    start: Coarticulation,
    progress: Progress,
    limits: Mapping[str, tuple[float, float]] = LIMITS,
) -> Calibration:
    """Fits the numbers to everybody, and to everybody but one person, for each.

    Args:
        clips: of two people at least who are not among the judges.
        judges: people who are never fitted to; their held-out numbers are those of all others.
        mouth: draws.
        start: where to look from.
        progress: called with the share done.
        limits: the numbers to look for, and between what.
    """
    fitted = [clip for clip in clips if clip.person not in judges]
    people = sorted({clip.person for clip in fitted})
    tried, expected = 0, 16.0 * len(limits) * (len(people) + 1)
    note = "everybody"

    def count() -> None:
        nonlocal tried
        tried += 1
        progress(min(tried / expected, 0.99), note)

    numbers = fit(fitted, mouth, start, count, limits)
    held_out = dict.fromkeys(sorted(judges), numbers)
    for number, person in enumerate(people):
        note = f"without {person}, {number + 1} of {len(people)}"
        held_out[person] = fit([clip for clip in fitted if clip.person != person], mouth, start, count, limits)
    progress(1.0, "fitted")
    return Calibration(start, numbers, held_out)
