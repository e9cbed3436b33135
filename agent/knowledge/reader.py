"""Reads the entries out of a knowledge file: Markdown, with HTML in it, as markdown-it takes it apart.

Front matter and comments are nobody's answer; code, footnotes, images and the like can't be spoken: they are left out,
and it is noted where.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from agent.knowledge.blocks import MOST_COLUMNS, MOST_NESTED, QUESTION, make_parser, plain_markdown
from agent.knowledge.entry import Entry, LeftOut
from agent.knowledge.html import HtmlReader
from agent.knowledge.inline import clean, inline_text
from agent.knowledge.spoken.lists import Item, end, gather, say_list
from agent.knowledge.spoken.table import SpokenRow, read_table

MOST_ROWS = 2_000
"""Rows of tables that are found by themselves; the others are found by their section."""

_MENTION_CHARACTERS = 40
_WORDS = re.compile(r"[^\W\d_]{2,}(?:[ '’-][^\W\d_]+){0,3}")

_INTRO_WORDS = 20
"""A paragraph this short before a list or table is said together with it."""

_ANSWER = re.compile(r"\s*[*_]*(?:a|answer|antwort)\s*\d*[*_]*\s*[:.)][*_]*\s*(.*)$", re.IGNORECASE)
_DEFINITION = re.compile(r":\s+(?=\S)")
_ALERT = re.compile(r"!(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION|INFO)\b", re.IGNORECASE)
_PIPE_ROW = re.compile(r"\s*(?:\|.*\||\+[-=+:]+\+)\s*")
_PIPE_RULE = re.compile(r"[\s|:+=-]*")
_PIPE = re.compile(r"(?<!\\)\|")
_TASK = re.compile(r"\[([ xX])\]\s+")


def read_markdown(text: str) -> tuple[tuple[Entry, ...], tuple[LeftOut, ...]]:
    """Reads a knowledge file's text; any text is accepted, the entries may be none.

    Returns:
        The entries, and what was left out, both in the file's order.
    """
    reader = _Reader()
    reader.read(plain_markdown(text, reader.leave_out))
    return tuple(reader.entries), tuple(sorted(reader.omitted, key=lambda one: one.line))


@dataclass(slots=True)
class _Section:
    """The heading path down to the entry at hand."""

    level: int
    title: str
    line: int


class _Reader:
    """Block by block: what is open is the heading path, the questions, and the paragraphs of the entry at hand."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.omitted: list[LeftOut] = []
        self._parser = make_parser()
        self._env: dict[str, object] = {}
        self._html = HtmlReader(self)
        self._line = 1
        self._path: list[_Section] = []
        self._questions: list[str] = []
        self._asked_at = 0
        self._paragraphs: list[str] = []
        self._rows: list[Entry] = []
        self._mentions: dict[str, None] = {}
        self._row_count = 0
        self._said_since_heading = True
        self._heading_named_one = False  # a question after it has its own name

    def read(self, text: str) -> None:
        """Reads a whole document."""
        tokens = self._parser.parse(text, self._env)
        self._read_blocks(tokens)
        self._html.end()
        self._finish_entry()
        self._heading_ends()
        references = self._env.get("references")
        if isinstance(references, dict):
            for found in references.values():
                self.leave_out("link definition", found["map"][0] + 1)

    def leave_out(self, kind: str, line: int) -> None:
        """Notes that something is not spoken."""
        self.omitted.append(LeftOut(kind, line))
        self._said_since_heading = True

    def left_out(self, kind: str) -> None:
        """Notes that something in the block at hand is not spoken."""
        self.leave_out(kind, self._line)

    # What HTML brings.

    def html_heading(self, level: int, text: str) -> None:
        """A heading."""
        self._heading(level, clean(text))

    def html_question(self, text: str) -> None:
        """The summary of details that unfold."""
        self._question(" ".join(clean(text).split()))

    def html_text(self, text: str) -> None:
        """A paragraph."""
        self._lines(clean(text).split("\n"))

    def html_list(self, items: list[Item], ordered: bool) -> None:
        """A list."""
        kept = [Item(text) for item in items if (text := " ".join(clean(item.text).split()))]
        self._list(kept, ordered=ordered, start=1)

    def html_table(self, header: list[str], rows: list[list[str]]) -> None:
        """A table."""
        self._table([clean(cell) for cell in header], [[clean(cell) for cell in row] for row in rows])

    # What Markdown brings.

    def _read_blocks(self, tokens: Sequence[Token]) -> None:
        place = 0
        while place < len(tokens):
            token = tokens[place]
            if token.map:
                self._line = token.map[0] + 1
            place += 1
            if token.level >= MOST_NESTED - 1 and token.type in ("blockquote_open", "list_item_open"):
                self.left_out(f"part nested more than {MOST_NESTED // 2} deep")
            if token.type == "heading_open":
                self._heading_block(token, tokens[place])
            elif token.type == "inline":
                self._paragraph(token)
            elif token.type in ("bullet_list_open", "ordered_list_open"):
                close = _closing(tokens, place - 1)
                self._list_block(tokens[place - 1 : close + 1])
                place = close + 1
            elif token.type == "table_open":
                close = _closing(tokens, place - 1)
                self._table_block(tokens[place:close])
                place = close + 1
            elif token.type == "html_block":
                self._html.block(token.content)
            elif token.type in ("fence", "code_block"):
                self.left_out("code block")
            elif token.type == "footnote":
                self.left_out("footnote")

    def _text(self, token: Token) -> str:
        return inline_text(self._parser, token.content, self._env, self.left_out)

    def _heading_block(self, opening: Token, inline: Token) -> None:
        text = self._text(inline)
        inline.content = ""  # it comes again as a block
        lines = text.split("\n")
        underlined = opening.markup in ("-", "=")
        if underlined and (len(lines) > 1 or QUESTION.match(text) or _ANSWER.match(text)):
            self._lines(lines)  # a rule right below a paragraph was meant
        else:
            self._heading(int(opening.tag[1]), " ".join(lines))

    def _heading(self, level: int, title: str) -> None:
        self._finish_entry()
        if self._path and level <= self._path[-1].level:
            self._heading_ends()
        question = QUESTION.match(title)
        title = question[1] if question else title
        if not any(character.isalnum() for character in title):
            title = ""  # a row of stars
        self._path = [above for above in self._path if above.level < level]
        self._path.append(_Section(level, title, self._line))
        self._said_since_heading = self._heading_named_one = False
        if question and title:
            self._question(title)

    def _heading_ends(self) -> None:
        if not self._said_since_heading and self._path and self._path[-1].title:
            self.leave_out("heading without text", self._path[-1].line)
        self._said_since_heading = True

    def _paragraph(self, inline: Token) -> None:
        if not inline.content:
            return
        written = inline.content.split("\n")
        if len(written) > 1 and all(map(_PIPE_ROW.fullmatch, written)):
            self._pipe_rows(written)
            return
        text = self._text(inline)
        if self._html.is_inside:
            self._html.handle_data(text)
        elif _is_bold_question(inline.content) and text.endswith("?") and "\n" not in text:
            self._question(text)
        else:
            self._lines(text.split("\n"))

    def _pipe_rows(self, written: Sequence[str]) -> None:
        """A table whose rule is missing, or has other columns than its header."""
        rows = []
        is_rule = [_PIPE_RULE.fullmatch(line) is not None for line in written]
        inner = is_rule[is_rule.index(False) :] if False in is_rule else []
        # Where a table is framed, or each row has a rule below it, the header's rule is of another kind.
        rule = written[len(written) - len(inner) + 1] if inner[1:2] == [True] else ""
        has_header = "=" in rule or (bool(rule) and not is_rule[0] and inner.count(True) == 1)
        for line, is_border in zip(written, is_rule, strict=True):
            if not is_border:
                cells = _PIPE.split(line.strip())[1:-1][:MOST_COLUMNS]
                rows.append([inline_text(self._parser, cell.strip(), self._env, self.left_out) for cell in cells])
        if rows:
            self._table(rows[0] if has_header else [], rows[1:] if has_header else rows)

    def _lines(self, lines: Sequence[str]) -> None:
        """A paragraph, which may hold questions and answers."""
        lines = [line for line in lines if line and not _ALERT.fullmatch(line)]
        pending: list[str] = []
        for line in lines:
            if question := QUESTION.match(line):
                self._say(" ".join(pending))
                pending = []
                self._question(question[1])
            elif self._questions and (answer := _ANSWER.match(line)):
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

    def _question(self, text: str) -> None:
        if self._paragraphs:
            self._finish_entry()
        if text:
            if not self._questions:
                self._asked_at = self._line
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

    def _list_block(self, tokens: Sequence[Token]) -> None:
        opening = tokens[0]
        items, others, _ = self._items(tokens, 1)
        start = opening.attrs.get("start", 1)
        self._list(items, ordered=opening.type == "ordered_list_open", start=start if isinstance(start, int) else 1)
        self._read_blocks(others)

    def _items(self, tokens: Sequence[Token], place: int) -> tuple[list[Item], list[Token], int]:
        """The items of a list, the blocks in them that are no text, and the place after it."""
        items: list[Item] = []
        others: list[Token] = []
        while place < len(tokens):
            token = tokens[place]
            if token.map:
                self._line = token.map[0] + 1
            place += 1
            if token.type in ("bullet_list_close", "ordered_list_close"):
                break
            if token.type == "list_item_open":
                items.append(Item(""))
            elif token.type in ("bullet_list_open", "ordered_list_open"):
                below, more, place = self._items(tokens, place)
                items[-1].items += below
                items[-1].ordered = token.type == "ordered_list_open"
                others += more
            elif token.type == "inline":
                task = None if items[-1].text else _TASK.match(token.content)
                if task:
                    items[-1].is_done = task[1] != " "
                    token.content = token.content[task.end() :]
                items[-1].text = f"{items[-1].text}\n{self._text(token)}".strip()
            elif token.type == "table_open":
                close = _closing(tokens, place - 1)
                others += tokens[place - 1 : close + 1]
                place = close + 1
            elif token.type in ("fence", "code_block", "html_block", "footnote"):
                others.append(token)
            if token.level >= MOST_NESTED - 1 and token.type == "list_item_open":
                self.left_out(f"part nested more than {MOST_NESTED // 2} deep")
        return [item for item in items if item.text or item.items], others, place

    def _list(self, items: list[Item], *, ordered: bool, start: int) -> None:
        if any(QUESTION.match(item.text) for item in items):
            for item in items:
                self._lines(item.text.split("\n"))
                if item.items:
                    self._list(item.items, ordered=item.ordered, start=1)
            return
        if items and self._questions and not self._paragraphs and (answer := _ANSWER.match(items[0].text)):
            items[0].text = answer[1]
        self._mention(item.text for item in items)
        self._mention(item.text for above in items for item in above.items)
        self._say_with_intro(say_list(items, ordered=ordered, start=start))

    def _table_block(self, tokens: Sequence[Token]) -> None:
        rows: list[list[str]] = []
        for token in tokens:
            if token.map:
                self._line = token.map[0] + 1
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(self._text(token))
        self._table(rows[0], rows[1:])

    def _table(self, header: list[str], rows: list[list[str]]) -> None:
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


def _closing(tokens: Sequence[Token], opening: int) -> int:
    level, kind = tokens[opening].level, tokens[opening].type.replace("_open", "_close")
    return next(at for at in range(opening + 1, len(tokens)) if tokens[at].level == level and tokens[at].type == kind)


def _is_bold_question(source: str) -> bool:
    mark = source[:2]
    return mark in ("**", "__") and source.rstrip().endswith(mark) and source.count(mark) == 2


def _first_words(paragraph: str) -> str:
    return " ".join(paragraph.split()[:6]).rstrip(".,;:")
