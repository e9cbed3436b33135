"""What an utterance means for the turn that it was said into."""

from __future__ import annotations

import re

from agent.conversation.interruption.steps import Cue
from agent.intents.intent import Intent, Kind

_NOISES = re.compile(
    r"\([^)]*\)|\[[^\]]*\]|\*[^*]*\*|♪[^♪]*♪?"  # as recognisers write what is no speech: (coughs), [laughter]
    r"|\b(?:(?:ba|mua|wa)?(?:h[aeo]+h?){2,}|h[ae]h?|a?hem+|ach?oo+|ugh+|ach|oof|phew|psst|shh+|tsk|brr+|[uh]+m+|u+h+|e+r+)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]")
_CUES = {Kind.BACKCHANNEL: Cue.NOTHING_SAID, Kind.WAIT: Cue.PAUSE, Kind.GO_ON: Cue.GO_ON, Kind.STOP: Cue.CUT}


def without_noises(words: str) -> str:
    """The words without laughing, coughing and hesitating; "" where nothing else was said."""
    left = _NOISES.sub(" ", words)
    return words if _WORD.search(left) else ""


def cue_of(words: str, intent: Intent | None, *, is_asked: bool) -> Cue:
    """What the turn takes an utterance for.

    Args:
        words: as they were understood; "" for none.
        intent: what they want of the conversation itself.
        is_asked: the avatar is just asking something: then a "yes" is an answer.

    Returns:
        Cue.NOTHING_SAID, PAUSE, GO_ON or CUT (and nothing is answered), or SAID (and it is).
    """
    if not without_noises(words):
        return Cue.NOTHING_SAID
    cue = _CUES.get(intent.kind, Cue.SAID) if intent is not None else Cue.SAID
    return Cue.SAID if cue is Cue.NOTHING_SAID and is_asked else cue
