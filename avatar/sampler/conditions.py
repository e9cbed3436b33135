"""The sampler's conditions as one vector a frame; each group can be left out (all zero, flag 0)."""

from __future__ import annotations

import numpy as np

from avatar.motion import FRAME_RATE_HZ, Controls, ConversationState, Floats

STATES = tuple(ConversationState)


class ConditionLayout:
    """Slices of the condition vector, float32 [SIZE]; the last number of BLINK … USER says that the group is there.

    BLINK: lid closure. GAZE: where to look, (yaw, pitch) in the portrait's frame over GAZE_SCALE. POSTURE: head pitch,
    yaw, roll over HEAD_SCALE, and breath. STATE: one-hot. DISTANCE: logarithm of the head distance. USER: `user_voice`.
    COMPOSURE: 0 lively … 1 still, minus 0.5. NOD: pitch of a nod now and in the two frames before, over HEAD_SCALE.
    BROW: lift of the brows now and before.
    """

    BLINK = slice(0, 2)
    GAZE = slice(2, 5)
    POSTURE = slice(5, 10)
    STATE = slice(10, 10 + len(STATES))
    DISTANCE = slice(14, 16)
    USER = slice(16, 20)
    COMPOSURE = slice(20, 21)
    NOD = slice(21, 24)
    BROW = slice(24, 26)
    SIZE = 26
    GROUPS: tuple[slice, ...] = (BLINK, GAZE, POSTURE, STATE, DISTANCE, USER, COMPOSURE, NOD, BROW)


GAZE_SCALE = 0.2
HEAD_SCALE = 0.1

USER_HISTORY_FRAMES = 3 * FRAME_RATE_HZ
"""How much of the user's voice a listener's motion looks back on."""

REACTION_FRAMES = 5
"""A listener reacts 200 ms after what the user said; it also lets motion be sampled ahead of being shown."""

USER_SPEAKS = 0.45  # of avatar.sampler.features.loudness: -37 dB
PAUSE_FRAMES = 4  # a shorter gap is a stop consonant
NOD_FRAMES = 35  # a listener's nods at a pause are over after this
SPOKE_FRAMES = 15  # who spoke less did not say anything that asks for a nod


def user_voice(loudness: Floats) -> Floats:
    """What the user's voice tells a listener.

    Args:
        loudness: float32 [USER_HISTORY_FRAMES], `avatar.sampler.features.loudness` of the last frames, newest last.

    Returns:
        float32 [3]: loudness now (mean of 3 frames), how far it rises above the last half second (emphasis), and what
        follows a pause: 1 when the user has been quiet for 160 ms, having spoken before, falling to 0 in 1.4 s.
    """
    now = float(loudness[-3:].mean())
    rise = now - float(loudness[-13:-3].mean())
    spoke = loudness > USER_SPEAKS
    since = int(np.argmax(spoke[::-1])) if spoke.any() else len(spoke)
    after = since - PAUSE_FRAMES
    pause = 1.0 - after / NOD_FRAMES if 0 <= after < NOD_FRAMES and int(spoke.sum()) >= SPOKE_FRAMES else 0.0
    return np.array([now, max(0.0, rise) * 2.0, pause], np.float32)


def condition_vector(
    intention: Floats, *, state: ConversationState, controls: Controls, user: Floats | None, composure: float
) -> Floats:
    """One frame's conditions: float32 [ConditionLayout.SIZE].

    Args:
        intention: float32 [12] of `avatar.sampler.intention.process.step`.
        state: what the person is doing.
        controls: head distance (gaze is already in the intention, feelings are put on afterwards).
        user: float32 [3] of `user_voice`; None when there is no user.
        composure: 0 lively … 1 still.
    """
    out = np.zeros(ConditionLayout.SIZE, np.float32)
    out[ConditionLayout.BLINK] = (intention[0], 1.0)
    out[ConditionLayout.GAZE] = (intention[1] / GAZE_SCALE, intention[2] / GAZE_SCALE, 1.0)
    out[ConditionLayout.POSTURE] = (*(intention[3:6] / HEAD_SCALE), intention[6], 1.0)
    out[ConditionLayout.STATE.start + STATES.index(state)] = 1.0
    out[ConditionLayout.DISTANCE] = (np.log(controls.head_distance or 1.0) / HEAD_SCALE, 1.0)
    if user is not None:
        out[ConditionLayout.USER] = (*user, 1.0)
    out[ConditionLayout.COMPOSURE] = composure - 0.5
    out[ConditionLayout.NOD] = intention[7:10] / HEAD_SCALE
    out[ConditionLayout.BROW] = intention[10:12]
    return out
