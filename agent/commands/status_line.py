"""The line at the bottom of the terminal during a live conversation: state, level of the microphone, words so far."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from rich.live import Live
from rich.text import Text

from agent.commands.options import messages

_METER_WIDTH = 16
_QUIETEST_DBFS = -60.0
_FALL_DB = 1.5
"""How much the meter falls with every 20 ms: it rises at once and falls in half a second, as level meters do."""
_STYLES = {"idle": "dim", "listening": "green", "thinking": "yellow", "speaking": "cyan", "paused": "magenta"}


class StatusLine:
    """What is shown; set its attributes, and it is drawn eight times a second.

    Attributes:
        state: what the person does.
        interim: what was understood so far.
        hint: which keys there are.
        is_open: whether the microphone is open.
    """

    def __init__(self, hint: str) -> None:
        self.state = "idle"
        self.interim = ""
        self.hint = hint
        self.is_open = True
        self._level_dbfs = _QUIETEST_DBFS

    def level(self, rms: float) -> None:
        """Moves the level meter: `rms` in [0, 1] of the last 20 ms."""
        now = 20.0 * math.log10(rms) if rms > 0.0 else _QUIETEST_DBFS
        self._level_dbfs = max(now, self._level_dbfs - _FALL_DB, _QUIETEST_DBFS)

    def __rich__(self) -> Text:
        """The line as Rich draws it."""
        filled = round((1.0 - self._level_dbfs / _QUIETEST_DBFS) * _METER_WIDTH)
        filled = min(max(filled, 0), _METER_WIDTH)
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{self.state:>9} ", _STYLES.get(self.state, ""))
        line.append("█" * filled, "green" if self.is_open else "dim")
        line.append("░" * (_METER_WIDTH - filled) + " ", "dim")
        line.append(self.interim or self.hint, "" if self.interim else "dim")
        return line


@contextmanager
def show_status_line(line: StatusLine, quiet: bool) -> Iterator[None]:
    """Keeps the line at the bottom while messages are printed above it; nothing without a terminal."""
    if quiet or not messages.is_terminal:
        yield
        return
    with Live(line, console=messages, refresh_per_second=8, transient=True):
        yield
