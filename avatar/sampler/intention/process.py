"""What the person intends to do: where to look, how to hold the head, when to blink.

These are rare decisions: a few per second at most, each at one instant. A flow sampled in two to four steps averages
over them (half a blink, a quarter of a glance), so they are drawn here, frame by frame, from published statistics,
and the network turns them into movement. The training data are made from the same process, so the network has seen
every kind of decision. What is drawn depends on the seed, the frame and all the sound so far (`chance`): a rewind costs
nothing and repeats exactly, and no two speeches are told with the same movements.

    chance ──► eyes (gaze, blinks) ─┐
    talker ──► head (postures, breath, gestures) ─► one vector a frame
    sound ───► nodding (a listener's, a speaker's; brows) ─┘
       └─────► sway (of mouth and jaw) ─► put on what is sampled
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from avatar.motion import FRAME_RATE_HZ, Controls, ConversationState, Floats
from avatar.sampler.intention import eyes, head, nodding
from avatar.sampler.intention.chance import Chance, heard_after
from avatar.sampler.intention.state import PAUSE_FRAMES, PHRASE_FRAMES, SPEECH_LOUDNESS, IntentionState
from avatar.sampler.intention.sway import swing
from avatar.sampler.intention.talker import HABITS, talker

PHRASE_END_CREDIT_S, PHRASE_END_BLINK_S = 1.5, 0.8  # a phrase end brings the next posture, and blink, closer by this
STRESS_CREDIT_S = 0.5  # a stress brings the next posture shift closer by this
HEAD_SHARE = 0.3  # of a gaze shift is done by the head when looking away
MAIN_HEAD_SHARE = 0.5  # of the commanded main direction


def step(
    state: IntentionState,
    *,
    seed: int,
    frame: int,
    mode: ConversationState,
    loudness: float,
    controls: Controls,
    composure: float,
    user: Floats | None = None,
    ahead: tuple[float, float] | None = None,
    nods: float = 0.6,
    nod: int = 0,
) -> tuple[IntentionState, Floats]:
    """One frame of the process.

    Args:
        state: after the previous frame.
        seed: of the whole motion; it also gives the person's habits.
        frame: absolute index.
        mode: what the person is doing now.
        loudness: of the own speech in this frame, as `avatar.sampler.features.loudness`.
        controls: a commanded main gaze direction turns head and eyes; a gesture begins when another one is asked for.
        composure: 0 lively … 1 still: rarer and smaller posture shifts, calmer eyes, smaller nods.
        user: float32 [3] of `avatar.sampler.conditions.user_voice`; None when there is no user.
        ahead: loudness of the own speech in the two frames to come; None: a speaker's nods come from elsewhere.
        nods: share of the user's pauses that a listener nods at, in [0, 1].
        nod: cycles of a nod that a listener begins now, whatever the user's voice does; 0 for none.

    Returns:
        The state after this frame, and float32 [len(INTENTION_NAMES)].
    """
    habits, person, rate = HABITS[mode], talker(seed), float(FRAME_RATE_HZ)
    pace, liveliness = 1.4 - 0.8 * composure, 1.5 - composure  # at 0.5 as published
    reach = 1.25 - 0.25 * composure - 0.5 * composure**2  # likewise; lively heads turn oftener, and not much farther
    new = replace(state)  # a copy, changed from here on: one for each change would take most of the time
    new.heard = heard_after(state.heard, loudness, 0.0 if user is None else float(user[0]))
    chance = Chance(seed, new.heard, frame)
    swing(new, person, seed, frame)
    new.mode = mode
    if not state.has_begun:
        new.has_begun = True
        eyes.begin_to_look(new, chance, habits, person)
        head.begin_to_hold(new, chance, habits)

    phrase_ends = _follow_phrases(new, loudness, chance)
    if mode is not state.mode:
        eyes.turn_to(new, chance, habits)
        head.turn_to(new, chance, state.mode)
    asked = controls.gesture
    if asked is not state.gesture:
        new.gesture = asked
        eyes.look_as_asked(new, chance, asked)
        head.gesture(new, chance, asked, liveliness, person)

    shifted_by = eyes.look(new, chance, habits, person, pace)
    hurry = PHRASE_END_BLINK_S * rate if phrase_ends else 0.0
    closure = eyes.blink(new, chance, habits, person, shifted_by, hurry=hurry)
    nodding.age(new)
    stressed = nodding.stress(new, loudness, ahead)
    nodding.emphasise(new, chance, person, stressed, liveliness)
    nodding.listen(new, chance, user, nods, nod, liveliness)
    nodding.move(new)
    hurry = STRESS_CREDIT_S * rate * stressed + (PHRASE_END_CREDIT_S * rate if phrase_ends else 0.0)
    pitch, yaw, roll = head.hold(new, chance, habits, person, pace=pace, hurry=hurry, reach=reach)
    breath = head.breathe(new, chance, quick=phrase_ends and mode is ConversationState.SPEAKING)

    main = controls.gaze or (0.0, 0.0)
    gaze = (main[0] + new.away[0] + new.wander[0], main[1] + new.away[1] + new.wander[1])
    pitch += MAIN_HEAD_SHARE * main[1] + HEAD_SHARE * new.away[1]
    yaw += MAIN_HEAD_SHARE * main[0] + HEAD_SHARE * new.away[0]
    return new, np.array(
        [closure, *gaze, pitch, yaw, roll, breath, new.nods[0], *state.nods, new.brow, state.brow], np.float32
    )


def _follow_phrases(state: IntentionState, loudness: float, chance: Chance) -> bool:
    """Counts speech and silence; returns whether a phrase has just ended.

    Where one has just begun, what was to come is drawn anew: it was drawn before anything of this phrase was heard.
    """
    if loudness > SPEECH_LOUDNESS:
        state.spoken_frames = min(state.spoken_frames + 1, 1000) if state.quiet_frames < PAUSE_FRAMES else 1
        state.quiet_frames = 0
        if state.spoken_frames == PHRASE_FRAMES:
            state.posture_in = min(state.posture_in, chance.uniform(0.0, 10.0))
            state.blink_in *= chance.uniform(0.4, 1.6)
            state.bout_left *= chance.uniform(0.6, 1.4)
        return False
    state.quiet_frames = min(state.quiet_frames + 1, 1000)
    return state.quiet_frames == PAUSE_FRAMES
