"""Tables that put real talkers and what is made from their sound side by side, both as one tracker sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from avatar.evaluation import behaviour, curves
from avatar.evaluation.bands import (
    LAG_GOAL,
    OPENING_R,
    SENTENCE_GOALS,
    SPEECH_GOALS,
    SPREAD_GOAL,
    WIDTH_R,
    WORST_R,
)
from avatar.evaluation.people.movement import (
    FaceCurves,
    flashes,
    head_speed,
    jumps,
    lip_speed,
    openings,
    range_95,
    relative_opening,
)
from avatar.evaluation.results import Band, FaceTrace, Row, Section, row
from avatar.motion import FRAME_RATE_HZ, Floats

SENTENCE_S = 4.0
"""A clip up to so long counts as one sentence, a longer one as continuous speech."""

REAL = "real"

_FURTHEST_LAG = 3
_BLINKS_FROM_S = 10.0  # a rate of anything shorter would say nothing
_FEWEST_REAL = 3  # clips whose lowest and highest figures are a range
_OPEN_PERCENTILE = 90.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A real talker and the motion that was made from the same sound, frame by frame.

    Attributes:
        name: of the clip.
        column: whose motion it is.
        real: T frames.
        ours: T frames.
        geometry: float32 [T], the gap between the lips by the decoder's own geometry; the drawn one must agree.
    """

    name: str
    column: str
    real: FaceCurves
    ours: FaceCurves
    geometry: Floats

    @property
    def seconds(self) -> float:
        """How long both are."""
        return len(self.real.gap) / FRAME_RATE_HZ

    @property
    def is_sentence(self) -> bool:
        """Whether it is one sentence, not continuous speech."""
        return self.seconds <= SENTENCE_S


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like the real mouth ours moves in one clip; None where one of them does not move, or the clip is too short.

    Attributes:
        lag: frames from -3 to 3 at which the openings agree best; above 0 ours is late.
        opening: correlation of the openings at that lag.
        width: correlation of the widths at that lag.
        spread: standard deviation of our opening over that of the real one, each over the width of its mouth.
    """

    lag: int | None
    opening: float | None
    width: float | None
    spread: float | None


def likeness(real: FaceCurves, ours: FaceCurves) -> Likeness:
    """Compares two faces of as many frames."""
    moved = float(relative_opening(real).std())
    spread = float(relative_opening(ours).std()) / moved if moved > 1e-6 else None
    opened = _near(curves.lag_curve(ours.gap, real.gap))
    if opened is None:
        return Likeness(None, None, None, spread)
    best = int(np.argmax(opened))
    widths = _near(curves.lag_curve(ours.width, real.width))
    return Likeness(best - _FURTHEST_LAG, float(opened[best]), None if widths is None else float(widths[best]), spread)


def _near(lagged: Floats | None) -> Floats | None:
    """The part of a lag curve in which a best lag is looked for."""
    zero = curves.LAGS.index(0)
    return None if lagged is None else lagged[zero - _FURTHEST_LAG : zero + _FURTHEST_LAG + 1]


def people_sections(pairs: Sequence[Pair]) -> list[Section]:
    """Two tables for single sentences and two for continuous speech, as far as there are such clips."""
    sections = []
    for kind, chosen in (
        (f"sentences of up to {SENTENCE_S:g} s", [pair for pair in pairs if pair.is_sentence]),
        ("continuous speech", [pair for pair in pairs if not pair.is_sentence]),
    ):
        if chosen:
            sections += [_movement(kind, chosen), _agreement(kind, chosen)]
    return sections


_Measure = Callable[[FaceCurves], float | None]

_MEASURES: tuple[tuple[str, _Measure, str, int], ...] = (
    ("lip speed, 95 % (eye distances/s)", lambda face: lip_speed(face.gap), "", 2),
    ("openings/s", lambda face: _per_s(openings(face.gap), face), "", 2),
    ("jumps/s: opening ± 0.08 in one frame", lambda face: _per_s(jumps(face.gap), face), "", 2),
    ("closures of one frame/s", lambda face: _per_s(flashes(face.gap), face), "", 2),
    ("opening, 90 % (mouth widths)", lambda face: _widely_open(face), "", 3),
    ("opening, range (mouth widths)", lambda face: range_95(relative_opening(face)), "", 3),
    ("width, range (eye distances)", lambda face: range_95(face.width), "", 3),
    ("opening and width, r", lambda face: curves.correlation(face.gap, face.width), "", 2),
    ("one corner of the mouth over the other, range", lambda face: range_95(face.lean), "", 3),
    ("chin sideways, range", lambda face: range_95(face.jaw), "", 3),
    ("brows, range", lambda face: range_95(face.brow), "", 3),
    ("head speed, median", lambda face: head_speed(face.head), "°/s", 1),
    ("head pitch, range", lambda face: range_95(face.head[:, 0]), "°", 1),
    ("head yaw, range", lambda face: range_95(face.head[:, 1]), "°", 1),
    ("head roll, range", lambda face: range_95(face.head[:, 2]), "°", 1),
    ("blinks/min", lambda face: _blinks(face), "", 1),
)


def _per_s(count: int, face: FaceCurves) -> float:
    return count * FRAME_RATE_HZ / len(face.gap)


def _widely_open(face: FaceCurves) -> float:
    return float(np.percentile(relative_opening(face), _OPEN_PERCENTILE))


def _blinks(face: FaceCurves) -> float | None:
    seconds = len(face.gap) / FRAME_RATE_HZ
    return None if seconds < _BLINKS_FROM_S else 60.0 * len(behaviour.blinks(face.lids)) / seconds


def _movement(kind: str, pairs: Sequence[Pair]) -> Section:
    rows = []
    for name, measure, unit, digits in _MEASURES:
        real, ours = [measure(pair.real) for pair in pairs], [measure(pair.ours) for pair in pairs]
        known = [value for value in real if value is not None]
        among = Band(min(known), max(known)) if len(known) >= _FEWEST_REAL else None
        rows.append(row(name, [_mean(real), _mean(ours)], unit, digits, [None, among]))
    held = "our mean is held to the lowest and highest of the real ones. " if len(pairs) >= _FEWEST_REAL else ""
    note = (
        f"Means of {len(pairs)} clips; {held}Both as MediaPipe sees them, ours drawn. Lengths over the distance of the "
        "eyes' outer corners; a range is from the 2.5th to the 97.5th percentile. An opening: by 0.03 or more, and "
        "closed by as much again."
    )
    return Section(f"Movement as people move: {kind}", (REAL, pairs[0].column), tuple(rows), note)


def _agreement(kind: str, pairs: Sequence[Pair]) -> Section:
    is_sentence = pairs[0].is_sentence
    goals = SENTENCE_GOALS if is_sentence else SPEECH_GOALS
    found = [likeness(pair.real, pair.ours) for pair in pairs]
    drawn = [curves.correlation(pair.geometry, pair.ours.gap) for pair in pairs]
    columns = (
        *("r of the opening", "lag, frames", "r of the width", "spread"),
        *("open at 90 %, real", "open at 90 %, ours", "r of drawn and told"),
    )
    each: list[list[float | None]] = [
        [one.opening, one.lag, one.width, one.spread, _widely_open(pair.real), _widely_open(pair.ours), told]
        for pair, one, told in zip(pairs, found, drawn, strict=True)
    ]
    held = [goals.get(WORST_R), LAG_GOAL, None, SPREAD_GOAL, None, None, None]
    rows: list[Row] = [row(pair.name, values, "", 2, held) for pair, values in zip(pairs, each, strict=True)]
    if len(pairs) > 1:
        means = [_mean([values[i] for values in each]) for i in range(len(columns))]
        rows.append(row("mean", means, "", 2, [goals[OPENING_R], None, goals[WIDTH_R], *(None,) * 4]))
    note = (
        f"At the lag, within ±{_FURTHEST_LAG} frames, at which the openings agree best; above 0 ours is late. Spread: "
        "of our opening over that of the real one, each over its mouth's width, as the openings at 90 % are. Drawn and "
        "told: the gap that is found in our pictures, against the decoder's own geometry."
    )
    return Section(f"Our mouth against the real one: {kind}", columns, tuple(rows), note)


def face_trace(pair: Pair) -> FaceTrace:
    """The curves of a pair, for plots; what has no zero of its own is around its median."""

    def both(curve: Callable[[FaceCurves], Floats]) -> dict[str, Floats]:
        return {REAL: curve(pair.real), pair.column: curve(pair.ours)}

    def about_median(curve: Floats) -> Floats:
        return np.asarray(curve - np.median(curve), np.float32)

    return FaceTrace(
        pair.name,
        {
            "opening": both(lambda face: face.gap),
            "width": both(lambda face: face.width),
            "brows": both(lambda face: about_median(face.brow)),
            "head yaw, °": both(lambda face: about_median(face.head[:, 1])),
            "head pitch, °": both(lambda face: about_median(face.head[:, 0])),
        },
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
