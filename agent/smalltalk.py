"""Small talk: greetings, thanks, jokes, the clock. What to say is in data/smalltalk.toml; here is how it is recognised."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from importlib import resources

import numpy as np

from agent.sound_alike import encode, likeness, spell_out
from agent.words import tokens
from speech.spoken_numbers import number_words, ordinal_words, year_words

_WORD_SHARE = 0.5
"""Of a match, this much is same words, the rest is likeness of sounds: sounds alone mix up short utterances ("hi", "why")."""


@dataclass(frozen=True, slots=True)
class Intent:
    """Something people say that needs no knowledge.

    Attributes:
        name: such as "greeting".
        heard: ways to say it, lower case.
        replies: spoken answers, with {name}, {time}, {date} and {topics} to be filled in.
    """

    name: str
    heard: tuple[str, ...]
    replies: tuple[str, ...]

    def reply(self, said_before: Iterable[str], seed: int, **values: str) -> str:
        """One of the replies: the same for the same seed, and none of those that were just given, as long as others are left.

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
    """

    def __init__(self, intents: tuple[Intent, ...] | None = None) -> None:
        self.intents = _read_intents() if intents is None else intents
        pairs = [(intent, tokens(heard)) for intent in self.intents for heard in intent.heard]
        self._intent_of = [intent for intent, _ in pairs]
        self._words = [words for _, words in pairs]
        self._sounds = encode([spell_out(words) for words in self._words])

    def match(self, text: str) -> tuple[Intent, float]:
        """The intent that the whole of `text` sounds like most, with a score of 0 … 1."""
        words = tokens(text)
        alike = likeness(self._sounds, encode([spell_out(words)]))
        said = set(words)
        shared = np.array(
            [2 * len(said & set(known)) / (len(said) + len(set(known))) for known in self._words], np.float32
        )
        scores = np.clip((1 - _WORD_SHARE) * alike + _WORD_SHARE * shared, 0.0, 1.0)
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
    """The time of day as people say it: "ten past nine in the morning", "half past twelve", "noon"."""
    hour, minute = now.hour, now.minute
    if minute == 0 and hour in (0, 12):
        return "noon" if hour else "midnight"
    part = "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening"
    if hour == 0:
        part = "after midnight"

    def named(value: int) -> str:
        return number_words(str(value % 12 or 12))

    if minute == 0:
        return f"{named(hour)} o'clock {part}"
    if minute == 30:
        return f"half past {named(hour)} {part}"
    if minute in (15, 45):
        return (
            f"a quarter past {named(hour)} {part}"
            if minute == 15
            else f"a quarter to {named(hour + 1)} {_part_to(hour)}"
        )
    unit = "" if minute % 5 == 0 else " minutes" if minute not in (1, 59) else " minute"
    if minute < 30:
        return f"{number_words(str(minute))}{unit} past {named(hour)} {part}"
    return f"{number_words(str(60 - minute))}{unit} to {named(hour + 1)} {_part_to(hour)}"


def _part_to(hour: int) -> str:
    """The part of the day of the hour that comes next."""
    following = (hour + 1) % 24
    if following == 0:
        return "at night"
    if following < 12:
        return "in the morning"
    return "in the afternoon" if following < 18 else "in the evening"


def say_date(now: datetime) -> str:
    """The date as people say it: "Sunday, the twenty-second of November, twenty twenty-six"."""
    return f"{now:%A}, the {ordinal_words(now.day)} of {now:%B}, {year_words(now.year)}"
