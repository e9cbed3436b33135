"""Reasoning models think aloud between <think> and </think> before they reply: nobody should hear that."""

from __future__ import annotations

import re

from agent.text.stream_splitter import StreamSplitter

_NAMES = ("think", "thinking")
_TAGS = tuple(f"<{slash}{name}>" for slash in ("", "/") for name in _NAMES)
_START = re.compile("<")
_TAG = re.compile(rf"<(?P<end>/?)(?:{'|'.join(_NAMES)})>", re.IGNORECASE)
_MAY_BE = re.compile(
    "|".join(sorted({re.escape(tag[:length]) for tag in _TAGS for length in range(1, len(tag))})), re.IGNORECASE
)


class ReasoningFilter:
    """Takes the reasoning out of a streamed reply: push deltas, then flush; one a reply.

    What is never closed is reasoning to its end. Blanks before the reply's first word go too.
    """

    def __init__(self) -> None:
        self._tags = StreamSplitter(_START, _TAG, _MAY_BE)
        self._reasons = False
        self._has_begun = False
        self._ready = ""

    def push(self, delta: str) -> str:
        """Takes the next piece of the reply; returns what of it is to be said, which may be nothing."""
        self._tags.push(delta, self._text, self._tag)
        ready, self._ready = self._ready, ""
        return ready

    def flush(self) -> str:
        """Returns what was held back at the end of the reply."""
        self._text(self._tags.flush())
        ready, self._ready = self._ready, ""
        return ready

    def _text(self, text: str) -> None:
        if self._reasons:
            return
        if not self._has_begun:
            text = text.lstrip()
        self._ready += text
        self._has_begun = self._has_begun or bool(text)

    def _tag(self, tag: re.Match[str]) -> None:
        self._reasons = not tag["end"]
