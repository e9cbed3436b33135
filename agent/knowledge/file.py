"""A knowledge file: Markdown becomes entries that can be asked about.

Two ways of writing are understood, also mixed: headings with paragraphs, lists and tables below them, and `Q:` / `A:`
pairs (several `Q:` lines in a row are different ways to ask the same). What can't be spoken is left out, see
`agent.knowledge.reader`.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agent.knowledge.entry import Entry, LeftOut, say_left_out
from agent.knowledge.meaning import Meaning
from agent.knowledge.ranking import CONFIDENT, UNSURE, Field, Index
from agent.knowledge.reader import read_markdown
from agent.knowledge.smalltalk import SmallTalk
from agent.text.words import tokens
from speech.errors import InputError
from speech.files.input_file import read_input_file

MAX_BYTES = 1_000_000
MAX_LINES = 30_000
"""About 160,000 words, two novels: more is a mistake, and would take longer to load than anybody waits."""

MAX_PHRASES = 4_000
"""Phrases for the recogniser's language model; more of them would no longer be a bias."""

_TOPIC_FORMS = ("tell me about {}", "what is {}", "what are {}", "what about {}", "how does {} work", "where is {}")
"""How people ask for a topic that comes with no question of its own."""

_MENTION_FORMS = ("{}", "do you have {}")

MEANT, PERHAPS = 1.0, -2.5
"""From these odds on (`agent.knowledge.meaning`), a logarithm, an entry answers a question, or is offered to the
person."""
CLEARLY = 1.0
"""So much better than the next one must an entry be to answer; the two are offered otherwise. All three were chosen
from the table of scripts/fit_meaning.py: of the dev half, one in thirteen gets a wrong answer; of lines about something
else, one in sixteen gets any."""
_PER_ODDS = (CONFIDENT - UNSURE) / (MEANT - PERHAPS)
"""On the scale of the index's scores."""
_MOST_BY_MEANING = 0.85
"""However close the meaning, it is not the very words of the file (`agent.llm.knowledge_file.CERTAIN`)."""
_MOST_WORDS = 40
"""Only the last words of a longer utterance are looked at, as `agent.knowledge.ranking` does; it also keeps the time
short."""
_BY_WORDS = 24
"""So many entries of the best by words are looked at when the meaning counts, too."""

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that may answer a question.

    Attributes:
        entry: the entry.
        score: 0 … 1; see `agent.knowledge.ranking.CONFIDENT`.
        form: its title or the one of its questions that is most like what was asked.
    """

    entry: Entry
    score: float
    form: str


class Knowledge:
    """What the avatar knows; made by `load_knowledge`, or of `read_entries`.

    Args:
        entries: at least one.
        left_out: what of their file is not in them.
    """

    def __init__(self, entries: tuple[Entry, ...], left_out: tuple[LeftOut, ...] = ()) -> None:
        self.entries = entries
        self.notice = say_left_out(left_out)
        """What of the file is not spoken, in one line; "" for nothing."""
        self.answers = (*entries, *(row for entry in entries for row in entry.rows))
        """The entries, and the rows of their tables."""
        self.meaning: Meaning | None = None
        """What its entries mean, once that is read (`agent.knowledge.understanding`)."""
        self._number_of = {id(one): number for number, one in enumerate(self.answers)}
        self._section = np.arange(len(self.answers))
        """For each answer, the number of the entry that it is a row of, or its own."""
        for number, entry in enumerate(entries):
            self._section[[self._number_of[id(row)] for row in entry.rows]] = number
        self._index = Index(
            [
                Field(
                    one.title,
                    one.questions,
                    one.context,
                    one.paragraphs,
                    is_topic=not (one.questions or one.is_question or one.names),
                    needed=one.names,
                )
                for one in self.answers
            ]
        )

    def search(self, question: str, k: int = 5, *, topic: str = "", by_meaning: bool = False) -> list[Hit]:
        """The entries most likely meant by a question as heard, best first.

        Args:
            question: in any case, with or without punctuation, possibly misheard.
            k: how many at most.
            topic: what was talked about last; counts a little.
            by_meaning: also by `meaning`, where it is there and no topic is given; takes some 10 ms more.
        """
        # "How much is it?" means nothing by itself: after a topic, words decide.
        meaning = self.meaning if by_meaning and not topic else None
        found = self._index.search(question, k if meaning is None else max(k, _BY_WORDS), topic=topic)
        by_words = [Hit(self.answers[one.number], one.score, one.form) for one in found]
        return by_words if meaning is None else self._also_by_meaning(meaning, question, by_words, k)

    def _also_by_meaning(self, meaning: Meaning, question: str, by_words: list[Hit], k: int) -> list[Hit]:
        question = " ".join(question.split()[-_MOST_WORDS:])
        said = np.zeros(len(self.answers), np.float32)
        form_of = {}
        for hit in by_words:
            number = self._number_of[id(hit.entry)]
            said[number], form_of[number] = hit.score, hit.form
        odds = meaning.odds(question, above_chance(said))
        best = np.argsort(-odds, kind="stable")
        others = odds[self._section != self._section[best[0]]]
        # A rival makes it doubtful which one is meant, however surely it is one of them.
        lead = float(odds[best[0]] - others.max()) if others.size else CLEARLY
        surely = np.minimum(odds, MEANT + lead - CLEARLY) if lead < CLEARLY else odds
        score = np.clip(CONFIDENT + _PER_ODDS * (surely - MEANT), 0.0, _MOST_BY_MEANING)
        score = np.where(score >= CONFIDENT, np.maximum(score, said), score)
        return [
            Hit(
                self.answers[number],
                float(score[number]),
                form_of[number] if said[number] >= CONFIDENT else meaning.form(question, number),
            )
            for number in best[:k].tolist()
            if score[number] > 0
        ]

    def paragraph(self, entry: Entry, question: str) -> str:
        """The paragraph of an entry that answers a question by its meaning: the first unless another is closer."""
        if self.meaning is None or len(entry.paragraphs) == 1:
            return entry.paragraphs[0]
        return entry.paragraphs[self.meaning.paragraph(question, self._number_of[id(entry)])]

    def knows(self, word: str) -> bool:
        """Whether a word, or another form of it, is anywhere in what is known."""
        return self._index.knows(word)

    def phrases(self, name: str = "") -> list[str]:
        """What people may say, for the recogniser's language model: small talk first, then what is known.

        Args:
            name: what the avatar is called by: names are what a recogniser expects least.

        Returns:
            Lower-case words without duplicates; at most `MAX_PHRASES`, in the file's order, tables' rows last.
        """
        phrases = dict.fromkeys(SmallTalk(name=name).phrases())
        for entry in self.answers:
            for asked in (entry.title, *entry.questions):
                phrases[" ".join(tokens(asked))] = None
            if not entry.questions and not entry.is_question:
                topic = " ".join(tokens(entry.title))
                for form in _TOPIC_FORMS if topic else ():
                    phrases[form.format(topic)] = None
            for mention in entry.mentions:
                for form in _MENTION_FORMS:
                    phrases[form.format(" ".join(tokens(mention)))] = None
            if len(phrases) >= MAX_PHRASES:
                break
        phrases.pop("", None)
        return list(phrases)[:MAX_PHRASES]


def above_chance(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """How much of the scores by words and sounds counts beside the meaning: below `CONFIDENT` any may be chance."""
    return np.maximum(scores - np.float32(CONFIDENT), 0)


def load_knowledge(path: Path) -> Knowledge:
    """Reads a knowledge file.

    Args:
        path: Markdown in UTF-8, or in UTF-16 with a byte order mark.

    Raises:
        InputError: the file is missing, empty, too large, not text, or says nothing.
    """
    data = read_input_file(path, "a knowledge file (Markdown)", most_bytes=MAX_BYTES)
    if data.startswith(_UTF16_MARKS):
        encoding, name = "utf-16", "UTF-16 text"
    else:
        encoding, name = "utf-8-sig", "UTF-8 text"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: expected {name}, byte {error.start} is not ({_byte_at(data, error.start)});"
            " save the file as UTF-8"
        ) from None
    if "\0" in text:
        raise InputError(f"{path}: expected text (Markdown), got a binary file; give a .md or .txt file")
    if not text.strip():
        raise InputError(f"{path}: expected a knowledge file, it is empty; write a heading and a paragraph into it")
    if (lines := text.count("\n")) > MAX_LINES:
        raise InputError(f"{path}: expected a knowledge file of at most {MAX_LINES} lines, got {lines}; split it")
    entries, left_out = read_markdown(text)
    if not entries:
        raise InputError(
            f"{path}: expected headings with paragraphs or Q:/A: pairs, found no answer; write one below a heading"
        )
    return Knowledge(entries, left_out)


def _byte_at(data: bytes, place: int) -> str:
    return f"0x{data[place]:02X}" if place < len(data) else "the file ends too early"


def read_entries(text: str) -> tuple[Entry, ...]:
    """Reads the entries out of a knowledge file's text; any text is accepted, the result may be empty."""
    return read_markdown(text)[0]
