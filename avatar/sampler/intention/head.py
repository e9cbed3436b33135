"""How the head is held: postures, breath, and the gestures that go with words.

Sources: posture shifts at pauses and stresses, wide ones after pauses: Hadar 1983; shakes with negation and tilts with
questions: McClave 2000.
"""

from __future__ import annotations

import math

from avatar.motion import FRAME_RATE_HZ, ConversationState, Gesture
from avatar.sampler.intention.chance import Chance
from avatar.sampler.intention.state import DEGREE, IntentionState, raised_cosine
from avatar.sampler.intention.talker import Habits, Talker

SPRING_HZ = 0.7
"""Natural frequency of the damped spring that takes the head to its posture: about half a second a shift."""

POSTURE_SPREAD = 0.5
FURTHEST = 2.0  # standard deviations
BREATH_S = 4.0  # a quiet breath: 15 a minute
BREATH_IN_S = 0.5  # a quick breath: before an answer, and at phrase ends
SPEECH_BREATH_PACE = 0.6  # speech is a long breath out

TILT_DEG, TILT_S = 4.5, 1.8
SHAKE_DEG = 3.6  # the first turn
SHAKE_TURNS = (1.0, -1.0, 0.7, -0.4)
SHAKE_TURN_FRAMES = 7


def begin_to_hold(state: IntentionState, chance: Chance, habits: Habits) -> None:
    """Straight ahead, with the first posture to come."""
    state.posture_in = chance.uniform(0.1, 0.6) * habits.posture_s * FRAME_RATE_HZ


def turn_to(state: IntentionState, chance: Chance, before: ConversationState) -> None:
    """What becomes of the posture when another state begins; `before` is the one that has ended."""
    if before is ConversationState.LISTENING:
        state.breath_in = BREATH_IN_S * FRAME_RATE_HZ  # about to answer
    state.posture_in = min(state.posture_in, chance.uniform(4.0, 14.0))


def gesture(state: IntentionState, chance: Chance, asked: Gesture | None, liveliness: float, person: Talker) -> None:
    """Begins what is asked for with this frame."""
    if asked is Gesture.TILT:
        state.tilt_left = TILT_S * FRAME_RATE_HZ * chance.uniform(0.8, 1.3)
        state.tilt = person.tilts * TILT_DEG * DEGREE * liveliness * chance.uniform(0.7, 1.3)
    elif asked is Gesture.SHAKE:
        state.shake_age = 0.0
        state.shake_size = person.tilts * SHAKE_DEG * DEGREE * liveliness * chance.uniform(0.8, 1.2)


def hold(
    state: IntentionState,
    chance: Chance,
    habits: Habits,
    person: Talker,
    *,
    pace: float,
    hurry: float,
    reach: float,
) -> tuple[float, float, float]:
    """Takes a new posture now and then; returns pitch, yaw and roll to move to, radians.

    Args:
        state: of the process.
        chance: of this frame.
        habits: in this state.
        person: whose.
        pace: of time; 1 as published.
        hurry: frames by which the next posture comes closer.
        reach: how far the postures go; 1 as published.
    """
    state.posture_in -= pace + hurry
    if state.posture_in <= 0.0 and state.shake_age < 0.0:  # in other movements a shake would be lost
        pitch, yaw, roll = (
            chance.normal(FURTHEST) * deviation * DEGREE * reach * person.reach for deviation in habits.posture_deg
        )
        state.posture = (pitch, yaw, roll)
        mean = habits.posture_s * person.settling
        state.posture_in = max(8.0, chance.log_normal(mean, POSTURE_SPREAD) * FRAME_RATE_HZ)
    state.tilt_left = max(0.0, state.tilt_left - 1.0)
    pitch, yaw, roll = state.posture
    return pitch, yaw + _shake(state), roll + (state.tilt if state.tilt_left > 0.0 else 0.0)


def _shake(state: IntentionState) -> float:
    """Where the spring must be drawn to in this frame for the head to shake as it should; radians of yaw."""
    turned = 0.0
    if state.shake_age >= 0.0:
        state.shake_age += 1.0
        for number, size in enumerate(SHAKE_TURNS):
            turned += size * raised_cosine(state.shake_age - number * SHAKE_TURN_FRAMES, 1.5 * SHAKE_TURN_FRAMES)
        turned *= state.shake_size
        if state.shake_age >= (len(SHAKE_TURNS) + 0.5) * SHAKE_TURN_FRAMES:
            state.shake_age = -1.0
    before, earlier = state.shakes
    state.shakes = turned, before
    # A critically damped spring, read backwards: see avatar.sampler.dynamics.
    omega = 2.0 * math.pi * SPRING_HZ / FRAME_RATE_HZ
    speed = before - earlier
    return before + (turned - before - (1.0 - 2.0 * omega) * speed) / omega**2


def breathe(state: IntentionState, chance: Chance, *, quick: bool) -> float:
    """The chest's next position, in [-1, 1]; a quick breath fills it by the time that it takes."""
    breath_in = BREATH_IN_S * FRAME_RATE_HZ if quick else state.breath_in
    pace = SPEECH_BREATH_PACE if state.mode is ConversationState.SPEAKING else 1.0
    ahead = 2.0 * math.pi / (BREATH_S * FRAME_RATE_HZ) * (1.0 + 0.2 * chance.normal()) * pace
    if breath_in >= 1.0:
        ahead = ((0.5 * math.pi - state.breath_phase) % (2.0 * math.pi)) / breath_in
    state.breath_phase, state.breath_in = (state.breath_phase + ahead) % (2.0 * math.pi), breath_in - 1.0
    return math.sin(state.breath_phase)
