"""Who is meant by a name that was heard: the very name, else the only known one that sounds the same."""

from __future__ import annotations

from collections.abc import Iterable

from agent.text.letter_to_sound import phrase_sounds
from agent.text.words import tokens

_FEWEST_SOUNDS = 3


def name_key(name: str) -> str:
    """The name as it is compared: case and blanks aside."""
    return " ".join(name.casefold().split())


def find_person(name: str, known: Iterable[tuple[int, str]]) -> tuple[int, str] | None:
    """The one of those known, by their numbers and names, whom a name means: "Ana" is "Anna" unless both are there."""
    key, sounds = name_key(name), _sounds(name)
    is_heard = len(sounds) >= _FEWEST_SOUNDS and _is_said(name)
    alike = []
    for person in known:
        if name_key(person[1]) == key:
            return person
        if is_heard and _is_said(person[1]) and _sounds(person[1]) == sounds:
            alike.append(person)
    return alike[0] if len(alike) == 1 else None


def _is_said(name: str) -> bool:
    """Whether it is a name that a recogniser may have heard, and no id."""
    return all(letter.isalpha() or letter in " '’-" for letter in name)


def _sounds(name: str) -> str:
    return phrase_sounds(tokens(name))
