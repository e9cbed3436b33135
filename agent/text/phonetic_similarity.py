"""How alike two stretches of speech sound.

A recogniser that errs puts down other words that *sound* alike: "full toe" for "photo". Comparing sounds instead of
letters, and whole stretches instead of words, still finds what was meant.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from agent.text.letter_to_sound import SOUNDS, VOWELS

Codes = npt.NDArray[np.uint8]
"""Sounds as numbers (place in `SOUNDS` + 1), 0 where padded."""

# Costs of taking one sound for another, of 0 … 1. Groups after the usual confusions of listeners (Miller & Nicely 1955:
# voicing and place are lost before manner); vowels cost little because recognisers mix them up most.
_NEAR: tuple[tuple[str, float], ...] = (
    ("pb", 0.3), ("td", 0.2), ("kg", 0.3), ("fv", 0.25), ("TD", 0.2), ("sz", 0.15), ("SZ", 0.2), ("CJ", 0.3),
    ("nN", 0.25), ("mn", 0.4), ("mN", 0.5), ("fT", 0.35), ("vD", 0.35), ("tT", 0.4), ("dD", 0.35), ("sS", 0.4),
    ("zZ", 0.4), ("CS", 0.35), ("JZ", 0.3), ("tC", 0.45), ("dJ", 0.45), ("sT", 0.4), ("zD", 0.5), ("bv", 0.4),
    ("pf", 0.5), ("pt", 0.5), ("tk", 0.5), ("pk", 0.5), ("bd", 0.5), ("dg", 0.5), ("bg", 0.5), ("lr", 0.6),
    ("lw", 0.5), ("rw", 0.5), ("wu", 0.4), ("ji", 0.3), ("l@", 0.6), ("r@", 0.4), ("lo", 0.6), ("wo", 0.5),
    ("hf", 0.7), ("vw", 0.5), ("bm", 0.6), ("dn", 0.5), ("sf", 0.5), ("sC", 0.5), ("zJ", 0.5), ("ie", 0.2),
    ("ea", 0.3), ("ao", 0.25), ("ou", 0.25), ("a@", 0.2), ("i@", 0.25), ("e@", 0.25), ("o@", 0.3), ("u@", 0.25),
    ("aY", 0.3), ("aW", 0.3), ("oW", 0.3), ("iY", 0.4), ("eY", 0.35), ("uW", 0.4),
)  # fmt: skip
_OTHER_VOWEL_COST = 0.45
_OMIT = {
    "@": 0.35,
    "i": 0.5,
    "h": 0.35,
    "r": 0.5,
    "t": 0.6,
    "d": 0.6,
    "j": 0.4,
    "w": 0.6,
    "l": 0.7,
    "D": 0.6,
} | dict.fromkeys("eaou", 0.5)


def _cost_tables() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    size = len(SOUNDS) + 1
    change = np.ones((size, size), np.float32)
    for first in VOWELS:
        for second in VOWELS:
            change[SOUNDS.index(first) + 1, SOUNDS.index(second) + 1] = _OTHER_VOWEL_COST
    for pair, cost in _NEAR:
        a, b = SOUNDS.index(pair[0]) + 1, SOUNDS.index(pair[1]) + 1
        change[a, b] = change[b, a] = cost
    np.fill_diagonal(change, 0.0)
    omit = np.array([0.0] + [_OMIT.get(sound, 0.9) for sound in SOUNDS], np.float32)
    return change, omit


_CHANGE, _OMITTED = _cost_tables()
_CODE_OF = np.zeros(128, np.uint8)
_CODE_OF[np.frombuffer(SOUNDS.encode(), np.uint8)] = np.arange(1, len(SOUNDS) + 1)


def encode(spoken: Sequence[str]) -> Codes:
    """Packs B strings of sounds into uint8 [B, longest], padded with 0."""
    longest = max((len(one) for one in spoken), default=0)
    joined = "".join(one.ljust(longest, "\0") for one in spoken).encode()
    return _CODE_OF[np.frombuffer(joined, np.uint8)].reshape(len(spoken), longest)


def similarity(
    patterns: Codes,
    texts: Codes,
    *,
    weights: npt.NDArray[np.float32] | None = None,
    text_weights: npt.NDArray[np.float32] | None = None,
    anywhere: bool = False,
) -> npt.NDArray[np.float32]:
    """How alike pairs of stretches sound: 1 is the same, 0 or less nothing alike.

    Weighted edit distance over the mean weight of both sides (over the pattern's weight with `anywhere`).

    Args:
        patterns: uint8 [B, M], see `encode`.
        texts: uint8 [B, N], or [1, N] for one text against all patterns.
        weights: float32 [B, M], how much each sound of the patterns matters; 1 by default. Padding's do not count.
        text_weights: the same for leaving out sounds of the texts, float32 like `texts`.
        anywhere: the pattern may lie anywhere inside the text, whose rest costs nothing.

    Returns:
        float32 [B].
    """
    batch, length = patterns.shape
    scale = np.ones((batch, length), np.float32) if weights is None else np.where(patterns > 0, weights, np.float32(1))
    missing = _OMITTED[patterns] * scale
    extra = _OMITTED[texts] if text_weights is None else _OMITTED[texts] * text_weights
    skipped = np.concatenate([np.zeros((len(texts), 1), np.float32), np.cumsum(extra, axis=1)], axis=1)
    row = np.zeros((batch, texts.shape[1] + 1), np.float32)
    if not anywhere:
        row += skipped
    for i in range(length):
        step = row + missing[:, i, None]
        np.minimum(step[:, 1:], row[:, :-1] + _CHANGE[patterns[:, i, None], texts] * scale[:, i, None], out=step[:, 1:])
        # Leaving out sounds of the text, in one sweep: the cheapest earlier cell plus the way from there. Padding in
        # the pattern changes nothing, as it costs nothing to leave out.
        row = np.minimum.accumulate(step - skipped, axis=1) + skipped
    # Padding in the text costs nothing either, so the last column is the real end.
    distance, weight = (row.min(axis=1) if anywhere else row[:, -1]), missing.sum(axis=1)
    if not anywhere:
        weight = (weight + skipped[:, -1]) / 2
    alike: npt.NDArray[np.float32] = (1.0 - distance / np.maximum(weight, 1e-6)).astype(np.float32)
    return alike


_CLASSES = ("ieaou@YW", "pb", "fv", "tdTD", "szSZCJ", "kg", "mnN", "lr", "wjh")
_CLASS_TABLE = np.zeros(len(SOUNDS) + 1, np.uint8)
for _place, _group in enumerate(_CLASSES):
    _CLASS_TABLE[[SOUNDS.index(sound) + 1 for sound in _group]] = _place + 1


def sound_histograms(spoken: Sequence[str]) -> npt.NDArray[np.float32]:
    """Counts of sound classes and of pairs of them, length 1: float32 [B, 110]; a quick first look at what is alike."""
    codes = _CLASS_TABLE[encode(spoken)].astype(np.int64)  # [B, longest]
    edge = np.zeros((len(spoken), 1), np.int64)
    before, after = np.concatenate([edge, codes], axis=1), np.concatenate([codes, edge], axis=1)
    rows = np.broadcast_to(np.arange(len(spoken))[:, None], before.shape)
    size = len(_CLASSES) + 1
    width = size + size * size
    places = np.concatenate([(rows * width + after).ravel(), (rows * width + size + before * size + after).ravel()])
    counts = np.bincount(places, minlength=len(spoken) * width).reshape(len(spoken), width).astype(np.float32)
    counts[:, [0, size]] = 0  # padding
    unit: npt.NDArray[np.float32] = counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-6)
    return unit
