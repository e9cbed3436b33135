"""Reads the entries out of a knowledge file: Markdown, with HTML in it, as markdown-it takes it apart.

Front matter and comments are nobody's answer; code, footnotes, images and the like can't be spoken: they are left out,
and it is noted where.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it.token import Token

from agent.knowledge.blocks import ANSWER, MOST_COLUMNS, MOST_NESTED, QUESTION, make_parser, plain_markdown
from agent.knowledge.entry import Entry, LeftOut
from agent.knowledge.entry_builder import EntryBuilder
from agent.knowledge.html import HtmlReader
from agent.knowledge.inline import inline_text
from agent.knowledge.spoken.lists import Item

_PIPE_ROW = re.compile(r"\s*(?:\|.*\||\+[-=+:]+\+)\s*")
_PIPE_RULE = re.compile(r"[\s|:+=-]*")
_PIPE = re.compile(r"(?<!\\)\|")
_TASK = re.compile(r"\[([ xX])\]\s+")


def read_markdown(text: str) -> tuple[tuple[Entry, ...], tuple[LeftOut, ...]]:
    """Reads a knowledge file's text; any text is accepted, the entries may be none.

    Returns:
        The entries, and what was left out, both in the file's order.
    """
    builder = EntryBuilder()
    _Reader(builder).read(plain_markdown(text, builder.leave_out))
    return tuple(builder.entries), tuple(sorted(builder.omitted, key=lambda one: one.line))


class _Reader:
    """Gives a builder what markdown-it finds, block by block."""

    def __init__(self, builder: EntryBuilder) -> None:
        self._builder = builder
        self._parser = make_parser()
        self._env: dict[str, object] = {}
        self._html = HtmlReader(self._builder)

    def read(self, text: str) -> None:
        """Reads a whole document."""
        tokens = self._parser.parse(text, self._env)
        self._read_blocks(tokens)
        self._html.end()
        self._builder.finish()
        references = self._env.get("references")
        if isinstance(references, dict):
            for found in references.values():
                self._builder.leave_out("link definition", found["map"][0] + 1)

    def _read_blocks(self, tokens: Sequence[Token]) -> None:
        place = 0
        while place < len(tokens):
            token = tokens[place]
            if token.map:
                self._builder.line = token.map[0] + 1
            place += 1
            if token.level >= MOST_NESTED - 1 and token.type in ("blockquote_open", "list_item_open"):
                self._builder.leave_out(f"part nested more than {MOST_NESTED // 2} deep")
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
                self._builder.leave_out("code block")
            elif token.type == "footnote":
                self._builder.leave_out("footnote")

    def _text(self, content: str) -> str:
        return inline_text(self._parser, content, self._env, self._builder.leave_out)

    def _heading_block(self, opening: Token, inline: Token) -> None:
        text = self._text(inline.content)
        inline.content = ""  # it comes again as a block
        lines = text.split("\n")
        underlined = opening.markup in ("-", "=")
        if underlined and (len(lines) > 1 or QUESTION.match(text) or ANSWER.match(text)):
            self._builder.add_paragraph(lines)  # a rule right below a paragraph was meant
        else:
            self._builder.add_heading(int(opening.tag[1]), " ".join(lines))

    def _paragraph(self, inline: Token) -> None:
        if not inline.content:
            return
        written = inline.content.split("\n")
        if len(written) > 1 and all(map(_PIPE_ROW.fullmatch, written)):
            self._pipe_rows(written)
            return
        text = self._text(inline.content)
        if self._html.is_inside:
            self._html.handle_data(text)
        elif _is_bold_question(inline.content) and text.endswith("?") and "\n" not in text:
            self._builder.add_question(text)
        else:
            self._builder.add_paragraph(text.split("\n"))

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
                rows.append([self._text(cell.strip()) for cell in cells])
        if rows:
            self._builder.add_table(rows[0] if has_header else [], rows[1:] if has_header else rows)

    def _list_block(self, tokens: Sequence[Token]) -> None:
        opening = tokens[0]
        items, others, _ = self._items(tokens, 1)
        start = opening.attrs.get("start", 1)
        self._builder.add_list(
            items, ordered=opening.type == "ordered_list_open", start=start if isinstance(start, int) else 1
        )
        self._read_blocks(others)

    def _items(self, tokens: Sequence[Token], place: int) -> tuple[list[Item], list[Token], int]:
        """The items of a list, the blocks in them that are no text, and the place after it."""
        items: list[Item] = []
        others: list[Token] = []
        while place < len(tokens):
            token = tokens[place]
            if token.map:
                self._builder.line = token.map[0] + 1
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
                items[-1].text = f"{items[-1].text}\n{self._text(token.content)}".strip()
            elif token.type == "table_open":
                close = _closing(tokens, place - 1)
                others += tokens[place - 1 : close + 1]
                place = close + 1
            elif token.type in ("fence", "code_block", "html_block", "footnote"):
                others.append(token)
            if token.level >= MOST_NESTED - 1 and token.type == "list_item_open":
                self._builder.leave_out(f"part nested more than {MOST_NESTED // 2} deep")
        return [item for item in items if item.text or item.items], others, place

    def _table_block(self, tokens: Sequence[Token]) -> None:
        rows: list[list[str]] = []
        for token in tokens:
            if token.map:
                self._builder.line = token.map[0] + 1
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(self._text(token.content))
        self._builder.add_table(rows[0], rows[1:])


def _closing(tokens: Sequence[Token], opening: int) -> int:
    level, kind = tokens[opening].level, tokens[opening].type.replace("_open", "_close")
    return next(at for at in range(opening + 1, len(tokens)) if tokens[at].level == level and tokens[at].type == kind)


def _is_bold_question(source: str) -> bool:
    mark = source[:2]
    return mark in ("**", "__") and source.rstrip().endswith(mark) and source.count(mark) == 2
