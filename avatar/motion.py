"""The motion vector: 60 numbers a frame, their names, and the CSV that carries them."""

from __future__ import annotations

import csv
import difflib
import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from avatar.table import Table, open_table, quote

FRAME_RATE_HZ = 25
"""Video frames, and motion vectors, a second."""

LOOK_AHEAD_FRAMES = 2
"""The sampler hears this far past the end of the frame it makes: 80 ms. So much sound must be known before."""

X_OF_YAW, X_OF_ROLL, Y_OF_PITCH = 0.15, -0.35, 0.25
"""How far the head's centre moves with its angles, as it turns about the neck: eye distances a radian."""

GAZE_LIMIT = 0.55
"""Eyes turn no further, radians: the head does the rest."""

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


def _left_right(*stems: str) -> list[str]:
    return [stem + side for side in ("Left", "Right") for stem in stems]


class MotionLayout:
    """Names and slices of the motion vector (the last 52 are ARKit's coefficients, in [0, 1]).

    headPitch, headYaw, headRoll: radians, relative to the portrait's own pose; positive looks up, turns to its own
    left, tilts towards its own left shoulder. headX, headY: inter-ocular distances, positive is the viewer's right
    and up. headDistance: ratio, 1 as in the portrait, larger is farther. gazeYaw, gazePitch: radians, relative to
    the head, same signs. Gaze is the source: the eight eyeLook coefficients are filled in from it on output.
    """

    NAMES: tuple[str, ...] = (
        *("headPitch", "headYaw", "headRoll", "headX", "headY", "headDistance", "gazeYaw", "gazePitch"),
        *_left_right("eyeBlink", "eyeLookDown", "eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeSquint", "eyeWide"),
        *("jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthLeft"),
        *("mouthRight", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight"),
        *("mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight", "mouthRollLower"),
        *("mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight"),
        *("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft"),
        *("browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft"),
        *("cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut"),
    )
    SIZE = 60
    HEAD = slice(0, 6)
    ROTATION = slice(0, 3)
    GAZE = slice(6, 8)
    FACE = slice(8, 60)
    INDEX: ClassVar[dict[str, int]] = {name: i for i, name in enumerate(NAMES)}
    EYE_LOOK: tuple[int, ...] = tuple(i for i, name in enumerate(NAMES) if name.startswith("eyeLook"))
    SAMPLED: tuple[int, ...] = tuple(i for i, name in enumerate(NAMES) if not name.startswith("eyeLook"))
    """The 52 dimensions that the sampler produces: everything but eyeLook*."""


assert len(MotionLayout.NAMES) == MotionLayout.SIZE and len(MotionLayout.SAMPLED) == 52

# The eye turned this far counts as eyeLook* = 1 (ARKit states no angle; about the comfortable limit of the eye).
GAZE_AT_FULL_LOOK_RAD = 0.6


def neutral(frames: int) -> Floats:
    """The portrait as it is: float32 [frames, 60], all zero but headDistance, which is 1."""
    values = np.zeros((frames, MotionLayout.SIZE), np.float32)
    values[:, MotionLayout.INDEX["headDistance"]] = 1.0
    return values


def with_eye_look(values: Floats) -> Floats:
    """Fills the eight eyeLook* coefficients from gazeYaw and gazePitch; returns a new float32 [T, 60]."""
    out = values.copy()
    yaw = values[:, MotionLayout.INDEX["gazeYaw"]] / GAZE_AT_FULL_LOOK_RAD
    pitch = values[:, MotionLayout.INDEX["gazePitch"]] / GAZE_AT_FULL_LOOK_RAD
    towards = {
        "eyeLookOutLeft": yaw,  # positive yaw looks to its own left: the left eye outwards, the right eye inwards
        "eyeLookInRight": yaw,
        "eyeLookInLeft": -yaw,
        "eyeLookOutRight": -yaw,
        "eyeLookUpLeft": pitch,
        "eyeLookUpRight": pitch,
        "eyeLookDownLeft": -pitch,
        "eyeLookDownRight": -pitch,
    }
    for name, value in towards.items():
        out[:, MotionLayout.INDEX[name]] = np.clip(value, 0.0, 1.0)
    return out


class ConversationState(StrEnum):
    """What the person is doing; the sampler is conditioned on it."""

    IDLE = "idle"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"


class Emotion(StrEnum):
    """The emotions that `Controls` may ask for."""

    NEUTRAL = "neutral"
    HAPPY = "happy"
    SAD = "sad"
    ANGRY = "angry"
    SURPRISED = "surprised"
    AFRAID = "afraid"
    DISGUSTED = "disgusted"
    CONTEMPTUOUS = "contemptuous"


class Gesture(StrEnum):
    """What face, head and eyes say beside the words, where somebody knows the words."""

    LOOK_AWAY = "look away"
    """As people do before they say something long (Kendon 1967)."""
    LOOK_AT = "look at"
    """The partner, as at the end of what is said."""
    TILT = "tilt"
    """The head, with a question."""
    SHAKE = "shake"
    """The head a little, with a "no"."""
    LAUGH = "laugh"
    SIGH = "sigh"


NEAREST_HEAD, FARTHEST_HEAD = 0.7, 1.5
"""Limits of the head distance, as a ratio: nearer, a photo is blurred; farther, too little of the body is in it."""


@dataclass(frozen=True, slots=True)
class Controls:
    """Optional signals, usable at any moment (VASA-1, section 3.2). None leaves the choice to the sampler.

    Attributes:
        gaze: (yaw, pitch) of the main gaze direction, radians, signs as in MotionLayout.
        head_distance: ratio, 1 as in the portrait; from NEAREST_HEAD to FARTHEST_HEAD.
        emotion: which emotion.
        intensity: of the emotion, in [0, 1].
        composure: 0 lively … 1 still; None leaves it at the sampler's own.
        gesture: begins once, with the first frame for which it is asked.
    """

    gaze: tuple[float, float] | None = None
    head_distance: float | None = None
    emotion: Emotion | None = None
    intensity: float = 0.0
    composure: float | None = None
    gesture: Gesture | None = None


@dataclass(frozen=True, slots=True)
class Motion:
    """A run of motion vectors: `values` float32 [T, 60], of which row 0 belongs to frame `start_frame`."""

    values: Floats
    start_frame: int


CSV_HEADER = ("frame", "time_s", *MotionLayout.NAMES)


def write_motion_csv(path: Path, values: Floats) -> None:
    """Writes float32 [T, 60] as CSV: a header line, then one row a frame at 25 Hz."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(CSV_HEADER)
        for frame, row in enumerate(values):
            # 9 significant digits bring every float32 back exactly.
            writer.writerow([frame, f"{frame / FRAME_RATE_HZ:.2f}", *(f"{value:.9g}" for value in row)])


LARGEST_CSV_BYTES = 1_000_000_000
"""Twelve hours of motion have some 700 MB."""

# No head or eye turns further (radians), nor is a face in a picture further away from its place (eye distances).
_FURTHEST_RAD, _FURTHEST = math.pi / 2.0, 20.0
# Rows that are gathered before they become one array.
_BLOCK = 1000
# Times are written with two digits behind the point.
_TIME_TOLERANCE_S = 0.021


def _limits() -> tuple[Floats, Floats]:
    """The least and the most that each of the 60 numbers may be in a file: beyond, it is in some other unit."""
    low, high = np.full(MotionLayout.SIZE, -1.0, np.float32), np.full(MotionLayout.SIZE, 2.0, np.float32)
    for index, name in enumerate(MotionLayout.NAMES[: MotionLayout.FACE.start]):
        reach = _FURTHEST if name in ("headX", "headY") else _FURTHEST_RAD
        low[index], high[index] = (0.1, 10.0) if name == "headDistance" else (-reach, reach)
    return low, high


def read_motion_csv(path: Path) -> Floats:
    """Reads motion in the form of `write_motion_csv`: float32 [T, 60], T > 0.

    The columns may be in any order; `frame` and `time_s` may be missing. Else as `avatar.table.open_table`.

    Raises:
        InputError: not such a file, or numbers that no face has; names the line and the column.
    """
    low, high = _limits()
    blocks: list[Floats] = []
    with open_table(path, "a motion CSV", most_bytes=LARGEST_CSV_BYTES) as table:
        columns = _columns(table)
        places = np.array([columns.index(name) for name in MotionLayout.NAMES])
        time_at = columns.index("time_s") if "time_s" in columns else None
        first_s: float | None = None
        rows: list[Floats] = []
        while (cells := table.row()) is not None:
            if not any(cells):
                continue  # spreadsheets leave empty rows behind
            if len(cells) != len(columns):
                table.refuse(f"expected {len(columns)} values, got {len(cells)}")
            numbers = _numbers(table, columns, cells)
            row = numbers[places].astype(np.float32)
            wrong = ~((low <= row) & (row <= high))
            if wrong.any():
                column = int(np.argmax(wrong))
                table.refuse(
                    f"expected {MotionLayout.NAMES[column]} from {low[column]:.3g} to {high[column]:.3g}, "
                    f"got {quote(cells[places[column]])}{_advice(column)}"
                )
            if time_at is not None:
                first_s = float(numbers[time_at]) if first_s is None else first_s
                _check_time(table, float(numbers[time_at]) - first_s, len(blocks) * _BLOCK + len(rows))
            rows.append(row)
            if len(rows) == _BLOCK:
                blocks.append(np.stack(rows))
                rows = []
        if rows:
            blocks.append(np.stack(rows))
        if not blocks:
            table.refuse("expected at least one row of motion after the header, got none")
    return np.concatenate(blocks)


def _columns(table: Table) -> list[str]:
    known = {name.lower(): name for name in CSV_HEADER}
    header = table.row() or []
    columns = [known.get(cell.lower(), cell) for cell in header]
    if not set(columns) & set(MotionLayout.NAMES):
        got = quote(",".join(header)) if header else "nothing"
        table.refuse(f"expected the header 'frame,time_s,headPitch,…' of {len(CSV_HEADER)} names, got {got}")
    for column in columns:
        if column not in CSV_HEADER:
            nearest = difflib.get_close_matches(column, CSV_HEADER, 1)
            table.refuse(f"unknown column {quote(column)}" + (f"; did you mean '{nearest[0]}'?" if nearest else ""))
        if columns.count(column) > 1:
            table.refuse(f"expected every column once, got '{column}' {columns.count(column)} times")
    missing = [name for name in MotionLayout.NAMES if name not in columns]
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        table.refuse(f"expected the 60 columns of the motion, '{missing[0]}'{others} missing")
    return columns


def _numbers(table: Table, columns: list[str], cells: list[str]) -> npt.NDArray[np.float64]:
    try:
        return np.array([float(table.with_decimal_point(cell)) for cell in cells], np.float64)
    except ValueError:
        pass
    for column, cell in zip(columns, cells, strict=True):
        try:
            float(table.with_decimal_point(cell))
        except ValueError:
            table.refuse(f"expected a number for {column}, got {quote(cell)}")
    raise AssertionError("one of the cells is no number")


def _check_time(table: Table, since_first_s: float, row: int) -> None:
    expected = row / FRAME_RATE_HZ
    if not abs(since_first_s - expected) <= _TIME_TOLERANCE_S:
        table.refuse(
            f"time_s: expected {FRAME_RATE_HZ} rows a second, so {expected:.2f} s after the first, got "
            f"{since_first_s:.6g} s; resample it"
        )


def _advice(column: int) -> str:
    if column < MotionLayout.FACE.start:
        return "" if MotionLayout.NAMES[column] in ("headX", "headY", "headDistance") else "; angles are in radians"
    return "; coefficients go from 0 to 1"
