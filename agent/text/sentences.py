"""Text deltas become sentences, as early as it is safe to speak them.

The rules look at the text only, never at how it was cut into deltas: a possible end is decided when the characters that
decide it are there, so any chunking gives the same sentences.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.text.emotion_tags import EmotionTag
from avatar.motion import Gesture
from speech.text.abbreviations import begins_sentence, ends_sentence, may_be_abbreviation
from speech.text.markup import FENCE, NOTHING_OPEN, TABLE_ROW, strip_markup

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

LONGEST_GAP = 200
"""So many blanks after a full stop end the sentence, whatever follows."""

_ENDS = ".!?…"
_WIDE_ENDS = "。！？"  # no blank follows these, so they end a sentence by themselves
_CLAUSE_ENDS = tuple(",;:—–")
_CLOSERS = "\"'”’»)]*_"
_OPENERS = "\"'“‘«([*_"
_EVENT = re.compile(rf"\s+|[{_ENDS}{_WIDE_ENDS}]|[,;:—–]")
_MARK = re.compile(rf"[\n{_ENDS}{_WIDE_ENDS}]")
_ENDING = re.compile(rf"[{_ENDS}{_WIDE_ENDS}{re.escape(_CLOSERS)}]{{0,{LONGEST_GAP}}}+")
_LAST_WORD = re.compile(r"[^\s(\[\"“‘'«*_]*\Z")
_LONGEST_WORD = 64
_ENTITY_BEFORE = re.compile(r"&#?\w+\Z")
_NEXT_WORD = re.compile(rf"[\s{re.escape(_OPENERS)}]{{0,{LONGEST_GAP}}}+[\w'’]{{0,{_LONGEST_WORD}}}+")

_LINE_MARK = re.compile(r"(?:[-*+•]|\d{1,2}[.)])\s|```|~~~|\||#|\n")
"""How a line begins that does not go on with the line before it: an item, code, a table, a heading; or it is empty."""
_MAY_BECOME_LINE_MARK = re.compile(r"[-*+•]|\d{1,2}[.)]?|`{1,2}|~{1,2}")
_NAMES_WITH_MARKS = frozenset(("Yahoo", "Jeopardy", "Wham"))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A piece of the reply that is spoken in one go.

    Attributes:
        index: 0 for the first one of the reply.
        text: one line, marks of Markdown taken out.
        emotion: what the face shows from here on; None leaves it as it is.
        gesture: what it does as the sentence begins; None leaves that to the words.
    """

    index: int
    text: str
    emotion: EmotionTag | None = None
    gesture: Gesture | None = None


def goes_on(text: str) -> bool:
    """Whether a piece was cut at a clause: its sentence goes on with the next one."""
    return text.rstrip(_CLOSERS).endswith(_CLAUSE_ENDS)


class SentenceSplitter:
    """Cuts a stream of text into sentences: push deltas, then flush; one splitter a reply."""

    def __init__(self) -> None:
        self._buffer = ""
        self._next_index = 0
        self._begins_line = True
        self._open = NOTHING_OPEN

    def push(self, delta: str) -> list[Sentence]:
        """Takes the next piece of text and returns the sentences that are complete with it."""
        self._buffer += delta
        return self._take(at_end=False)

    def flush(self) -> list[Sentence]:
        """Returns the remaining sentences at the end of the text."""
        sentences = self._take(at_end=True)
        rest, self._buffer = self._buffer, ""
        sentences += self._sentence(rest, ends_block=True)
        self._begins_line, self._open = True, NOTHING_OPEN
        return sentences

    def _take(self, *, at_end: bool) -> list[Sentence]:
        sentences: list[Sentence] = []
        text, start = self._buffer, 0
        while True:
            # A window: the cut is always near, and a long text is not copied once a sentence.
            window = text[start : start + _WINDOW]
            search = _Search(
                window,
                first=self._next_index == 0,
                at_end=at_end and start + _WINDOW >= len(text),
                begins_line=self._begins_line,
                is_code=self._open.is_code,
            )
            cut = search.cut()
            if cut is None:
                break
            sentences += self._sentence(window[: cut.at], ends_block=cut.ends_block)
            start += cut.at
        self._buffer = text[start:]
        return sentences

    def _sentence(self, piece: str, *, ends_block: bool) -> list[Sentence]:
        text, self._open = strip_markup(piece, self._open, begins_line=self._begins_line, ends_block=ends_block)
        _, newline, after = piece.rpartition("\n")
        self._begins_line = not after.strip() and (newline != "" or self._begins_line)
        if not any(character.isalnum() for character in text):
            return []  # a rule, a lone bullet, an emoji: nothing to say
        sentence = Sentence(self._next_index, text)
        self._next_index += 1
        return [sentence]


_WINDOW = MAX_SENTENCE_CHARACTERS + 3 * LONGEST_GAP + 3 * _LONGEST_WORD


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where a sentence ends, and whether a paragraph ends with it."""

    at: int
    ends_block: bool = False


class _Undecided(Exception):
    """More text is needed to tell."""


class _Search:
    """Finds where the first sentence of a text ends.

    Goes from left to right and gives up at the first place that cannot be decided yet, so that the answer for a given
    text does not depend on when it is asked.
    """

    def __init__(self, text: str, *, first: bool, at_end: bool, begins_line: bool, is_code: bool) -> None:
        self._text, self._at_end, self._begins_line, self._is_code = text, at_end, begins_line, is_code
        self._most_words = FIRST_WORDS if first else MAX_WORDS

    def cut(self) -> _Cut | None:
        """The end of the first sentence, or None if more text is needed to tell."""
        try:
            return self._cut() if self._is_code else self._quick_cut()
        except _Undecided:
            return None

    def _quick_cut(self) -> _Cut | None:
        """As `_cut`, where only its marks can end a sentence: it has few words and no line breaks, as most have."""
        text = self._text
        for mark in _MARK.finditer(text):
            at = mark.start()
            if text[at] == "\n" or at >= MAX_SENTENCE_CHARACTERS or len(text[:at].split()) >= self._most_words:
                return self._cut()
            if found := self._at_mark(at):
                return found
        if len(text) > MAX_SENTENCE_CHARACTERS or len(text.split()) >= self._most_words:
            return self._cut()
        return None

    def _cut(self) -> _Cut | None:
        words = clause = last_space = 0  # `clause`: the cut after the last one that is long enough to be spoken alone
        for event in _EVENT.finditer(self._text):
            at = event.start()
            if at >= MAX_SENTENCE_CHARACTERS:
                break
            mark = self._text[at]
            if mark.isspace():
                if at == 0 and not self._is_code:
                    if event.end() >= MAX_SENTENCE_CHARACTERS:
                        return _Cut(MAX_SENTENCE_CHARACTERS)
                    continue
                words += 1
                last_space = at + 1
                for blank in range(at, min(event.end(), MAX_SENTENCE_CHARACTERS)):
                    if self._text[blank] == "\n" and self._ends_at_newline(blank):
                        return _Cut(blank + 1, ends_block=True)
                    if words >= HARD_MAX_WORDS or (clause and words >= self._most_words):
                        return _Cut(clause or last_space)
                if event.end() > MAX_SENTENCE_CHARACTERS:
                    break
            elif self._is_code:
                continue
            elif mark in _WIDE_ENDS or mark in _ENDS:
                if found := self._at_mark(at):
                    return found
            elif at + 1 == len(self._text):
                if not self._at_end:
                    return None
            elif self._text[at + 1].isspace() and words + 1 >= MIN_CLAUSE_WORDS:
                if mark != ";" or not _ENTITY_BEFORE.search(self._text, max(at - _LONGEST_WORD, 0), at):
                    clause = at + 1
        if len(self._text) > MAX_SENTENCE_CHARACTERS:
            return _Cut(last_space or MAX_SENTENCE_CHARACTERS)
        return None

    def _at_mark(self, at: int) -> _Cut | None:
        text = self._text
        ending = _ENDING.match(text, at + 1)
        end = ending.end() if ending else at + 1
        if end == len(text) and not self._at_end:
            raise _Undecided
        if text[at] in _WIDE_ENDS or end == len(text):
            return _Cut(end, ends_block=end == len(text) and text[at] not in _WIDE_ENDS)
        if not text[end].isspace() or text[at - 1 : at] in ("", *_ENDS):
            return None
        gap = text[end : end + LONGEST_GAP]
        blanks = gap[: len(gap) - len(gap.lstrip())]
        if len(blanks) == LONGEST_GAP:
            return _Cut(end, ends_block="\n" in blanks)
        if self._is_end(at, end):
            return _Cut(end, ends_block=blanks.count("\n") > 1 or len(blanks) == len(text) - end)
        return None

    def _ends_at_newline(self, at: int) -> bool:
        """Whether the line break at `at` ends a sentence: in code, or an empty line, item, table or heading is next."""
        if self._is_code:
            return True
        line = self._text[self._text.rfind("\n", 0, at) + 1 : at]
        if (self._begins_line or len(line) < at) and (FENCE.match(line) or TABLE_ROW.match(line)):
            return True
        rest = self._text[at + 1 : at + 1 + _LONGEST_WORD].lstrip(" \t")
        if _LINE_MARK.match(rest):
            return True
        if not self._at_end and (rest == "" or _MAY_BECOME_LINE_MARK.fullmatch(rest)):
            if len(self._text) > at + 1 + _LONGEST_WORD:
                return False
            raise _Undecided
        return False

    def _is_end(self, at: int, end: int) -> bool:
        """Whether the mark at `at`, with what clings to it up to `end`, ends a sentence before what follows."""
        text = self._text
        next_word = _NEXT_WORD.match(text, end)
        following = text[end : (next_word.end() if next_word else end) + 2]
        follows = following.lstrip(f" \t\r\n\f\v{_OPENERS}")[:1]
        if follows == "":
            if not self._at_end and end + len(following) >= len(text):
                raise _Undecided
            return True
        found = _LAST_WORD.search(text[max(at - _LONGEST_WORD, 0) : at])
        word = found.group() if found else ""
        is_name = text[at] == "!" and word in _NAMES_WITH_MARKS
        if (is_name or may_be_abbreviation(f"{word}.")) and not self._at_end and end + len(following) >= len(text):
            raise _Undecided
        if is_name:
            return begins_sentence(following)
        if not {"!", "?"}.isdisjoint(text[at:end]):
            return not follows.islower()  # "What? he said" goes on
        if text[at:end].startswith("...") or text[at] == "…":
            return not follows.islower()
        if any(closer in '"”’»)]' for closer in text[at + 1 : end]) and follows.islower():
            return False  # 'He said "Stop." and left.'
        if word == "":
            return follows not in _ENDS and not follows.islower()  # ". . ."
        is_abbreviation = ends_sentence(f"{word}.", text[max(at - 80, 0) : at - len(word)], following)
        if is_abbreviation is not None:
            return is_abbreviation
        if follows.islower():
            # An end before a small letter is rare ("iPhone"); only a plain long word is taken for one.
            return word.isalpha() and len(word) > 3
        before = text[: at - len(word)]
        is_list_number = word.isdigit() and len(word) <= 2 and not before.strip()
        return not (is_list_number and (self._begins_line or "\n" in before))
