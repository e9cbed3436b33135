"""General English bent towards a few phrases: a PocketSphinx trigram model with n-grams added.

PocketSphinx can't mix two models while it listens, but its model file can be rewritten in half a second. For every
n-gram of the phrases the probability becomes (1 - weight) * general + weight * phrases, or stays what it was if that
is more, and word sequences get a bonus on top. All other n-grams stay as they are, so that free speech is heard as
before (the sums then exceed 1, which a search for the best path doesn't mind).

The file ("Trie Language Model", little endian, as PocketSphinx 5 writes it): header, order, counts per order; tables of
the 65,536 values that bigram probabilities, bigram back-offs and trigram probabilities are rounded to; unigrams
(probability, back-off, first bigram); bigrams and trigrams as packed bits; words. An n-gram lies under its *last* word,
then the one before. Values are logarithms to the base 1.0001.
"""

from __future__ import annotations

import math
import re
import struct
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from speech.text.spoken_text import spoken_words

_HEADER = b"Trie Language Model"
_ORDER = 3
_TABLE = 1 << 16
_VALUE_BITS = 16
_LOG_BASE = 1.0001
_UNIGRAM = np.dtype([("prob", "<f4"), ("backoff", "<f4"), ("next", "<u4")])
_SPARE_BYTES = 8
"""PocketSphinx keeps this much room after each packed table, because it reads 8 bytes at a time."""

_KEY_SHIFT = 25
"""Room for a word number in a sorting key: PocketSphinx itself can't count further than 25 bits."""

_UNIGRAM_SHARE = 0.1
"""Part of the weight that goes to single words: a phrase's words are likely anywhere, but much less than after each
other."""

_WITH_DIGITS = re.compile(r"\S*\d\S*")

_BONUS = 1.5
"""Natural logarithm by which the phrases' pairs and triples of words are favoured. Measured with 38 kiosk phrases
against no bonus: wrong words fall from 17 to 2 % (Flite's awb reading phrases) and from 20 to 9 % (reading reworded
ones), and free speech is heard exactly as before."""

_MOST_LIKELY = math.log(0.98)
"""No favoured probability goes beyond this."""

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def phrase_words(text: str) -> list[str]:
    """Cuts a phrase into words as they are said and as the dictionary has them.

    Lower case, no accents, inner apostrophes kept, numbers read: "Café, 3rd floor" → cafe third floor.
    """
    spoken = _WITH_DIGITS.sub(lambda match: " ".join(word.spoken for word in spoken_words(match[0])), text)
    plain = unicodedata.normalize("NFKD", spoken.replace("’", "'")).encode("ascii", "ignore").decode().lower()
    return [word.strip("'") for word in re.findall(r"[a-z0-9']+", plain) if word.strip("'")]


@dataclass(slots=True)
class TrigramModel:
    """A model file taken apart; V words, B bigrams, T trigrams.

    Attributes:
        words: [V] in the order of their numbers.
        unigrams: [V] records (prob, backoff, next).
        tables: float32 [3, 65536]: bigram probabilities, bigram back-offs, trigram probabilities; nearly ascending.
        bigrams: int32 [4, B]: last word, word before, and rows of tables 0 and 1; sorted by the words.
        trigrams: int32 [3, T]: row in `bigrams` of the last two words, word before them, row of table 2; sorted (the
            published model has two rows that are not, which nothing finds).
    """

    words: list[str]
    unigrams: npt.NDArray[np.void]
    tables: Floats
    bigrams: Ints
    trigrams: Ints

    @classmethod
    def read(cls, path: Path) -> TrigramModel:
        """Takes a model file apart.

        Raises:
            ValueError: it is not a trigram model in PocketSphinx 5's binary format.
        """
        data = path.read_bytes()
        at = len(_HEADER) + 1
        if data[:at] != _HEADER + bytes([_ORDER]):
            raise ValueError(f"{path}: expected a binary trigram model of PocketSphinx 5, got {data[:20]!r}")
        n_words, n_bigrams, n_trigrams = struct.unpack_from("<III", data, at)
        at += 12 + 4  # and a number that once was the kind of rounding
        tables = np.frombuffer(data, "<f4", 3 * _TABLE, at).reshape(3, _TABLE)
        at += tables.nbytes
        unigrams = np.frombuffer(data, _UNIGRAM, n_words + 1, at)
        at += unigrams.nbytes
        last_words = np.repeat(np.arange(n_words, dtype=np.int32), np.diff(unigrams["next"].astype(np.int64)))
        widths = _bigram_widths(n_words, n_trigrams)
        size = _packed_bytes(n_bigrams, widths)
        # The counts in the header may be a few more than the rows in use.
        before, backoff, prob, first = _unpack(data[at : at + size], len(last_words) + 1, widths)
        bigrams = np.stack((last_words, before[:-1], prob[:-1], backoff[:-1]))
        at += size
        last_bigrams = np.repeat(np.arange(len(last_words), dtype=np.int32), np.diff(first))
        widths = _trigram_widths(n_words)
        size = _packed_bytes(n_trigrams, widths)
        before, prob = _unpack(data[at : at + size], len(last_bigrams), widths)
        trigrams = np.stack((last_bigrams, before, prob))
        at += size
        words = data[at + 4 :].decode("utf-8").split("\0")[:-1]
        return cls(words, unigrams[:-1].copy(), tables, bigrams, trigrams)

    def write(self, path: Path) -> None:
        """Writes a model file that PocketSphinx reads."""
        counts = (len(self.words), self.bigrams.shape[1], self.trigrams.shape[1])
        unigrams = np.zeros(counts[0] + 1, _UNIGRAM)
        unigrams[:-1] = self.unigrams
        unigrams["next"] = _starts(self.bigrams[0], counts[0])
        before, prob, backoff = np.pad(self.bigrams[1:], ((0, 0), (0, 1)))
        first = _starts(self.trigrams[0], counts[1])
        text = "".join(word + "\0" for word in self.words).encode("utf-8")
        with path.open("wb") as file:
            file.write(_HEADER + struct.pack("<BIIIi", _ORDER, *counts, 1))
            file.write(self.tables.astype("<f4").tobytes())
            file.write(unigrams.tobytes())
            file.write(_pack((before, backoff, prob, first), counts[1], _bigram_widths(counts[0], counts[2])))
            file.write(_pack((self.trigrams[1], self.trigrams[2]), counts[2], _trigram_widths(counts[0])))
            file.write(struct.pack("<I", len(text)) + text)

    def log_prob(self, history: Sequence[int], word: int) -> float:
        """Natural logarithm of the probability of a word after up to two words (oldest first), all by number."""
        if len(history) == 2:
            row = self._find_bigram(history[1], word)
            found = self._find_trigram(row, history[0]) if row is not None else None
            if found is not None:
                return self._nats(self.tables[2, self.trigrams[2, found]])
            context = self._find_bigram(history[0], history[1])
            backoff = 0.0 if context is None else self._nats(self.tables[1, self.bigrams[3, context]])
            return backoff + self.log_prob(history[1:], word)
        if len(history) == 1:
            row = self._find_bigram(history[0], word)
            if row is not None:
                return self._nats(self.tables[0, self.bigrams[2, row]])
            return self._nats(self.unigrams["backoff"][history[0]]) + self.log_prob((), word)
        return self._nats(self.unigrams["prob"][word])

    def bend(self, phrases: Iterable[Sequence[str]], weight: float) -> TrigramModel:
        """Mixes phrases into the model.

        Args:
            phrases: each a list of words; unknown ones are added.
            weight: share of the phrases, [0, 1).

        Returns:
            A new model.
        """
        sentences = [["<s>", *phrase, "</s>"] for phrase in phrases if phrase]
        numbers = {word: number for number, word in enumerate(self.words)}
        new_words = sorted({word for sentence in sentences for word in sentence} - numbers.keys())
        numbers |= {word: len(self.words) + number for number, word in enumerate(new_words)}
        grown = np.zeros(len(numbers), _UNIGRAM)
        grown[: len(self.words)] = self.unigrams
        grown["prob"][len(self.words) :] = self.unigrams["prob"].min()
        model = TrigramModel([*self.words, *new_words], grown, self.tables, self.bigrams, self.trigrams)
        counted = _count([[numbers[word] for word in sentence] for sentence in sentences])
        mixed: dict[tuple[int, ...], float] = {}
        for history, followers in counted.items():
            share = weight * (1.0 if history else _UNIGRAM_SHARE)
            # Witten and Bell's estimate: a context with many different followers leaves more to the general model.
            total = sum(followers.values()) + (len(followers) if history else 0)
            for word, count in followers.items():
                general = model.log_prob(history, word)
                mixture = math.log((1.0 - share) * math.exp(general) + share * count / total)
                favoured = min(mixture + _BONUS, _MOST_LIKELY) if history else mixture
                mixed[(*history, word)] = max(general, favoured)
        model._put_unigrams({key[0]: value for key, value in mixed.items() if len(key) == 1})
        model._put_bigrams({(key[0], key[1]): value for key, value in mixed.items() if len(key) == 2})
        model._put_trigrams({(key[0], key[1], key[2]): value for key, value in mixed.items() if len(key) == 3})
        return model

    def _put_unigrams(self, values: dict[int, float]) -> None:
        for word, value in values.items():
            self.unigrams["prob"][word] = value / math.log(_LOG_BASE)

    def _put_bigrams(self, values: dict[tuple[int, int], float]) -> None:
        no_backoff = self._row_of(1, 0.0)
        rows = np.array([(w, h, self._row_of(0, value), no_backoff) for (h, w), value in values.items()], np.int32)
        self.bigrams, moved_to = _merge(self.bigrams, rows.T)
        self.trigrams = np.stack((moved_to[self.trigrams[0]], self.trigrams[1], self.trigrams[2]))

    def _put_trigrams(self, values: dict[tuple[int, int, int], float]) -> None:
        rows = [(self._find_bigram(h1, w), h2, self._row_of(2, value)) for (h2, h1, w), value in values.items()]
        self.trigrams, _ = _merge(self.trigrams, np.array(rows, np.int32).T)

    def _find_bigram(self, before: int, word: int) -> int | None:
        return _find(self.bigrams, word, before)

    def _find_trigram(self, bigram: int, before: int) -> int | None:
        return _find(self.trigrams, bigram, before)

    def _row_of(self, table: int, nats: float) -> int:
        """The row whose value is nearest."""
        return int(np.abs(self.tables[table] - nats / math.log(_LOG_BASE)).argmin())

    @staticmethod
    def _nats(value: float) -> float:
        return float(value) * math.log(_LOG_BASE)


def _count(sentences: list[list[int]]) -> dict[tuple[int, ...], Counter[int]]:
    """What follows what: history of 0, 1 or 2 words → words after it. Sentence starts are never said themselves."""
    counted: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for sentence in sentences:
        for at in range(1, len(sentence)):
            for length in range(min(at, _ORDER - 1) + 1):
                counted[tuple(sentence[at - length : at])][sentence[at]] += 1
    return counted


def _keys(ngrams: Ints) -> Longs:
    """One sortable number for the first two columns."""
    keys: Longs = (ngrams[0].astype(np.int64) << _KEY_SHIFT) | ngrams[1]
    return keys


def _find(ngrams: Ints, first: int, second: int) -> int | None:
    # Needles of the same type: numpy would convert the whole haystack otherwise.
    start, end = np.searchsorted(ngrams[0], np.array((first, first + 1), np.int32))
    at = start + int(np.searchsorted(ngrams[1, start:end], np.int32(second)))
    return int(at) if at < end and ngrams[1, at] == second else None


def _merge(ngrams: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Puts rows in by their keys; one that is there already gets the probability (column 2) and keeps its back-off.

    Returns:
        The merged table, and the row to which each old row moved.
    """
    rows = rows[:, np.argsort(_keys(rows))]
    old_keys, keys = _keys(ngrams), _keys(rows)
    at = np.searchsorted(old_keys, keys)
    there = at < len(old_keys)
    there[there] = old_keys[at[there]] == keys[there]
    ngrams = ngrams.copy()
    ngrams[2, at[there]] = rows[2, there]
    inserted_before = np.cumsum(np.bincount(at[~there], minlength=len(old_keys) + 1)[:-1])
    moved_to = (np.arange(len(old_keys)) + inserted_before).astype(np.int32)
    return np.insert(ngrams, at[~there], rows[:, ~there], axis=1), moved_to


def _starts(owners: Ints, n_owners: int) -> Longs:
    """First row of each owner in a table sorted by owner, and one past the last: [n_owners + 1]."""
    return np.concatenate(([0], np.cumsum(np.bincount(owners, minlength=n_owners)))).astype(np.int64)


def _bigram_widths(n_words: int, n_trigrams: int) -> tuple[int, ...]:
    return n_words.bit_length(), _VALUE_BITS, _VALUE_BITS, n_trigrams.bit_length()


def _trigram_widths(n_words: int) -> tuple[int, ...]:
    return n_words.bit_length(), _VALUE_BITS


def _packed_bytes(n_rows: int, widths: tuple[int, ...]) -> int:
    """Bytes of a packed table: one row more for the end, and the spare room."""
    return ((n_rows + 1) * sum(widths) + 7) // 8 + _SPARE_BYTES


def _unpack(packed: bytes, n_rows: int, widths: tuple[int, ...]) -> list[Ints]:
    """Reads columns of `widths` bits, at most 25 each: eight rows fill as many bytes as a row has bits."""
    row_bits = sum(widths)
    n_groups = -(-n_rows // 8)
    octets = np.frombuffer(packed.ljust(n_groups * row_bits + 4, b"\0"), np.uint8)
    columns = []
    for column, width in enumerate(widths):
        values = np.empty((n_groups, 8), np.int32)
        for lane in range(8):
            byte, shift = divmod(lane * row_bits + sum(widths[:column]), 8)
            word = np.zeros(n_groups, np.uint32)
            for part in range(4):
                word |= octets[byte + part :: row_bits][:n_groups].astype(np.uint32) << np.uint32(8 * part)
            values[:, lane] = (word >> np.uint32(shift)) & np.uint32((1 << width) - 1)
        columns.append(values.reshape(-1)[:n_rows])
    return columns


def _pack(columns: Sequence[npt.NDArray[Any]], n_rows: int, widths: tuple[int, ...]) -> bytes:
    """The reverse of `_unpack`; columns may have one row more than `n_rows`, the end."""
    row_bits = sum(widths)
    n_groups = -(-(n_rows + 1) // 8)
    octets = np.zeros((n_groups, row_bits + 4), np.uint8)
    for column, (values, width) in enumerate(zip(columns, widths, strict=True)):
        lanes = np.zeros(n_groups * 8, np.uint32)
        lanes[: len(values)] = values
        for lane in range(8):
            byte, shift = divmod(lane * row_bits + sum(widths[:column]), 8)
            word = lanes[lane::8] << np.uint32(shift)
            for part in range(-(-(shift + width) // 8)):
                octets[:, byte + part] |= (word >> np.uint32(8 * part)).astype(np.uint8)
    size = _packed_bytes(n_rows, widths)
    return octets[:, :row_bits].tobytes().ljust(size, b"\0")[:size]
