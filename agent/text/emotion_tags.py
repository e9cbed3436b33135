"""Emotion tags in a reply: "[happy 0.6] My name is Mira." is spoken without its tag, and with a smile.

What else a language model writes and nobody can say goes too: emoji, and stage directions such as "*laughs*"; the face
does what it can of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from agent.text.stream_splitter import StreamSplitter
from avatar.motion import Emotion, Gesture

DEFAULT_INTENSITY = 0.6
"""Of a tag without a number: plain to see, and not theatrical."""

_EMOTIONS = {
    **{emotion.value: emotion for emotion in Emotion},
    # Models that were asked for "happy" also write these.
    **dict.fromkeys(("happiness", "joy", "joyful", "excited", "amused"), Emotion.HAPPY),
    **dict.fromkeys(("sadness", "sorry"), Emotion.SAD),
    "anger": Emotion.ANGRY,
    "surprise": Emotion.SURPRISED,
    **dict.fromkeys(("fear", "fearful", "scared"), Emotion.AFRAID),
    "disgust": Emotion.DISGUSTED,
    "contempt": Emotion.CONTEMPTUOUS,
    **dict.fromkeys(("calm", "friendly"), Emotion.NEUTRAL),
}
_DIRECTIONS = (
    "smiles smiling laughs laughing chuckles chuckling giggles giggling grins grinning nods nodding sighs sighing"
    " winks winking shrugs shrugging blushes blushing frowns frowning gasps pauses leans tilts clears".split()
)
"""What a stage direction begins with; none that is a likely word by itself, as "*gently*" or "*waves*" are."""
_IN_BRACKETS = (*_DIRECTIONS, *"smile laugh chuckle giggle grin nod sigh gasp".split())
"""And what it may begin with in brackets: between asterisks these are words that are stressed."""


def _any_of(words: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(words, key=len, reverse=True))})"


def _beginnings(words: Iterable[str]) -> str:
    return _any_of({word[:length] for word in words for length in range(1, len(word) + 1)})


# Brackets and blanks are bounded, so that a match takes linear time however many there are.
_OPEN = r"(?:\[\s{0,20}+){1,8}+"
_AMOUNT = r"\s{0,3}[:=,]?\s{0,3}\d{0,3}(?:\.\d{0,6})?\s{0,3}%?\s{0,3}"
_BEGUN = f"(?:{_any_of(_EMOTIONS)}{_AMOUNT}|{_beginnings(_EMOTIONS)})"
_TAG_START = re.compile(r"\[")
# A tag that another one interrupts is no text either.
_TAG = re.compile(rf"{_OPEN}(?P<name>{_any_of(_EMOTIONS)})(?P<amount>{_AMOUNT})\]|{_OPEN}{_BEGUN}(?=\[)", re.IGNORECASE)
_MAY_BE_TAG = re.compile(f"{_OPEN}{_BEGUN}?", re.IGNORECASE)

# At most three words after the first: what is longer is emphasis.
_MORE_WORDS = r"(?:,? [^\s*\[\]]{1,20}){0,3}"
_STARRED, _BRACKETED = (rf"{_any_of(words)}{_MORE_WORDS}" for words in (_DIRECTIONS, _IN_BRACKETS))
_BEGINS = _beginnings(_DIRECTIONS)
_DIRECTION_START = re.compile(r"[*\[]")
_DIRECTION = re.compile(rf"\*{_STARRED}\*|\[{_BRACKETED}\]", re.IGNORECASE)
_MAY_BE_DIRECTION = re.compile(rf"\*(?:{_BEGINS}|{_STARRED},? ?)?|\[(?:{_BEGINS}|{_BRACKETED},? ?)?", re.IGNORECASE)

_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b1b-\u2b55\ufe0e\ufe0f\u20e3\U000e0020-\U000e007f]")
_JOINER = "\u200d"


@dataclass(frozen=True, slots=True)
class EmotionTag:
    """A tag: from here on the face is to show this.

    Attributes:
        emotion: which emotion.
        intensity: of it, in [0, 1].
    """

    emotion: Emotion
    intensity: float = DEFAULT_INTENSITY


@dataclass(frozen=True, slots=True)
class GestureTag:
    """A stage direction that a face can follow: it does this now."""

    gesture: Gesture


Part = str | EmotionTag | GestureTag
"""Of a reply."""

_SHOWN: dict[str, EmotionTag | GestureTag] = {
    **dict.fromkeys(
        "laughs laughing laugh chuckles chuckling chuckle giggles giggling giggle".split(), GestureTag(Gesture.LAUGH)
    ),
    **dict.fromkeys("sighs sighing sigh".split(), GestureTag(Gesture.SIGH)),
    **dict.fromkeys("smiles smiling smile grins grinning grin".split(), EmotionTag(Emotion.HAPPY)),
    **dict.fromkeys(("gasps", "gasp"), EmotionTag(Emotion.SURPRISED)),
    "tilts": GestureTag(Gesture.TILT),
}
"""What the face does of a stage direction, by its first word."""


class EmotionTags:
    """Takes the tags out of a streamed reply: push deltas, then flush; one a reply.

    No tag and no part of one is ever returned as text; other brackets, such as "[1]", are text. Any chunking of a reply
    gives the same tags and the same text between them.
    """

    def __init__(self) -> None:
        self._directions = StreamSplitter(_DIRECTION_START, _DIRECTION, _MAY_BE_DIRECTION)
        self._tags = StreamSplitter(_TAG_START, _TAG, _MAY_BE_TAG)
        self._ready: list[Part] = []
        self._follows_emoji = False
        self._follows_blank = True
        self._skips_blanks = False

    def push(self, delta: str) -> list[Part]:
        """Takes the next piece of the reply; returns what is decided: text, tags and gestures, in order."""
        self._directions.push(self._without_emoji(delta), self._find_tags, self._direction)
        return self._take()

    def flush(self) -> list[Part]:
        """The reply is over: returns what was held back, all but the beginning of a tag."""
        self._find_tags(self._directions.flush())
        self._tags.flush()
        return self._take()

    def _find_tags(self, text: str) -> None:
        self._tags.push(text, self._text, self._tag)

    def _text(self, text: str) -> None:
        if self._skips_blanks:
            text = text.lstrip()
        if not text:
            return
        self._skips_blanks = False
        self._follows_blank = text[-1].isspace()
        match self._ready:
            case [*_, str(before)]:
                self._ready[-1] = before + text
            case _:
                self._ready.append(text)

    def _tag(self, match: re.Match[str]) -> None:
        if match["name"] is not None:
            self._ready.append(EmotionTag(_EMOTIONS[match["name"].lower()], _intensity(match["amount"])))
        self._skip_double_blank()

    def _direction(self, match: re.Match[str]) -> None:
        shown = _SHOWN.get(re.split(r"\W", match[0][1:].lower())[0])
        if shown is not None:
            self._ready.append(shown)
        self._skip_double_blank()

    def _skip_double_blank(self) -> None:
        """Of the blanks on both sides of what was taken out, one side's stay."""
        self._skips_blanks = self._follows_blank

    def _without_emoji(self, text: str) -> str:
        if text.isascii():
            self._follows_emoji &= text == ""
            return text
        kept = []
        for character in text:
            is_emoji = _EMOJI.match(character) is not None or (character == _JOINER and self._follows_emoji)
            if not is_emoji:
                kept.append(character)
            self._follows_emoji = is_emoji
        return "".join(kept)

    def _take(self) -> list[Part]:
        ready, self._ready = self._ready, []
        return ready


def _intensity(amount: str) -> float:
    """What a model may have meant: 0.6, "60 %", or 6 of 10; without a number, the usual."""
    found = re.search(r"\d*\.?\d+", amount)
    if found is None:
        return DEFAULT_INTENSITY
    number = float(found.group())
    if "%" in amount or number > 10:
        number /= 100
    elif number > 1:
        number /= 10
    return min(number, 1.0)
