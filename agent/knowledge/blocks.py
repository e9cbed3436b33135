"""What a knowledge file is made of, as markdown-it is to see it: no front matter, no comments, footnotes as blocks."""

from __future__ import annotations

import re
from collections.abc import Callable

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import table as gfm_table

from agent.knowledge.inline import teach_footnote_references

MOST_COLUMNS = 40
"""A wider table is data, not something to be read out."""

MOST_NESTED = 20
"""Quotations and lists inside each other; what is deeper is left out."""

QUESTION = re.compile(r"\s*[*_]*(?:q|question|frage)\s*\d*[*_]*\s*[:.)][*_]*\s*(.*)$", re.IGNORECASE)
"""A line that asks: "Q: …"."""
ANSWER = re.compile(r"\s*[*_]*(?:a|answer|antwort)\s*\d*[*_]*\s*[:.)][*_]*\s*(.*)$", re.IGNORECASE)
"""A line that answers: "A: …"."""

_BULLET = re.compile(r"^([ \t]*)[•‣▪◦●][ \t]+", re.MULTILINE)
_FRONT_MATTER = re.compile(r"\s*\n?(---|\+\+\+)[ \t]*\n(.*?\n)??(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"\s*(?:[\w\"'][^:\n]{0,80}:(?:\s|$)|[\w.\"-]+\s*=)")
_NOT_COMMENTED = re.compile(
    r"^[ \t>]*(?P<fence>`{3,}|~{3,})[^\n]*(?:\n|\Z)(?:.*?\n)??(?:[ \t>]*(?P=fence)[`~]*[ \t]*$|\Z)"
    r"|(?P<code>`{1,3})(?!`)[^`\n]{1,500}(?P=code)(?!`)"
    r"|(?P<comment><!--.*?(?:-->|\Z))",
    re.DOTALL | re.MULTILINE,
)


def plain_markdown(text: str, leave_out: Callable[[str, int], None]) -> str:
    """A file's text without front matter and comments, its lines in their places, its bullets Markdown's.

    Args:
        text: the file's.
        leave_out: called with what is not spoken, and its line, from 1.
    """
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return _BULLET.sub(r"\1- ", _without_comments(_without_front_matter(text), leave_out))


def _without_front_matter(text: str) -> str:
    match = _FRONT_MATTER.match(text)
    if match is None:
        return text
    fields = [line for line in (match[2] or "").split("\n") if line.strip() and not line.startswith("#")]
    if fields and (not _FIELD.match(fields[0]) or QUESTION.match(fields[0])):
        return text  # a rule at the beginning, and text
    return "\n" * match[0].count("\n") + text[match.end() :]


def _without_comments(text: str, leave_out: Callable[[str, int], None]) -> str:
    """Lines keep their numbers."""

    def blank(match: re.Match[str]) -> str:
        comment = match["comment"]
        if comment is None:
            return match[0]
        if not comment.endswith("-->"):
            leave_out("comment without an end", text.count("\n", 0, match.start()) + 1)
        return "\n" * comment.count("\n") or " "

    return _NOT_COMMENTED.sub(blank, text)


def _footnote(state: StateBlock, start: int, last: int, silent: bool) -> bool:
    """A footnote's text: "[^1]: ...", up to a blank line that no indented one follows."""
    if state.is_code_block(start) or not re.match(r"\[\^[^\]\s]+\]:", _line(state, start)):
        return False
    if silent:
        return True
    after = start + 1
    while after < last:
        if state.isEmpty(after):
            following = state.skipEmptyLines(after)
            if following >= last or state.sCount[following] - state.blkIndent < 4:
                break
            after = following
        elif re.match(r"\[\^[^\]\s]+\]:|#{1,6}\s", _line(state, after)):
            break
        after += 1
    token = state.push("footnote", "", 0)
    token.map = [start, after]
    state.line = after
    return True


def _table(state: StateBlock, start: int, last: int, silent: bool) -> bool:
    return _line(state, start).count("|") <= MOST_COLUMNS and gfm_table(state, start, last, silent)


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def make_parser() -> MarkdownIt:
    """Takes blocks apart; the text inside them is looked at where it is needed."""
    parser = MarkdownIt("commonmark", {"maxNesting": MOST_NESTED}).enable(["table", "strikethrough"])
    # The text inside the blocks is looked at where it is needed, and with limits.
    parser.core.ruler.disable(["inline", "text_join"])
    parser.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    parser.block.ruler.before(
        "reference", "footnote", _footnote, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    teach_footnote_references(parser)
    return parser
