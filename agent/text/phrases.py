"""What the avatar says of the conversation itself, in the language that it speaks; data/manners has the phrases."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from importlib import resources

FALLBACK = "en"


class Phrases:
    """Ways to say things, each used in turn, so that none comes twice in a row.

    Args:
        language: that the avatar speaks, such as "de" or "de-AT"; English where there is no file for it.

    Attributes:
        language: code of the phrases' own.
    """

    def __init__(self, language: str) -> None:
        self._said: list[str] = []
        self.switch(language)

    def switch(self, language: str) -> None:
        """From now on in another language."""
        folder = resources.files("agent").joinpath("data/manners")
        name = language.replace("_", "-").partition("-")[0].lower()
        self.language = name if name and folder.joinpath(f"{name}.toml").is_file() else FALLBACK
        tables = tomllib.loads(folder.joinpath(f"{self.language}.toml").read_text("utf-8"))
        self._ways: dict[str, tuple[str, ...]] = {
            f"{table}.{key}": tuple(ways) for table, keys in tables.items() for key, ways in keys.items()
        }

    @property
    def names(self) -> frozenset[str]:
        """Every "table.key"."""
        return frozenset(self._ways)

    def ways(self, name: str) -> Sequence[str]:
        """All ways to say "table.key", as they are written."""
        return self._ways[name]

    def say(self, *names: str, **values: str) -> str:
        """Of all ways to say one of "table.key", the one that was said longest ago; {…} filled in."""
        last = {way: place for place, way in enumerate(self._said)}
        chosen = min((way for name in names for way in self._ways[name]), key=lambda way: last.get(way, -1))
        if chosen in self._said:
            self._said.remove(chosen)
        self._said.append(chosen)
        return chosen.format(**values)
