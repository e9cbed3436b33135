"""Feelings on a speaking face: how they come and go, and what speech needs of the mouth meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from avatar.feelings.expression import NOTHING, Feeling, express, feel
from avatar.feelings.gestures import LENGTH_S
from avatar.feelings.shapes import EMOTIONS, SHAPES
from avatar.motion import FRAME_RATE_HZ, Controls, Emotion, Floats, Gesture, MotionLayout, neutral

AT = MotionLayout.INDEX
FELT = [emotion for emotion in Emotion if emotion is not Emotion.NEUTRAL]


def felt(controls: list[Controls], *, loudness: float = 1.0, composure: float = 0.5) -> list[Feeling]:
    """What is felt at each frame."""
    feeling, out = NOTHING, []
    for asked in controls:
        feeling = feel(feeling, asked, loudness, composure)
        out.append(feeling)
    return out


def settled(emotion: Emotion, intensity: float = 1.0, *, loudness: float = 1.0) -> Feeling:
    return felt([Controls(emotion=emotion, intensity=intensity)] * 100, loudness=loudness)[-1]


def face(**values: float) -> Floats:
    out = neutral(1)
    for name, value in values.items():
        for column in (name,) if name in AT else (name + "Left", name + "Right"):
            out[:, AT[column]] = value
    return out


def test_an_emotion_comes_and_goes_within_about_a_second_and_never_jumps() -> None:
    happy, nothing = Controls(emotion=Emotion.HAPPY, intensity=1.0), Controls()
    course = np.array([feeling.felt[EMOTIONS.index(Emotion.HAPPY)] for feeling in felt([happy] * 60 + [nothing] * 60)])
    there = int(np.argmax(course > 0.9))
    assert 20 <= there <= 30
    assert np.abs(np.diff(course)).max() < 0.08 and course.max() <= 1.001
    assert 20 <= int(np.argmax(course[60:] < 0.1)) <= 30
    assert course[-1] < 0.01


@pytest.mark.parametrize("emotion", FELT)
def test_half_and_a_third_of_an_emotion_are_seen(emotion: Emotion) -> None:
    name, size = max(SHAPES[emotion].items(), key=lambda item: item[1])
    column = AT.get(name, AT.get(name + "Left"))
    shown = [express(face(), [settled(emotion, i)])[0, column] for i in (0.3, 0.5, 1.0)]
    assert shown[0] > 0.35 * size and shown[1] > 0.5 * size and shown[2] == pytest.approx(size, abs=0.02)
    np.testing.assert_array_equal(express(face(), [settled(emotion, 0.0)]), face())


@pytest.mark.parametrize("emotion", FELT)
def test_lips_that_meet_stay_together(emotion: Emotion) -> None:
    """What speech closes, feelings don't part: p b m by mouthClose, f v by the rolled lower lip."""
    closed = face(jawOpen=0.12, mouthClose=0.12, mouthPress=0.25, mouthRollLower=0.18)
    out = express(closed, [settled(emotion)])
    assert out[0, AT["jawOpen"]] == pytest.approx(0.12, abs=1e-3)
    for name in ("mouthUpperUpLeft", "mouthLowerDownLeft", "mouthFunnel"):
        assert out[0, AT[name]] == pytest.approx(0.0, abs=1e-3), name
    at_teeth = face(jawOpen=0.07, mouthRollLower=0.6, mouthUpperUp=0.2, mouthLowerDown=0.05)
    out = express(at_teeth, [settled(emotion)])
    assert out[0, AT["jawOpen"]] == pytest.approx(0.07, abs=1e-3)
    assert out[0, AT["mouthShrugLower"]] == pytest.approx(0.0, abs=1e-3)


def test_who_is_surprised_opens_the_mouth_in_vowels_and_in_silence() -> None:
    for open_mouth, loudness in ((face(jawOpen=0.3), 1.0), (face(), 0.0)):
        out = express(open_mouth, [settled(Emotion.SURPRISED, loudness=loudness)])
        assert out[0, AT["jawOpen"]] > open_mouth[0, AT["jawOpen"]] + 0.1


def test_a_blink_closes_the_eyes_whatever_is_felt() -> None:
    for emotion in FELT:
        out = express(face(eyeBlink=1.0), [settled(emotion)])
        assert out[0, AT["eyeBlinkLeft"]] == pytest.approx(1.0) and out[0, AT["eyeWideLeft"]] == pytest.approx(0.0)


def test_nobody_who_feels_nothing_is_changed() -> None:
    speaks = neutral(4)
    speaks[:, AT["jawOpen"]] = [0.0, 0.2, 0.4, 0.1]
    neutrally = felt([Controls(emotion=Emotion.NEUTRAL, intensity=1.0)] * 4)
    assert express(speaks, neutrally) is speaks


def test_the_eyes_stay_where_they_look_while_a_feeling_moves_the_head() -> None:
    looking = face(gazeYaw=0.1, gazePitch=-0.05)
    out = express(looking, [settled(Emotion.SAD)])
    assert out[0, 0] < -0.05
    for head, gaze in ((1, "gazeYaw"), (0, "gazePitch")):
        assert out[0, head] + out[0, AT[gaze]] == pytest.approx(looking[0, AT[gaze]], abs=1e-5)


@pytest.mark.parametrize("gesture", list(LENGTH_S))
def test_a_gesture_begins_once_and_ends_by_itself(gesture: Gesture) -> None:
    frames = 4 * FRAME_RATE_HZ
    feelings = felt([Controls(gesture=gesture)] * frames)
    moved = np.abs(express(neutral(frames), feelings) - neutral(frames)).sum(axis=1)
    over = int(LENGTH_S[gesture] * FRAME_RATE_HZ) + 1
    assert moved[: over - 5].max() > 0.03 and moved[0] < 0.05
    assert moved[over:].max() == 0.0
    again = felt([Controls(gesture=gesture)] * over + [Controls()] * 2 + [Controls(gesture=gesture)] * 20)
    assert again[-1].gesture is gesture and again[-1].age == 19


def test_composure_makes_gestures_smaller_and_heads_turn_elsewhere() -> None:
    lively, still = (felt([Controls(gesture=Gesture.LAUGH)], composure=c)[0].size for c in (0.0, 1.0))
    assert lively > 2.0 * still
    assert felt([Controls(gesture=Gesture.SHAKE)])[0].gesture is None
