"""Text deltas become sentences, as early as it is safe to speak them.

The rules look at the text only, never at how it was cut into deltas: a possible end is decided when the characters that
decide it are there, so any chunking gives the same sentences.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.emotion_tags import EmotionTag
from agent.markdown import strip_marks

MAX_WORDS = 30
"""A sentence longer than this is cut at a clause: 30 words take about 12 s to say, which is long to wait for a voice
that synthesises whole sentences, and long for one breath."""

HARD_MAX_WORDS = 45
"""Without any clause mark the cut comes here, between two words."""

FIRST_WORDS = 12
"""The first sentence is cut at a clause if it is longer than this, so that the voice can begin sooner."""

MIN_CLAUSE_WORDS = 4
"""A shorter clause than this is not spoken alone: its melody would sound chopped."""

MAX_SENTENCE_CHARACTERS = 600
"""Text without blanks (a script without spaces, or garbage) is cut here."""

ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st sr jr vs etc eg ie cf ca approx inc ltd co corp dept no nr vol fig figs eq sec ch pp ed"
    " eds al"
    " gen col capt sgt rev hon gov sen rep jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun"
    " min max tel ext est bzw ca usw bspw evtl ggf mme mlle sra srta".split()
)
"""Lower case, without dots; those that may also be a word ("no", "sat", "sun", "may") are checked further below."""

ALSO_WORDS = frozenset(
    ("no", "sat", "sun", "mon", "wed", "co", "st", "col", "gen", "ed", "al", "min", "max", "etc", "mar")
)
"""Abbreviations that often end a sentence: they only hold it together when what follows is a digit or a small
letter."""

_ENDS = ".!?…"
_WIDE_ENDS = "。！？"  # no blank follows these, so they end a sentence by themselves
_CLOSERS = "\"'”’»)]*_"
_CLAUSE = ",;:—–"
_LIST_ITEM = re.compile(r"(?:[-*+•]|\d{1,2}[.)])\s")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A piece of the reply that is spoken in one go.

    Attributes:
        index: 0 for the first one of the reply.
        text: one line, marks of Markdown taken out.
        emotion: what the face shows from here on; None leaves it as it is.
    """

    index: int
    text: str
    emotion: EmotionTag | None = None


class SentenceSplitter:
    """Cuts a stream of text into sentences: push deltas, then flush; one splitter a reply."""

    def __init__(self) -> None:
        self._buffer = ""
        self._next_index = 0

    def push(self, delta: str) -> list[Sentence]:
        """Takes the next piece of text and returns the sentences that are complete with it."""
        self._buffer += delta
        return self._take(at_end=False)

    def flush(self) -> list[Sentence]:
        """The text is over: returns what is left."""
        sentences = self._take(at_end=True)
        rest, self._buffer = self._buffer, ""
        return sentences + self._sentence(rest)

    def _take(self, *, at_end: bool) -> list[Sentence]:
        sentences: list[Sentence] = []
        while (cut := _find_cut(self._buffer, first=self._next_index == 0, at_end=at_end)) is not None:
            piece, self._buffer = self._buffer[:cut], self._buffer[cut:]
            sentences += self._sentence(piece)
        return sentences

    def _sentence(self, piece: str) -> list[Sentence]:
        text = strip_marks(piece)
        if not any(character.isalnum() for character in text):
            return []  # a rule, a lone bullet, an emoji: nothing to say
        sentence = Sentence(self._next_index, text)
        self._next_index += 1
        return [sentence]


def _find_cut(text: str, *, first: bool, at_end: bool) -> int | None:
    """Where the first sentence of `text` ends, or None if more text is needed to tell.

    Goes from left to right and gives up at the first place that cannot be decided yet, so that the answer for a given
    text does not depend on when it is asked.
    """
    words = 0
    clause = 0  # the cut after the last clause that is long enough to be spoken alone
    last_space = 0
    in_word = False
    for i, character in enumerate(text):
        if i >= MAX_SENTENCE_CHARACTERS:
            return last_space or i
        if character.isspace():
            if in_word:
                words += 1
                in_word = False
            last_space = i + 1
            if character == "\n":
                verdict = _ends_at_newline(text, i, at_end=at_end)
                if verdict is None:
                    return None
                if verdict and words:
                    return i + 1
            if words >= HARD_MAX_WORDS or (clause and words >= (FIRST_WORDS if first else MAX_WORDS)):
                return clause or last_space
            continue
        in_word = True
        if character in _WIDE_ENDS or character in _ENDS:
            end = i + 1
            while end < len(text) and (text[end] in _ENDS or text[end] in _WIDE_ENDS or text[end] in _CLOSERS):
                end += 1
            if end == len(text) and not at_end:
                return None
            if character in _WIDE_ENDS:
                return end
            if end == len(text):
                return end
            if text[end].isspace() and text[i - 1 : i] not in ("", *_ENDS):
                follows = _after_blanks(text, end)
                if follows == "" and not at_end:
                    return None
                if _is_end(text, i, end, follows):
                    return end
        elif character in _CLAUSE:
            if i + 1 == len(text):
                if not at_end:
                    return None
            elif text[i + 1].isspace() and words + 1 >= MIN_CLAUSE_WORDS:
                clause = i + 1
    return None


def _after_blanks(text: str, start: int) -> str:
    """The next character that is neither blank nor an opening quote; empty if there is none."""
    for character in text[start:]:
        if not character.isspace() and character not in "\"'“‘«([*_":
            return character
    return ""


def _ends_at_newline(text: str, i: int, *, at_end: bool) -> bool | None:
    """Whether the line break at `i` ends a sentence: an empty line, item or heading follows. None: too early."""
    rest = text[i + 1 :].lstrip(" \t")
    if rest.startswith(("\n", "#")):
        return True
    if _LIST_ITEM.match(rest):
        return True
    might_be_item = rest == "" or re.fullmatch(r"[-*+•]|\d{1,2}[.)]?", rest) is not None
    return None if might_be_item and not at_end else False


def _is_end(text: str, i: int, end: int, follows: str) -> bool:
    """Whether the mark at `i`, with what clings to it up to `end`, ends a sentence before the character `follows`."""
    if follows == "":
        return True
    if text[i] in "!?":
        return not follows.islower()  # "What? he said" goes on
    if text[i:end].startswith("...") or text[i] == "…":
        return not follows.islower()
    match = re.search(r"[^\s(\[\"“‘'«]*$", text[:i])
    word = match.group() if match else ""
    plain = word.replace(".", "").lower()
    if follows.islower():
        # An end before a small letter is rare ("iPhone"); only a plain long word is taken for one.
        return plain.isalpha() and plain not in ABBREVIATIONS and len(plain) > 3 and "." not in word
    if plain in ABBREVIATIONS:
        return plain in ALSO_WORDS and not follows.isdigit()
    if len(plain) == 1 and plain.isalpha():
        return plain == "i" and word == "i"  # an initial: "J. Smith"
    is_list_number = word.isdigit() and len(word) <= 2 and text[: i - len(word)].strip() == ""
    return not is_list_number
