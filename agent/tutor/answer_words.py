"""What a learner's answer comes down to: without hesitation and politeness, and without what was taken back.

"Um, I think it's London. No, wait, Paris!" is "Paris"; "not London but Paris" too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.text.words import tokens

_FRAMES = (
    r"um+|uh+|er+m?|erm|hm+|mm+|ah|oh|well|so|okay|ok|now|like|you know|let me (?:see|think)|let's see",
    r"i(?:'d)? (?:think|guess|believe|suppose|bet|say|would say|would guess)(?: that)?",
    r"i(?:'m| am) (?:pretty |quite )?sure(?: that)?|maybe|perhaps|probably|possibly|of course",
    r"is it|was it|would it be|could it be|might it be",
    r"it(?:'s| is| was| must be| should be| could be| might be| would be)",
    r"that(?:'s| is| was| would be| must be)|this is|they(?:'re| are)|there (?:is|are)|here it comes",
    r"(?:my|the|our) (?:right |correct )?(?:answer|word|solution|name)(?: is|'s)?|the word",
    r"you (?:can |would |have to |should |could |must )?(?:say|use|call it|need)|we (?:say|use|call it|need)",
    r"it means(?: that)?|that means|(?:it|he)(?:'s| is) called|they(?: are|'re) called|please",
)
"""What stands before an answer, and is none."""
_START = re.compile(rf"^[\s,.…-]*(?:(?:{'|'.join(_FRAMES)})\b[\s,.:…-]*)+", re.IGNORECASE)
_END = re.compile(
    r"(?:[\s,.]*\b(?:i (?:think|guess|believe|suppose)|maybe|perhaps|probably|please|right|isn't it|is it|or something"
    r"|i'm (?:not )?sure|i would say|of course|teacher|ma'am|sir))+[\s.!?…]*$",
    re.IGNORECASE,
)
_CORRECTIONS = (
    r"no,? wait|no,? sorry|sorry,? no|oh no|wait,? no|i mean|i meant|or rather|no,? actually|actually no|scratch that",
    r"correction|wait|(?<=[,.!?;] )(?:no|sorry|actually)",
)
"""What stands between an answer that is taken back and the one that is meant."""
_TAKEN_BACK = re.compile(rf".*\b(?:{'|'.join(_CORRECTIONS)})\b[\s,.:;!…-]+(?=\w)", re.IGNORECASE | re.DOTALL)
_NOT_BUT = re.compile(
    r"\b(?:(?:it(?:'s| is)|that(?:'s| is)) not|it isn't|that isn't|not)\s+([^,.;]{1,60}?)"
    r"\s*(?:,\s*but|\bbut|[,.;]|\brather)\s+(?=\w)",
    re.IGNORECASE,
)
_BUT_NOT = re.compile(
    r"[\s,;]*\b(?:and|but|,)?\s*(?:certainly |definitely )?not\s+(?:a |an |the )?(\w+)\s*[.!?]*$", re.IGNORECASE
)
_ONE_OR_OTHER = re.compile(r"\bor\b", re.IGNORECASE)
_HESITATION = frozenset("um umm uh uhh er erm hm hmm mm mhm ah oh well so okay ok the a an and it is it's that".split())

NEGATIONS = frozenset(
    """not no never nothing nobody nowhere none neither nor without cannot can't don't doesn't didn't isn't aren't
    wasn't weren't won't wouldn't shouldn't couldn't hasn't haven't hadn't mustn't needn't""".split()
)
"""They turn what is said into its opposite."""


@dataclass(frozen=True, slots=True)
class SaidAnswer:
    """An answer as it is judged.

    Attributes:
        text: what it comes down to.
        whole: as it was heard.
        words: of `text`, lower case, numbers in words.
        taken_out: words that were named only to be excluded, as in "not London".
        is_unfinished: there is only hesitation: the learner is still thinking.
    """

    text: str
    whole: str
    words: tuple[str, ...]
    taken_out: tuple[str, ...]
    is_unfinished: bool


def said_answer(heard: str) -> SaidAnswer:
    """What an utterance comes down to as an answer."""
    whole = heard.strip().replace("’", "'")
    text = _TAKEN_BACK.sub("", whole) or whole
    text = without_frame(text)
    taken_out: list[str] = []
    for pattern in (_NOT_BUT, _BUT_NOT):
        if (found := pattern.search(text)) and (rest := pattern.sub(" ", text, count=1).strip(" ,.;")):
            taken_out += tokens(found[1])
            text = without_frame(rest)
    words = tuple(
        word for word in spoken_words(text) if word not in ("um", "uh", "er", "erm", "hm", "hmm", "uhm", "umm")
    )
    heard_words = spoken_words(whole)
    is_unfinished = not words or (
        not (set(words) - _HESITATION)
        and (
            len(heard_words) > len(words) or whole.endswith(("…", "...", ",", "-")) or set(words) <= {"um", "uh", "hm"}
        )
    )
    return SaidAnswer(text, whole, words, tuple(taken_out), is_unfinished)


def without_frame(text: str) -> str:
    """Without what only surrounds an answer; all of it where nothing else is there."""
    begun = _START.sub("", text)
    return (_END.sub("", begun) or begun).strip(" ,.!?;:…\"'“”") or ""


def spoken_words(text: str) -> list[str]:
    """`tokens`, with decimal points said, and short forms in full where that changes nothing."""
    return tokens(re.sub(r"(?<=\d)\.(?=\d)", " point ", text))


def offers_a_choice(answer: SaidAnswer) -> bool:
    """Whether it says "this or that", and leaves the choosing to the teacher."""
    return _ONE_OR_OTHER.search(answer.text) is not None
