"""No words of the conversation in the log: what is taken out of messages that may repeat them.

Our own messages quote what came from elsewhere, so whatever stands between quotation marks is left out; libraries,
servers and other people's backends may repeat words without them, so runs of words that were said are left out too.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterable

LEFT_OUT = "…"

_QUOTED = [re.compile(rf"(?:(?<!\w)|(?<=\b[bB])){mark}(?:.*{mark}(?!\w)|.*)") for mark in ("'", '"', "`")]
"""From the first mark to the last, since what is quoted may hold such marks itself, or to the end, where that was cut
off. The apostrophe in "can't" is none."""

_TRACEBACK_PLACE = re.compile(r'\s*File "[^"]+", line \d+(, in \S+)?')
_WORD = re.compile(r"\w+")

_RUN = 3
"""So many words in a row are taken for words that were said; fewer are anybody's."""

_TEXTS = 200
"""Texts that are known at a time: an hour of conversation. What failed is logged within seconds."""


class Redaction:
    """What is left out of messages in the log.

    Attributes:
        keeps_words: leave nothing out but secrets: somebody asked for the words.
    """

    def __init__(self) -> None:
        self.keeps_words = False
        self._names: tuple[str, ...] = ()
        self._secrets: tuple[str, ...] = ()
        self._lasting: set[tuple[str, ...]] = set()
        self._runs: deque[set[tuple[str, ...]]] = deque(maxlen=_TEXTS)
        self._lock = threading.Lock()  # words are noted on the event loop, messages redacted on the log's thread

    def know(self, *, names: Iterable[str] = (), secrets: Iterable[str] = (), texts: Iterable[str] = ()) -> None:
        """Says what is what.

        Args:
            names: of devices, backends and the like, which stay even between quotation marks.
            secrets: keys and passwords, which never stay.
            texts: what a mind is told: persona and knowledge; treated like words that were said, for ever.
        """
        with self._lock:
            self._names = tuple(sorted({name for name in names if name}, key=len, reverse=True))
            self._secrets = tuple(secret for secret in secrets if secret)
            self._lasting = {run for text in texts for run in _runs(text)}

    def note(self, text: str) -> None:
        """Takes words that were said, or are about to be."""
        if runs := _runs(text):
            with self._lock:
                self._runs.append(runs)

    def hide_secrets(self, text: str) -> str:
        """The text without keys and passwords."""
        for secret in self._secrets:
            text = text.replace(secret, LEFT_OUT)
        return text

    def apply(self, text: str) -> str:
        """The text without secrets, and without what may have been said; the places of a traceback stay."""
        with self._lock:
            text = self.hide_secrets(text)
            if self.keeps_words:
                return text
            return "\n".join(
                line if _TRACEBACK_PLACE.fullmatch(line) else self._without_said(self._without_quoted(line))
                for line in text.split("\n")
            )

    def _without_quoted(self, line: str) -> str:
        # A name between marks is told with others, which no quotation mark is looked for in.
        for mark, instead in (("'", "\0"), ('"', "\1")):
            for name in self._names:
                line = line.replace(f"{mark}{name}{mark}", f"{instead}{name}{instead}")
        for pattern in _QUOTED:
            line = pattern.sub(lambda found: f"{found[0][0]}{LEFT_OUT}{found[0][0]}", line)
        return line.replace("\0", "'").replace("\1", '"')

    def _without_said(self, line: str) -> str:
        words = list(_WORD.finditer(line))
        said = [False] * len(words)
        for index in range(len(words) - _RUN + 1):
            run = tuple(word[0].casefold() for word in words[index : index + _RUN])
            if run in self._lasting or any(run in runs for runs in self._runs):
                said[index : index + _RUN] = [True] * _RUN
        # From the end, so that the places of the words before stay right.
        for index in reversed(range(len(words))):
            if said[index]:
                begins = index == 0 or not said[index - 1]
                start = words[index].start() if begins else words[index - 1].end()
                line = f"{line[:start]}{LEFT_OUT if begins else ''}{line[words[index].end() :]}"
        return line


def _runs(text: str) -> set[tuple[str, ...]]:
    words = [word.casefold() for word in _WORD.findall(text)]
    return {tuple(words[index : index + _RUN]) for index in range(len(words) - _RUN + 1)}
