"""The voice hibari (the package hibari-tts) as the worker uses it: spoken words in, raw sound and exact times out.

The package reads the words and turns the network's spectrum into sound; the network is run here, because its durations
are wanted too.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from hibari import dsp
from hibari.g2p import ASSETS, G2P

from speech.errors import InputError
from speech.tts.synthesis.clauses import clauses_of
from speech.tts.synthesis.loudness import speech_level_dbfs
from speech.tts.synthesis.neural_speaker import RawSpeech, Turn
from speech.tts.synthesis.onnx_graph import with_output
from speech.tts.synthesis.onnx_session import open_session
from speech.tts.synthesis.speech_shaper import speech_bounds
from speech.tts.synthesis.symbol_times import phoneme_times, without_blanks
from speech.tts.synthesis.word_times import Span

_SEED = 0
"""Every clause begins from the same noise: what is said, and how, must not depend on what was said before."""
_DURATIONS = "/Clip_output_0"
"""The tensor in the graph: how long each symbol lasts, float32 [T], in pairs of the spectrum's frames."""
_FIRST_LETTERS, _MOST_LETTERS = 60, 220
"""In one go: about 4 and 14 s of speech, made in 60 and 200 ms."""
_SILENT = frozenset(';:,.!?—…"()“” ')
_EARLY_S = 0.035
"""By which the sound comes before the durations say (median over the words of 20 sentences, aligned)."""
_ONSET_S = 0.1
"""By which the first sound of all may come before the durations say."""
_PAUSE_S = 0.2
"""Between clauses, about what the network leaves at a comma; after the last word that it is given it leaves more."""
_PRONOUNCED = {"mira": "mˈɪɹə"}
"""Names that the package's dictionary lacks and its rules get wrong, in its own alphabet."""


class HibariModel:
    """The network and its reader of English text.

    Args:
        setup: see `speech.tts.synthesis.onnx_voice_worker`.

    Raises:
        InputError: the network is damaged.
    """

    knows_times = True

    def __init__(self, setup: dict[str, Any]) -> None:
        self._network = _network(Path(setup["model"]))
        self._numbers: dict[str, int] = json.loads((Path(ASSETS) / "vocab.json").read_text("utf-8"))
        self._reader = G2P()
        self._reader.oov("warming")  # its network for unknown words would be loaded with the first of them
        self._speed = 1.0

    def set_pace(self, faster: float) -> None:
        """Speaks this many times as fast as by itself."""
        self._speed = faster

    def speak(self, words: list[str], turn: Turn) -> Generator[RawSpeech, None, None]:
        """See `speech.tts.synthesis.neural_speaker.Model`; a piece is a clause."""
        start = 0
        clauses = clauses_of(words, first=_FIRST_LETTERS, longest=_MOST_LETTERS)
        for number, clause in enumerate(clauses):
            with turn():
                symbols, owners = self._symbols(clause)
                if not any(owner >= 0 for owner in owners):
                    raise InputError(f"expected English text, got {' '.join(words)[:40]!r}")
                ids = [[0, *(self._numbers[symbol] for symbol in symbols), 0]]
                inputs = {"ids": np.asarray(ids, np.int64), "speed": np.asarray([self._speed], np.float32)}
                *spectrum, durations = self._network.run(None, inputs)
            with turn():
                samples = dsp.synth(*(part[0] for part in spectrum), np.random.default_rng(_SEED))
            ends = np.cumsum(durations) * (len(samples) / durations.sum())
            # The silence at the ends is kept only around the whole sentence.
            first = 0 if number == 0 else max(round(ends[0]) - round(_ONSET_S * dsp.SR), 0)
            last = len(samples)
            heard = speech_bounds(samples, dsp.SR, speech_level_dbfs(samples, dsp.SR))
            if heard is not None and number < len(clauses) - 1:
                last = min(heard[1] + round(_PAUSE_S * dsp.SR), last)
            early = start - first - round(_EARLY_S * dsp.SR)
            latest = start + last - first
            bounds = without_blanks(symbols, [min(max(round(end) + early, start), latest) for end in ends[:-1]])
            if number > 0:
                bounds[0] = start
            phonemes = phoneme_times(symbols, bounds, start=start, end=latest)
            yield RawSpeech(samples[first:last], _word_spans(owners, bounds, len(clause)), phonemes)
            start = latest

    def _symbols(self, words: list[str]) -> tuple[str, list[int]]:
        """The network's symbols for the words, and the number of the word that each belongs to, -1 for none."""
        ends = np.cumsum([len(word) + 1 for word in words])
        tokens = self._reader.tokenize(" ".join(words))
        for token in tokens:
            token.phonemes = _PRONOUNCED.get(token.text.lower(), token.phonemes)
        symbols, owners, position = [], [], 0
        for token in self._reader.phonemize_tokens(tokens):
            word = int(np.searchsorted(ends, position, side="right"))
            for symbol in (token.phonemes or "") + (" " if token.whitespace else ""):
                if symbol in self._numbers:
                    symbols.append(symbol)
                    owners.append(-1 if symbol in _SILENT else word)
            position += len(token.text) + len(token.whitespace)
        return "".join(symbols), owners


def _network(path: Path) -> Any:
    try:
        return open_session(with_output(path.read_bytes(), _DURATIONS))
    except Exception as error:  # whatever a damaged file may raise in onnxruntime
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(
            f"{path}: expected the network of a hibari voice (.onnx), could not load it: {reason}; install it again"
        ) from None


def _word_spans(owners: list[int], bounds: list[int], words: int) -> list[Span]:
    """Each word's span; one without symbols is where the one before it ends."""
    spans: list[Span] = []
    for word in range(words):
        own = [index for index, owner in enumerate(owners) if owner == word]
        end = spans[-1][1] if spans else bounds[0]
        spans.append((bounds[own[0]], bounds[own[-1] + 1]) if own else (end, end))
    return spans
