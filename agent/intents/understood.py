"""From words to an intent: patterns of whole utterances, and of utterances each of whose parts has one."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from agent.intents.intent import Intent, Kind
from agent.intents.tables import LANGUAGES, fold, not_names, table_of, without_accents
from agent.text.avatar_name import strip_avatar_name

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_PART = re.compile(r"[.!?,;:…¡¿]+(?=\s|$|[¡¿])|\s[–—-]\s")
_NAME = r"[^\W\d?]+(?: [^\W\d?]+)?"
_LONGEST = 160
"""Characters: whoever speaks longer has something to say."""
_SAID_ALONG = frozenset({Kind.BACKCHANNEL, Kind.GREETING})
"""Kinds that mean little beside another one: "Okay, stop.", "Hello, can you speak up?"."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    kind: Kind
    what: str
    matches: Callable[[str], re.Match[str] | None]


@dataclass(frozen=True, slots=True)
class _Table:
    """One language's.

    Attributes:
        before: what may stand before an utterance.
        after: likewise behind it.
        patterns: in the order in which they are tried.
        languages: names of languages, folded, and their codes.
        names: codes of languages, and their first names.
        not_names: words that are no names, though they stand where one may.
    """

    before: re.Pattern[str]
    after: re.Pattern[str]
    patterns: tuple[_Pattern, ...]
    languages: Mapping[str, str]
    names: Mapping[str, str]
    not_names: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Words:
    """An utterance, and the same folded for comparison.

    Attributes:
        text: as it was said.
        spans: where each word is in it.
        folded: each word.
        is_asked: whether it ends with a question mark.
    """

    text: str
    spans: tuple[tuple[int, int], ...]
    folded: tuple[str, ...]
    is_asked: bool

    @classmethod
    def of(cls, text: str) -> _Words:
        spans: list[tuple[int, int]] = []
        folded: list[str] = []
        for found in _WORD.finditer(text):
            word = fold(found[0])
            if not folded or folded[-1] != word:  # "wait, wait, wait"
                spans.append(found.span())
                folded.append(word)
        return cls(text, tuple(spans), tuple(folded), text.rstrip(" \"'»”").endswith("?"))

    def within(self, first: int, last: int) -> str:
        """The text from a place in the folded words on, to another, as it was said."""
        start, covered = 0, []
        for word, span in zip(self.folded, self.spans, strict=True):
            if first <= start < last:
                covered.append(span)
            start += len(word) + 1
        return self.text[covered[0][0] : covered[-1][1]] if covered else ""


def intent_of(words: str, language: str, name: str = "") -> Intent | None:
    """What the whole utterance wants of the conversation itself; None where it is for the mind.

    Args:
        words: as the recogniser understood them.
        language: of the conversation, such as "en" or "de-AT"; "" where it may be any. Where there is no table for it,
            the English words are understood that people everywhere know.
        name: what the avatar calls itself, which may be called.
    """
    if len(words) > _LONGEST:
        return None
    primary = language.partition("-")[0].lower()
    own = LANGUAGES if not primary else (primary if primary in LANGUAGES else "en",)
    said = strip_avatar_name(words, name, is_known=_is_never_known)
    for table in map(_table, own):
        intent = _of_whole(words, table) or _of_whole(said, table) or _of_parts(said, name, table)
        if intent is not None:
            return intent
    for other in LANGUAGES:
        if (intent := _of_whole(said, _table(other))) is not None and intent.kind is Kind.LANGUAGE:
            return intent
    return None


def language_name(code: str, language: str) -> str:
    """What a language is called in another one: "de" is "German" in "en"; the code where nobody knows."""
    return _table(language if language in LANGUAGES else "en").names.get(code, code)


def _of_whole(said: str, table: _Table) -> Intent | None:
    words = _Words.of(said)
    plain = " ".join(words.folded)
    for start, end in _cores(plain, table):
        core = plain[start:end] + "?" * words.is_asked
        is_bare = (start, end) == (0, len(plain))
        for pattern in table.patterns:
            if pattern.kind is Kind.BACKCHANNEL and not is_bare:
                continue
            if (found := pattern.matches(core)) and (intent := _made(pattern, found, words, start, table)):
                return intent
    return None


def _cores(plain: str, table: _Table) -> Iterator[tuple[int, int]]:
    """The whole, and less and less of it: without what may stand around it."""
    starts, ends = [0], [len(plain)]
    while (found := table.before.match(plain, starts[-1])) and found.end() < len(plain):
        starts.append(found.end())
    while (found := table.after.search(plain, 0, ends[-1])) and found.start() > 0:
        ends.append(found.start())
    for start in starts:
        for end in ends:
            if start < end:
                yield start, end


def _made(pattern: _Pattern, found: re.Match[str], words: _Words, start: int, table: _Table) -> Intent | None:
    groups, what = {name: text for name, text in found.groupdict().items() if text is not None}, pattern.what
    for named in groups:
        if named.startswith("language"):
            what = table.languages[groups[named]]
    for key in groups.keys() & {"name", "proper"}:
        what = words.within(start + found.start(key), start + found.end(key))
        if key == "proper" and (what == what.lower() or groups[key] in table.languages):
            return None  # "I'm lonely", "I'm German"
        doubted = {fold(word) for word in _WORD.findall(what) if word.islower()}  # "Neil Young" is a name
        if groups[key].split()[0] in table.not_names or not doubted.isdisjoint(table.not_names):
            return None
        what = " ".join(word[:1].upper() + word[1:] for word in what.split())
    if "what" in groups:
        what = words.within(start + found.start("what"), start + found.end("what"))
    return Intent(pattern.kind, what)


def _of_parts(said: str, name: str, table: _Table) -> Intent | None:
    """Where every sentence and clause wants something: the one that says most, and the last of several."""
    parts, begun = [], 0
    for mark in _PART.finditer(said):
        parts.append(said[begun : mark.end()])
        begun = mark.end()
    parts.append(said[begun:])
    parts = [strip_avatar_name(part, name, is_known=_is_never_known) for part in parts if _WORD.search(part)]
    if not 1 < len(parts) <= 6:
        return None
    chosen: Intent | None = None
    for part in parts:
        plain = " ".join(_Words.of(part).folded)
        if table.before.fullmatch(plain + " ") or table.after.fullmatch(" " + plain):
            continue
        intent = _of_whole(part, table)
        if intent is None:
            return None
        stays = chosen is not None and (
            (intent.kind in _SAID_ALONG and not intent.what) or chosen.kind is Kind.STOP or intent.kind is Kind.WAIT
        )
        chosen = chosen if stays else intent
    return chosen


@cache
def _table(language: str) -> _Table:
    listed = table_of(language)
    languages = {fold(name): code for name, code in listed["languages"].items()}
    names = "|".join(sorted(languages, key=len, reverse=True))

    def compiled(pattern: str) -> Callable[[str], re.Match[str] | None]:
        count = itertools.count()
        filled = (
            without_accents(pattern).replace("{name}", rf"(?P<name>{_NAME})").replace("{Name}", rf"(?P<proper>{_NAME})")
        )
        filled = re.sub("{language}", lambda _: f"(?P<language{next(count)}>{names})", filled)
        return re.compile(rf"(?:{filled})\??").fullmatch

    patterns = [
        _Pattern(Kind[key.partition("=")[0].upper()], key.partition("=")[2], compiled(pattern))
        for key, ways in listed["patterns"].items()
        for pattern in ways
    ]
    before, after = (without_accents("|".join(listed[key])) for key in ("before", "after"))
    return _Table(
        re.compile(rf"(?:{before}) "),
        re.compile(rf" (?:{after})$"),
        tuple(patterns),
        languages,
        {code: name for name, code in reversed(listed["languages"].items())},
        not_names(language),
    )


def _is_never_known(word: str) -> bool:
    return False
