"""What is known, as the mind takes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_VERB = r"(?:is|are|am|was|were|do|does|did|can|could|will|would|shall|should|may|must|has|have)"
_ASKS = re.compile(
    rf"(?:(?:what|who|whom|where|when|why|how(?: \w+)?|(?:which|what|whose) \w+)\s+)?{_VERB}\s+\S", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is known.

    Attributes:
        title: its heading, its first question, or a table row's first cell; plain words.
        questions: ways to ask for it, as written in the file or made for a table's row; may be empty.
        paragraphs: the answer, ready to be spoken; the first is said at once, the others when asked for more. Not
            empty.
        context: the headings above its own, outermost first.
        rows: the rows of its tables and the terms it defines, each an entry of its own; the paragraphs say them too.
        names: of a row, what it goes by: who asks for it says one of them.
        mentions: the short items of its lists and cells of its tables.
    """

    title: str
    questions: tuple[str, ...]
    paragraphs: tuple[str, ...]
    context: tuple[str, ...] = ()
    rows: tuple[Entry, ...] = ()
    names: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()

    @property
    def is_question(self) -> bool:
        """Whether the title itself asks something ("Where is the lift", but not "Where to find us")."""
        return self.title.endswith("?") or _ASKS.match(self.title) is not None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of a knowledge file that is not spoken.

    Attributes:
        kind: what it is, in the singular: "code block".
        line: where it begins, from 1.
    """

    kind: str
    line: int


_LINES_NAMED = 5


def say_left_out(left_out: tuple[LeftOut, ...]) -> str:
    """One line: "left out: 2 code blocks (lines 10, 30), a footnote (line 41)"; "" if nothing was."""
    lines: dict[str, list[int]] = {}
    for one in left_out:
        lines.setdefault(one.kind, []).append(one.line)
    told = [_say_kind(kind, at) for kind, at in lines.items()]
    return f"left out: {', '.join(told)}" if told else ""


def _say_kind(kind: str, lines: list[int]) -> str:
    if len(lines) == 1:
        return f"{'an' if kind.startswith(('a', 'e', 'i', 'o', 'u', 'HTML')) else 'a'} {kind} (line {lines[0]})"
    named = ", ".join(map(str, lines[:_LINES_NAMED])) + (" …" if len(lines) > _LINES_NAMED else "")
    noun, _, rest = kind.partition(" without ")
    return f"{len(lines)} {noun}s{f' without {rest}' if rest else ''} (lines {named})"
