"""From what a browser received and said to times: answers, barge-ins, the mouth against the sound."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from avatar.motion import Floats

LOUD = 0.02
"""Peak from which on a piece of 10 ms is speech."""
GAP_MS = 700.0
"""Pauses inside an utterance are shorter."""
QUIET_MS = 250.0
"""A voice that is silent for so long was silenced."""
GRID_MS = 10.0
MOST_LAG_MS = 300


@dataclass(frozen=True, slots=True)
class Talk:
    """What a page's probe kept; times in ms of one clock.

    Attributes:
        heard: float64 [N, 2], time and peak of each 10 ms received.
        said: float64 [M, 2], of the microphone.
        picture_ms: float64 [P], when each picture was shown.
        mouths: float32 [P, K], grey values of the region around the mouth.
        states: (time, state) as the page showed them.
    """

    heard: Floats
    said: Floats
    picture_ms: Floats
    mouths: Floats
    states: list[tuple[float, str]]


@dataclass
class TalkTimings:
    """Milliseconds.

    Attributes:
        thinking: from the ends of utterances to the page's showing that they were noticed.
        answers: to the answers' first sound.
        silences: from barge-ins to silence.
        missed: utterances without an answer.
    """

    thinking: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    silences: list[float] = field(default_factory=list)
    missed: int = 0


def talk_timings(talk: Talk) -> TalkTimings:
    """What followed each utterance but the last, which may not be over."""
    loud = talk.heard[talk.heard[:, 1] > LOUD, 0]
    timings = TalkTimings()
    for (began, ended), (following, _) in pairwise(_spans(talk.said)):
        silent_from = ended
        if ((began - 300 < loud) & (loud < began + 50)).any():
            after = np.r_[began, loud[loud > began], np.inf]
            silent_from = after[np.flatnonzero(np.diff(after) > QUIET_MS)[0]] + GRID_MS
            timings.silences.append(float(silent_from - began))
        timings.thinking += [at - ended for at, state in talk.states if state == "thinking" and ended < at < following][
            :1
        ]
        answer = loud[(loud > max(ended, silent_from)) & (loud < following)]
        timings.answers += [float(at - ended) for at in answer[:1]]
        timings.missed += not len(answer)
    return timings


def _spans(pieces: Floats) -> list[tuple[float, float]]:
    loud = pieces[pieces[:, 1] > LOUD, 0]
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > GAP_MS)
    return list(zip(np.r_[loud[0], loud[breaks + 1]], np.r_[loud[breaks], loud[-1]] + GRID_MS, strict=True))


def mouth_and_sound(talk: Talk) -> tuple[float, float]:
    """How many ms the mouth's movement is behind the sound's loudness where they go together best, and how well."""
    first, last = talk.picture_ms[0], talk.picture_ms[-1]
    grid = np.arange(first, last, GRID_MS)
    loudness = np.interp(grid, talk.heard[:, 0], np.minimum(talk.heard[:, 1], 0.3))
    moved = np.abs(np.diff(talk.mouths, axis=0)).mean(axis=1)
    movement = np.interp(grid, talk.picture_ms[1:], moved)
    # Over 200 ms, as syllables are apart; without what is slower than 3 s, as the head's own movement is.
    loudness, movement = (_smooth(one, 20) - _smooth(one, 300) for one in (loudness, movement))
    steps = round(MOST_LAG_MS / GRID_MS)
    scores = {
        lag: float(np.corrcoef(loudness[steps:-steps], np.roll(movement, -lag)[steps:-steps])[0, 1])
        for lag in range(-steps, steps + 1)
    }
    best = max(scores, key=scores.__getitem__)
    return best * GRID_MS, scores[best]


def _smooth(values: Floats, pieces: int) -> Floats:
    return np.convolve(values, np.ones(pieces) / pieces, "same")
