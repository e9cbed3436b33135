"""Output of the motion as JSON, for robots and displays."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Self

import numpy as np

from avatar.decoder import VideoFrame
from avatar.motion import FRAME_RATE_HZ, Floats, MotionLayout
from speech.audio import Samples

_DEGREES = [MotionLayout.INDEX[name] for name in ("headPitch", "headYaw", "headRoll", "gazeYaw", "gazePitch")]
_BLENDSHAPES = MotionLayout.NAMES[MotionLayout.FACE]


def motion_json(frame: int, motion: Floats) -> bytes:
    """One frame's motion as docs/mqtt.md describes it.

    Args:
        frame: its index, 0 for the first.
        motion: float32 [60].
    """
    numbers = motion.astype(np.float64)
    numbers[_DEGREES] = np.degrees(numbers[_DEGREES])
    rounded = np.round(numbers, 3) + 0.0  # the sum makes 0.0 of -0.0
    pitch, yaw, roll, x, y, distance, gaze_yaw, gaze_pitch, *blendshapes = rounded.tolist()
    fields = {
        "frame": frame,
        "pts_s": frame / FRAME_RATE_HZ,
        "head": {"pitch": pitch, "yaw": yaw, "roll": roll, "x": x, "y": y, "distance": distance},
        "gaze": {"yaw_deg": gaze_yaw, "pitch_deg": gaze_pitch},
        "blendshapes": dict(zip(_BLENDSHAPES, blendshapes, strict=True)),
    }
    return json.dumps(fields, separators=(",", ":")).encode("ascii")


class MqttMotionOutput:
    """Encodes every frame's motion in the rendering thread and hands it on.

    Args:
        hand_over: takes one message, without waiting; called from the rendering thread.
    """

    def __init__(self, hand_over: Callable[[bytes], None]) -> None:
        self._hand_over = hand_over
        self._frame = 0

    def __enter__(self) -> Self:
        return self

    def write(self, frame: VideoFrame | None, sound: Samples, motion: Floats) -> None:
        """Hands on the motion of one frame; it is worth having even where the picture came too late."""
        self._hand_over(motion_json(self._frame, motion))
        self._frame += 1

    def __exit__(self, *_: object) -> None:
        """Nothing is kept, and the connection is not its own."""
