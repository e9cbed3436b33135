"""Whether a word or two said into the avatar's words only show that somebody listens, however they were heard.

A lone short word is what recognisers mishear most, above all beside an echo, with an accent or in another language:
"yeah" comes out as "you", "genau" as "go now", "ach so" as "option". What it sounded like is still there, and how
little the recogniser believed it. What must be obeyed or answered is as short, so its sound decides against it.
"""

from __future__ import annotations

import re
from functools import cache

from agent.intents.consent import consents
from agent.intents.intent import Kind
from agent.intents.tables import LANGUAGES, table_of
from agent.intents.understood import intent_of
from agent.text.letter_to_sound import phrase_sounds
from agent.text.phonetic_similarity import Codes, encode, similarity
from agent.text.words import tokens
from speech.events import Transcript

_MOST_WORDS = 3
_DOUBTED_WORDS = 2
"""So few words are as good as none where the recogniser itself doubts them: who meant them says them again."""
_DOUBTED = 0.6
"""Confidence below which one word is as doubtful as that."""
_SURE = 0.9
"""Confidence from which on words are taken as they are written."""
_SAME, _LIKE = 0.95, 0.62
"""Likeness to a backchannel that makes it one: of words that are sure, and of others."""
_OBEYED = 0.8
"""Likeness to what is obeyed that forbids it."""
_ASKS = re.compile(r"[?？]\s*$")


def shows_listening(words: str) -> bool:
    """Whether words, as they are written, are a backchannel in one of our languages; "Really?" is one as well.

    Recognisers write what they hear in their own language's words, but know those that are the same everywhere.
    """
    if len(tokens(words)) > _MOST_WORDS:
        return False
    if _kinds(words) - {Kind.BACKCHANNEL}:
        return False  # "Hm?" asks for it again
    return Kind.BACKCHANNEL in _kinds(_ASKS.sub("", words))


def may_show_listening(words: str, heard: Transcript) -> bool:
    """Whether words that are written as something else are likelier a backchannel that was misheard.

    Args:
        words: that are no intent, and no backchannel as they are written.
        heard: what is known of them.
    """
    said = tokens(words)
    if not said or len(said) > _MOST_WORDS or consents(words, *LANGUAGES) is False:
        return False
    sounds = encode([phrase_sounds(said)])
    obeyed = float(similarity(_sounds("obeyed"), sounds).max())
    if obeyed >= _OBEYED:
        return False
    confidence = 1.0 if heard.confidence is None else heard.confidence
    if (heard.is_doubtful and len(said) <= _DOUBTED_WORDS) or (confidence < _DOUBTED and len(said) == 1):
        return True
    like = float(similarity(_sounds("backchannels"), sounds).max())
    return like > obeyed and like >= (_SAME if confidence >= _SURE else _LIKE)


def _kinds(words: str) -> set[Kind]:
    """What words may want of the conversation, in any of our languages."""
    return {intent.kind for language in LANGUAGES if (intent := intent_of(words, language)) is not None}


@cache
def _sounds(name: str) -> Codes:
    """What every language lists under "by_ear", as English ears hear it."""
    ways = [way for language in LANGUAGES for way in table_of(language)["by_ear"][name]]
    return encode([phrase_sounds(tokens(way)) for way in ways])
