"""Hello and goodbye, which people say with a smile."""

from __future__ import annotations

import re

from agent.text.emotion_tags import EmotionTag
from avatar.motion import Emotion

WELCOME = EmotionTag(Emotion.HAPPY, 0.5)
"""What goes with them where nothing else is asked for."""

_QUOTES = r"[\s\"'“‘«¡¿(]*"
_HELLO = re.compile(
    rf"{_QUOTES}(?:hello|hi|hey|welcome|good (?:morning|afternoon|evening|day)|nice to (?:meet|see) you|hallo"
    r"|willkommen|guten (?:morgen|tag|abend)|bonjour|bonsoir|salut|bienvenue|hola|buen(?:os|as) (?:días|tardes|noches)"
    r"|bienvenid[oa]s?|ciao|salve|buon(?:giorno|asera)|benvenut[oaie])\b",
    re.IGNORECASE,
)
_GOODBYE = re.compile(
    r"\b(?:good ?bye|bye|see you|farewell|take care|have a (?:nice|good|lovely|great) (?:day|evening|time|weekend)"
    r"|auf wiedersehen|tschüss|bis (?:bald|morgen|später)|au revoir|à bientôt|bonne (?:journée|soirée)"
    r"|adiós|hasta (?:luego|pronto|mañana)|arrivederci|a presto|buona (?:giornata|serata))\b",
    re.IGNORECASE,
)
_MOST_WORDS_OF_A_GOODBYE = 12
"""In a longer sentence such words are only mentioned."""


def is_welcome(sentence: str) -> bool:
    """Whether it says hello or goodbye."""
    if _HELLO.match(sentence):
        return True
    return len(sentence.split()) <= _MOST_WORDS_OF_A_GOODBYE and _GOODBYE.search(sentence) is not None
