"""Strips the avatar's name from what is said to it, also as a recogniser mishears it: "hey mirror, where is …"."""

from __future__ import annotations

import re
from collections.abc import Callable

from agent.text.letter_to_sound import phrase_sounds
from agent.text.phonetic_similarity import encode, similarity
from agent.text.words import COMMON_WORDS, QUESTION_WORDS, STOP_WORDS, tokens

_SAME_NAME = 0.78
"""From this likeness on a word in the name's place is the name: "mirror" and "Murray" for Mira, "Jones" for Jonas, but
not "more", "join" or "add"."""

_SAME_NAME_GREETED = 0.7
"""After a greeting a name is expected, if not that of somebody else."""

_GREETING = re.compile(
    r"\W*(?:hey|hello|hi|hiya|okay|ok|good (?:morning|afternoon|evening|day)|thanks|thank you|excuse me)\b\W*",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_ABOUT_NAME = frozenset(
    "is are was you am about of called named to with for from does did mean a an the my your".split()
)
"""Before a name at the end: it is spoken of, not to ("Are you Mira?"); but "thank you, Mira"."""

_LEFT_ALONE = STOP_WORDS | QUESTION_WORDS | COMMON_WORDS


def strip_avatar_name(text: str, name: str, *, is_known: Callable[[str], bool]) -> str:
    """What is said to somebody called by name, without the name; the text itself if nothing else is said.

    Args:
        text: as heard.
        name: what the avatar calls itself.
        is_known: whether the knowledge speaks of a word: it is then meant as it stands.
    """
    called = tokens(name)
    if not called:
        return text
    start = 0
    greeting = _GREETING.match(text)
    if greeting:
        start = greeting.end()
    words = list(_WORD.finditer(text, start))
    floor = _SAME_NAME_GREETED if greeting else _SAME_NAME
    longest = min(len(called) + 1, len(words))
    said = [[word for match in words[:count] for word in tokens(match[0])] for count in range(1, longest + 1)]
    alike = [1.0 if one == called else _similarity(one, called, is_known) for one in said]
    if alike and max(alike) >= floor:
        rest = text[words[alike.index(max(alike))].end() :].lstrip(" ,.;:!?-–—")
        text = f"{text[:start]}{rest}" if rest else text
    words = list(_WORD.finditer(text))
    count = len(called)
    if len(words) > count:
        last = [word for match in words[-count:] for word in tokens(match[0])]
        before, gap = words[-count - 1][0].lower(), text[words[-count - 1].end() : words[-count].start()]
        spoken_to = "," in gap or before not in _ABOUT_NAME
        if spoken_to and (last == called or _similarity(last, called, is_known) >= _SAME_NAME):
            text = text[: words[-count - 1].end()] + text[words[-1].end() :]
    return text


def _similarity(said: list[str], called: list[str], is_known: Callable[[str], bool]) -> float:
    """How much it sounds like the name; 0 for words that are meant as they stand."""
    if not said or said[0] in _LEFT_ALONE or any(map(is_known, said)):
        return 0.0
    return float(similarity(encode([phrase_sounds(called)]), encode([phrase_sounds(said)]))[0])
