"""Emotions and gestures put on a speaking face, frame by frame.

They are decided, not sampled: a network that is to learn them from rules gives back less than the rules, and one that
was trained on somebody's own videos knows none. So the flow samples a face without emotion, and this adds what is felt
to it; lips that meet for p b m, or at the teeth for f v, stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avatar.feelings.gestures import LENGTH_S, gesture_values
from avatar.feelings.manner import SILENT, Manner, hear
from avatar.feelings.shapes import AROUSAL, EMOTIONS, GLOOMY, LIVELY, VOICE_AROUSAL, additions, motion_vector
from avatar.feelings.voice_pitch import NO_TONE, Tone
from avatar.motion import (
    FRAME_RATE_HZ,
    GAZE_LIMIT,
    X_OF_ROLL,
    X_OF_YAW,
    Y_OF_PITCH,
    Controls,
    Emotion,
    Floats,
    Gesture,
    MotionLayout,
)

_AT = MotionLayout.INDEX

PACE_HZ = 0.62
"""Natural frequency of the critically damped spring by which feelings come and go: nine tenths after a second."""

STRENGTH = 0.75
"""A shape's share is the intensity to this power: weak feelings show, strong ones don't grimace."""

_VOICE_RISES, _VOICE_FALLS = 0.4, 0.06  # of the way to the voice's loudness, a frame
_SPEAKS = 0.45  # of avatar.sampler.features.loudness: -37 dB
# Lips this far apart (jawOpen - mouthClose and what the lips themselves do) are closed, and free, for what parts them.
_CLOSED, _FREE = 0.015, 0.10
_OPENS_WIDER, _WIDEST = 0.3, 0.75  # share of the opening that a raised voice adds, up to this jawOpen
_LIPS_PART = 0.3  # gap of mouthLowerDown over that of jawOpen
# mouthRollLower from where on the lower lip is on its way to the teeth, and there.
_ROLLS, _ROLLED = 0.20, 0.45

_ADDITIONS, _LIVELY = additions(), motion_vector(LIVELY)
_AROUSAL = np.array([AROUSAL[emotion] for emotion in EMOTIONS], np.float32)
_IS_GLOOMY = np.array([emotion in GLOOMY for emotion in EMOTIONS], np.float32)


def _columns(*stems: str) -> list[int]:
    return [i for i, name in enumerate(MotionLayout.NAMES) if name.startswith(stems)]


_PARTS = _columns("jawOpen", "mouthFunnel", "mouthUpperUp", "mouthLowerDown")  # would part closed lips
_LIPS_APART = _columns("mouthUpperUp", "mouthLowerDown")
_LOWER_LIP = _columns("mouthShrugLower", "mouthPress", "jawForward", "mouthFrown")  # would lift it off the teeth
_BLINK, _WIDE = _columns("eyeBlink"), _columns("eyeWide")


@dataclass(frozen=True, slots=True, eq=False)
class Feeling:
    """What is felt at one frame; `feel` makes the next.

    Attributes:
        felt: float32 [len(EMOTIONS)], share of each emotion's shape.
        speed: likewise, its change a second.
        voice: how much is being said, in [0, 1], of the last moments.
        manner: how it sounds.
        asked: the gesture that was asked for in this frame.
        gesture: the one of the face that is under way, and
        age: how many frames ago it began.
        size: of the gesture as a ratio.
    """

    felt: Floats
    speed: Floats
    voice: float = 0.0
    manner: Manner = SILENT
    asked: Gesture | None = None
    gesture: Gesture | None = None
    age: int = 0
    size: float = 1.0

    @property
    def arousal(self) -> float:
        """How much livelier than at rest, in units of composure."""
        return float(self.felt @ _AROUSAL) + VOICE_AROUSAL * self.manner.lively

    @property
    def lightness(self) -> float:
        """How much of a lively voice's smile there is, in [0, 1]."""
        return max(0.0, self.manner.lively) * max(0.0, 1.0 - float(self.felt @ _IS_GLOOMY))


NOTHING = Feeling(np.zeros(len(EMOTIONS), np.float32), np.zeros(len(EMOTIONS), np.float32))
"""What is felt before the first frame."""


def feel(before: Feeling, controls: Controls, loudness: float, composure: float, tone: Tone = NO_TONE) -> Feeling:
    """One frame later.

    Args:
        before: after the frame before.
        controls: the emotion and the gesture that are asked for.
        loudness: of the own voice in this frame, as `avatar.sampler.features.loudness`.
        composure: 0 lively … 1 still: smaller gestures.
        tone: of the own voice in this frame, if it is to be heard how lively that is.
    """
    target = np.zeros(len(EMOTIONS), np.float32)
    if controls.emotion is not None and controls.emotion is not Emotion.NEUTRAL:
        target[EMOTIONS.index(controls.emotion)] = controls.intensity**STRENGTH
    omega, dt = 2.0 * np.pi * PACE_HZ, 1.0 / FRAME_RATE_HZ
    # The spring's exact solution over one frame.
    away = before.felt - target
    pull, decay = before.speed + omega * away, np.exp(-omega * dt)
    felt = target + (away + pull * dt) * decay
    speed = (before.speed - omega * pull * dt) * decay
    speaks = min(1.0, loudness / _SPEAKS)
    share = _VOICE_RISES if speaks > before.voice else _VOICE_FALLS
    voice = before.voice + share * (speaks - before.voice)
    asked, gesture, age, size = controls.gesture, before.gesture, before.age + 1, before.size
    busy = gesture is not None and age < LENGTH_S[gesture] * FRAME_RATE_HZ
    if asked in LENGTH_S and asked is not before.asked and not busy:
        gesture, age, size = asked, 0, 1.5 - composure
    elif not busy:
        gesture = None
    manner = hear(before.manner, tone)
    return Feeling(felt.astype(np.float32), speed.astype(np.float32), voice, manner, asked, gesture, age, size)


def express(values: Floats, feelings: Sequence[Feeling]) -> Floats:
    """A face without emotion, and what is felt, as one face: float32 [F, 60] and F feelings to float32 [F, 60].

    A voice that is raised opens what is open wider. Lips that meet stay together.
    """
    raised = np.array([feeling.manner.raised for feeling in feelings], np.float32)
    if raised.any():
        values = _opened(values, raised)
    felt = np.stack([feeling.felt for feeling in feelings])
    light = np.array([feeling.lightness for feeling in feelings], np.float32)
    if not felt.any() and not light.any() and all(feeling.gesture is None for feeling in feelings):
        return values
    voice = np.array([feeling.voice for feeling in feelings], np.float32)
    more = felt @ _ADDITIONS + light[:, None] * _LIVELY
    for row, feeling in zip(more, feelings, strict=True):
        if feeling.gesture is not None:
            row += gesture_values(feeling.gesture, feeling.age, feeling.size)
    # Who speaks needs closed lips to stay closed; who is silent may have them parted.
    free, at_teeth = _freedom(values)
    more[:, _PARTS] *= (1.0 - voice * (1.0 - free * (1.0 - at_teeth)))[:, None]
    more[:, _LOWER_LIP] *= (1.0 - at_teeth)[:, None]
    blink = values[:, _BLINK]
    out = values + more
    out[:, _BLINK] = blink + (1.0 - blink) * more[:, _BLINK]
    out[:, _WIDE] *= 1.0 - blink
    out[:, MotionLayout.FACE] = np.clip(out[:, MotionLayout.FACE], 0.0, 1.0)
    # The head turns about the neck, and the eyes stay where they look.
    pitch, yaw, roll = more[:, 0], more[:, 1], more[:, 2]
    out[:, _AT["headX"]] += X_OF_YAW * yaw + X_OF_ROLL * roll
    out[:, _AT["headY"]] += Y_OF_PITCH * pitch
    out[:, _AT["gazeYaw"]] -= yaw
    out[:, _AT["gazePitch"]] -= pitch
    out[:, MotionLayout.GAZE] = np.clip(out[:, MotionLayout.GAZE], -GAZE_LIMIT, GAZE_LIMIT)
    return out


def _opened(values: Floats, raised: Floats) -> Floats:
    """The mouth of a raised voice: float32 [F, 60] with all that is open opened wider; [F] says how much, in [0, 1]."""
    free, at_teeth = _freedom(values)
    wider = _OPENS_WIDER * raised * free * (1.0 - at_teeth)
    out = values.copy()
    jaw, close = values[:, _AT["jawOpen"]], values[:, _AT["mouthClose"]]
    out[:, _AT["jawOpen"]] = np.maximum(jaw, np.minimum(_WIDEST, jaw + wider * (jaw - close)))
    out[:, _LIPS_APART] *= 1.0 + wider[:, None]
    return out


def _freedom(values: Floats) -> tuple[Floats, Floats]:
    """How far apart the lips are anyway, and how far the lower one is at the teeth: [F] each, in [0, 1]."""
    free = _rise(_aperture(values), _CLOSED, _FREE)
    return free, _rise(values[:, _AT["mouthRollLower"]], _ROLLS, _ROLLED)


def _aperture(values: Floats) -> Floats:
    """How far the lips are apart, in units of jawOpen: float32 [F]."""
    jaw, close = values[:, _AT["jawOpen"]], values[:, _AT["mouthClose"]]
    apart = 1.0 - np.minimum(1.0, close / np.maximum(jaw, 0.05))
    drawn = (values[:, _AT["mouthLowerDownLeft"]] + values[:, _AT["mouthLowerDownRight"]]) / 2.0
    return np.asarray(jaw - close + _LIPS_PART * drawn * apart, np.float32)


def _rise(values: Floats, low: float, high: float) -> Floats:
    """0 up to `low`, 1 from `high` on, smooth between."""
    part = np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.asarray(part * part * (3.0 - 2.0 * part), np.float32)
