"""Small talk: greetings, thanks, jokes, the clock. How it is recognised; what to say is in data/smalltalk.toml."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from importlib import resources

import numpy as np

from agent.text.letter_to_sound import phrase_sounds
from agent.text.phonetic_similarity import encode, similarity
from agent.text.words import tokens
from speech.text.spoken_numbers import number_words, ordinal_words, year_words

_WORD_SHARE = 0.5
"""Of a match, this much is same words, the rest is likeness of sounds: sounds alone mix up short utterances ("hi",
"why")."""


_SOUND_ALONE, _LONG_ENOUGH = 0.85, 5
"""Without a common word, sounds count this much, from this many on: "good buy"."""


@dataclass(frozen=True, slots=True)
class Intent:
    """Something people say that needs no knowledge.

    Attributes:
        name: such as "greeting".
        heard: ways to say it, lower case, with {name} for the avatar's.
        replies: spoken answers, with {name}, {time}, {date} and {topics} to be filled in.
    """

    name: str
    heard: tuple[str, ...]
    replies: tuple[str, ...]

    def reply(self, said_before: Iterable[str], seed: int, **values: str) -> str:
        """One of the replies: the same for the same seed, and none that was given lately as long as others are left.

        Args:
            said_before: what the avatar has said, oldest first.
            seed: any number; another one gives another order.
            values: what to fill in.
        """
        order = list(self.replies)
        random.Random(f"{seed} {self.name}").shuffle(order)
        spoken = [text.format(**values) for text in order]
        before = list(said_before)
        # The one said longest ago, or never (-1); the first in the shuffled order among equals.
        last = [max((place for place, said in enumerate(before) if text in said), default=-1) for text in spoken]
        return spoken[last.index(min(last))]


class SmallTalk:
    """Recognises intents.

    Args:
        intents: by default, those of data/smalltalk.toml.
        name: what the avatar is called by; "" for no name.
    """

    def __init__(self, intents: tuple[Intent, ...] | None = None, *, name: str = "") -> None:
        self.intents = _read_intents() if intents is None else intents
        is_called = bool(tokens(name))
        pairs = [
            (intent, tokens(heard.replace("{name}", name)))
            for intent in self.intents
            for heard in intent.heard
            if is_called or "{name}" not in heard
        ]
        self._intent_of = [intent for intent, _ in pairs]
        self._words = [words for _, words in pairs]
        spoken = [phrase_sounds(words) for words in self._words]
        self._sounds = encode(spoken)
        self._length = np.array([len(one) for one in spoken])

    def match(self, text: str) -> tuple[Intent, float]:
        """The intent that the whole of `text` sounds like most, with a score of 0 … 1."""
        words = tokens(text)
        alike = similarity(self._sounds, encode([phrase_sounds(words)]))
        said = set(words)
        shared = np.array(
            [2 * len(said & set(known)) / (len(said) + len(set(known))) for known in self._words], np.float32
        )
        by_sound = np.where(self._length >= _LONG_ENOUGH, _SOUND_ALONE * alike, 0.0)
        scores = np.clip(np.maximum((1 - _WORD_SHARE) * alike + _WORD_SHARE * shared, by_sound), 0.0, 1.0)
        best = int(scores.argmax())
        return self._intent_of[best], float(scores[best])

    def phrases(self) -> list[str]:
        """Everything that is recognised, in lower-case words, for the recogniser's language model."""
        return list(dict.fromkeys(" ".join(words) for words in self._words))


def _read_intents() -> tuple[Intent, ...]:
    text = resources.files("agent").joinpath("data/smalltalk.toml").read_text("utf-8")
    return tuple(
        Intent(one["name"], tuple(one["heard"]), tuple(one["replies"])) for one in tomllib.loads(text)["intent"]
    )


def say_time(now: datetime) -> str:
    """The time of day as people say it: "ten past nine in the morning", "half past noon", "midnight"."""
    minute = now.minute
    this, following = _say_hour(now.hour), _say_hour((now.hour + 1) % 24)
    if minute == 0:
        return this if now.hour in (0, 12) else this.replace(" ", " o'clock ", 1)
    if minute == 30:
        return f"half past {this}"
    before = minute > 30
    count = 60 - minute if before else minute
    unit = "" if count % 5 == 0 else " minute" if count == 1 else " minutes"
    amount = "a quarter" if count == 15 else f"{number_words(str(count))}{unit}"
    return f"{amount} to {following}" if before else f"{amount} past {this}"


def _say_hour(hour: int) -> str:
    if hour in (0, 12):
        return "noon" if hour else "midnight"
    part = "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening"
    return f"{number_words(str(hour % 12))} {part}"


def say_date(now: datetime) -> str:
    """The date as people say it: "Sunday, the twenty-second of November, twenty twenty-six"."""
    return f"{now:%A}, the {ordinal_words(now.day)} of {now:%B}, {year_words(now.year)}"
