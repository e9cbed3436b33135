"""Words as they are compared: splitting, stop words, common words, stems."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from speech.text.spoken_numbers import digit_words, number_words, ordinal_words

_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_CODE = re.compile(r"([a-z]{1,3})([0-9]{1,4})")
_ORDINAL = re.compile(r"(\d{1,3})(?:st|nd|rd|th)")

_DIGIT = re.compile(r"\d")
_INITIALS = re.compile(r"\b(?:[a-z]\.){2,}", re.IGNORECASE)
_OF_DIGITS = (
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), ""),
    (re.compile(r"(?<=\d):00\b"), ""),
    (re.compile(r"(?<=\d)(?=[ap]m\b)", re.IGNORECASE), " "),
    (re.compile(r"(?<=\d)\s?%"), " percent"),
)
"""How digits are written, and what is left of it in speech: "1,000", "9:00", "9am", "5%"."""
_IN_FULL = {"dr": "doctor", "mr": "mister", "mrs": "missus"}

STOP_WORDS = frozenset(
    """a an the and or but if of to in on at by for from with as into about than then so that this these those there
    here is am are was were be been being do does did done have has had having will would shall should can could may
    might must i me my mine we us our ours you your yours he him his she her hers it its they them their one ones
    just very really quite please ok okay um uh er hm well oh ah like yes yeah now also too only some any all more most
    i'm i've i'd i'll you're you've it's that's there's what's who's where's how's let's let lets get got go going
    want tell give know say mean thing things kind sort
    re ve ll s t d m""".split()
)
"""Words that say nothing about the topic; they still count when sounds are compared."""

QUESTION_WORDS = frozenset("what which who whom whose where when why how many long often".split())
"""They tell the kind of answer wanted: they count a little (see `agent.knowledge.ranking`)."""

COMMON_WORDS = frozenset(
    """able again answer ask begin best better big bring call change come different do done easy every everything fast
    few find first give good great hand happen help here idea keep kind last leave life like little live long
    look lot made much make man mean more myself need never new nice not nothing number off old only other own
    part people person place play possible problem put question read right run second see show small something
    sometimes start still stop take thing think time today too try turn two up use useful want way well what
    work world wrong year yourself
    """.split()
)
"""Frequent words that may belong to any topic: they count less than rare ones, however rare they are in the
knowledge."""


def tokens(text: str) -> list[str]:
    """Splits text into lower-case words without accents and possessive endings; small numbers become words.

    A recogniser that writes ("at 9:00 a.m.", "Dr. Smith") and one that spells out what it hears give the same words.
    """
    text = _CAMEL.sub(" ", text)
    if "." in text:
        text = _INITIALS.sub(lambda initials: initials[0].replace(".", ""), text)
    if _DIGIT.search(text):
        for written, spoken in _OF_DIGITS:
            text = written.sub(spoken, text)
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text).replace("’", "'")
        text = "".join(character for character in text if not unicodedata.combining(character))
    words: list[str] = []
    for token in _TOKEN.findall(text.lower()):
        if token[-1 if token[0].isalpha() else 0].isdigit() and (said := _number(token)):
            words += said
        elif token.endswith("'s") and token not in STOP_WORDS:
            words.append(token[:-2])
        else:
            words.append(_IN_FULL.get(token, token))
    return words


@lru_cache(maxsize=10_000)
def _number(token: str) -> list[str]:
    """A number up to 9,999 or a rank ("22nd") in words; empty for anything else."""
    said = ""
    if code := _CODE.fullmatch(token):
        number = digit_words(code[2]) if code[2].startswith("0") else number_words(code[2])
        return [code[1], *number.replace("-", " ").split()]
    if token.isdecimal() and token.isascii() and len(token) <= 4:
        said = number_words(token)
    elif ordinal := _ORDINAL.fullmatch(token):
        said = ordinal_words(int(ordinal[1]))
    return said.replace("-", " ").split()


_SUFFIXES = (
    ("ational", "ate"), ("ization", "ize"), ("isation", "ize"), ("fulness", "ful"), ("iveness", "ive"),
    ("ousness", "ous"), ("ations", "ate"), ("ation", "ate"), ("ising", "ize"), ("ised", "ize"), ("ments", ""),
    ("ment", ""), ("ness", ""), ("ingly", ""), ("edly", ""), ("ings", ""), ("ing", ""), ("ies", "y"), ("ied", "y"),
    ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("ed", ""), ("ers", ""), ("er", ""), ("ors", ""),
    ("or", ""), ("ly", ""), ("s", ""),
)  # fmt: skip
_IRREGULAR = {
    "ran": "run", "running": "run", "spoke": "speak", "spoken": "speak", "speech": "speak", "heard": "hear",
    "made": "make", "making": "make", "maker": "make", "saw": "see", "seen": "see", "bought": "buy", "paid": "pay",
    "said": "say", "told": "tell", "thought": "think", "wrote": "write", "written": "write", "built": "build",
    "knew": "know", "known": "know", "knowledge": "know", "men": "man", "women": "woman", "children": "child",
    "people": "person", "feet": "foot", "lives": "live", "living": "live", "cannot": "not", "can't": "not",
    "don't": "not", "won't": "not", "doesn't": "not", "isn't": "not", "aren't": "not", "news": "news",
    "this": "this", "was": "was", "does": "do", "gas": "gas", "bus": "bus", "eyes": "eye", "using": "use",
    "used": "use", "uses": "use", "user": "use", "photograph": "photo", "photographs": "photo", "hours": "hour",
    "number": "number", "computer": "computer", "computers": "computer", "water": "water", "paper": "paper",
    "other": "other", "over": "over", "never": "never", "under": "under", "weather": "weather",
    "whether": "whether", "server": "server", "robot": "robot", "color": "color", "colour": "color", "door": "door",
    "floor": "floor", "free": "free", "need": "need", "speed": "speed", "king": "king", "ring": "ring",
    "thing": "thing", "bring": "bring", "sing": "sing", "morning": "morning", "evening": "evening",
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
