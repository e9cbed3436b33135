"""When Pico speaks each word, which it does not say itself: words are marked by their loudness, and found by it again.

The same words are spoken twice, the second time some of them softer. Everything else is the same to the sample, so the
ratio of the two, frame by frame, tells to which word a frame belongs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from speech.audio import Samples
from speech.tts.synthesis.word_times import Span, letters_of

_LEVELS = (99, 70, 50)
"""Per cent, in turn: three, so that a word that is not heard is noticed. All of two figures: Pico cuts a text into
phrases by its bytes as well, marks included."""
_FRAME = 64  # samples: Pico's own step, at which loudness changes
AUDIBLE = 0.002
"""Amplitude below which Pico is silent; such frames have no ratio."""
_TOLERANCE = 0.12  # of the ratio's logarithm; the levels are 0.34 apart
_SHORTEST = 4  # frames: fewer are chance
_MOST_TOGETHER = 6  # words in one run

_MARKUP = str.maketrans(dict.fromkeys('<>&\\"', " "))


def marked(words: Sequence[str], levels: Sequence[int] = _LEVELS) -> str:
    """The words with a mark before each, in Pico's markup; what they have of markup themselves is taken out."""
    return "".join(
        f'<volume level="{levels[index % len(levels)]}">{word.translate(_MARKUP)} ' for index, word in enumerate(words)
    )


def evenly_marked(words: Sequence[str]) -> str:
    """The same with the same loudness everywhere: how it is to be heard."""
    return marked(words, _LEVELS[:1])


def word_spans(words: Sequence[str], even: Samples, uneven: Samples) -> list[Span]:
    """Finds the words.

    Args:
        words: as they were marked.
        even: float32 [N], the sound of `evenly_marked`.
        uneven: likewise of `marked`.

    Returns:
        A span for each word, to a frame of 4 ms. Pico runs some words together ("il y a"; one sentence in fifty has
        such): they share what is heard of them in proportion to their letters.
    """
    runs = heard_runs(even, uneven)
    letters = [letters_of(word) for word in words]
    counts = _words_of_runs(letters, runs)
    if not counts:
        runs, counts = [(0, runs[0][1], runs[-1][2]) if runs else (0, 0, 0)], [len(words)]
    spans: list[Span] = []
    for (_, start, end), count in zip(runs, counts, strict=True):
        within = letters[len(spans) : len(spans) + count]
        cuts = np.round(np.interp(np.cumsum([0, *within]), [0, sum(within)], [start, end])).astype(int)
        spans += [(int(first), int(last)) for first, last in pairwise(cuts)]
    return spans


def heard_runs(even: Samples, uneven: Samples) -> list[tuple[int, int, int]]:
    """Stretches of one loudness, which are a word or more: the number of the level, first sample and end."""
    count = min(len(even), len(uneven)) // _FRAME
    loud, soft = (
        np.sqrt(np.mean(np.square(sound[: count * _FRAME].reshape(count, _FRAME)), axis=1)) for sound in (even, uneven)
    )
    audible = np.flatnonzero(loud > AUDIBLE)
    ratios = np.log(np.maximum(soft[audible], 1e-6) / loud[audible])
    distances = np.abs(ratios[:, None] - np.log(np.asarray(_LEVELS) / _LEVELS[0]))
    known = distances.min(axis=1) < _TOLERANCE
    frames, levels = audible[known], distances[known].argmin(axis=1)
    runs: list[tuple[int, int, int]] = []
    for first, last in pairwise(np.flatnonzero(np.diff(levels, prepend=-1, append=-1))):
        if last - first < _SHORTEST:
            continue
        level, start, end = int(levels[first]), int(frames[first]) * _FRAME, (int(frames[last - 1]) + 1) * _FRAME
        if runs and runs[-1][0] == level:
            start = runs.pop()[1]
        runs.append((level, start, end))
    return runs


def _words_of_runs(letters: Sequence[int], runs: Sequence[tuple[int, int, int]]) -> list[int]:
    """How many words each run is: its first word has its level, and in length they fit best (least squares).

    None where nothing fits.
    """
    sums = np.cumsum([0, *letters])
    per_letter = sum(end - start for _, start, end in runs) / sums[-1]
    costs = np.full((len(runs) + 1, len(letters) + 1), np.inf)
    costs[0, 0] = 0.0
    came_from = np.zeros(costs.shape, int)
    for index, (level, start, end) in enumerate(runs):
        for first in range(index, len(letters)):
            if first % len(_LEVELS) != level or not np.isfinite(costs[index, first]):
                continue
            lasts = np.arange(first + 1, min(first + _MOST_TOGETHER, len(letters)) + 1)
            cost = costs[index, first] + ((sums[lasts] - sums[first]) * per_letter - (end - start)) ** 2
            better = cost < costs[index + 1, lasts]
            costs[index + 1, lasts[better]] = cost[better]
            came_from[index + 1, lasts[better]] = first
    if not np.isfinite(costs[-1, -1]):
        return []
    counts: list[int] = []
    last = len(letters)
    for index in range(len(runs), 0, -1):
        counts.append(last - int(came_from[index, last]))
        last -= counts[-1]
    return counts[::-1]
