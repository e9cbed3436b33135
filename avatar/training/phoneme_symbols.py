"""Which mouth shape a phoneme has, in each alphabet that voices and aligners write phonemes in."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from avatar.training.voices.utterance import Alphabet

# Diphthongs and other sounds of two shapes.
_ESPEAK_PAIRS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("aI", "ai", "aI2", "AI"), ("aa", "ih")),
    **dict.fromkeys(("aU", "au", "Au"), ("aa", "uh")),
    **dict.fromkeys(("eI", "ei", "EI"), ("eh", "iy")),
    **dict.fromkeys(("oU", "ou", "@U"), ("oh", "uw")),
    **dict.fromkeys(("OI", "Oi", "OY"), ("ao", "ih")),
    **dict.fromkeys(("i@", "i@3", "I@"), ("iy", "schwa")),
    **dict.fromkeys(("e@", "e@3"), ("eh", "schwa")),
    **dict.fromkeys(("U@", "u@"), ("uh", "schwa")),
    **dict.fromkeys(("aI@", "aI3"), ("aa", "er")),
    "aU@": ("aa", "uh"),
    "O@": ("ao", "er"),
    "A@": ("aa", "er"),
    "o@": ("ao", "er"),
    "pF": ("p", "f"),
    "jU": ("y", "uw"),
}

_ESPEAK: dict[str, tuple[str, ...]] = {
    "aa": ("0", "A", "A~", "aa", "a", "a:", "V:", "A:"),
    "ae": ("&", "&~", "a#"),
    "ah": ("V", "6"),
    "ao": ("O", "O:", "O2", "Q", "O~"),
    "eh": ("E", "E:", "E~", "e", "e:", "e-", "E-", "E2"),
    "er": ("3", "3:", "@r", "R-"),
    "ih": ("I", "I2", "i.", "y.", "I#", "Y-"),
    "iy": ("i", "i:", "i#", "I:"),
    "uh": ("U", "U~", "u-", "U2"),
    "uw": ("u", "u:", "M", "u#"),
    "oh": ("o", "o:", "o~", "oU2", "o2"),
    "ue": ("y", "y:", "Y:", "H", "yu"),
    "oe": ("Y", "W", "W~", "2", "2:", "9", "Wy"),
    "schwa": ("@", "@2", "@-", "a2", "@5", "3-", "@L"),
    "p": ("p", "b", "m", "P", "b#", "p-"),
    "f": ("f", "v", "v#"),
    "th": ("T", "D"),
    "t": ("t", "d", "n", "t#", "t2", "d#", "n-", "n^", "t.", "d.", "n."),
    "l": ("l", "l^", "L", "l-", "l#"),
    "s": ("s", "z", "ts", "dz", "z2", "s;", "z;", "t_s", "s#"),
    "sh": ("S", "Z", "tS", "dZ", "s\\", "t_s\\", "s.", "sx", "S;", "tS;", "dz;", "ts;"),
    "k": ("k", "g", "N", "x", "Q^", "X", "R", "R2", "G", "B", "C", "q", "c", "x^", "kh"),
    "r": ("r", "r-", "*", "**", "r#", "*-"),
    "w": ("w", "w#"),
    "y": ("j", "y2", "J", "J^", "jh2"),
    "h": ("h", "?", "h#"),
}

_ARPABET_PAIRS: dict[str, tuple[str, str]] = {
    "ay": ("aa", "ih"),
    "aw": ("aa", "uh"),
    "ey": ("eh", "iy"),
    "ow": ("oh", "uw"),
    "oy": ("ao", "ih"),
}

_ARPABET: dict[str, tuple[str, ...]] = {
    **{vowel: (vowel,) for vowel in ("aa", "ae", "ah", "ao", "eh", "er", "ih", "iy", "uh", "uw")},
    "schwa": ("ax", "axr"),
    "p": ("p", "b", "m", "em"),
    "f": ("f", "v"),
    "th": ("th", "dh"),
    "t": ("t", "d", "n", "en", "dx", "nd"),
    "l": ("l", "el"),
    "s": ("s", "z"),
    "sh": ("sh", "zh", "ch", "jh"),
    "k": ("k", "g", "ng"),
    "r": ("r",),
    "w": ("w", "wh"),
    "y": ("y",),
    "h": ("hh", "hv", "h"),
}

_IPA_PAIRS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("I", "aɪ"), ("aa", "ih")),
    **dict.fromkeys(("W", "aʊ"), ("aa", "uh")),
    **dict.fromkeys(("A", "eɪ"), ("eh", "iy")),
    **dict.fromkeys(("O", "Q", "oʊ", "əʊ"), ("oh", "uw")),
    **dict.fromkeys(("Y", "ɔɪ"), ("ao", "ih")),
}

_IPA: dict[str, tuple[str, ...]] = {
    "aa": tuple("ɑaɶ"),
    "ae": tuple("æ"),
    "ah": tuple("ʌɐ"),
    "ao": tuple("ɔɒ"),
    "eh": tuple("ɛe"),
    "er": tuple("ɜɝɚɞ"),
    "ih": tuple("ɪᵻɨ"),
    "iy": tuple("i"),
    "uh": tuple("ʊ"),
    "uw": tuple("uʉɯ"),
    "oh": tuple("o"),
    "ue": tuple("yʏɥ"),
    "oe": tuple("øœɵ"),
    "schwa": tuple("əᵊɘɤ"),
    "p": tuple("pbmɓ"),
    "f": tuple("fvʋɱ"),
    "th": tuple("θð"),
    # A trilled or tapped r is made with the tongue's tip, like d: lips stay as they are.
    "t": tuple("tdnɾrTʈɖɳɽɲɺ"),
    "l": tuple("lɫɬʎɭ"),
    "s": tuple("szʦʣ"),
    "sh": tuple("ʃʒʧʤɕʑʨʥʂʐ"),
    "k": tuple("kɡgŋxɣχʁqɢɴħʕcɟçβʀɰ"),
    "r": tuple("ɹɻ"),
    "w": tuple("wʍ"),
    "y": tuple("jʝ"),
    "h": tuple("hɦʔ"),
}


def _shapes(pairs: Mapping[str, tuple[str, str]], singles: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {**{symbol: (viseme,) for viseme, symbols in singles.items() for symbol in symbols}, **pairs}


SHAPES: Mapping[Alphabet, Mapping[str, tuple[str, ...]]] = {
    "espeak": _shapes(_ESPEAK_PAIRS, _ESPEAK),
    "arpabet": _shapes(_ARPABET_PAIRS, _ARPABET),
    "ipa": _shapes(_IPA_PAIRS, _IPA),
}
"""Alphabet → symbol → the names of one or two shapes, one after the other (see `avatar.training.gestures.visemes`)."""


@lru_cache(maxsize=4096)
def visemes_of(symbol: str, alphabet: Alphabet = "espeak") -> tuple[str, ...]:
    """The one or two shapes of a phoneme; unknown symbols are looked up by their first letters."""
    if not symbol:
        return ("rest",)
    if alphabet == "ipa":
        symbol = unicodedata.normalize("NFD", symbol)
    known = SHAPES[alphabet]
    for length in range(len(symbol), 0, -1):
        if found := known.get(symbol[:length]):
            return found
    return ("schwa",)
