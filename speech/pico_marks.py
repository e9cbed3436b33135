"""When Pico speaks each word, which it does not say itself: words are marked by their loudness, and found by it again.

The same words are spoken twice, the second time some of them softer. Everything else is the same to the sample, so the
ratio of the two, frame by frame, tells to which word a frame belongs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from speech.audio import Samples
from speech.word_times import LetterPacer, Span, letters_of

_LEVELS = (99, 70, 50)
"""Per cent, in turn: three, so that one word that is not heard is noticed. All of two figures: Pico cuts a text into
phrases by its bytes as well, marks included."""
_FRAME = 64  # samples: Pico's own step, at which loudness changes
_AUDIBLE = 0.002  # frames below this amplitude have no ratio
_TOLERANCE = 0.12  # of the ratio's logarithm; the levels are 0.34 apart
_SHORTEST = 2  # frames: fewer are chance

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
    """Finds the words; where not all are heard (Pico runs some together: about one sentence in fifty), estimates them.

    Args:
        words: as they were marked.
        even: float32 [N], the sound of `evenly_marked`.
        uneven: likewise of `marked`.

    Returns:
        A span for each word.
    """
    spans = heard_spans(even, uneven)
    if len(spans) == len(words):
        return spans
    pacer = LetterPacer([letters_of(word) for word in words], 1.0)
    return [span for _, span in pacer.finish(np.abs(even) > _AUDIBLE)]


def heard_spans(even: Samples, uneven: Samples) -> list[Span]:
    """The words that are heard, to a frame of 4 ms; none where one between others is missed."""
    count = min(len(even), len(uneven)) // _FRAME
    loud, soft = (
        np.sqrt(np.mean(np.square(sound[: count * _FRAME].reshape(count, _FRAME)), axis=1)) for sound in (even, uneven)
    )
    audible = np.flatnonzero(loud > _AUDIBLE)
    ratios = np.log(np.maximum(soft[audible], 1e-6) / loud[audible])
    distances = np.abs(ratios[:, None] - np.log(np.asarray(_LEVELS) / _LEVELS[0]))
    known = distances.min(axis=1) < _TOLERANCE
    frames, levels = audible[known], distances[known].argmin(axis=1)
    spans: list[Span] = []
    level = len(_LEVELS) - 1
    for first, last in pairwise(np.flatnonzero(np.diff(levels, prepend=-1, append=-1))):
        if last - first < _SHORTEST:
            continue
        start, end = int(frames[first]) * _FRAME, (int(frames[last - 1]) + 1) * _FRAME
        if spans and levels[first] == level:
            spans[-1] = (spans[-1][0], end)
            continue
        if levels[first] != (level + 1) % len(_LEVELS):
            return []
        level = int(levels[first])
        spans.append((start, end))
    return spans
