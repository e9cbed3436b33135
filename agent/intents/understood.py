"""From words to an intent."""

from __future__ import annotations

import re

from agent.intents.intent import Intent, Kind

_PHRASES = {
    Kind.BACKCHANNEL: "mhm|mm|mm hmm|hm|hmm|uh huh|yeah|yes|yep|right|okay|ok|sure|i see|aha|oh|wow|really",
    Kind.STOP: "stop|stop it|be quiet|quiet|shut up|that's enough|enough",
    Kind.WAIT: "wait|wait a second|wait a moment|hold on|one moment|pause|hang on",
    Kind.GO_ON: "go on|continue|carry on|please continue|keep going|go ahead",
}
_KINDS = {phrase: kind for kind, phrases in _PHRASES.items() for phrase in phrases.split("|")}


def intent_of(words: str, language: str) -> Intent | None:
    """What the whole utterance wants of the conversation itself; None where it is for the mind.

    Args:
        words: as the recogniser understood them.
        language: of the conversation, such as "en" or "de-AT".
    """
    plain = " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)*", words.lower()))
    kind = _KINDS.get(plain)
    return None if kind is None else Intent(kind)
