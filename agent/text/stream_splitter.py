"""Takes marks out of text that comes in pieces: what may become a mark is held back, and no longer than that."""

from __future__ import annotations

import re
from collections.abc import Callable


class StreamSplitter:
    """Splits streamed text at marks. The result depends on the text only, never on how it was cut into pieces.

    Args:
        opener: finds the first character of a mark.
        whole: matches a whole mark from its first character on; its last character must decide that it is whole.
        may_be: fully matches every proper beginning of a mark.
    """

    def __init__(self, opener: re.Pattern[str], whole: re.Pattern[str], may_be: re.Pattern[str]) -> None:
        self._opener, self._whole, self._may_be = opener, whole, may_be
        self._held = ""

    def push(self, piece: str, on_text: Callable[[str], None], on_mark: Callable[[re.Match[str]], None]) -> None:
        """Takes the next piece of text; calls `on_text` with what is surely text and `on_mark` with marks, in order."""
        held = self._held + piece
        position = text_from = 0
        while start := self._opener.search(held, position):
            position = start.start()
            mark = self._whole.match(held, position)
            is_open = mark is None and self._may_be.fullmatch(held, position) is not None
            if mark or is_open:
                if position > text_from:
                    on_text(held[text_from:position])
                text_from = position
            if mark:
                on_mark(mark)
                position = text_from = mark.end()
            elif is_open:
                self._held = held[position:]
                return
            else:
                position += 1
        if len(held) > text_from:
            on_text(held[text_from:])
        self._held = ""

    def flush(self) -> str:
        """Returns what was held back at the end of the text."""
        held, self._held = self._held, ""
        return held
