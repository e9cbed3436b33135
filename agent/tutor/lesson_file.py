"""Reads a lesson file: Markdown in which each second-level heading is a question, and a list below it the answers.

# Title
The goal.
- Order: random

## What is the past tense of "go"?
- Answer: "went"
- Wrong: goed: "Go" is irregular.
- Hint: It begins with a W.
- Why: It comes from another old verb, "wend".
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from markdown_it.token import Token

from agent.knowledge.blocks import make_parser, plain_markdown
from agent.knowledge.inline import inline_text
from agent.text.words import tokens
from agent.tutor.expected import expected_answers
from agent.tutor.lesson import Expected, Lesson, LessonQuestion, Mistake, lesson_path, shipped_lessons
from speech.errors import InputError, one_line
from speech.files.input_file import read_input_file

MOST_BYTES = 500_000
MOST_QUESTIONS = 500
MOST_OF_A_KIND = 20
"""Answers, hints or mistakes of one question."""
LONGEST = 600
"""Characters of a question, an answer, a hint: what takes longer than half a minute to say, nobody remembers."""
_SHOWN = 40

_LABELLED = re.compile(r"\s*[*_]*([A-Za-z][A-Za-z ]{0,20}?)[*_]*\s*:[*_]*\s*(.*)", re.DOTALL)
_OF_QUESTION = {
    "answer": "answer",
    "a": "answer",
    "hint": "hint",
    "why": "why",
    "because": "why",
    "explanation": "why",
    "wrong": "wrong",
    "mistake": "wrong",
}
_OF_LESSON = {"questions": "questions", "order": "order", "pass": "pass"}
_CANT_BE_SPOKEN = {
    "fence": "code",
    "code_block": "code",
    "table_open": "a table",
    "html_block": "HTML",
    "footnote": "a footnote",
}


@dataclass
class _Draft:
    """A question in the making; `line` is its heading's."""

    text: str
    line: int
    answers: list[Expected] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    why: str = ""


def existing_lesson(name: str) -> Path:
    """The file of a lesson, as `lesson_path`.

    Raises:
        InputError: a bare word that names no shipped lesson; names those that there are.
    """
    path = lesson_path(name)
    if path.name == name and not path.suffix and not path.is_file():
        raise InputError(
            f"tutor.lesson: expected a lesson's name ({', '.join(shipped_lessons())}) or a Markdown file, got '{name}'"
        )
    return path


def load_lesson(path: Path) -> Lesson:
    """Reads a lesson file.

    Args:
        path: Markdown in UTF-8.

    Raises:
        InputError: the file is missing, too large, not text, or no lesson; says in which line.
    """
    shown = one_line(str(path))
    data = read_input_file(path, "a lesson file (Markdown)", most_bytes=MOST_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{shown}, line {line}: expected UTF-8 text, got the byte 0x{data[error.start]:02X}; save it as UTF-8"
        ) from None
    if "\0" in text:
        raise InputError(f"{shown}: expected text (Markdown), got a binary file")
    return _Reader(shown).read(text)


class _Reader:
    """Goes through a file's blocks; `shown` is the file's name for messages."""

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._parser = make_parser()
        self._env: dict[str, object] = {}
        self._title, self._goal = "", list[str]()
        self._drafts: list[_Draft] = []
        self._settings: dict[str, tuple[str, int]] = {}

    def read(self, text: str) -> Lesson:
        """The lesson of a file's text."""
        blocks = self._parser.parse(plain_markdown(text, self._refuse_unspoken), self._env)
        for place, block in enumerate(blocks):
            line = block.map[0] + 1 if block.map else 1
            if block.type in _CANT_BE_SPOKEN:
                self._refuse(line, f"expected what can be spoken, got {_CANT_BE_SPOKEN[block.type]}")
            if block.type == "inline" and block.content:
                self._take(block, line, self._where(blocks, place))
        return self._whole()

    @staticmethod
    def _where(blocks: Sequence[Token], place: int) -> str:
        """What a line of text stands in: "h1" … "h6" of a heading, "li" of a list, "p" of a paragraph."""
        before = blocks[place - 1]
        if before.type == "heading_open":
            return before.tag
        return "li" if before.level > 0 and place >= 2 and blocks[place - 2].type == "list_item_open" else "p"

    def _take(self, block: Token, line: int, where: str) -> None:
        if where == "h1":
            if self._title:
                self._refuse(line, "expected one title, got another; questions have two marks: ## …")
            self._title = self._said(block.content, line)
        elif where == "h2":
            self._begin_question(self._said(block.content, line), line)
        elif where.startswith("h"):
            self._refuse(line, f"expected # before the title or ## before a question, got {'#' * int(where[1])}")
        elif where == "li":
            self._take_item(block.content, line)
        elif not self._title:
            self._refuse(line, f"expected the title first (# …), got {_quoted(block.content)}")
        elif not self._drafts:
            self._goal.append(self._said(block.content, line))
        elif self._drafts[-1].answers or self._drafts[-1].hints:
            self._refuse(line, f"expected a list item (- Answer: …) or a question (## …), got {_quoted(block.content)}")
        else:
            draft = self._drafts[-1]
            draft.text = self._short(f"{draft.text} {self._said(block.content, line)}", line)

    def _begin_question(self, text: str, line: int) -> None:
        if not self._title:
            self._refuse(line, "expected the title first (# …), got a question")
        if len(self._drafts) == MOST_QUESTIONS:
            self._refuse(line, f"expected at most {MOST_QUESTIONS} questions, got more; split the lesson")
        self._check_answered()
        self._drafts.append(_Draft(text, line))

    def _take_item(self, content: str, line: int) -> None:
        labels = _OF_QUESTION if self._drafts else _OF_LESSON
        found = _LABELLED.fullmatch(content)
        label = found[1].lower() if found else ""
        if found is None or label not in labels:
            names = ("Answer", "Wrong", "Hint", "Why") if self._drafts else ("Questions", "Order", "Pass")
            near = difflib.get_close_matches(label.title(), names, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            self._refuse(
                line, f"expected one of {', '.join(f'{name}:' for name in names)} got {_quoted(content)}{hint}"
            )
        if not self._drafts:
            self._settings[_OF_LESSON[label]] = found[2].strip(), line
            return
        self._take_part(self._drafts[-1], _OF_QUESTION[label], found[2].strip(), line)

    def _take_part(self, draft: _Draft, kind: str, written: str, line: int) -> None:
        said = self._said(written, line)
        if not tokens(said):
            self._refuse(line, f"expected words after {kind.title()}:, got none")
        if kind == "answer":
            try:
                draft.answers += expected_answers(written, lambda part: self._said(part, line))
            except ValueError as error:
                self._refuse(line, str(error))
        elif kind == "hint":
            draft.hints.append(said)
        elif kind == "why":
            draft.why = f"{draft.why} {said}".strip()
        else:
            mistake, _, remark = said.partition(": ")
            draft.mistakes.append(Mistake(mistake.strip(' "“”'), remark.strip()))
        if max(len(draft.answers), len(draft.hints), len(draft.mistakes)) > MOST_OF_A_KIND:
            self._refuse(line, f"expected at most {MOST_OF_A_KIND} answers, hints or mistakes a question, got more")

    def _whole(self) -> Lesson:
        if not self._title:
            self._refuse(1, "expected a title (# …), found none")
        if not self._drafts:
            self._refuse(1, "expected questions (## … with - Answer: … below), found none")
        self._check_answered()
        questions = tuple(
            LessonQuestion(one.text, tuple(one.answers), tuple(one.mistakes), tuple(one.hints), one.why)
            for one in self._drafts
        )
        seen: dict[str, int] = {}
        for question, draft in zip(questions, self._drafts, strict=True):
            if question.key in seen:
                self._refuse(draft.line, f"expected another question, this one stands in line {seen[question.key]}")
            seen[question.key] = draft.line
        return Lesson(
            self._title,
            " ".join(self._goal),
            questions,
            min(len(questions), self._number("questions", "a number of questions", 1, MOST_QUESTIONS, len(questions))),
            self._is_shuffled(),
            self._number("pass", "a percentage such as 70%", 0, 100, 70) / 100,
        )

    def _is_shuffled(self) -> bool:
        order, line = self._settings.get("order", ("", 0))
        if order.lower() not in ("", "random", "as written"):
            self._refuse(line, f"expected Order: random or Order: as written, got {_quoted(order)}")
        return order.lower() == "random"

    def _number(self, name: str, expected: str, least: int, most: int, default: int) -> int:
        if name not in self._settings:
            return default
        text, line = self._settings[name]
        digits = text.removesuffix("%").strip()
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 5 and least <= int(digits) <= most):
            self._refuse(line, f"expected {expected}, {least} to {most}, got {_quoted(text)}")
        return int(digits)

    def _check_answered(self) -> None:
        if self._drafts and not self._drafts[-1].answers:
            draft = self._drafts[-1]
            self._refuse(draft.line, f"expected an answer (- Answer: …) to {_quoted(draft.text)}, found none")

    def _said(self, content: str, line: int) -> str:
        """The words of Markdown, on one line."""
        gaps = re.sub(r"_{2,}", "\u2581", content)  # Markdown would take them for marks
        said = inline_text(self._parser, gaps, self._env, lambda what: None)
        return self._short(" ".join(said.replace("\u2581", "___").split()), line)

    def _short(self, text: str, line: int) -> str:
        if len(text) > LONGEST:
            self._refuse(
                line, f"expected at most {LONGEST} characters, got {len(text)}: nobody remembers so much at once"
            )
        return text

    def _refuse_unspoken(self, what: str, line: int) -> None:
        self._refuse(line, f"expected what can be spoken, got a {what}")

    def _refuse(self, line: int, problem: str) -> NoReturn:
        raise InputError(f"{self._shown}, line {line}: {problem}")


def _quoted(text: str) -> str:
    shown = one_line(" ".join(text.split()))
    return f"'{shown[:_SHOWN]}{'…' if len(shown) > _SHOWN else ''}'"
