"""A knowledge file: Markdown becomes entries that can be asked about.

Two ways of writing are understood, also mixed: headings with paragraphs below them, and `Q:` / `A:` pairs (several
`Q:` lines in a row are different ways to ask the same). Front matter, code, tables, images and comments are not
spoken and are left out.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from agent.markdown import strip_marks
from agent.ranking import Field, Index
from agent.smalltalk import SmallTalk
from agent.words import tokens
from speech.errors import InputError

MAX_BYTES = 5_000_000
"""About 800,000 words, more than the Bible: larger is a mistake, and would take seconds to load."""

MAX_PHRASES = 4_000
"""Phrases for the recogniser's language model; more of them would no longer be a bias."""

_TOPIC_FORMS = ("tell me about {}", "what is {}", "what are {}", "what about {}", "how does {} work", "where is {}")
"""How people ask for a topic that comes with no question of its own."""

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_HEADING = re.compile(r"\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_UNDERLINE = re.compile(r"\s{0,3}(=+|-+)\s*$")
_QUESTION = re.compile(r"\s*(?:[-*+]\s+)?[*_]*(?:q|question|frage)\s*\d*[*_]*\s*[:.)][*_]*\s*(.*)$", re.IGNORECASE)
_ANSWER = re.compile(r"\s*(?:[-*+]\s+)?[*_]*(?:a|answer|antwort)\s*\d*[*_]*\s*[:.)][*_]*\s*(.*)$", re.IGNORECASE)
_ITEM = re.compile(r"\s{0,12}(?:[-*+•]|\d{1,3}[.)])\s+(.*)$")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
_TABLE = re.compile(r"\s*\|.*\|\s*$|\s*:?-{3,}:?\s*(?:\|\s*:?-{3,}:?\s*)+$")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_VERB = r"(?:is|are|am|was|were|do|does|did|can|could|will|would|shall|should|may|must|has|have)"
_ASKS = re.compile(
    rf"(?:(?:what|who|whom|where|when|why|how(?: \w+)?|(?:which|what|whose) \w+)\s+)?{_VERB}\s+\S", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is known.

    Attributes:
        title: its heading, or its first question; plain words.
        questions: ways to ask for it, as written in the file; may be empty.
        paragraphs: the answer, ready to be spoken; the first is said at once, the others when asked for more. Not
            empty.
        context: the headings above its own, outermost first.
    """

    title: str
    questions: tuple[str, ...]
    paragraphs: tuple[str, ...]
    context: tuple[str, ...] = ()

    @property
    def is_question(self) -> bool:
        """Whether the title itself asks something ("Where is the lift", but not "Where to find us")."""
        return self.title.endswith("?") or _ASKS.match(self.title) is not None


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that may answer a question.

    Attributes:
        entry: the entry.
        score: 0 … 1; see `agent.ranking.CONFIDENT`.
        form: its title or the one of its questions that is most like what was asked.
    """

    entry: Entry
    score: float
    form: str


class Knowledge:
    """What the avatar knows; made by `load_knowledge` or `read_knowledge`.

    Args:
        entries: at least one.
    """

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self.entries = entries
        self._index = Index(
            [
                Field(one.title, one.questions, one.context, one.paragraphs, not (one.questions or one.is_question))
                for one in entries
            ]
        )

    def search(self, question: str, k: int = 5, *, topic: str = "") -> list[Hit]:
        """The entries most likely meant by a question as heard, best first.

        Args:
            question: in any case, with or without punctuation, possibly misheard.
            k: how many at most.
            topic: what was talked about last; counts a little.
        """
        found = self._index.search(question, k, topic=topic)
        return [Hit(self.entries[one.number], one.score, one.form) for one in found]

    def phrases(self) -> list[str]:
        """What people may say, for the recogniser's language model: small talk first, then what is known.

        Lower-case words without duplicates; at most `MAX_PHRASES`, in the file's order.
        """
        return list(self._phrases)

    @cached_property
    def _phrases(self) -> tuple[str, ...]:
        phrases = dict.fromkeys(SmallTalk().phrases())
        for entry in self.entries:
            for asked in (entry.title, *entry.questions):
                phrases[" ".join(tokens(asked))] = None
            if not entry.questions and not entry.is_question:
                topic = " ".join(tokens(entry.title))
                for form in _TOPIC_FORMS:
                    phrases[form.format(topic)] = None
            if len(phrases) >= MAX_PHRASES:
                break
        phrases.pop("", None)
        return tuple(phrases)[:MAX_PHRASES]


def load_knowledge(path: Path) -> Knowledge:
    """Reads a knowledge file.

    Args:
        path: Markdown in UTF-8, or in UTF-16 with a byte order mark.

    Raises:
        InputError: the file is missing, empty, too large, not text, or says nothing.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise InputError(f"{path}: expected a knowledge file (Markdown), found {found}; check the path")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(
            f"{path}: expected a knowledge file of at most {MAX_BYTES / 1e6:.0f} MB, got {size / 1e6:.1f} MB; split it"
        )
    data = path.read_bytes()
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
    entries = read_entries(text)
    if not entries:
        raise InputError(
            f"{path}: expected headings with paragraphs or Q:/A: pairs, found no answer; write one below a heading"
        )
    return Knowledge(entries)


def _byte_at(data: bytes, place: int) -> str:
    return f"0x{data[place]:02X}" if place < len(data) else "the file ends too early"


def read_entries(text: str) -> tuple[Entry, ...]:
    """Reads the entries out of a knowledge file's text; any text is accepted, the result may be empty."""
    reader = _Reader()
    for line in _COMMENT.sub("", _without_front_matter(text)).splitlines():
        reader.line(line)
    reader.finish_entry()
    return tuple(reader.entries)


def _without_front_matter(text: str) -> str:
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    match = re.match(r"(---|\+\+\+)[ \t]*\n(.*?\n)?\1[ \t]*(?:\n|\Z)", text, re.DOTALL)
    return text[match.end() :] if match else text


class _Reader:
    """Line by line: what is open is the heading path, the questions, and the paragraphs of the entry at hand."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._path: list[tuple[int, str]] = []
        self._questions: list[str] = []
        self._paragraphs: list[str] = []
        self._lines: list[str] = []
        self._items: list[str] = []
        self._fence = ""

    def line(self, line: str) -> None:
        """Takes the next line."""
        fence = _FENCE.match(line)
        if fence or self._fence:
            if fence and self._fence in ("", fence[1]):
                self._fence = "" if self._fence else fence[1]
            return
        if heading := _HEADING.match(line):
            self._heading(len(heading[1]), heading[2])
        elif _UNDERLINE.match(line) and len(self._lines) == 1 and not self._items:
            self._heading(1 if "=" in line else 2, self._lines.pop())
        elif question := _QUESTION.match(line):
            if self._paragraphs or self._lines or self._items:
                self.finish_entry()
            self._questions.append(strip_marks(question[1]))
        elif self._questions and (answer := _ANSWER.match(line)):
            self._finish_paragraph()
            self._lines.append(answer[1])
        elif not line.strip() or _TABLE.match(line):
            self._finish_paragraph()
        elif item := _ITEM.match(line):
            self._items.append(item[1])
        elif self._items:
            self._items[-1] += " " + line
        else:
            self._lines.append(line)

    def finish_entry(self) -> None:
        """Closes the entry at hand, if it says anything."""
        self._finish_paragraph()
        questions = [question for question in self._questions if question]
        headings = [title for _, title in self._path if title]
        if self._paragraphs:
            title = headings[-1] if headings else questions[0] if questions else _first_words(self._paragraphs[0])
            context = headings[:-1]
            if questions and any(entry.title == title and entry.questions for entry in self.entries[-1:]):
                title, context = (
                    questions[0],
                    headings,
                )  # the second Q/A pair below one heading: name it by its question
            self.entries.append(Entry(title, tuple(questions), tuple(self._paragraphs), tuple(context)))
        self._questions, self._paragraphs = [], []

    def _heading(self, level: int, title: str) -> None:
        self.finish_entry()
        self._path = [(above, name) for above, name in self._path if above < level]
        self._path.append((level, strip_marks(title)))

    def _finish_paragraph(self) -> None:
        text = strip_marks("\n".join(self._lines))
        items = [spoken for item in self._items if (spoken := strip_marks(item))]
        self._lines, self._items = [], []
        if items:
            text = f"{text} {_say_list(items)}".strip()
        if any(character.isalnum() for character in text):
            # "We have:" and its list may be apart by an empty line.
            if items and self._paragraphs and self._paragraphs[-1].endswith(":"):
                text = f"{self._paragraphs.pop()} {text}"
            self._paragraphs.append(text)


def _first_words(paragraph: str) -> str:
    return " ".join(paragraph.split()[:6]).rstrip(".,;:")


def _say_list(items: list[str]) -> str:
    """Short items become one enumeration, long ones a sentence each."""
    bare = [item.rstrip(".;,") for item in items]
    if len(items) > 1 and all(len(item.split()) <= 8 and not re.search(r"[.!?:]\s", item) for item in bare):
        return f"{', '.join(bare[:-1])} and {bare[-1]}."
    return " ".join(item if item[-1] in ".!?" else f"{item}." for item in items)
