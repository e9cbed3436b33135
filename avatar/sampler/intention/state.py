"""What the process of intentions remembers between two frames, and what it gives for each."""

from __future__ import annotations

import math
from dataclasses import dataclass

from avatar.motion import ConversationState, Gesture

INTENTION_NAMES = (
    *("blink", "gazeYaw", "gazePitch", "headPitch", "headYaw", "headRoll", "breath"),
    *("nod", "nodBefore", "nodEarlier", "brow", "browBefore"),
)
"""blink: lid closure in [0, 1]; gaze: direction in the portrait's frame (head + eyes), radians; head: the posture that
the head is moving to, radians; breath: chest position in [-1, 1]; nod: pitch that a nod adds, radians, in this frame
and the two before; brow: lift of the brows in [0, 1], in this frame and the one before."""

DEGREE = math.pi / 180.0

SPEECH_LOUDNESS = 0.45  # of avatar.sampler.features.loudness: -37 dB
PAUSE_FRAMES = 5  # this many quiet frames after speech make a phrase end
PHRASE_FRAMES = 4  # and this many frames of speech after a pause make the beginning of one


@dataclass(slots=True)
class IntentionState:
    """All that the process remembers between frames (times in frames); `step` makes a new one."""

    mode: ConversationState = ConversationState.IDLE
    has_begun: bool = False
    heard: int = 0  # key of all the sound so far; see avatar.sampler.intention.chance
    quiet_frames: int = 1000
    spoken_frames: int = 0  # of the present phrase

    blink_in: float = 0.0
    blink_age: float = -1.0  # frames since a blink began; negative: none
    blink_depth: float = 1.0
    blink_stretch: float = 1.0

    on_partner: bool = True
    bout_left: float = 0.0
    fixation_left: float = 0.0
    away: tuple[float, float] = (0.0, 0.0)  # radians, relative to the main direction
    wander: tuple[float, float] = (0.0, 0.0)

    posture: tuple[float, float, float] = (0.0, 0.0, 0.0)
    posture_in: float = 0.0
    breath_phase: float = 0.0
    breath_in: float = 0.0  # frames that a quick breath still takes

    gesture: Gesture | None = None  # what was asked in the last frame
    sway: tuple[float, float] = (0.0, 0.0)  # coefficients, positive to the own left: corner of the mouth, jaw
    sway_speed: tuple[float, float] = (0.0, 0.0)  # a frame
    tilt_left: float = 0.0
    tilt: float = 0.0  # radians
    shake_age: float = -1.0
    shake_size: float = 0.0  # radians
    shakes: tuple[float, float] = (0.0, 0.0)  # of the last two frames, the later one first

    nod_age: float = -1.0  # frames since a nod began; negative: none
    nod_size: float = 0.0  # radians
    nod_cycles: int = 0
    nods: tuple[float, float] = (0.0, 0.0)  # of the last two frames, the later one first
    brow_age: float = -1.0
    brow_size: float = 0.0
    brow: float = 0.0  # of the last frame
    accent_age: int = 1000
    syllable: float = 0.0  # loudness of the own syllables lately
    pause: float = 0.0  # of the user in the last frame; see avatar.sampler.conditions.user_voice


def raised_cosine(age: float, length: float) -> float:
    """A bump from 0 over 1 back to 0 while `age` goes from 0 to `length`."""
    return 0.5 - 0.5 * math.cos(2.0 * math.pi * age / length) if 0.0 < age < length else 0.0
