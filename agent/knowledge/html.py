"""HTML inside a knowledge file: its text is read, paragraph by paragraph; tables and lists as Markdown's are."""

from __future__ import annotations

from html.parser import HTMLParser

from agent.knowledge.entry_builder import EntryBuilder
from agent.knowledge.inline import MUTE_TAGS, clean
from agent.knowledge.spoken.lists import Item
from speech.text.html_elements import HTML_ELEMENTS

_BLOCKS = frozenset(
    """address article aside blockquote body center details dialog div dl dd dt fieldset figcaption figure footer form
    header hr html legend main nav p section caption""".split()
)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_MOST_CHARACTERS = 200_000
"""Of one block without an empty line; more is data, and the parser takes quadratic time for the worst of it."""


class HtmlReader(HTMLParser):
    """Takes a document's HTML, block by block; Markdown may stand between two of them.

    Args:
        builder: is given what is found.
    """

    def __init__(self, builder: EntryBuilder) -> None:
        super().__init__(convert_charrefs=True)
        self._builder = builder
        self._text: list[str] = []
        self._mute = ""
        self._rows: list[list[str]] | None = None
        self._has_header = False
        self._is_cell = False
        self._items: list[Item] | None = None
        self._ordered = False
        self._term = ""

    @property
    def is_inside(self) -> bool:
        """Whether a table or a list is open: text between two blocks of HTML belongs to it."""
        return self._rows is not None or self._items is not None

    def block(self, source: str) -> None:
        """Takes the next block."""
        if len(source) > _MOST_CHARACTERS:
            self._builder.leave_out("too long piece of HTML")
            return
        self.feed(source)
        if not self._mute and not self.is_inside:
            self._flush()

    def end(self) -> None:
        """The document is over: what is open is closed."""
        self.close()
        self._end_table()
        self._end_list()
        self._flush()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens what a tag opens."""
        if self._mute:
            return
        if tag in MUTE_TAGS:
            self._mute = tag
            self._builder.leave_out(f"HTML {tag}")
        elif tag == "pre":
            self._mute = tag
            self._builder.leave_out("code block")
        elif tag == "img":
            self._builder.leave_out("image")
        elif tag == "br":
            self._text.append("\n")
        elif tag == "table":
            self._flush()
            self._rows, self._has_header, self._is_cell = [], True, False
        elif self._rows is not None:
            self._start_in_table(tag)
        elif tag in ("ul", "ol"):
            if self._items is None:
                self._flush()
                self._items, self._ordered = [], tag == "ol"
        elif tag == "li" and self._items is not None:
            self._finish_item()
        elif tag in _BLOCKS or tag in _HEADINGS or tag == "summary":
            if self._items is None:
                self._flush()
            else:
                self._text.append(" ")
        elif tag not in HTML_ELEMENTS:
            self._text.append((self.get_starttag_text() or "").strip("<>/ "))

    def handle_endtag(self, tag: str) -> None:
        """Closes what a tag closes."""
        if self._mute:
            if tag == self._mute:
                self._mute = ""
            return
        if tag == "table":
            self._end_table()
        elif self._rows is not None:
            if tag in ("td", "th"):
                self._finish_cell()
        elif tag in ("ul", "ol"):
            self._end_list()
        elif self._items is not None:
            if tag == "li":
                self._finish_item()
        elif tag in _HEADINGS:
            self._builder.add_heading(int(tag[1]), clean(self._take()))
        elif tag == "summary":
            self._builder.add_question(_on_one_line(self._take()))
        elif tag == "dt":
            self._term = self._take()
        elif tag == "dd" and self._term:
            text, self._term = f"{self._term}: {self._take()}", ""
            self._paragraph(text)
        elif tag in _BLOCKS:
            self._flush()

    def handle_data(self, data: str) -> None:
        """Text between two tags."""
        if not self._mute:
            self._text.append(data.replace("\n", " "))  # the line breaks that count are tags

    def _start_in_table(self, tag: str) -> None:
        assert self._rows is not None
        if tag == "tr":
            self._finish_cell()
            self._rows.append([])
        elif tag in ("td", "th"):
            self._finish_cell()
            self._is_cell = True
            if not self._rows:
                self._rows.append([])
            if len(self._rows) == 1:
                self._has_header &= tag == "th"
        else:
            self._text.append(" ")

    def _finish_cell(self) -> None:
        text = self._take()
        if self._rows and self._is_cell:
            self._rows[-1].append(text)
        self._is_cell = False

    def _end_table(self) -> None:
        if self._rows is None:
            return
        self._finish_cell()
        rows, self._rows = self._rows, None
        rows = [[clean(cell) for cell in row] for row in rows]
        self._builder.add_table(rows[0] if rows and self._has_header else [], rows[1 if self._has_header else 0 :])

    def _finish_item(self) -> None:
        text = self._take()
        if self._items is not None and text.strip():
            self._items.append(Item(text))

    def _end_list(self) -> None:
        if self._items is None:
            return
        self._finish_item()
        items, self._items = self._items, None
        kept = [Item(text) for item in items if (text := _on_one_line(item.text))]
        self._builder.add_list(kept, ordered=self._ordered)

    def _paragraph(self, text: str) -> None:
        self._builder.add_paragraph(clean(text).split("\n"))

    def _take(self) -> str:
        text = "".join(self._text)
        self._text.clear()
        return text

    def _flush(self) -> None:
        if (text := self._take()).strip():
            self._paragraph(f"{self._term}: {text}" if self._term else text)
            self._term = ""


def _on_one_line(text: str) -> str:
    return " ".join(clean(text).split())
