"""Words as they are said and compared: splitting, stems, stop words, numbers in words."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ORDINAL = re.compile(r"(\d{1,3})(?:st|nd|rd|th)")

STOP_WORDS = frozenset(
    """a an the and or but if of to in on at by for from with as into about than then so that this these those there here
    is am are was were be been being do does did done have has had having will would shall should can could may might must
    i me my mine we us our ours you your yours he him his she her hers it its they them their one ones
    just very really quite please ok okay um uh er hm well oh ah like yes yeah now also too only some any all more most
    i'm i've i'd i'll you're you've it's that's there's what's who's where's how's let's let lets get got go going want tell
    give know say mean thing things kind sort
    re ve ll s t d m""".split()
)
"""Words that say nothing about the topic; they still count when sounds are compared."""

QUESTION_WORDS = frozenset("what which who whom whose where when why how much many long often".split())
"""They tell the kind of answer wanted: they count a little (see `agent.ranking`)."""

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip


def tokens(text: str) -> list[str]:
    """Splits text into lower-case words without accents and possessive endings; small numbers become words."""
    text = unicodedata.normalize("NFKD", _CAMEL.sub(" ", text)).replace("’", "'")
    text = "".join(character for character in text if not unicodedata.combining(character)) if not text.isascii() else text
    words: list[str] = []
    for token in _TOKEN.findall(text.lower()):
        if token.isdecimal() and token.isascii() and len(token) <= 4:
            words += say_number(int(token)).replace("-", " ").split()
        elif ordinal := _ORDINAL.fullmatch(token):
            words += say_ordinal(int(ordinal[1])).replace("-", " ").split()
        else:
            words.append(token.removesuffix("'s") if token not in STOP_WORDS else token)
    return words


def say_number(number: int) -> str:
    """A whole number from 0 to 9,999 in English words: 2026 is "two thousand twenty-six"."""
    if number < 20:
        return _UNITS[number]
    if number < 100:
        return _TENS[number // 10] + (f"-{_UNITS[number % 10]}" if number % 10 else "")
    size, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    head = f"{say_number(number // size)} {name}"
    return f"{head} {say_number(number % size)}" if number % size else head


def say_ordinal(number: int) -> str:
    """"first", "twenty-second" … for 1 to 999."""
    head, joint, last = say_number(number).rpartition("-")
    if not joint:
        head, joint, last = say_number(number).rpartition(" ")
    if last in _ORDINALS:
        return head + joint + _ORDINALS[last]
    return head + joint + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


_SUFFIXES = (
    ("ational", "ate"), ("ization", "ize"), ("isation", "ize"), ("fulness", "ful"), ("iveness", "ive"), ("ousness", "ous"),
    ("ations", "ate"), ("ation", "ate"), ("ising", "ize"), ("ised", "ize"), ("ments", ""), ("ment", ""), ("ness", ""),
    ("ingly", ""), ("edly", ""), ("ings", ""), ("ing", ""), ("ies", "y"), ("ied", "y"), ("sses", "ss"), ("shes", "sh"),
    ("ches", "ch"), ("xes", "x"), ("ed", ""), ("ers", ""), ("er", ""), ("ors", ""), ("or", ""), ("ly", ""), ("s", ""),
)  # fmt: skip
_IRREGULAR = {
    "ran": "run", "running": "run", "spoke": "speak", "spoken": "speak", "speech": "speak", "heard": "hear", "made": "make",
    "making": "make", "maker": "make", "saw": "see", "seen": "see", "bought": "buy", "paid": "pay", "said": "say",
    "told": "tell", "thought": "think", "wrote": "write", "written": "write", "built": "build", "knew": "know",
    "known": "know", "knowledge": "know", "men": "man", "women": "woman", "children": "child", "people": "person",
    "feet": "foot", "lives": "live", "living": "live", "cannot": "not", "can't": "not", "don't": "not", "won't": "not",
    "doesn't": "not", "isn't": "not", "aren't": "not", "news": "news", "this": "this", "was": "was", "does": "do",
    "gas": "gas", "bus": "bus", "eyes": "eye", "using": "use", "used": "use", "uses": "use", "user": "use",
    "photograph": "photo", "photographs": "photo", "hours": "hour", "number": "number", "computer": "computer",
    "computers": "computer", "water": "water", "paper": "paper", "other": "other", "over": "over", "never": "never",
    "under": "under", "weather": "weather", "whether": "whether", "server": "server", "robot": "robot", "color": "color",
    "colour": "color", "door": "door", "floor": "floor", "free": "free", "need": "need", "speed": "speed", "king": "king",
    "ring": "ring", "thing": "thing", "bring": "bring", "sing": "sing", "morning": "morning", "evening": "evening",
}  # fmt: skip
_DOUBLED = re.compile(r"([bdgmnprt])\1$")


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """A light stem: endings of number, tense and derivation go, as long as three letters with a vowel remain."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for suffix, replacement in _SUFFIXES:
        if word.endswith(suffix):
            root = word[: len(word) - len(suffix)]
            if len(root) < 3 or not any(letter in "aeiouy" for letter in root) or (suffix == "s" and root[-1] in "su"):
                continue
            root += replacement
            word = _DOUBLED.sub(r"\1", root) if suffix in ("ing", "ed", "er", "ers") else root
            break
    # "use"/"using", "picture"/"pictures", "reply"/"replies" meet.
    return word[:-1] if len(word) > 3 and word.endswith("e") and not word.endswith("ee") else word
