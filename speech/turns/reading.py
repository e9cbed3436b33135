"""Whether what somebody has said so far reads finished: words alone, in the languages of `speech.turns.word_lists`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

from speech.turns.word_lists import WORD_LISTS, WordLists


class Reading(Enum):
    """What the words say about a pause."""

    OPEN = "open"
    """Something must come: an open clause, a list, a number being dictated, "and", "um"."""
    UNCLEAR = "unclear"
    FINISHED = "finished"
    """It may well be all."""


_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*['’]?|\d+")
_BROKEN_OFF = re.compile(r"(?:\.\.\.|…|-|–|—|,|:|;)\s*$|(?:\.\.\.|…|[-–—]\s)\s*\S+$")
"""How Whisper writes what breaks off, "I would like a...", and an "um" after it: "I would like a... M."."""

_BETWEEN_SENTENCES = re.compile(r"(?<=[.?!])\s+")

_END_MARK = re.compile(r"[.?!][\"'”»)]*\s*$")

_FEW_WORDS = 7
"""A clause with "if" or "because" in front that is no longer is not followed by another one yet."""

_YEAR = re.compile(r"(?:1\d|20)\d\d")

_DICTATED = 2
"""So many numbers or letters on end are being dictated."""

_LONG_DIGITS = 3
"""So many digits in one are dictated, too, where the recogniser writes them together."""

_LIST_ITEM, _LIST_ITEMS = 3, 3
"""Words of a list's item at most, and items that make a list; the first has a beginning before it ("I need milk")."""

_SHORTEST_SENTENCE = 3
"""Words: "turn on" and "tell me" go on more often than not."""

_ASKS_WITHIN = 3
"""A question word stands among so many first words: "and then what"."""

_SHORT_QUESTION = 3
"""Words: "what time is", "can you"."""

_STRANDED = frozenset("of from about with for to at".split())
"""Prepositions whose noun is the question word: "where are you from"."""


def words_of(text: str) -> list[str]:
    """The words of a text, lower case, without marks: "I'd like 20-ounce…" → i'd like 20 ounce."""
    return [word.replace("’", "'").lower() for word in _WORD.findall(text)]


def language_of(words: Sequence[str]) -> str:
    """The language that knows most of these words; "" where none knows any."""
    counts = {language: sum(word in lists.common for word in words) for language, lists in WORD_LISTS.items()}
    best = max(counts, key=counts.__getitem__)
    return best if counts[best] else ""


def read(text: str, language: str = "") -> Reading:
    """Judges the words that stand before a pause.

    Args:
        text: what the recogniser has understood of the turn so far.
        language: code of its language, such as "en"; "" finds out. Of one without lists only the marks count.

    Returns:
        `UNCLEAR` where there are no words, or nothing speaks for one of the others.
    """
    words = words_of(text)
    if not words:
        return Reading.UNCLEAR
    sentence = _BETWEEN_SENTENCES.split(text.strip())[-1]
    latest = words_of(sentence) or words
    lists = WORD_LISTS.get(language or language_of(words))
    if _BROKEN_OFF.search(text) or (lists is not None and _goes_on(sentence, words, latest, lists)):
        return Reading.OPEN
    if lists is None:
        return Reading.FINISHED if _END_MARK.search(text) else Reading.UNCLEAR
    if all(word in lists.whole for word in latest) or {latest[-1], "_".join(latest[-2:])} & lists.closing:
        return Reading.FINISHED
    has_verb = any(word in lists.verbs or word in lists.auxiliaries or word in lists.transitive for word in latest)
    is_whole = (
        has_verb and len(latest) >= _SHORTEST_SENTENCE and _END_MARK.search(text) and not _ends_in_item(sentence, lists)
    )
    return Reading.FINISHED if is_whole else Reading.UNCLEAR


def _goes_on(text: str, words: Sequence[str], latest: Sequence[str], lists: WordLists) -> bool:
    """Of the latest sentence, and of all words where numbers are dictated: Whisper makes sentences of them."""
    while len(latest) > 1 and latest[-1] in lists.pleas:
        latest = latest[:-1]
    last, before = latest[-1], latest[-2] if len(latest) > 1 else ""
    asks = any(word.split("'")[0] in lists.question_words for word in latest[:_ASKS_WITHIN])
    is_filler = last in lists.fillers and not (asks and last in lists.transitive) and before not in lists.verbs
    if last.endswith("'") or last in lists.leading or is_filler:
        return not (asks and last in _STRANDED and before not in lists.transitive)
    if last in lists.subjects or _is_dictated(words, lists) or _is_open_list(text, lists):
        return True
    if last in lists.adjectives and _lacks_noun(latest, lists):
        return True
    if last in lists.auxiliaries and not (asks and last in lists.transitive):
        is_short_answer = before in lists.pronouns | lists.subjects and _END_MARK.search(text) is not None
        return not is_short_answer and not (asks and len(latest) > _SHORT_QUESTION)
    if last in lists.introducing and before in lists.auxiliaries and not asks:
        return len(latest) > _SHORT_QUESTION  # "is it that?"
    if last in lists.transitive:
        return not asks
    if last in lists.pronouns and len(latest) <= _SHORT_QUESTION and not asks:
        return before in lists.auxiliaries | lists.transitive  # "can you", "tell me"
    return _is_open_clause(text, latest, lists)


def _is_dictated(words: Sequence[str], lists: WordLists) -> bool:
    """Numbers or letters are being dictated: several on end, many digits, or those of an address."""
    run = 0
    for word in reversed(words):
        if not (word in lists.numbers or word.isdigit() or (len(word) == 1 and word.isalpha())):
            break
        run += 1
    is_long = words[-1].isdigit() and len(words[-1]) >= _LONG_DIGITS and not _YEAR.fullmatch(words[-1])
    return run >= _DICTATED or (run > 0 and (is_long or any(word in lists.numbered for word in words)))


def _is_open_list(text: str, lists: WordLists) -> bool:
    """Short items with commas between them, and no "and" before the last."""
    items = [words_of(part) for part in text.split(",")]
    if len(items) < _LIST_ITEMS or not all(0 < len(item) <= _LIST_ITEM for item in items[1:]):
        return False
    return not any(word in lists.listing for word in items[-1])


def _ends_in_item(text: str, lists: WordLists) -> bool:
    """After the last comma stands what may be the second of several: "Put apples, pears"."""
    last = words_of(text.rpartition(",")[2])
    no_item = (lists.common | lists.transitive | lists.whole) - lists.leading | lists.listing
    return "," in text and len(last) <= _LIST_ITEM and not any(word in no_item for word in last)


def _lacks_noun(words: Sequence[str], lists: WordLists) -> bool:
    """The last words are adjectives, and an article or the like stands before them."""
    kept = list(words)
    while kept and kept[-1] in lists.adjectives:
        kept.pop()
    return bool(kept) and kept[-1] in lists.leading


def _is_open_clause(text: str, words: Sequence[str], lists: WordLists) -> bool:
    """A clause that needs another one after it, which has not begun; "and if it rains" is one, too."""
    while len(words) > 1 and words[0] in lists.fillers | lists.listing:
        words = words[1:]
    is_question = words[0] in lists.question_words and len(words) > 1 and words[1] in lists.auxiliaries
    return words[0] in lists.subordinators and not is_question and "," not in text and len(words) <= _FEW_WORDS
