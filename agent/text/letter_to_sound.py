"""How English words sound, roughly, from how they are spelt.

Ordered rules written for this purpose (the idea of letter-to-sound rules: Elovitz et al. 1976, NRL report 7948).
They need not be right, only the same for words that sound alike, so vowels, which recognisers mix up most, are kept
in few classes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

VOWELS = "ieaou@YW"
"""i see/sit, e say/set, a sat/hot/cut, o go/law, u too/put, @ bird/about, Y my, W now."""

SOUNDS = VOWELS + "pbtdkgCJfvTDszSZhmnNlrwj"
"""One letter a sound: C church, J judge, T thin, D then, S ship, Z measure, N sing, j yes. Code: place + 1."""

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
(?<=[^aeiou^])ye(?=s?~)     Y
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
    "a": "e", "b": "bi", "c": "si", "d": "di", "e": "i", "f": "ef", "g": "Ji", "h": "eC", "j": "Je", "k": "ke",
    "l": "el", "m": "em", "n": "en", "o": "o", "p": "pi", "q": "kju", "r": "ar", "s": "es", "t": "ti", "u": "ju",
    "v": "vi", "w": "dabalju", "x": "eks", "y": "wY", "z": "zi",
}  # fmt: skip


_TWICE = re.compile(r"([^ieaou@YW])\1+")


@lru_cache(maxsize=65536)
def word_sounds(word: str) -> str:
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


def phrase_sounds(words: Sequence[str]) -> str:
    """How words sound when said in a row: the boundaries between them cannot be heard, so they are not there."""
    return "".join(word_sounds(word) for word in words)
