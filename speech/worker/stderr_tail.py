"""What a worker process has written to its standard error last: why it died, or what its libraries complain about."""

from __future__ import annotations

import asyncio
from collections import deque

_LINES, _LINE_CHARACTERS = 50, 400
_PIECE_BYTES = 4096


class StderrTail:
    """The last lines of a process's standard error.

    Args:
        stream: to be read by `read`.

    Attributes:
        lines: at most 50, oldest first, each cut to 400 characters.
    """

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self._stream = stream
        self.lines: deque[str] = deque(maxlen=_LINES)

    @property
    def last(self) -> str:
        """The last line; "" where nothing was written."""
        return self.lines[-1] if self.lines else ""

    async def read(self) -> None:
        """Reads to the stream's end, so that the process never waits for a full pipe."""
        rest = ""
        while piece := await self._stream.read(_PIECE_BYTES):
            # Progress bars write carriage returns only: a line must not grow for ever.
            *lines, rest = (rest + piece.decode(errors="replace")).replace("\r", "\n").split("\n")
            self._keep(*lines)
            rest = rest[-_PIECE_BYTES:]
        self._keep(rest)

    def _keep(self, *lines: str) -> None:
        self.lines.extend(line.rstrip()[:_LINE_CHARACTERS] for line in lines if line.strip())
