"""Curves of a mouth and how well two of them agree: correlation, lag, rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout

LAGS: tuple[int, ...] = tuple(range(-8, 9))
"""Frames; 320 ms either way."""

_LEAST_FRAMES = FRAME_RATE_HZ
_MOVES = 1e-6


def aperture(values: Floats) -> Floats:
    """Opening of the mouth, jawOpen less mouthClose: float32 [T, 60] to float32 [T]."""
    return values[:, MotionLayout.INDEX["jawOpen"]] - values[:, MotionLayout.INDEX["mouthClose"]]


def velocity(curve: Floats) -> Floats:
    """Central difference of a curve at 25 Hz, per second: float32 [T] to float32 [T]."""
    return np.asarray(np.gradient(curve.astype(np.float64)) * FRAME_RATE_HZ, np.float32)


def correlation(a: npt.NDArray[np.floating[Any]], b: npt.NDArray[np.floating[Any]]) -> float | None:
    """Pearson's; None where one of them does not move or there are fewer than three values."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    if len(x) < 3 or min(float(np.ptp(x)), float(np.ptp(y))) < _MOVES:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def rank_correlation(a: npt.NDArray[np.floating[Any]], b: npt.NDArray[np.floating[Any]]) -> float | None:
    """Spearman's, equal values sharing their mean rank; None as `correlation`."""
    return correlation(_ranks(a), _ranks(b))


def _ranks(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2.0)[inverse], np.float64)


def lag_curve(ours: Floats, theirs: Floats) -> Floats | None:
    """Correlation at every lag of LAGS, each over all frames that both have there.

    Args:
        ours: float32 [T].
        theirs: float32 [T].

    Returns:
        float32 [17]: at lag k frame t of theirs is compared with frame t + k of ours, so a best lag above 0 says that
        ours is late. None if the curves are too short, or one of them does not move.
    """
    frames = min(len(ours), len(theirs))
    if frames < _LEAST_FRAMES:
        return None
    ours, theirs = ours[:frames], theirs[:frames]
    found = [correlation(ours[max(lag, 0) : frames + lag], theirs[max(-lag, 0) : frames - lag]) for lag in LAGS]
    return None if None in found else np.array(found, np.float32)


def best_lag(curve: Floats) -> int:
    """The lag, frames, at which a `lag_curve` is highest."""
    return LAGS[int(np.argmax(curve))]
