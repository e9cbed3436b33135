"""Taking marks out of text that comes in pieces: what may become a mark is held back, and no longer than that."""

from __future__ import annotations

import re
from collections.abc import Callable


class HoldBack:
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
        """Takes the next piece of text and tells, in order, what is surely text and what is a mark."""
        self._held += piece
        while start := self._opener.search(self._held):
            if start.start():
                on_text(self._held[: start.start()])
                self._held = self._held[start.start() :]
            if mark := self._whole.match(self._held):
                on_mark(mark)
                self._held = self._held[mark.end() :]
            elif self._may_be.fullmatch(self._held):
                return
            else:
                on_text(self._held[0])
                self._held = self._held[1:]
        if self._held:
            on_text(self._held)
            self._held = ""

    def flush(self) -> str:
        """The text is over: returns what was held back."""
        held, self._held = self._held, ""
        return held
