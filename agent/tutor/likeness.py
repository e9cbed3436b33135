"""Whether words that were heard are words that were expected: by spelling, by their stems, by their sound."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from agent.text.letter_to_sound import phrase_sounds, word_sounds
from agent.text.phonetic_similarity import encode, similarity
from agent.text.words import COMMON_WORDS, QUESTION_WORDS, STOP_WORDS, stem, tokens

SOUNDS_ALIKE = 0.88
"""From here on a stretch of speech is taken for another that was misheard (chosen on the calibration half)."""

_LONG_ENOUGH = 5
"""Sounds: of shorter words, another one is soon as near."""

_IN_FULL = (
    ("n't", " not"),
    ("'ve", " have"),
    ("'re", " are"),
    ("'ll", " will"),
    ("'m", " am"),
)
_WHOLE = {"can't": "can not", "cannot": "can not", "won't": "will not", "it's": "it is", "that's": "that is", "he's": "he is", "she's": "she is"}
_NUMBERED = re.compile(r"^(?:one|two|three|four|five|six|seven|eight|nine|ten)$")
_FORMS = {
    "lent": "lend", "went": "go", "gone": "go", "goes": "go", "going": "go", "bought": "buy", "better": "good", "best": "good",
    "worse": "bad", "worst": "bad", "children": "child", "childs": "child", "feet": "foot", "teeth": "tooth", "mice": "mouse",
    "men": "man", "women": "woman", "took": "take", "taken": "take", "gave": "give", "given": "give", "ate": "eat", "eaten": "eat",
    "saw": "see", "seen": "see", "came": "come", "did": "do", "done": "do", "had": "have", "has": "have", "began": "begin",
    "begun": "begin", "wrote": "write", "written": "write", "spoke": "speak", "spoken": "speak", "sang": "sing", "sung": "sing",
    "drank": "drink", "drunk": "drink", "drove": "drive", "driven": "drive", "flew": "fly", "flown": "fly", "knew": "know",
    "known": "know", "grew": "grow", "grown": "grow", "threw": "throw", "thrown": "throw", "broke": "break", "broken": "break",
    "chose": "choose", "chosen": "choose", "fell": "fall", "fallen": "fall", "felt": "feel", "found": "find", "forgot": "forget",
    "forgotten": "forget", "got": "get", "gotten": "get", "held": "hold", "kept": "keep", "left": "leave", "lost": "lose",
    "made": "make", "meant": "mean", "met": "meet", "paid": "pay", "ran": "run", "rode": "ride", "ridden": "ride", "rang": "ring",
    "rung": "ring", "rose": "rise", "risen": "rise", "said": "say", "sold": "sell", "sent": "send", "shook": "shake",
    "shaken": "shake", "slept": "sleep", "spent": "spend", "stood": "stand", "stole": "steal", "stolen": "steal", "swam": "swim",
    "swum": "swim", "taught": "teach", "told": "tell", "thought": "think", "understood": "understand", "woke": "wake",
    "woken": "wake", "wore": "wear", "worn": "wear", "won": "win", "built": "build", "brought": "bring", "caught": "catch",
    "heard": "hear", "drew": "draw", "drawn": "draw", "blew": "blow", "blown": "blow", "froze": "freeze", "frozen": "freeze",
    "hid": "hide", "hidden": "hide", "led": "lead", "lay": "lie", "lain": "lie", "shot": "shoot", "sat": "sit", "wound": "wind",
}  # fmt: skip
"""Irregular forms, for "the right word, but another form"."""


def in_full(words: Sequence[str]) -> list[str]:
    """Words with contractions in full: "didn't" as "did not"."""
    full: list[str] = []
    for word in words:
        text = _WHOLE.get(word, word)
        for short, whole in _IN_FULL:
            if text.endswith(short):
                text = text.removesuffix(short) + whole
        full += text.split()
    return full


def content_words(words: Sequence[str]) -> list[str]:
    """Those that tell something; all of them where none does."""
    telling = [word for word in words if word not in STOP_WORDS and word not in QUESTION_WORDS]
    return telling or list(words)


def is_telling(word: str) -> bool:
    """Whether a word says more than those that are in everybody's mouth."""
    return word not in COMMON_WORDS and word not in STOP_WORDS


@lru_cache(maxsize=4096)
def base_form(word: str) -> str:
    """The word that a form belongs to."""
    return _FORMS.get(word) or stem(word)


def place_of(expected: Sequence[str], said: Sequence[str]) -> int:
    """Where words stand in others, in a row, each the same or of the same sound; -1 for nowhere."""
    length = len(expected)
    for start in range(len(said) - length + 1):
        if all(map(_is_same, expected, said[start : start + length])):
            return start
    return -1


def is_misheard(expected: Sequence[str], said: Sequence[str], *, at_least: float = SOUNDS_ALIKE) -> bool:
    """Whether all that was said sounds like what was expected, boundaries of words aside ("shake spear")."""
    wanted, heard = phrase_sounds(expected), phrase_sounds(said)
    if not wanted or not heard:
        return False
    if wanted == heard:
        return True
    return min(len(wanted), len(heard)) >= _LONG_ENOUGH and _alike(wanted, heard) >= at_least


def has_word(word: str, said: Sequence[str], *, at_least: float = SOUNDS_ALIKE) -> bool:
    """Whether a word is among others, in any form, or as two of them that sound like it."""
    base, sounds = base_form(word), word_sounds(word)
    if any(base_form(one) == base for one in said):
        return True
    if len(sounds) < _LONG_ENOUGH or _NUMBERED.match(word):
        return False
    stretches = [*said, *("".join(pair) for pair in zip(said, said[1:], strict=False))]
    if word in stretches:
        return True
    heard = [*map(word_sounds, said), *(word_sounds(a) + word_sounds(b) for a, b in zip(said, said[1:], strict=False))]
    return any(len(one) >= _LONG_ENOUGH - 1 and _alike(sounds, one) >= at_least for one in heard)


def _is_same(expected: str, said: str) -> bool:
    return expected == said or (word_sounds(expected) == word_sounds(said) != "")


@lru_cache(maxsize=4096)
def _alike(wanted: str, heard: str) -> float:
    return float(similarity(encode([wanted]), encode([heard]))[0])


def words_of(text: str) -> list[str]:
    """A text's words, contractions in full."""
    return in_full(tokens(text))
