"""The voice hibari (the package hibari-tts) as the worker uses it: spoken words in, raw sound and exact times out.

The package reads the words and turns the network's spectrum into sound; the network is run here, because its durations
are wanted too.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
from hibari import Hibari, dsp

from speech.clauses import clauses_of
from speech.errors import InputError
from speech.neural_speaker import RawSpeech
from speech.onnx_graph import with_output
from speech.word_times import Span

_SEED = 0
"""Every clause begins from the same noise: what is said, and how, must not depend on what was said before."""
_DURATIONS = "/Clip_output_0"
"""The tensor in the graph: how long each symbol lasts, float32 [T], in pairs of the spectrum's frames."""
_FIRST_LETTERS, _MOST_LETTERS = 60, 220
"""In one go: about 4 and 14 s of speech, made in 60 and 200 ms."""
_SILENT = frozenset(';:,.!?—…"()“” ')
_STRESS = "ˈˌ"
_PRONOUNCED = {"visavis": "vˌizəvˈi", "mira": "mˈɪɹə"}
"""Names that the package's dictionary lacks and its rules get wrong, in its own alphabet."""


class HibariModel:
    """The network and its reader of English text.

    Args:
        setup: see `speech.onnx_voice_worker`.
    """

    knows_times = True

    def __init__(self, setup: dict[str, Any]) -> None:
        # Given the network itself, the package never looks for one elsewhere.
        self._hibari = Hibari(model=with_output(Path(setup["model"]).read_bytes(), _DURATIONS), threads=1)
        self._hibari.g2p.oov("warming")  # its network for unknown words would be loaded with the first of them
        self._speed = 1.0

    def set_pace(self, faster: float) -> None:
        """Speaks this many times as fast as by itself."""
        self._speed = faster

    def speak(self, words: list[str], check: Callable[[], None]) -> Generator[RawSpeech, None, None]:
        """See `speech.neural_speaker.Model`; a piece is a clause."""
        start = 0
        clauses = clauses_of(words, first=_FIRST_LETTERS, longest=_MOST_LETTERS)
        for number, clause in enumerate(clauses):
            check()
            symbols, owners = self._symbols(clause)
            if not any(owner >= 0 for owner in owners):
                raise InputError(f"expected English text, got {' '.join(words)[:40]!r}")
            ids = [[0, *(self._hibari.vocab[symbol] for symbol in symbols), 0]]
            inputs = {"ids": np.asarray(ids, np.int64), "speed": np.asarray([self._speed], np.float32)}
            *spectrum, durations = self._hibari.sess.run(None, inputs)
            check()
            samples = dsp.synth(*(part[0] for part in spectrum), np.random.default_rng(_SEED))
            ends = np.concatenate(([0.0], np.cumsum(durations))) * (len(samples) / durations.sum())
            # The silence at the ends is kept only around the whole sentence.
            first = 0 if number == 0 else round(ends[1])
            last = len(samples) if number == len(clauses) - 1 else round(ends[-2])
            bounds = [int(end) + start - first for end in np.clip(np.round(ends), first, last)]
            yield RawSpeech(samples[first:last], _word_spans(owners, bounds, len(clause)), _phonemes(symbols, bounds))
            start += last - first

    def _symbols(self, words: list[str]) -> tuple[str, list[int]]:
        """The network's symbols for the words, and the number of the word that each belongs to, -1 for none."""
        ends = np.cumsum([len(word) + 1 for word in words])
        tokens = self._hibari.g2p.tokenize(" ".join(words))
        for token in tokens:
            token.phonemes = _PRONOUNCED.get(token.text.lower(), token.phonemes)
        symbols, owners, position = [], [], 0
        for token in self._hibari.g2p.phonemize_tokens(tokens):
            word = int(np.searchsorted(ends, position, side="right"))
            for symbol in (token.phonemes or "") + (" " if token.whitespace else ""):
                if symbol in self._hibari.vocab:
                    symbols.append(symbol)
                    owners.append(-1 if symbol in _SILENT else word)
            position += len(token.text) + len(token.whitespace)
        return "".join(symbols), owners


def _word_spans(owners: list[int], bounds: list[int], words: int) -> list[Span]:
    """Each word's span; symbol k lasts from bounds[k + 1] to bounds[k + 2], after the silence in front."""
    spans: list[Span] = []
    for word in range(words):
        own = [index for index, owner in enumerate(owners) if owner == word]
        end = spans[-1][1] if spans else bounds[1]
        spans.append((bounds[own[0] + 1], bounds[own[-1] + 2]) if own else (end, end))
    return spans


def _phonemes(symbols: str, bounds: list[int]) -> list[tuple[str, int, int]]:
    """The phonemes' times: a stress mark's belongs to the vowel after it, and what is no phoneme is silence."""
    found: list[tuple[str, int, int]] = []
    start = bounds[0]
    for symbol, end in zip(["_", *symbols, "_"], bounds[1:], strict=True):
        if symbol in _STRESS:
            continue
        name = "_" if symbol in _SILENT else symbol
        if found and name == found[-1][0] == "_":
            found[-1] = ("_", found[-1][1], end)
        elif end > start:
            found.append((name, start, end))
        start = end
    return found
