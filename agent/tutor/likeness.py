"""Whether words that were heard are words that were expected: by spelling, by their stems, by their sound."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

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
_WHOLE = {
    "can't": "can not",
    "cannot": "can not",
    "won't": "will not",
    "it's": "it is",
    "that's": "that is",
    "he's": "he is",
    "she's": "she is",
}
_HOMOPHONES = {"four": "for", "two": "to", "too": "to", "won": "one", "buy": "by", "bye": "by"}
"""Short words that sound the same, as far as the rules for sounds don't know it."""
_NUMBERED = re.compile(r"^(?:one|two|three|four|five|six|seven|eight|nine|ten)$")
_IRREGULAR = """
lend:lent go:went,gone,goes,going buy:bought good:better,best bad:worse,worst child:children,childs foot:feet
tooth:teeth mouse:mice man:men woman:women take:took,taken give:gave,given eat:ate,eaten see:saw,seen
come:came do:did,done have:had,has begin:began,begun write:wrote,written speak:spoke,spoken sing:sang,sung
drink:drank,drunk drive:drove,driven fly:flew,flown know:knew,known grow:grew,grown throw:threw,thrown
break:broke,broken choose:chose,chosen fall:fell,fallen feel:felt find:found forget:forgot,forgotten
get:got,gotten hold:held keep:kept leave:left lose:lost make:made mean:meant meet:met pay:paid run:ran
ride:rode,ridden ring:rang,rung rise:rose,risen say:said sell:sold send:sent shake:shook,shaken sleep:slept
spend:spent stand:stood steal:stole,stolen swim:swam,swum teach:taught tell:told think:thought
understand:understood wake:woke,woken wear:wore,worn win:won build:built bring:brought catch:caught hear:heard
draw:drew,drawn blow:blew,blown freeze:froze,frozen hide:hid,hidden lead:led lie:lay,lain shoot:shot sit:sat
wind:wound
"""
_FORMS = {
    form: word for word, _, forms in (entry.partition(":") for entry in _IRREGULAR.split()) for form in forms.split(",")
}
"""Irregular forms, for "the right word, but another form"."""


_OPPOSITES = """
heavy-light heavy-less big-small large-small large-little hot-cold warm-cold high-low long-short fast-slow
early-late old-young old-new more-less many-few first-last open-close up-down in-out inside-outside before-after
left-right top-bottom strong-weak hard-soft hard-easy easy-difficult rich-poor cheap-expensive full-empty wet-dry
deep-shallow wide-narrow thick-thin dark-light dark-bright begin-end start-stop start-end arrive-leave enter-leave
buy-sell lend-borrow give-take push-pull rise-fall remember-forget love-hate win-lose alive-dead day-night summer-winter
north-south east-west vowel-consonant singular-plural always-never everybody-nobody everything-nothing good-bad
safe-dangerous clean-dirty float-sink expand-shrink freeze-melt freeze-boil increase-decrease grow-shrink stay-leave
past-future true-false"""
OPPOSITES = frozenset(frozenset(map(stem, pair.split("-"))) for pair in _OPPOSITES.split())
"""Words that a network of meanings takes for near, as they stand in the same places."""


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
    if word.endswith(("ier", "iest")) and len(word) > 5:
        word = re.sub("i(?:er|est)$", "y", word)
    return _FORMS.get(word) or stem(word)


def are_opposite(said: Sequence[str], expected: Sequence[str]) -> bool:
    """Whether one has a word whose opposite the other has, and neither has both."""
    mine, theirs = set(map(base_form, said)), set(map(base_form, expected))
    return any(len(pair & mine - theirs) == 1 and len(pair & theirs - mine) == 1 for pair in OPPOSITES)


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
    if wanted == heard or word_sounds("".join(said)) == word_sounds("".join(expected)):
        return True
    return min(len(wanted), len(heard)) >= _LONG_ENOUGH and _alike(wanted, heard) >= at_least


def has_word(word: str, said: Sequence[str], *, at_least: float = SOUNDS_ALIKE) -> bool:
    """Whether a word is among others, in any form, or as two of them that sound like it."""
    base, sounds = base_form(word), word_sounds(word)
    if any(base_form(one) == base for one in said):
        return True
    if len(sounds) < _LONG_ENOUGH or _NUMBERED.match(word):
        return False
    stretches = [*said, *("".join(pair) for pair in pairwise(said))]
    if word in stretches:
        return True
    heard = [*map(word_sounds, said), *(word_sounds(a) + word_sounds(b) for a, b in pairwise(said))]
    return any(len(one) >= _LONG_ENOUGH - 1 and _alike(sounds, one) >= at_least for one in heard)


def _is_same(expected: str, said: str) -> bool:
    if _HOMOPHONES.get(expected, expected) == _HOMOPHONES.get(said, said):
        return True
    return word_sounds(expected) == word_sounds(said) != ""


@lru_cache(maxsize=4096)
def _alike(wanted: str, heard: str) -> float:
    return float(similarity(encode([wanted]), encode([heard]))[0])


def words_of(text: str) -> list[str]:
    """A text's words, contractions in full."""
    return in_full(tokens(text))
