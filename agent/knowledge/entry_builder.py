"""Builds the entries of a knowledge file out of its headings, questions, paragraphs, lists and tables, as they come."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.knowledge.blocks import ANSWER, QUESTION
from agent.knowledge.entry import Entry, LeftOut
from agent.knowledge.spoken.lists import Item, end, gather, say_list
from agent.knowledge.spoken.table import SpokenRow, read_table

MOST_ROWS = 2_000
"""Rows of tables that are found by themselves; the others are found by their section."""

_MENTION_CHARACTERS = 40
_WORDS = re.compile(r"[^\W\d_]{2,}(?:[ '’-][^\W\d_]+){0,3}")

_INTRO_WORDS = 20
"""A paragraph this short before a list or table is said together with it."""

_DEFINITION = re.compile(r":\s+(?=\S)")
_ALERT = re.compile(r"!(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION|INFO)\b", re.IGNORECASE)


@dataclass(slots=True)
class _Section:
    """The heading path down to the entry at hand."""

    level: int
    title: str
    line: int


class EntryBuilder:
    """What is open is the heading path, the questions, and the paragraphs of the entry at hand.

    Attributes:
        entries: those that are finished.
        omitted: what is not spoken.
        line: of the block at hand, from 1; whoever reads the file sets it.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.omitted: list[LeftOut] = []
        self.line = 1
        self._path: list[_Section] = []
        self._questions: list[str] = []
        self._asked_at = 0
        self._paragraphs: list[str] = []
        self._rows: list[Entry] = []
        self._mentions: dict[str, None] = {}
        self._row_count = 0
        self._said_since_heading = True
        self._heading_named_one = False  # a question after it has its own name

    def finish(self) -> None:
        """The file is over: closes what is open."""
        self._finish_entry()
        self._heading_ends()

    def leave_out(self, kind: str, line: int | None = None) -> None:
        """Notes that something is not spoken, in the block at hand unless a line is given."""
        self.omitted.append(LeftOut(kind, self.line if line is None else line))
        self._said_since_heading = True

    def add_heading(self, level: int, title: str) -> None:
        """A heading: another entry begins."""
        self._finish_entry()
        if self._path and level <= self._path[-1].level:
            self._heading_ends()
        question = QUESTION.match(title)
        title = question[1] if question else title
        if not any(character.isalnum() for character in title):
            title = ""  # a row of stars
        self._path = [above for above in self._path if above.level < level]
        self._path.append(_Section(level, title, self.line))
        self._said_since_heading = self._heading_named_one = False
        if question and title:
            self.add_question(title)

    def _heading_ends(self) -> None:
        if not self._said_since_heading and self._path and self._path[-1].title:
            self.leave_out("heading without text", self._path[-1].line)
        self._said_since_heading = True

    def add_paragraph(self, lines: Sequence[str]) -> None:
        """A paragraph, which may hold questions and answers."""
        lines = [line for line in lines if line and not _ALERT.fullmatch(line)]
        pending: list[str] = []
        for line in lines:
            if question := QUESTION.match(line):
                self._say(" ".join(pending))
                pending = []
                self.add_question(question[1])
            elif self._questions and (answer := ANSWER.match(line)):
                self._say(" ".join(pending))
                pending = [answer[1]]
            elif definition := _DEFINITION.match(line):
                term = pending.pop() if pending else self._take_short_paragraph()
                self._say(" ".join(pending))
                pending = []
                self._define(term.rstrip(" :."), end(line[definition.end() :]))
            else:
                pending.append(line)
        self._say(" ".join(pending))

    def _define(self, term: str, meaning: str) -> None:
        sentence = f"{term}: {meaning}" if term else meaning
        if term:
            self._row(SpokenRow(term, sentence, ()))
        self._say(sentence)

    def _row(self, row: SpokenRow) -> None:
        """Something below the heading that is found by itself."""
        self._row_count += 1
        if self._row_count <= MOST_ROWS:
            context = [above.title for above in self._path if above.title]
            if row.group:
                context.append(row.group)
            names = row.names or (row.label,)
            self._rows.append(Entry(row.label, row.questions, (row.sentence,), tuple(context), names=names))

    def _mention(self, texts: Iterable[str]) -> None:
        """Notes short texts of words alone: what people may say."""
        short = (text.strip(" .,;:!") for text in texts if len(text) <= _MENTION_CHARACTERS)
        self._mentions.update(dict.fromkeys(text for text in short if _WORDS.fullmatch(text)))

    def add_question(self, text: str) -> None:
        """A question; what follows answers it."""
        if self._paragraphs:
            self._finish_entry()
        if text:
            if not self._questions:
                self._asked_at = self.line
            self._questions.append(text)

    def _say(self, text: str) -> None:
        text = text.strip()
        if any(character.isalnum() for character in text):
            self._paragraphs.append(text)
            self._said_since_heading = True

    def _take_short_paragraph(self) -> str:
        """The last paragraph, if it only leads to what follows."""
        if self._paragraphs and (
            self._paragraphs[-1].endswith(":") or len(self._paragraphs[-1].split()) <= _INTRO_WORDS
        ):
            return self._paragraphs.pop()
        return ""

    def _say_with_intro(self, paragraphs: list[str]) -> None:
        if paragraphs:
            if intro := self._take_short_paragraph():
                paragraphs[0] = f"{intro if intro.endswith(':') else end(intro)} {paragraphs[0]}"
            for paragraph in paragraphs:
                self._say(paragraph)

    def add_list(self, items: list[Item], *, ordered: bool, start: int = 1) -> None:
        """A list, which may hold questions and answers; `start` is the first number of an ordered one."""
        if any(QUESTION.match(item.text) for item in items):
            for item in items:
                self.add_paragraph(item.text.split("\n"))
                if item.items:
                    self.add_list(item.items, ordered=item.ordered)
            return
        if items and self._questions and not self._paragraphs and (answer := ANSWER.match(items[0].text)):
            items[0].text = answer[1]
        self._mention(item.text for item in items)
        self._mention(item.text for above in items for item in above.items)
        self._say_with_intro(say_list(items, ordered=ordered, start=start))

    def add_table(self, header: list[str], rows: list[list[str]]) -> None:
        """A table; the header may be empty."""
        self._mention(cell for row in rows for cell in row[1:])
        titles = [above.title for above in self._path if above.title]
        topic = titles[-1] if titles else self._questions[0] if self._questions else ""
        read, sentences = read_table(header, rows, topic=topic)
        for row in read:
            self._row(row)
        self._say_with_intro(gather(sentences))

    def _finish_entry(self) -> None:
        """Closes the entry at hand, if it says anything."""
        questions = [question for question in self._questions if question]
        headings = [above.title for above in self._path if above.title]
        if self._paragraphs:
            title = headings[-1] if headings else questions[0] if questions else _first_words(self._paragraphs[0])
            context = headings[:-1]
            if questions and self._heading_named_one:
                title, context = questions[0], headings
            self._heading_named_one = True
            self.entries.append(
                Entry(
                    title,
                    tuple(questions),
                    tuple(self._paragraphs),
                    tuple(context),
                    tuple(self._rows),
                    (),
                    tuple(self._mentions),
                )
            )
        elif questions:
            self.leave_out("question without an answer", self._asked_at)
        self._questions, self._paragraphs, self._rows, self._mentions = [], [], [], {}


def _first_words(paragraph: str) -> str:
    return " ".join(paragraph.split()[:6]).rstrip(".,;:")
