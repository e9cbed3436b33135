"""What the avatar says of what it remembers, in the words of data/memory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import cast

from agent.memory.store import Fact
from agent.memory.understanding import read_language

MOST_TOLD = 6
"""Facts that are said at once; nobody listens to more."""

CONTEXT_CHARACTERS = 1000
"""Of what a language model is told of a person: some 250 tokens. The newest facts go in."""


class Wording:
    """One language.

    Args:
        code: one of `agent.intents.understood.LANGUAGES`.
    """

    def __init__(self, code: str) -> None:
        listed = read_language(code)
        self._say = cast(Mapping[str, str], listed["say"])
        swaps = cast(Sequence[tuple[str, str]], listed["swaps"])
        self._swaps = {one.replace("’", "'"): other.replace("’", "'") for one, other in swaps}
        ways = sorted(map(re.escape, self._swaps), key=len, reverse=True)
        self._swapped = re.compile(rf"\b(?:{'|'.join(ways)})\b(?!')", re.IGNORECASE) if ways else None

    def say(self, name: str, /, **values: object) -> str:
        """One sentence or two, by their name in data/memory."""
        return self._say[name].format(**values)

    def fact(self, name: str, fact: Fact) -> str:
        """A sentence around something that the person said."""
        said = self._to_them(fact)
        return self.say(name, fact=said, Fact=said[:1].upper() + said[1:])

    def told(self, facts: Sequence[Fact]) -> str:
        """What the person said of themselves, the newest things; "" for nothing."""
        if not facts:
            return ""
        told = self.say("told", facts="; ".join(map(self._to_them, facts[-MOST_TOLD:])))
        return f"{told} {self.say('more')}" if len(facts) > MOST_TOLD else told

    def context(self, name: str, facts: Sequence[Fact]) -> str:
        """What a language model is told before the conversation, as if the person said it; "" for nothing."""
        parts: list[str] = []
        room = CONTEXT_CHARACTERS
        for fact in reversed(facts):
            room -= len(fact.said) + 2
            if room < 0:
                break
            parts.insert(0, fact.said)
        if name:
            parts.insert(0, self.say("context_name", name=name))
        return f"({self.say('context')} {'; '.join(parts)}.)" if parts else ""

    def _to_them(self, fact: Fact) -> str:
        """What they said of themselves, said to them: "my" is "your", in English; else in their own words."""
        if self._swapped is None:
            return fact.said
        return self._swapped.sub(lambda found: self._swaps[found[0].lower()], fact.said)


@cache
def wording_of(code: str) -> Wording:
    """The wording of a language, read once."""
    return Wording(code)
