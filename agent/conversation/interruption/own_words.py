"""What is understood, and is nothing but what the avatar itself has just said: an echo, whatever its sound was like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from speech.audio import OUTPUT_RATE_HZ

_ECHO = OUTPUT_RATE_HZ * 35 // 100
"""An echo comes no later than this after what it is of; who repeats a word takes longer to begin."""
_LATELY = 3 * OUTPUT_RATE_HZ
"""So far back several words in a row are looked for: recognisers get some sound from before a voice was noticed."""
_BEGUN = OUTPUT_RATE_HZ // 2
"""A word that ends no later than this after the last sound has begun to be heard; a hold may have cut it."""
_FEW = 2
"""So many words may be repeated by somebody who asks about them: they are an echo only where they come at once."""
_LIKE = 0.75
"""Of more words so many are the same, in the same order; the rest may be misheard."""
_WORD = re.compile(r"[^\W_]+")


def are_own_words(heard: str, spoken: Sequence[tuple[str, int]], start: int, end: int) -> bool:
    """Whether words are the avatar's.

    Args:
        heard: as they were understood.
        spoken: words that the avatar has said, and was about to say, each with the output sample at its end.
        start: output sample that played when the first of them was heard.
        end: likewise, the last.
    """
    words = _WORD.findall(heard.casefold())
    back = _ECHO if len(words) <= _FEW else _LATELY
    own = [
        part for word, said in spoken if start - back < said < end + _BEGUN for part in _WORD.findall(word.casefold())
    ]
    if not words:
        return False
    if len(words) <= _FEW:
        return any(own[at : at + len(words)] == words for at in range(len(own)))
    matcher = SequenceMatcher(b=words, autojunk=False)
    for at in range(max(1, len(own) - len(words) + 1)):
        matcher.set_seq1(own[at : at + len(words)])
        if matcher.quick_ratio() >= _LIKE and matcher.ratio() >= _LIKE:
            return True
    return False
