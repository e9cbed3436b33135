"""What head and eyes do with a sentence because of its words, in the languages that the conversation itself knows."""

from __future__ import annotations

import re

from agent.text.sentences import goes_on
from avatar.motion import Gesture

LONG_WORDS = 9
"""A reply whose first sentence has as many words, or goes on after a clause, is a long one: three seconds and more."""

# "No." and "No, …", but neither "No problem" nor "No one"; and what says the same in more words.
_NO = r"(?:no|nope|nah|nein|nee|nö|non|não|nei|nej|nie)(?=[\s\"'”»)]*(?:[,.;:!…–—]|$))"
_MORE = (
    r"(?:not (?:really|at all|quite|yet)|never|(?:i'm |i am )?(?:afraid|unfortunately),? (?:not|no)"
    r"|(?:leider|überhaupt|noch) (?:nicht|nein)|auf keinen fall|niemals"
    r"|pas du tout|(?:malheureusement|hélas),? (?:pas|non)|jamais"
    r"|en absoluto|para nada|nunca|per niente|affatto|mai)\b"
)
_DENIES = re.compile(rf"\W*(?:{_NO}|{_MORE})", re.IGNORECASE)
_LAST_MARKS = "\"'”’»)]* "


def opening_gesture(text: str) -> Gesture:
    """What a reply begins with: a look away before something long, a look at the partner before something short."""
    return Gesture.LOOK_AWAY if goes_on(text) or len(text.split()) >= LONG_WORDS else Gesture.LOOK_AT


def denies(text: str) -> bool:
    """Whether a sentence begins with a "no"."""
    return _DENIES.match(text.replace("’", "'")) is not None


def asks(text: str) -> bool:
    """Whether a sentence is a question."""
    return text.rstrip(_LAST_MARKS).endswith(("?", "？"))
