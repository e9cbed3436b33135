"""What a learner wants when it is no answer: a hint, the question again, to stop, to be remembered or forgotten."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from agent.intents.tables import fold, not_names
from agent.text.words import tokens
from agent.tutor.answer_words import without_frame


class Wish(StrEnum):
    """What a learner may want."""

    REPEAT = "repeat"
    HINT = "hint"
    SKIP = "skip"
    STOP = "stop"
    DONT_KNOW = "dont_know"
    WHY = "why"
    WAIT = "wait"
    REMEMBER = "remember"
    FORGET = "forget"
    SCORE = "score"
    AGAIN = "again"


_BEFORE, _AFTER = (
    re.compile(pattern)
    for pattern in (
        r"^(?:(?:um|uh|er|hm|hmm|oh|well|so|ok|okay|sorry|please|and|but|thanks|thank you"
        r"|(?:can|could|would|will|may) (?:you|i|we)(?= ))\s+)+",
        r"(?:\s+(?:please|thanks|thank you|sorry|teacher|now))+$",
    )
)
_YES_OR_NO = re.compile(r"^(?:yes|no)\s+")
_NAMED = re.compile(
    r"(?:^|.*?[,.!;]\s*|.*?\b(?:hello|hi|hey|yes|remember me)\s+)"
    r"(?:my name is|my name's|i am called|i'm called|call me|this is|it's me|i am|i'm)\s+"
    r"(?P<name>[^\W\d_][\w'’-]*(?:\s+[^\W\d_][\w'’-]*)?)\s*[.!]*\s*$",
    re.IGNORECASE,
)
_NO_BARE_NAMES = frozenset("i'm i've i'd don't".split())
_ASKS = re.compile(
    r"^(?:(?:and|but|so|ok|okay|sorry|please|excuse me|well|hello|hi|hey)[\s,]+)*"
    r"(?:what|who|whom|whose|where|when|why|how|which|what's|who's|where's|how's|what about|explain|does|did|do we"
    r"|(?:can|could|would|will|do|did|are|have) you|(?:can|could|may|should) i|is there|are there|is this|is that"
    r"|tell me (?:about|how|why|what|more|a ))\b",
    re.IGNORECASE,
)


@cache
def _ways() -> Mapping[Wish, re.Pattern[str]]:
    """How each wish is said, from data/learner.toml."""
    listed = tomllib.loads(resources.files("agent").joinpath("data/learner.toml").read_text("utf-8"))
    return {Wish(name): re.compile("|".join(f"(?:{way})" for way in ways)) for name, ways in listed.items()}


@dataclass(frozen=True, slots=True)
class Named:
    """Who a learner says to be."""

    name: str


def wish_in(text: str) -> Wish | None:
    """What the whole of an utterance asks for; None where it may be an answer."""
    words = " ".join(tokens(text.replace("’", "'")))
    without = _AFTER.sub("", _BEFORE.sub("", words))
    for said in dict.fromkeys((words, without, _YES_OR_NO.sub("", without))):
        for wish, pattern in _ways().items():
            if said and pattern.fullmatch(said):
                return wish
    return None


def named_in(text: str) -> Named | None:
    """Who somebody says to be, as in "I'm Anna" or "Yes, remember me, my name is Anna."."""
    found = _NAMED.match(" ".join(text.split()))
    if found is None:
        return None
    words = found["name"].split()
    if fold(words[0]) in not_names("en") or words[0].lower().endswith("ing"):
        return None
    if len(words) > 1 and words[1].islower() and fold(words[1]) in not_names("en"):  # but Neil Young
        words = words[:1]
    return Named(" ".join(word[:1].upper() + word[1:] for word in words))


def bare_name(text: str) -> str:
    """The name in the answer to "What is your name?"; "" for none."""
    if named := named_in(text):
        return named.name
    words = without_frame(re.sub(r"^\W*(?:yes|okay|sure)\b\W*", "", text, flags=re.IGNORECASE)).split()
    plain = [word.strip(".,!?;:") for word in words]
    doubted = {fold(word) for place, word in enumerate(plain) if not place or word.islower()}
    are_names = all(word[:1].isalpha() for word in plain) and doubted.isdisjoint(not_names("en") | _NO_BARE_NAMES)
    if not 1 <= len(plain) <= 3 or not are_names:
        return ""
    return " ".join(word[:1].upper() + word[1:] for word in plain)[:60]


def asks_something(text: str) -> bool:
    """Whether it is a question of the learner's own."""
    return _ASKS.match(text.strip()) is not None
