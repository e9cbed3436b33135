"""How words sound, roughly, from how they are spelt; and how alike two stretches of speech sound.

A recogniser that errs puts down other words that *sound* alike: "full toe" for "photo". Comparing sounds instead of
letters, and whole stretches instead of words, still finds what was meant. English spelling is read with ordered rules
written for this purpose (the idea of letter-to-sound rules: Elovitz et al. 1976, NRL report 7948). They need not be
right, only the same for words that sound alike, so vowels, which recognisers mix up most, are kept in few classes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

VOWELS = "ieaou@YW"
"""i see/sit, e say/set, a sat/hot/cut, o go/law, u too/put, @ bird/about, Y my, W now."""

SOUNDS = VOWELS + "pbtdkgCJfvTDszSZhmnNlrwj"
"""One letter a sound: C church, J judge, T thin, D then, S ship, Z measure, N sing, j yes. Its code is its place + 1."""

Codes = npt.NDArray[np.uint8]
"""Sounds as numbers, 0 where padded."""

# One rule a line: pattern → sounds; the first that fits is taken. "^" and "~" stand for the word's beginning and end.
_RULES = r"""
(?<=\^)one(?=~)            wan
(?<=\^)once                wans
(?<=\^)two(?=~)            tu
(?<=\^)who(?=[~ms])        hu
(?<=\^)know                no
(?<=\^)eye                 Y
(?<=\^)are(?=~)            ar
(?<=\^)there|(?<=\^)their der
(?<=\^)the(?=~)            D@
(?<=\^)th(?=is~|at~|em~|ey~|en~|ese~|ose~|an~|ough~|us~) D
(?<=\^)[dt]o(?=~)          tu
(?<=\^)of(?=~)             av
(?<=\^)was(?=~)            waz
(?<=\^)says?(?=~)          sez
(?<=\^)says?|(?<=\^)said  sed
(?<=\^)i(?=~)              Y
(?<=\^)m[iy](?=~)          mY
(?<=\^)x                   z
(?<=\^)[kgp](?=n)          -
(?<=\^)p(?=s)              -
(?<=\^)w(?=r|ho)           -
(?<=\^)y(?=[aeiou])        j
(?<=\^)u(?=n[ie]|s[ei])    ju
(?<=\^)busi                bizi
(?<=[cwh])ould              ud
(?<=p)eo(?=ple)             i
(?<=[pbf])u(?=ll|sh|t~)      u
guage(?=s?~)                wiJ
wh                          w
cial|tial                   S@l
cious|tious|xious           S@s
(?<=s)tion                  C@n
ss?ion|tion|cian            S@n
(?<=[aeiou])sure            Z@r
ture(?=[sd]?~)              C@r
tch                         C
sch                         sk
(?<=\^)ch(?=r|em|ar[ai]|or|ao) k
ch(?=n|r|~)(?<=[tn]ech)     k
ch                          C
s?sh                        S
sc(?=[eiy])                 s
ph                          f
th                          T
[ao]ugh(?=t)                o
(?<=[hn])ough(?=~)          o
(?<=hr)ough                 u
ough|augh                   af
eigh                        e
igh                         Y
gh(?=[~t])                  -
gh                          g
cc(?=[eiy])                 ks
cqu|qu|q                    kw
c(?=[eiy])                  s
ck|cc|ch                    k
dge?|dj                     J
gu(?=[eiy])                 g
g(?=et|iv|irl|ift|ear)      g
gg                          g
g(?=[eiy])                  J
ng(?=[~s])                  N
n(?=[kgx])                  N
mb(?=s?~)                   m
(?<=[ao])l(?=[mfk])         -
t(?<=[sf]t)(?=le|en~)       -
(?<=[td])ed(?=~)            id
(?<=[pkfshcx])ed(?=~)       t
ed(?=~)(?<=[^aeiouy^]ed)    d
(?<=[sxzhcg])es(?=~)        iz
(?<=[^aeiou^][^aeiou^])le(?=s?~) @l
(?<=[^aeiou^])re(?=~)       @r
ous(?=~)                    @s
(?<=[^aeiou^])age(?=~)      iJ
(?<=\^[^aeiou])y(?=~)      Y
(?<=\^[^aeiou])[ei](?=~)   i
(?<=\^[^aeiou][^aeiou])y(?=~) Y
(?<=\^[^aeiou][^aeiou])e(?=~) i
e(?=s?~)(?<=[^^]e)          -
air|[ae]re(?=s?~)           er
e[ae]r|ier                  ir
oar|oor|ore                 or
(?<=\^[fy])our             or
our|owr                     Wr
wor(?=[dkst])               w@r
war                         wor
ire(?=[sd]?~)               Y@r
(?<=[^^])or(?=s?~)          @r
ar                          ar
or                          or
[eiuy]r                     @r
(?<=[^^][^^][^^])a(?=[nl]s?~) @
oo|ue|ui(?=t)|eu|ew         u
(?<=[lr])ow(?=[ns]?~)|(?<=[hnrg]r)ow|(?<=[nk]n)ow o
ou(?=ntr|sin|ch~|ble|s~)    a
ou(?=[pl])                  u
ou|ow                       W
oi|oy                       oi
oa|oe(?=s?~)|eau            o
ey(?=s?~)|ee|ea(?!d|lt|th)  i
ei|ai|ay|ey|ea              e
ie(?=s?~)(?<=\^[a-z]ie)    Y
ie                          i
au|aw|al(?=[lkdt])          o
uy                          Y
a(?=[^aeiouwxyr]e[sd]?~|[^aeiouwxyr]ing~) e
i(?=[^aeiouwxyr]e[sd]?~|[^aeiouwxyrng]ing~|nd~|ld~|gn~) Y
y(?=[^aeiouwxyr]e[sd]?~)    Y
g(?=n~)                     -
o(?=[^aeiouwxyr]e[sd]?~|st~|ld|ll~) o
u(?=[^aeiouwxyr]e[sd]?~)    u
(?<=\^[^aeiou])i(?=[bcdglnptv][aou]) Y
(?<=\^[^aeiou])a(?=[bckpdmlvz][eio]) e
(?<=\^[^aeiou])o(?=[bcdgkmnptlvz][aeiou]) o
(?<=\^[^aeiou])u(?=[bcdglmnptv][aeiou]) u
o(?=[td]o)|o(?=~)           o
a(?=~)                      @
[iy]                        i
e                           e
a                           a
o                           a
u                           a
bb?                         b
c|kk?                       k
dd?                         d
ff?                         f
g                           g
h(?=[aeiouy])               h
j                           J
ll?                         l
mm?                         m
nn?                         n
pp?                         p
rr?                         r
(?<=[bdgvmnlrewyoa])s(?=~)  z
(?<=[aeiou])s(?=[eiy])      z
ss?                         s
tt?                         t
vv?                         v
w(?=[aeiouy])               w
x                           ks
zz?                         z
"""


def _compile(rules: str) -> dict[str, tuple[re.Pattern[str], list[str]]]:
    """First letter → the rules that begin with it, as one pattern whose groups are numbered like the sounds."""
    by_letter: dict[str, list[tuple[str, str]]] = {}
    for line in rules.strip().splitlines():
        pattern, sound = line.rsplit(maxsplit=1)
        for way in re.split(r"\|(?![^(]*\))", pattern):
            start = re.sub(r"^(?:\(\?<[=!].*?\))+", "", way.strip())
            letters = start[1 : start.index("]")] if start[0] == "[" else start[0]
            for letter in letters:
                by_letter.setdefault(letter, []).append((way.strip(), sound.strip("-")))
    return {
        letter: (re.compile("|".join(f"({way})" for way, _ in some)), [sound for _, sound in some])
        for letter, some in by_letter.items()
    }


_SPELLING = _compile(_RULES)
_LETTER_NAMES = {
    "a": "e", "b": "bi", "c": "si", "d": "di", "e": "i", "f": "ef", "g": "Ji", "h": "eC", "j": "Je", "k": "ke", "l": "el",
    "m": "em", "n": "en", "o": "o", "p": "pi", "q": "kju", "r": "ar", "s": "es", "t": "ti", "u": "ju", "v": "vi",
    "w": "dabalju", "x": "eks", "y": "wY", "z": "zi",
}  # fmt: skip


_TWICE = re.compile(r"([^ieaou@YW])\1+")


@lru_cache(maxsize=65536)
def sounds(word: str) -> str:
    """How one lower-case word sounds, a letter of `SOUNDS` a sound; letters without vowels are read one by one."""
    if (len(word) == 1 and word != "a") or (len(word) <= 4 and word.isalpha() and not re.search("[aeiouy]", word)):
        return "".join(_LETTER_NAMES.get(letter, "") for letter in word) if word != "i" else "Y"
    spelt, place, spoken = f"^{word}~", 1, ""
    while place <= len(word):
        pattern, heard = _SPELLING.get(spelt[place], (None, []))
        match = pattern.match(spelt, place) if pattern else None
        if match is None or match.lastindex is None:
            place += 1  # a letter that is not heard, or not an English one
        else:
            spoken += heard[match.lastindex - 1]
            place = match.end()
    # Two equal consonants in a row are one.
    return _TWICE.sub(r"\1", spoken)


def spell_out(words: Sequence[str]) -> str:
    """How words sound when said in a row: the boundaries between them cannot be heard, so they are not there."""
    return "".join(sounds(word) for word in words)


# Costs of taking one sound for another, of 0 … 1. Groups after the usual confusions of listeners (Miller & Nicely 1955:
# voicing and place are lost before manner); vowels cost little because recognisers mix them up most.
_NEAR: tuple[tuple[str, float], ...] = (
    ("pb", 0.3), ("td", 0.2), ("kg", 0.3), ("fv", 0.25), ("TD", 0.2), ("sz", 0.15), ("SZ", 0.2), ("CJ", 0.3), ("nN", 0.25),
    ("mn", 0.4), ("mN", 0.5), ("fT", 0.35), ("vD", 0.35), ("tT", 0.4), ("dD", 0.35), ("sS", 0.4), ("zZ", 0.4), ("CS", 0.35),
    ("JZ", 0.3), ("tC", 0.45), ("dJ", 0.45), ("sT", 0.4), ("zD", 0.5), ("bv", 0.4), ("pf", 0.5), ("pt", 0.5), ("tk", 0.5),
    ("pk", 0.5), ("bd", 0.5), ("dg", 0.5), ("bg", 0.5), ("lr", 0.6), ("lw", 0.5), ("rw", 0.5), ("wu", 0.4), ("ji", 0.3),
    ("l@", 0.6), ("r@", 0.4), ("lo", 0.6), ("wo", 0.5), ("hf", 0.7), ("vw", 0.5), ("bm", 0.6), ("dn", 0.5), ("sf", 0.5),
    ("sC", 0.5), ("zJ", 0.5), ("td", 0.2), ("ie", 0.2), ("ea", 0.3), ("ao", 0.25), ("ou", 0.25), ("a@", 0.2), ("i@", 0.25),
    ("e@", 0.25), ("o@", 0.3), ("u@", 0.25), ("aY", 0.3), ("aW", 0.3), ("oW", 0.3), ("iY", 0.4), ("eY", 0.35), ("uW", 0.4),
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
    for (first, second), cost in _NEAR:
        a, b = SOUNDS.index(first) + 1, SOUNDS.index(second) + 1
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


def likeness(
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
