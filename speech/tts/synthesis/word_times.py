"""When words are spoken, for voices that don't say so themselves: from the durations of their symbols, or estimated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Span: TypeAlias = tuple[int, int]
"""First sample and the one just after the last."""

_PAUSES = re.compile(r"[.,;:!?…—。、！？；：]")
_APART = re.compile(r"[\s\-–()\[\]\"«»“”¡¿]")


def letters_of(spoken: str) -> int:
    """How long a word is, counted in letters and figures; at least 1."""
    return max(sum(character.isalnum() for character in spoken), 1)


def words_from_symbols(words: Sequence[str], symbols: Sequence[str], bounds: Sequence[int]) -> list[Span]:
    """Finds the words among the symbols (phonemes or letters) that a model was given, whose times are known.

    Words and groups of symbols are matched clause by clause; where a phonemizer has run words together ("in the" →
    "ɪnðə") or taken one apart, those that fit best in length are taken together.

    Args:
        words: the words as the model's text cleaner writes them; one may be several in it, or none.
        symbols: what the model was given, one character each, T in all; "" for what stands for nothing (blanks).
        bounds: sample at which each symbol begins, and the one at which the last ends: T + 1 in all.

    Returns:
        A span for each word, in order, without overlaps.
    """
    heard = _clauses(symbols, [(bounds[index], bounds[index + 1]) for index in range(len(symbols))])
    written = _clauses(
        [character for word in words for character in (*word, " ")],
        [(index, index + 1) for index, word in enumerate(words) for _ in range(len(word) + 1)],
    )
    if len(heard) != len(written):
        heard, written = ([list(chain.from_iterable(side))] for side in (heard, written))
    spans: dict[int, Span] = {}
    for groups, parts in zip(heard, written, strict=True):
        for part, span in zip(parts, _match(groups, [len(part) for part in parts]), strict=True):
            word = part[0][0]
            spans[word] = (spans[word][0], span[1]) if word in spans else span
    end = bounds[-1]
    for word in reversed(range(len(words))):  # what is not spoken at all is where the next word begins
        spans.setdefault(word, (end, end))
        end = spans[word][0]
    return [spans[word] for word in range(len(words))]


def in_order(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    """Brings spans into [start, end), each at least one sample long and none before the end of the one before it."""
    ordered = []
    for index, (first, last) in enumerate(spans):
        latest = max(end - (len(spans) - index), start)
        first = min(max(first, start), latest)
        last = min(max(last, first + 1), max(latest + 1, first + 1))
        ordered.append((first, last))
        start = last
    return ordered


class LetterPacer:
    """Estimates when words are spoken while the sound is still being made, in proportion to their letters.

    Only samples in which something is said count. The last word is kept for the end of the sound, which nobody knows
    before.

    Args:
        letters: of each word.
        samples_per_letter: how fast the voice usually speaks.
    """

    def __init__(self, letters: Sequence[int], samples_per_letter: float) -> None:
        self._letters = np.asarray(letters)
        self._ends = np.cumsum(self._letters) * samples_per_letter
        self._next = 0
        self._spoken = 0
        self._position = 0
        self._free = 0

    def push(self, is_speech: npt.NDArray[np.bool_], *, more_speech: int = 0) -> list[tuple[int, Span]]:
        """Takes the next samples; returns the number and span of each word that begins in them.

        Args:
            is_speech: bool [N]; whether something is said at each sample.
            more_speech: samples of speech known to follow; a word may go on into the first half of them, the second is
                left to the words that may be left at the end.
        """
        clock = self._spoken + np.cumsum(is_speech)
        placed = []
        while self._next < max(len(self._ends) - 1, 1) and len(clock):
            begin = self._ends[self._next - 1] if self._next else 0.0
            first = int(np.searchsorted(clock, begin, side="right"))
            if first == len(clock):
                break
            last = int(np.searchsorted(clock, self._ends[self._next])) + 1
            if last > len(clock):
                last = len(clock) + min(round(self._ends[self._next] - clock[-1]), more_speech // 2)
            placed.append(self._place(self._position + first, self._position + last))
        self._advance(is_speech)
        return placed

    def finish(self, is_speech: npt.NDArray[np.bool_]) -> list[tuple[int, Span]]:
        """Takes the last samples; shares what is said in them among the words that are left."""
        letters = self._letters[self._next :]
        points = np.flatnonzero(is_speech) + self._position
        points = points[points >= self._free]
        if len(points) < len(letters):  # the voice was faster than expected: they end in the pause
            points = np.arange(max(self._free, self._position), self._position + len(is_speech))
        cuts = np.round(np.cumsum([0, *letters]) * len(points) / max(letters.sum(), 1)).astype(int)
        placed = [
            self._place(int(points[min(cut, len(points) - 1)]), int(points[max(end - 1, 0)]) + 1)
            for cut, end in pairwise(cuts)
        ]
        self._advance(is_speech)
        return placed

    def _place(self, first: int, last: int) -> tuple[int, Span]:
        first = max(first, self._free)
        self._free = max(last, first + 1)
        self._next += 1
        return self._next - 1, (first, self._free)

    def _advance(self, is_speech: npt.NDArray[np.bool_]) -> None:
        self._spoken += int(is_speech.sum())
        self._position += len(is_speech)


_Group: TypeAlias = list[Span]
"""The symbols of one written or spoken word, each with its span."""


def _clauses(symbols: Sequence[str], spans: Sequence[Span]) -> list[list[_Group]]:
    """Cuts into clauses at marks at which a reader pauses, and into words at spaces; marks belong to nothing."""
    clauses: list[list[_Group]] = [[]]
    is_new = True
    for symbol, span in zip(symbols, spans, strict=True):
        if not symbol:
            continue
        is_pause = _PAUSES.match(symbol) is not None
        if is_pause or _APART.match(symbol):
            is_new = True
            if is_pause and clauses[-1]:
                clauses.append([])
        elif is_new:
            clauses[-1].append([span])
            is_new = False
        else:
            clauses[-1][-1].append(span)
    return [clause for clause in clauses if clause]


def _match(groups: list[_Group], lengths: list[int]) -> list[Span]:
    """Spans of the parts of a clause, which have these lengths in letters, in its groups of symbols."""
    sizes = [len(group) for group in groups]
    if len(groups) >= len(lengths):
        cuts = _partition(sizes, lengths)
        return [(groups[cuts[i]][0][0], groups[cuts[i + 1] - 1][-1][1]) for i in range(len(lengths))]
    cuts = _partition(lengths, sizes)
    spans: list[Span] = []
    for index, group in enumerate(groups):
        within = lengths[cuts[index] : cuts[index + 1]]
        shares = np.round(np.interp(np.cumsum([0, *within]), [0, sum(within)], [group[0][0], group[-1][1]])).astype(int)
        spans += [(int(first), int(last)) for first, last in pairwise(shares)]
    return spans


def _partition(many: Sequence[int], few: Sequence[int]) -> list[int]:
    """Cuts `many` into len(few) runs, none empty, whose sums fit `few` best (least squares, both in proportion)."""
    sums = np.cumsum([0, *many]) / max(sum(many), 1)
    wanted = np.asarray(few) / max(sum(few), 1)
    cost = np.full((len(few) + 1, len(many) + 1), np.inf)
    cost[0, 0] = 0.0
    came_from = np.zeros(cost.shape, int)
    for run in range(1, len(few) + 1):
        for end in range(run, len(many) + 1):
            costs = cost[run - 1, :end] + (sums[end] - sums[:end] - wanted[run - 1]) ** 2
            came_from[run, end] = int(np.argmin(costs))
            cost[run, end] = costs[came_from[run, end]]
    cuts = [len(many)]
    for run in range(len(few), 0, -1):
        cuts.append(int(came_from[run, cuts[-1]]))
    return cuts[::-1]
