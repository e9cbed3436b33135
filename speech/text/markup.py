"""Markdown, HTML and entities as they are spoken: the marks go, the words stay; and nothing else is taken for a mark.

What only looks like markup is text: "x<y", "5 * 3", "snake_case", "C#", "AT&T". Where text comes in pieces, a mark
whose other half is in another piece is found as well (see `strip_markup`). Time is linear in the text's length.
"""

from __future__ import annotations

import bisect
import html
import re
from dataclasses import dataclass
from html.entities import html5

from speech.text.formulas import replace_formulas
from speech.text.html_elements import HTML_ELEMENTS

# SSML's, and what reasoning models leave behind.
_MORE_ELEMENTS = frozenset(
    "speak voice prosody emphasis break say-as phoneme lexicon desc lang token w paragraph sentence think".split()
)
_NAMES = "|".join(sorted(HTML_ELEMENTS | _MORE_ELEMENTS, key=lambda name: (-len(name), name)))
_ATTRIBUTE = r"""\s+[A-Za-z_:][\w:.-]{0,40}(?:\s*=\s*(?:"[^"<>]{0,300}"|'[^'<>]{0,300}'|[^\s"'=<>`]{1,300}))?"""
_TAG = rf"<(?:(?:{_NAMES})(?:{_ATTRIBUTE}){{0,12}}\s*/?|/(?:{_NAMES})\s*)>"
_TAG_LIKE = re.compile(rf"<(/?(?:{_NAMES})(?:\s[^<>]{{0,300}})?/?)>", re.IGNORECASE)
_SPACED = re.compile(
    r"</?(?:br|p|div|li|ul|ol|tr|td|th|h[1-6]|hr|table|blockquote|break|paragraph|sentence|pre)\b", re.I
)
_SCHEME = re.compile(r"https?://|mailto:", re.I)
_URL_END = r"(?:<[^<>\n]{0,500}>|[^\s()<>]{0,500}(?:\([^\s()<>]{0,200}\)[^\s()<>]{0,200}){0,3})"
_TITLE = r"""(?:\s+(?:"[^"\n]{0,200}"|'[^'\n]{0,200}'|\([^()\n]{0,200}\)))?"""
_TEXT = r"(?:[^\[\]\n\\]|\\.|\[[^\[\]\n]{0,100}\]|\n(?!\n)){0,300}"

_INLINE = re.compile(
    rf"""(?P<escape>\\[\\`*_{{}}\[\]()\#+\-.!|<>~$&"'])
    | (?P<code>`+)
    | (?P<comment><!--(?:[^<-]|<(?!!--)|-(?!->)){{0,5000}}-->)
    | <(?P<address>(?:https?|ftp)://[^\s<>]{{1,500}}|mailto:[^\s<>]{{1,200}}
        |[\w.+-]{{1,64}}@[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,6}})>
    | (?P<tag>{_TAG})
    | (?P<image>!\[{_TEXT}\](?:\(\s*{_URL_END}{_TITLE}\s*\)|\[[^\[\]\n]{{0,100}}\]))
    | \[(?P<footnote>\^[^\[\]\s]{{1,40}})\](?!:)
    | (?<![\w\])])\[(?P<text>{_TEXT})\](?:\(\s*{_URL_END}{_TITLE}\s*\)|\[[^\[\]\n]{{0,100}}\])
    | (?<=[\w\])])\[(?P<near>{_TEXT})\]\(\s*(?=[^\s()]*[./\#:])(?:{_URL_END}){_TITLE}\s*\)
    | (?P<entity>&(?:amp;)*(?:\#[0-9]{{1,7}}|\#[xX][0-9a-fA-F]{{1,6}}|[A-Za-z][A-Za-z0-9]{{1,31}});)
    | (?P<run>\*+|_+|~~+)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_ANY_MARK = re.compile(r"[*_`\[<&\\~|$]|^[ \t]*[-+=#>•\d]", re.MULTILINE)

FENCE = re.compile(r"[ \t]{0,8}(?:`{3,}[^`\n]*|~{3,}[^~\n]*)$")
"""A line that begins or ends a block of code."""
TABLE_ROW = re.compile(r"[ \t]{0,8}\|[^\n]*\|[ \t]*$")
"""A line of a table."""
_TABLE_RULE = re.compile(r"[ \t]{0,8}\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*+\|?[ \t]*$")
_RULE = re.compile(r"[ \t]{0,8}(?:(?:-[ \t]*){3,}+|(?:\*[ \t]*){3,}+|(?:_[ \t]*){3,}+|=[= \t]{2,}+)$")
_HEADING = re.compile(r"[ \t]{0,8}#{1,6}(?:[ \t]+|$)")
_HEADING_END = re.compile(r"[ \t]+#+[ \t]*$")
_BULLET = re.compile(r"(?:[-*+•‣◦][ \t]+)(?:\[[ xX]\][ \t]+)?(?=\S)")
_NUMBER = re.compile(r"\d{1,3}[.)][ \t]+(?=\S)(?!\d)")
_DEFINITION = re.compile(r"[ \t]{0,3}\[\^?[^\[\]\n]{1,100}\]:[ \t]*<?(?:https?://|/|\.|#)[^\n]*$")
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_MARKS_ON_A_LETTER = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{2})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]++"
)


@dataclass(frozen=True, slots=True)
class MarkupState:
    """What is still open where a piece of text ends.

    Attributes:
        runs: marks of emphasis whose other half was not there.
        is_code: a block of code has not ended.
    """

    runs: tuple[str, ...] = ()
    is_code: bool = False


NOTHING_OPEN = MarkupState()


def strip_markup(
    text: str,
    before: MarkupState = NOTHING_OPEN,
    *,
    begins_line: bool = True,
    ends_block: bool = True,
    numbers: bool = True,
) -> tuple[str, MarkupState]:
    """Takes the marks out of a piece of a text.

    Args:
        text: the piece.
        before: what the piece before it left open.
        begins_line: the piece begins a line, where "- " is a bullet.
        ends_block: a paragraph ends with it, so that what is open here is no mark.
        numbers: the numbers of a list go as well.

    Returns:
        Its words on one line, and what it leaves open.
    """
    text = clean(text)
    if before == NOTHING_OPEN and not _ANY_MARK.search(text):
        return " ".join(text.split()), NOTHING_OPEN
    lines, is_code = [], before.is_code
    runs = before.runs
    block: list[str] = []

    def end_block(at_end: bool) -> None:
        nonlocal runs
        if block:
            words, runs = _inline("\n".join(block), runs, is_last=at_end)
            lines.append(words)
            block.clear()

    for number, line in enumerate(text.split("\n")):
        if FENCE.match(line) and (number or begins_line):
            end_block(True)
            is_code = not is_code
        elif is_code:
            lines.append(_literal(line))
        else:
            bare = _block_marks(line, numbers=numbers) if number or begins_line else line
            if not bare.strip():
                end_block(True)
                runs = ()
            else:
                block.append(bare)
    end_block(ends_block)
    return " ".join(" ".join(lines).split()), MarkupState(() if ends_block else runs, is_code)


def clean(text: str) -> str:
    """Takes out what nobody can see or say: control characters, halves of surrogate pairs, towers of accents."""
    if text.isascii() and text.isprintable():
        return text
    return _MARKS_ON_A_LETTER.sub(r"\1", _UNSAFE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def _block_marks(line: str, *, numbers: bool) -> str:
    """A line without what only its beginning says: heading, list, quotation, table, rule."""
    if _RULE.match(line) or _DEFINITION.match(line) or ("|" in line and _TABLE_RULE.match(line)):
        return ""
    bare = line.lstrip(" \t")
    while bare.startswith(">") and (bare[1:2] in ("", " ", "\t", ">") or bare[1:2].isalpha()):
        bare = bare[1:].lstrip(" \t")
    if bare.startswith("#") and (heading := _HEADING.match(bare)):
        return _HEADING_END.sub("", bare[heading.end() :])
    if TABLE_ROW.match(bare):
        return ", ".join(cell.strip() for cell in bare.strip().strip("|").split("|") if cell.strip())
    if (mark := _BULLET.match(bare)) or (numbers and (mark := _NUMBER.match(bare))):
        return bare[mark.end() :]
    return bare


def _inline(text: str, opened: tuple[str, ...], *, is_last: bool) -> tuple[str, tuple[str, ...]]:
    """Takes the marks out of a paragraph; returns what is open at its end, unless it is the last of it."""
    text = replace_formulas(text)
    parts: list[str] = []
    runs = _EmphasisPairs(opened)
    ticks: _BacktickRuns | None = None
    position = 0
    while match := _INLINE.search(text, position):
        parts.append(text[position : match.start()])
        position = match.end()
        kind = match.lastgroup
        found = match.group()
        if kind == "run":
            runs.add(len(parts), found, text[match.start() - 1 : match.start()], text[position : position + 1])
            parts.append(found)
        elif kind == "code":
            ticks = ticks or _BacktickRuns(text)
            end = ticks.closing(len(found), position)
            if end is not None:
                parts.append(text[position:end].strip())
                position = end + len(found)
            else:
                parts.append("" if len(found) > 1 else found)
        elif kind == "escape":
            parts.append(found[1])
        elif kind == "entity":
            parts.append(_entity(found))
        elif kind in ("text", "near"):
            words, _ = _inline(match[kind], (), is_last=True)
            parts.append(words)
        elif kind == "address":
            parts.append(_SCHEME.sub("", match["address"]))
        elif kind == "tag":
            parts.append(" " if _SPACED.match(found) else "")
        else:  # images, comments, footnotes
            parts.append("" if kind == "footnote" else " ")
    parts.append(text[position:])
    left = runs.settle(parts, is_last=is_last)
    return _literal("".join(parts)), left


def _entity(written: str) -> str:
    """What a complete, known entity stands for, however often it was escaped; others stay."""
    name = written[1:].rpartition("&")[2]
    while name.startswith("amp;") and len(name) > 4:
        name = name[4:]
    if not name.startswith("#") and name not in html5:
        return written
    return html.unescape(f"&{name}").replace("\u00ad", "")


def _literal(text: str) -> str:
    """Text without marks; what still looks like a tag (from code, entities) gets other brackets, to stay."""
    return _TAG_LIKE.sub(r"‹\1›", text)


class _BacktickRuns:
    """Where the runs of backticks are, so that the end of a stretch of code is found at once."""

    def __init__(self, text: str) -> None:
        self._starts: dict[int, list[int]] = {}
        for run in re.finditer("`+", text):
            self._starts.setdefault(len(run.group()), []).append(run.start())

    def closing(self, length: int, after: int) -> int | None:
        starts = self._starts.get(length, [])
        index = bisect.bisect_left(starts, after)
        return starts[index] if index < len(starts) else None


_MOST_OPEN = 8
"""Marks of emphasis that are remembered from one piece of a text to the next."""


@dataclass(slots=True)
class _EmphasisRun:
    part: int
    mark: str
    left: int
    opens: bool
    closes: bool
    is_inside: bool


class _EmphasisPairs:
    """Pairs up marks of emphasis, by CommonMark's rules of what may open and close.

    One more rule, because "2*3*4" is arithmetic: of a pair, one at least must stand at the edge of a word.
    """

    def __init__(self, opened: tuple[str, ...]) -> None:
        self._open: dict[str, list[_EmphasisRun]] = {"*": [], "_": [], "~": []}
        self._all: list[_EmphasisRun] = []
        for mark in opened:
            self._open[mark[0]].append(_EmphasisRun(-1, mark, len(mark), True, False, False))

    def add(self, part: int, mark: str, before: str, after: str) -> None:
        """Takes the next run of marks with the characters beside it."""
        space_before, space_after = not before or before.isspace(), not after or after.isspace()
        mark_before, mark_after = _is_punctuation(before), _is_punctuation(after)
        left = not space_after and (not mark_after or space_before or mark_before)
        right = not space_before and (not mark_before or space_after or mark_after)
        opens = left and (mark[0] != "_" or not right or mark_before)
        closes = right and (mark[0] != "_" or not left or mark_after)
        inside = left and right and not mark_before and not mark_after
        run = _EmphasisRun(part, mark, len(mark), opens, closes, inside)
        self._all.append(run)
        waiting = self._open[mark[0]]
        while closes and run.left and waiting and not (inside and waiting[-1].is_inside):
            taken = min(run.left, waiting[-1].left)
            run.left -= taken
            waiting[-1].left -= taken
            if not waiting[-1].left:
                waiting.pop()
        if opens and run.left:
            waiting.append(run)

    def settle(self, parts: list[str], *, is_last: bool) -> tuple[str, ...]:
        """Writes into `parts` what is left of each run; returns those that may be closed later."""
        still_open = []
        for waiting in self._open.values():
            for run in waiting:
                if not is_last and not run.is_inside and (run.part < 0 or run.mark[0] != "_" or run.left > 1):
                    still_open.append(run.mark[0] * run.left)
                    run.left = 0
        for run in self._all:
            parts[run.part] = run.mark[0] * run.left
        return tuple(still_open[-_MOST_OPEN:])


def _is_punctuation(character: str) -> bool:
    return bool(character) and not character.isalnum() and not character.isspace()
