"""Where the eyes go, and when they blink.

Sources: blink rates and log-normal intervals: Bentivoglio 1997, Doughty 2001, Stern 1984; gaze at the partner while
listening and talking: Argyle; aversion: Andrist 2012; looks away before a long utterance and back at its end: Kendon
1967; saccade sizes: Lee, Badler & Badler, Eyes Alive, 2002.
"""

from __future__ import annotations

import math

from avatar.motion import FRAME_RATE_HZ, ConversationState, Gesture
from avatar.sampler.intention.chance import Chance
from avatar.sampler.intention.state import DEGREE, IntentionState
from avatar.sampler.intention.talker import Habits, Talker

BLINK_SPREAD = 0.55  # sigma of the logarithm of the blink interval
BLINK_REFRACTORY_S = 0.4
BLINK_LENGTH_S = 0.33
INCOMPLETE_SHARE = 1.0 / 6.0  # of the blinks (Stern 1984)

BOUT_SPREAD = 0.5
LEAST_BOUT_FRAMES = 10.0
FIXATION_SPREAD = 0.5
LEAST_FIXATION_FRAMES = 8.0  # where a bout ends sooner, the eyes stay where they are until then
PARTNER_SPREAD_DEG = 1.3  # eyes wander between the partner's eyes and mouth
LEAST_AWAY_DEG, FURTHEST_AWAY_DEG = 5.0, 18.0
SAME_SIDE = 0.75  # a further look away mostly stays on its side
THINKING_AWAY_DEG, THINKING_LIFT = 9.0, 0.6  # who thinks looks away so that one sees it, and up: radians from the side
LARGE_SHIFT_DEG = 8.0  # gaze shifts beyond this often come with a blink
LARGE_SHIFT_BLINK, THINKING_SHIFT_BLINK = 0.4, 0.2  # who thinks shifts far all the time, and blinks less
LONG_ANSWER_AWAY_S = 1.2  # at least so long a look away goes before a long answer


def begin_to_look(state: IntentionState, chance: Chance, habits: Habits, person: Talker) -> None:
    """Where the eyes and lids are somewhere in the middle of what they do."""
    state.bout_left = chance.uniform(0.4, 1.2) * habits.partner_s * person.facing * FRAME_RATE_HZ
    state.fixation_left = chance.uniform(0.2, 1.0) * habits.fixation_s * FRAME_RATE_HZ
    state.blink_in = chance.uniform(0.2, 1.0) * habits.blink_interval_s * person.blinking * FRAME_RATE_HZ


def turn_to(state: IntentionState, chance: Chance, habits: Habits) -> None:
    """What becomes of a look when another state begins."""
    looks = {ConversationState.LISTENING: True, ConversationState.THINKING: False}.get(state.mode, state.on_partner)
    # The reaction takes 120 to 360 ms: the present fixation ends, the bout is over if it was of the wrong kind.
    soon = chance.uniform(3.0, 9.0)
    if looks is not state.on_partner:
        state.bout_left = soon
    if state.mode is ConversationState.THINKING and not state.on_partner:  # a glance aside becomes a thoughtful one
        state.bout_left = max(state.bout_left, habits.away_s * FRAME_RATE_HZ / 2.0)
        state.fixation_left = min(state.fixation_left, soon)


def look_as_asked(state: IntentionState, chance: Chance, gesture: Gesture | None) -> None:
    """Looks away, or at the partner, because of what is being said."""
    if gesture is None:
        return
    wants = gesture is not Gesture.LOOK_AWAY
    if state.on_partner is not wants:
        state.bout_left = min(state.bout_left, chance.uniform(2.0, 6.0))
    else:
        state.bout_left = max(state.bout_left, LONG_ANSWER_AWAY_S * FRAME_RATE_HZ * chance.uniform(1.0, 1.6))


def look(state: IntentionState, chance: Chance, habits: Habits, person: Talker, pace: float) -> float:
    """Bouts at the partner and away, fixations inside them.

    Returns:
        How far the gaze has shifted, radians.
    """
    rate = float(FRAME_RATE_HZ)
    bout_left, fixation_left = state.bout_left - 1.0, state.fixation_left - pace
    if bout_left <= 0.0:
        state.on_partner = not state.on_partner
        mean = habits.partner_s * person.facing if state.on_partner else habits.away_s * person.glancing
        bout_left = max(LEAST_BOUT_FRAMES, chance.log_normal(mean, BOUT_SPREAD) * rate)
        fixation_left = 0.0
    shifted_by = 0.0
    if fixation_left <= 0.0 and bout_left >= LEAST_FIXATION_FRAMES:
        fixation_left = max(5.0, chance.log_normal(habits.fixation_s, FIXATION_SPREAD) * rate)
        yaw, pitch = state.away[0] + state.wander[0], state.away[1] + state.wander[1]
        if state.on_partner:
            spread = PARTNER_SPREAD_DEG * DEGREE
            state.away, state.wander = (0.0, 0.0), (spread * chance.normal(), spread * chance.normal() - 0.01)
        else:
            state.away, state.wander = _aside(state, chance, habits, person), (0.0, 0.0)
        shifted_by = math.hypot(
            state.away[0] + state.wander[0] - yaw,
            state.away[1] + state.wander[1] - pitch,
        )
    state.bout_left, state.fixation_left = bout_left, fixation_left
    return shifted_by


def _aside(state: IntentionState, chance: Chance, habits: Habits, person: Talker) -> tuple[float, float]:
    """Where the next look away goes: (yaw, pitch), radians."""
    thinks = state.mode is ConversationState.THINKING
    least = THINKING_AWAY_DEG if thinks else LEAST_AWAY_DEG
    further = habits.away_size_deg * -math.log(1.0 - chance.uniform(0.0, 0.95)) * 0.6
    size = min(FURTHEST_AWAY_DEG, least + further) * DEGREE
    side = 1.0 if chance.uniform() < person.side else -1.0
    if state.away != (0.0, 0.0) and chance.uniform() < SAME_SIDE:
        side = math.copysign(1.0, state.away[0])
    angle = (THINKING_LIFT if thinks else -0.1) + 0.5 * chance.normal()
    return side * size * math.cos(angle), size * math.sin(angle)


def blink(
    state: IntentionState, chance: Chance, habits: Habits, person: Talker, shifted_by: float, *, hurry: float
) -> float:
    """Blinks at log-normal intervals, and with large shifts of the gaze.

    Args:
        state: of the process.
        chance: of this frame.
        habits: in this state.
        person: whose.
        shifted_by: the gaze has moved so far, radians.
        hurry: frames by which the next blink comes closer.

    Returns:
        Closure of the lids in [0, 1].
    """
    rate = float(FRAME_RATE_HZ)
    state.blink_in -= 1.0 + hurry
    state.blink_age = state.blink_age + 1.0 if state.blink_age >= 0.0 else -1.0
    if state.blink_age >= BLINK_LENGTH_S * state.blink_stretch * rate:
        state.blink_age = -1.0
    wants = state.blink_in <= 0.0
    if not wants and shifted_by > LARGE_SHIFT_DEG * DEGREE:
        share = THINKING_SHIFT_BLINK if state.mode is ConversationState.THINKING else LARGE_SHIFT_BLINK
        wants = chance.uniform() < share / person.blinking
    if wants and state.blink_age < 0.0:
        interval = chance.log_normal(habits.blink_interval_s * person.blinking, BLINK_SPREAD) * rate
        state.blink_depth = chance.uniform(0.55, 0.85) if chance.uniform() < INCOMPLETE_SHARE else 1.0
        state.blink_stretch = min(1.4, max(0.75, 1.0 + 0.15 * chance.normal()))
        state.blink_in = max(BLINK_REFRACTORY_S * rate, interval)
        state.blink_age = chance.uniform()  # blinks don't begin on frame boundaries
    if state.blink_age < 0.0:
        return 0.0
    return state.blink_depth * blink_closure(state.blink_age / rate, state.blink_stretch)


def blink_closure(age_s: float, stretch: float) -> float:
    """Lid closure of a full blink: closing in 90 ms, closed 30 ms, opening in 210 ms (times `stretch`)."""
    closing, closed, opening = 0.09 * stretch, 0.03 * stretch, 0.21 * stretch
    if age_s < closing:
        part = age_s / closing
    elif age_s < closing + closed:
        part = 1.0
    else:
        part = max(0.0, 1.0 - (age_s - closing - closed) / opening)
    return part * part * (3.0 - 2.0 * part)
