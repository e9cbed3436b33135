"""The motion vector: 60 numbers a frame, their names, and the CSV that carries them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from speech.errors import InputError

FRAME_RATE_HZ = 25
"""Video frames, and motion vectors, a second."""

LOOK_AHEAD_FRAMES = 2
"""The sampler hears this far past the end of the frame it makes: 80 ms. So much sound must be known before."""

Floats = npt.NDArray[np.float32]


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
    """The emotions that can be asked of the face."""

    NEUTRAL = "neutral"
    HAPPY = "happy"
    SAD = "sad"
    ANGRY = "angry"
    SURPRISED = "surprised"
    AFRAID = "afraid"
    DISGUSTED = "disgusted"
    CONTEMPTUOUS = "contemptuous"


@dataclass(frozen=True, slots=True)
class Controls:
    """Optional signals, usable at any moment (VASA-1, section 3.2). None leaves the choice to the sampler.

    Attributes:
        gaze: (yaw, pitch) of the main gaze direction, radians, signs as in MotionLayout.
        head_distance: ratio, 1 as in the portrait.
        emotion: which emotion.
        intensity: of the emotion, in [0, 1].
        composure: 0 lively … 1 still; None leaves it at the sampler's own.
    """

    gaze: tuple[float, float] | None = None
    head_distance: float | None = None
    emotion: Emotion | None = None
    intensity: float = 0.0
    composure: float | None = None


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


def read_motion_csv(path: Path) -> Floats:
    """Reads what `write_motion_csv` wrote: float32 [T, 60], T > 0.

    Raises:
        InputError: not such a file; names the line and the column.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected a motion CSV, could not read it: {error}") from None
    rows = list(csv.reader(lines))
    if not rows or tuple(rows[0]) != CSV_HEADER:
        got = ",".join(rows[0])[:60] if rows else "nothing"
        raise InputError(f"{path}: line 1: expected the header 'frame,time_s,headPitch,…' of 62 names, got '{got}'")
    values = np.zeros((len(rows) - 1, MotionLayout.SIZE), np.float32)
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(CSV_HEADER):
            raise InputError(f"{path}: line {number}: expected {len(CSV_HEADER)} values, got {len(row)}")
        for column, text in enumerate(row[2:]):
            try:
                values[number - 2, column] = float(text)
            except ValueError:
                name = MotionLayout.NAMES[column]
                raise InputError(f"{path}: line {number}: expected a number for {name}, got '{text[:20]}'") from None
    if len(values) == 0:
        raise InputError(f"{path}: expected at least one row of motion after the header, got none")
    if not np.isfinite(values).all():
        frame, column = np.argwhere(~np.isfinite(values))[0]
        raise InputError(f"{path}: line {frame + 2}: expected a finite number for {MotionLayout.NAMES[column]}")
    return values
