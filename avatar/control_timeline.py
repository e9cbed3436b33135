"""What is asked of the face at every frame: constant in a live conversation, or a timeline read from a table."""

from __future__ import annotations

import difflib
import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from avatar.motion import FARTHEST_HEAD, FRAME_RATE_HZ, NEAREST_HEAD, Controls, ConversationState, Emotion
from avatar.table import Table, open_table, quote

MAX_GAZE_DEG = 30.0
"""Beyond it an eye shows no iris."""

DEFAULT_INTENSITY = 0.7
"""Of an emotion that is asked for without one."""

LARGEST_FILE_BYTES = 10_000_000
"""Ten hours with a row every tenth of a second; what is larger is some other file, given by mistake."""

LONGEST_S = 86_400.0

FREE = "free"
"""What a cell says that gives its control back to the sampler."""

_TIME, _STATE, _EMOTION = "time_s", "state", "emotion"
_LIMITS = {
    "intensity": (0.0, 1.0),
    "gaze_yaw_deg": (-MAX_GAZE_DEG, MAX_GAZE_DEG),
    "gaze_pitch_deg": (-MAX_GAZE_DEG, MAX_GAZE_DEG),
    "head_distance": (NEAREST_HEAD, FARTHEST_HEAD),
    "composure": (0.0, 1.0),
}
COLUMNS = (_TIME, _STATE, _EMOTION, *_LIMITS)
"""The columns that a timeline may have."""

# float() would also read "nan", "1_0" and the digits of every script.
_NUMBER = re.compile(r"[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,2})?")

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Cue:
    """What is asked from a frame on: `state` and `controls` hold from frame `frame` until the next cue."""

    frame: int
    state: ConversationState
    controls: Controls


class ControlTimeline:
    """State and controls as a function of the frame.

    Args:
        cues: the first one at frame 0, frames increasing.
    """

    def __init__(self, cues: Sequence[Cue]) -> None:
        self._cues = tuple(cues)
        self._frames = [cue.frame for cue in cues]
        assert self._frames[0] == 0 and all(a < b for a, b in zip(self._frames, self._frames[1:], strict=False))

    @classmethod
    def constant(cls, state: ConversationState, controls: Controls) -> ControlTimeline:
        """A timeline with the same state and controls at every frame."""
        return cls([Cue(0, state, controls)])

    @property
    def cues(self) -> tuple[Cue, ...]:
        """All cues, by frame."""
        return self._cues

    def at(self, frame: int) -> Cue:
        """State and controls at a frame, counted from 0."""
        return self._cues[bisect_right(self._frames, frame) - 1]

    def next_change(self, frame: int) -> int | None:
        """The first frame after `frame` at which something else is asked; None if that never happens."""
        later = bisect_right(self._frames, frame)
        return self._frames[later] if later < len(self._frames) else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """The cells that hold after a row, None where left to the sampler; angles in degrees."""

    state: ConversationState
    emotion: Emotion | None
    intensity: float | None
    gaze_yaw_deg: float | None
    gaze_pitch_deg: float | None
    head_distance: float | None
    composure: float | None

    @classmethod
    def before(cls, state: ConversationState, controls: Controls) -> _Asked:
        yaw, pitch = map(math.degrees, controls.gaze) if controls.gaze else (None, None)
        intensity = controls.intensity if controls.emotion else None
        return cls(state, controls.emotion, intensity, yaw, pitch, controls.head_distance, controls.composure)

    def controls(self) -> Controls:
        yaw, pitch = self.gaze_yaw_deg, self.gaze_pitch_deg
        gaze = None if yaw is None and pitch is None else (math.radians(yaw or 0.0), math.radians(pitch or 0.0))
        intensity = DEFAULT_INTENSITY if self.intensity is None else self.intensity
        return Controls(
            gaze, self.head_distance, self.emotion, intensity if self.emotion else 0.0, composure=self.composure
        )


def read_control_timeline(path: Path, *, state: ConversationState, controls: Controls) -> ControlTimeline:
    """Reads a table made in a spreadsheet or by a program.

    CSV as `avatar.table` reads it: a header with `time_s` and any other of COLUMNS, then rows of increasing times. A
    row holds from its time on, that is from the first frame that starts then or later. An empty cell leaves its control
    as it was, "free" gives it back to the sampler.

    Args:
        path: the file.
        state: what holds until a row says something else.
        controls: likewise.

    Raises:
        InputError: anything else; names the line and the column.
    """
    with open_table(path, "a CSV table of controls", most_bytes=LARGEST_FILE_BYTES) as rows:
        return _timeline(rows, state, controls)


def _timeline(rows: Table, state: ConversationState, controls: Controls) -> ControlTimeline:
    columns = _header(rows)
    asked = _Asked.before(state, controls)
    cues = {0: Cue(0, state, controls)}
    last_s: float | None = None
    while (cells := rows.row()) is not None:
        if not any(cells):
            continue  # spreadsheets leave empty rows behind
        if len(cells) != len(columns):
            rows.refuse(f"expected {len(columns)} cells as in the header, got {len(cells)}")
        row = dict(zip(columns, cells, strict=True))
        time_s = _number(rows, _TIME, row.pop(_TIME), 0.0, LONGEST_S, may_be_free=False)
        if last_s is not None and time_s <= last_s:
            rows.refuse(f"{_TIME}: expected a time after the row before ({last_s:g}), got {time_s:g}")
        last_s = time_s
        # A single field's type depends on its name, which mypy can't follow through replace().
        asked = replace(asked, **{column: _value(rows, column, cell) for column, cell in row.items() if cell})  # type: ignore[arg-type]
        frame = math.ceil(round(time_s * FRAME_RATE_HZ, 6))  # 0.28 * 25 is a little more than 7
        cues[frame] = Cue(frame, asked.state, asked.controls())
    if last_s is None:
        rows.refuse("expected at least one row after the header, got none")
    return ControlTimeline(list(cues.values()))


def _header(rows: Table) -> list[str]:
    columns = [cell.lower() for cell in rows.row() or []]
    if not any(columns):
        rows.refuse(f"expected a header such as 'time_s,emotion,intensity' (of {', '.join(COLUMNS)}), got nothing")
    for column in columns:
        if column not in COLUMNS:
            nearest = difflib.get_close_matches(column, COLUMNS, 1)
            hint = f"did you mean '{nearest[0]}'?" if nearest else f"there are {', '.join(COLUMNS)}"
            rows.refuse(f"unknown column {quote(column)}; {hint}")
        if columns.count(column) > 1:
            rows.refuse(f"expected every column once, got '{column}' {columns.count(column)} times")
    if _TIME not in columns or len(columns) == 1:
        rows.refuse(f"expected '{_TIME}' and at least one of {', '.join(COLUMNS[1:])}, got {quote(','.join(columns))}")
    return columns


def _value(rows: Table, column: str, cell: str) -> ConversationState | Emotion | float | None:
    if column == _STATE:
        return _choice(rows, column, cell, ConversationState)
    if cell.lower() == FREE:
        return None
    if column == _EMOTION:
        return _choice(rows, column, cell, Emotion, f" or {FREE}")
    return _number(rows, column, cell, *_LIMITS[column], may_be_free=True)


def _choice(rows: Table, column: str, cell: str, choices: type[Choice], otherwise: str = "") -> Choice:
    try:
        return choices(cell.lower())
    except ValueError:
        rows.refuse(f"{column}: expected one of {', '.join(choices)}{otherwise}, got {quote(cell)}")


def _number(rows: Table, column: str, cell: str, low: float, high: float, *, may_be_free: bool) -> float:
    text = rows.with_decimal_point(cell)
    if _NUMBER.fullmatch(text) is None or not low <= float(text) <= high:
        free = f" or {FREE}" if may_be_free else ""
        rows.refuse(f"{column}: expected a number from {low:g} to {high:g}{free}, got {quote(cell)}")
    return float(text)
