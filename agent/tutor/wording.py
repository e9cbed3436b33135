"""The words for what a teacher does: varied, the same for the same seed, and never the same twice running."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from agent.tutor.state import Act

_GAP = re.compile(r"\s*_{3,}\s*")
_END = re.compile(r"[.!?…:][\"”’)]*$")


@cache
def phrases() -> Mapping[str, tuple[str, ...]]:
    """Name of an act → ways to say it, from data/tutor.toml."""
    text = resources.files("agent").joinpath("data/tutor.toml").read_text("utf-8")
    return {name: tuple(ways) for name, ways in tomllib.loads(text).items()}


class Wording:
    """Puts acts into words.

    Args:
        name: what the teacher is called.
        seed: another one begins with other ways to say the same.
    """

    def __init__(self, name: str, *, seed: int = 0) -> None:
        self._name = name
        self._ways = {}
        for act, ways in phrases().items():
            order = list(ways)
            random.Random(f"{seed} {act}").shuffle(order)
            self._ways[act] = order

    def say(self, acts: Sequence[Act], used: Mapping[str, int]) -> tuple[str, dict[str, int]]:
        """What is said, and how often each act was said with it."""
        counts, said = dict(used), []
        for act in acts:
            ways = self._ways[act.name]
            way = ways[counts.get(act.name, 0) % len(ways)]
            counts[act.name] = counts.get(act.name, 0) + 1
            values = {key: _spoken(value) for key, value in act.values.items()}
            said.append(_ended(way.format(name=self._name, **values)))
        return " ".join(part for part in said if part), counts


def _spoken(text: str) -> str:
    """A gap is read out; it keeps its pause."""
    return re.sub(r",\s*(?=[.,!?])", "", _GAP.sub(", blank, ", text)).strip(" ,")


def _ended(text: str) -> str:
    text = re.sub(r"([.!?])\.", r"\1", " ".join(text.split()))
    return text if not text or _END.search(text) else f"{text}."
