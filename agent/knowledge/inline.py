"""A line of Markdown, parsed, becomes the words in it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from speech.text.html_elements import HTML_ELEMENTS

MUTE_TAGS = frozenset("script style template svg math head title iframe object select textarea".split())
"""What lies between these is not for reading."""

MOST_CHARACTERS = 20_000
MOST_MARKS = 2_000
_MOST_UNCLOSED = 5
"""A paragraph with more than this is no prose: its marks are taken out without asking what they mean, because the
parser takes quadratic time for the worst of them."""

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)((?:\s|/)[^<>]*)?>")
_DECLARATION = re.compile(r"<[!?][^<>]*>")
_MARKS = re.compile(r"[\[\]*_`<&!~\\]")
_REFERENCE = re.compile(r"\^\[[^\[\]\n]*\]|\[\^[^\[\]\s]+\]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_BROKEN_ENTITY = re.compile(r"&(?=#?\w+;)")
_TIMES_ENCODED = 3
"""Text that went through several programs is encoded as often: "&amp;amp;"."""
_BROKEN_LINK = re.compile(r"\[([^\[\]\n]{0,300})\]\([^()\n]{0,500}\)")
_SCHEME = re.compile(r"\b(?:https?://|mailto:)(?=\w)", re.IGNORECASE)
_EDGE_MARKS = re.compile(r"(?<![\w*_~])[*_~]+(?=[^\s*_~])|(?<=[^\s*_~])[*_~]+(?![\w*_~])|[*_]{2,}|~~+|`+")
_HASHES = re.compile(r"^\s*#{1,6}\s+|(?<!\w)#{2,}(?!\w)")
_BRACKETS = re.compile(r"[\[\]{}\\]+")
_ANY_MARK = re.compile(r"[\[\]{}*_~`|#&\\]|://|mailto:|\s[.,:;!?]|^,|,$", re.IGNORECASE)
_LOST_STOP = re.compile(r"\s+(?=[.,;:!?](?:\s|$))")
_PIPES = re.compile(r"\s*\|+\s*")


def _footnote_reference(state: StateInline, silent: bool) -> bool:
    match = _REFERENCE.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("footnote_reference", "", 0)
    state.pos = match.end()
    return True


def teach_footnote_references(parser: MarkdownIt) -> None:
    """Has the parser take "[^1]" and "^[a note]" for what they are."""
    parser.inline.ruler.before("link", "footnote_reference", _footnote_reference)


def inline_text(parser: MarkdownIt, content: str, env: dict[str, object], note: Callable[[str], None]) -> str:
    """The words of a block of Markdown.

    Args:
        parser: a parser with footnote references.
        content: the block's source.
        env: the document's link definitions.
        note: called with the kind of each thing that is left out.

    Returns:
        Words on as many lines as the writer broke it into; no marks, tags or entities.
    """
    unclosed = content.count("[") - content.count("]")
    if len(content) > MOST_CHARACTERS or len(_MARKS.findall(content)) > MOST_MARKS or unclosed > _MOST_UNCLOSED:
        return clean(_DECLARATION.sub(" ", _TAG.sub(_tag_as_text, content)))
    children: list[Token] = []
    parser.inline.parse(content, parser, env, children)
    return tokens_text(children, note)


def tokens_text(children: Sequence[Token], note: Callable[[str], None]) -> str:
    """The words of parsed inline tokens."""
    parts: list[str] = []
    mute = ""
    for token in children:
        if token.type == "html_inline":
            tag = _TAG.fullmatch(token.content)
            name = tag[2].lower() if tag else ""
            if mute:
                mute = "" if tag and tag[1] and name == mute else mute
            elif tag and not tag[1] and name in MUTE_TAGS:
                mute = name
                note(f"HTML {name}")
            elif name == "img":
                note("image")
            else:
                parts.append(_tag_as_text(tag, before="".join(parts[-1:])) if tag else "")
        elif mute:
            continue
        elif token.type == "image":
            note("image")
        elif token.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        else:
            parts.append(token.content)
    return clean("".join(parts))


def _tag_as_text(tag: re.Match[str], *, before: str | None = None) -> str:
    """What a tag leaves behind: nothing or a line break; a name in angle brackets that is no tag, its words."""
    name = tag[2].lower()
    if name in HTML_ELEMENTS:
        return "\n" if name == "br" else " " if name in ("p", "div", "li", "td", "th", "tr") else ""
    if before is None:
        before = tag.string[max(tag.start() - 1, 0) : tag.start()]
    if before[-1:].isalnum():
        return tag[0]  # "x<y and y>z"
    return "" if tag[1] else tag[0][1:-1].strip(" /")


def clean(text: str) -> str:
    """Takes out the marks that no parser could make sense of, line by line; "5 * 3", C# and snake_case stay."""
    for _ in range(_TIMES_ENCODED):
        decoded = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
        if decoded == text:
            break
        text = decoded
    text = text.replace("<!--", " ").replace("-->", " ")
    text = _TAG.sub(lambda tag: _tag_as_text(tag), text)
    lines = text.replace("\0", " ").split("\n")
    return "\n".join(line for line in map(_clean_line, lines) if line)


def _clean_line(line: str) -> str:
    line = " ".join(line.split())  # first: several patterns below take long for a long row of blanks
    if not _ANY_MARK.search(line):
        return line
    line = _BROKEN_LINK.sub(r"\1", line)
    line = _SCHEME.sub("", line)
    line = _HASHES.sub("", line)
    line = _PIPES.sub(", ", line)
    line = _BRACKETS.sub(" ", line)
    line = _EDGE_MARKS.sub("", line)
    line = " ".join(_BROKEN_ENTITY.sub("& ", line).split())
    return _LOST_STOP.sub("", line).strip(" ,")
