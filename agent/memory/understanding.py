"""What somebody says when they want something remembered, told or forgotten, in five languages."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from importlib import resources
from typing import Literal, cast

from agent.intents.consent import consents
from agent.intents.intent import Intent, Kind
from agent.intents.tables import LANGUAGES
from agent.intents.understood import intent_of
from agent.memory.store import LONGEST_FACT, LONGEST_NAME, Fact, speakable
from agent.text.words import COMMON_WORDS, QUESTION_WORDS, STOP_WORDS, stem, tokens
from speech.text.abbreviations import may_be_abbreviation

_LONGEST = 2 * LONGEST_FACT
"""Characters of an utterance that are looked at: enough to see that a fact is too long."""

_BEGINNING = 100
"""Characters of a long sentence that say what it wants."""

_LONGEST_LIKING = 12
"""Words: what is longer tells a story, and no preference."""

_FITS = 0.75

_NO_NAMES = STOP_WORDS | QUESTION_WORDS | COMMON_WORDS

_END = re.compile(r"(?<=[.!?…])\s+")


@dataclass(frozen=True, slots=True)
class Remember:
    """Something is to be remembered.

    Attributes:
        fact: what.
        is_asked: it was asked for; else it was only said, as in "I like jazz".
    """

    fact: Fact
    is_asked: bool = True


@dataclass(frozen=True, slots=True)
class RememberMe:
    """The person is to be remembered, by their name."""


@dataclass(frozen=True, slots=True)
class Named:
    """Who somebody says to be."""

    name: str


class Recall(Enum):
    """What of a person is asked for."""

    ALL = auto()
    NAME = auto()
    LIKINGS = auto()


@dataclass(frozen=True, slots=True)
class RecallSome:
    """A question that something kept may answer: "What's my sister's name?"."""

    question: str


class Forget(Enum):
    """What is to be forgotten."""

    ALL = auto()
    LAST = auto()


@dataclass(frozen=True, slots=True)
class ForgetSome:
    """What was said about something is to be forgotten."""

    topic: str


Wish = Remember | RememberMe | Named | Recall | RecallSome | Forget | ForgetSome


@dataclass(frozen=True, slots=True)
class Understood:
    """A wish, and what was said after it.

    Attributes:
        wish: the first sentence's.
        rest: the sentences after it; "" for none.
    """

    wish: Wish
    rest: str = ""


class Understanding:
    """Understands one language, and English.

    Args:
        language: a code such as "de" or "de-AT"; what isn't known is English.
        name: what the avatar is called by.

    Attributes:
        code: of the language, without a country.
    """

    def __init__(self, language: str, name: str = "") -> None:
        self._name = name
        code = language.lower().replace("_", "-").partition("-")[0]
        self.code = code if code in LANGUAGES else "en"
        self._languages = [_of(one) for one in dict.fromkeys((self.code, "en"))]

    def wish_in(self, text: str) -> Understood | None:
        """What is wanted; None where it is for the mind."""
        sentences = _sentences(text)
        for number, sentence in enumerate(sentences):
            for language in self._languages:
                if (wish := language.wish_in(sentence, self._name)) is not None:
                    return Understood(wish, " ".join(sentences[number + 1 :]))
            if len(sentence.split()) > 1:  # "Hello. My name is Ada."
                break
        return None

    def name_in(self, text: str) -> str:
        """The name in the answer to "What is your name?"; "" for none."""
        sentence = next(iter(_sentences(text)), "")
        return next((name for language in self._languages if (name := language.bare_name(sentence))), "")

    def consents(self, text: str) -> bool | None:
        """Whether an answer to a yes-or-no question agrees; None where it says neither."""
        return consents(next(iter(_sentences(text)), ""), *dict.fromkeys((self.code, "en")))

    def about(self, topic: str, facts: Sequence[Fact]) -> list[Fact]:
        """Those of the facts that have every word of a topic, or question, which says what it is about; the best first.

        Where a question has many such words, three of four will do.
        """
        no_topics = frozenset[str]().union(*(language.no_topics for language in self._languages))
        asked = {stem(word) for word in tokens(topic) if word not in no_topics}
        if not asked:
            return []
        shared = [(len(asked & {stem(word) for word in tokens(f"{fact.topic} {fact.said}")}), fact) for fact in facts]
        fitting = [(count, fact) for count, fact in shared if count >= _FITS * len(asked)]
        return [fact for _, fact in sorted(fitting, key=lambda one: -one[0])]


class _Language:
    """How people speak of themselves in one language."""

    def __init__(self, code: str, listed: Mapping[str, str | Sequence[str]]) -> None:
        self._code = code
        self._before, self._after = _pattern(str(listed["before"])), _pattern(f"{listed['after']}$")
        self._clause = str(listed["clause"])
        self._patterns = {
            name: [_pattern(one) for one in ways] for name, ways in listed.items() if not isinstance(ways, str)
        }
        self._pronouns = frozenset(str(listed["pronouns"]).split())
        self._no_names = frozenset(str(listed["no_names"]).split())
        self.no_topics = STOP_WORDS | QUESTION_WORDS | frozenset(tokens(str(listed["no_topics"])))

    def wish_in(self, sentence: str, name: str) -> Wish | None:
        """What one sentence wants.

        Args:
            sentence: with its marks.
            name: what the avatar is called by.
        """
        match intent_of(sentence, self._code, name):
            case Intent(Kind.REMEMBER, what):
                return self._remembered(what, sentence)
            case Intent(Kind.RECALL, what):
                return Recall.NAME if what else Recall.ALL
            case Intent(Kind.FORGET, what):
                return ForgetSome(what) if what and what != "name" else Forget.ALL
            case Intent(Kind.GREETING, what) if what and (named := self._name(what)):
                return Named(named)
        if len(sentence) > LONGEST_FACT and (begun := intent_of(sentence[:_BEGINNING], self._code, name)):
            return Remember(Fact(sentence)) if begun.kind is Kind.REMEMBER else None
        plain = _plain(sentence)
        begins = self._before.match(plain)
        for said in dict.fromkeys((plain, plain[begins.end() :] if begins else plain)):
            if said and (wish := self._own_wish(said)) is not None:
                return wish
        return None

    def _own_wish(self, said: str) -> Wish | None:
        if (liking := self._liking(said)) is not None:
            return Remember(liking, is_asked=False)
        if self._match("recall_likes", said):
            return Recall.LIKINGS
        if self._match("forget_last", said):
            return Forget.LAST
        if found := self._match("forget_some", said):
            return ForgetSome(found["topic"])
        return RecallSome(said) if self._match("recall_some", said) else None

    def _remembered(self, what: str, sentence: str) -> Wish | None:
        """What follows "remember that": a name, a preference, or anything else."""
        if re.fullmatch("(?:me|my name|name)?", what):
            return RememberMe()
        said = self._after.sub("", f" {_plain(what)}").lstrip()
        is_before = not said or said.casefold() in self._pronouns  # "I'm Ada, please remember that"
        match intent_of(sentence.rpartition(",")[0] if is_before else what, self._code):
            case Intent(Kind.GREETING, name) if name and (named := self._name(name)):
                return Named(named)
        if is_before:
            return None
        if (liking := self._liking(said)) is not None:
            return Remember(liking)
        is_clause = self._clause and f"{self._clause} {said}".casefold() in sentence.casefold()
        return Remember(self._fact(f"{self._clause} {said}" if is_clause else said, "fact", ""))

    def _liking(self, said: str) -> Fact | None:
        found = self._match("likes", said)
        if found is None or len(said.split()) > _LONGEST_LIKING:
            return None
        groups = found.groupdict()
        return self._fact(found["fact"], "liking", groups["topic"] or f"favourite {groups['topic2']}")

    def _fact(self, said: str, kind: Literal["fact", "liking"], topic: str) -> Fact:
        words = speakable(said)
        if not topic and (found := self._match("one_of", words)):
            topic = found["topic"]
        return Fact(words, kind, " ".join(speakable(topic).casefold().split()))

    def bare_name(self, sentence: str) -> str:
        match intent_of(sentence, self._code):
            case Intent(Kind.GREETING, name) if name and (named := self._name(name)):
                return named
        found = self._match("answers_name", _plain(sentence))
        if found is None:
            return ""
        if any(word.islower() and word in _NO_NAMES for word in found["name"].split()):
            return ""  # "Tell me more"; but "Will" is one
        return self._name(found["name"])

    def _name(self, said: str) -> str:
        words = speakable(said[:LONGEST_NAME]).split()
        if not words or any(word.casefold() in self._no_names for word in words):
            return ""
        return " ".join(word[:1].upper() + word[1:] for word in words)

    def _match(self, name: str, said: str) -> re.Match[str] | None:
        return next((found for one in self._patterns[name] if (found := one.fullmatch(said))), None)


@cache
def _of(code: str) -> _Language:
    listed = {name: ways for name, ways in read_language(code).items() if name not in ("say", "swaps")}
    return _Language(code, cast(Mapping[str, str | Sequence[str]], listed))


@cache
def read_language(code: str) -> dict[str, object]:
    """What is said in a language, from data/memory/CODE.toml."""
    return tomllib.loads(resources.files("agent").joinpath(f"data/memory/{code}.toml").read_text("utf-8"))


def _pattern(written: str) -> re.Pattern[str]:
    return re.compile(unicodedata.normalize("NFC", written).replace("’", "'"), re.IGNORECASE)


def _sentences(text: str) -> list[str]:
    """The sentences of an utterance."""
    plain = " ".join(unicodedata.normalize("NFC", text[:_LONGEST]).replace("’", "'").split())
    sentences: list[str] = []
    joined = ""
    for piece in _END.split(plain):
        joined = f"{joined} {piece}".strip()
        if not may_be_abbreviation(joined.rpartition(" ")[2]):
            sentences.append(joined)
            joined = ""
    if joined:
        sentences.append(joined)
    return [one for one in sentences if _plain(one)]


def _plain(sentence: str) -> str:
    """A sentence as patterns see it: without the marks around it."""
    return sentence.strip(" .,;:!?…¡¿")
