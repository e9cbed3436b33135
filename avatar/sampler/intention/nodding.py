"""Nods and brows: a listener's at the user's pauses and emphases, a speaker's at the own stresses.

Sources: listeners nod at the speaker's pauses, the first cycle being the largest: Hadar, Steiner & Rose 1985; heads
and brows move with stressed syllables: Hadar 1983; Cavé et al. 1996.
"""

from __future__ import annotations

import math

from avatar.motion import ConversationState, Floats
from avatar.sampler.intention.chance import Chance
from avatar.sampler.intention.state import DEGREE, SPEECH_LOUDNESS, IntentionState, raised_cosine
from avatar.sampler.intention.talker import Talker

NOD_DEG = 3.5  # of a listener's nod, first cycle
NOD_SPREAD = 0.25  # sigma of its logarithm
NOD_CYCLES = (1.0, 0.55, 0.25)
NOD_CYCLE_FRAMES = 13
ACCENT_NOD_DEG = 1.3
ACCENT = 0.45  # of conditions.user_voice's emphasis
ACCENT_BROW = 0.22
BROW_FRAMES = 17
ACCENT_APART_FRAMES = 50

STRESS_DB = 5.0  # a syllable this much louder than those before it is as stressed as any
STRESSED, STRONGLY = 0.35, 0.6  # shares of that from which on the head nods, and the brows may rise
STRESS_NOD_DEG = 3.2
STRESS_APART_FRAMES = 12
STRESS_BROW = 0.32
_SYLLABLE_MEMORY = 0.15  # share of the newest syllable in what is usual lately: the last seven or so
_DB_OF_LOUDNESS = 40.0  # see avatar.sampler.features.loudness


def listen(
    state: IntentionState, chance: Chance, user: Floats | None, nods: float, nod: int, liveliness: float
) -> None:
    """Begins a listener's nods at the user's pauses, and a small one with a brow at emphases.

    Args:
        state: of the process.
        chance: of this frame.
        user: float32 [3] of `avatar.sampler.conditions.user_voice`; None when there is no user.
        nods: share of the pauses that are answered, in [0, 1].
        nod: cycles of a nod that begins now whatever the user does; 0 for none.
        liveliness: 1 as published.
    """
    _, rise, pause = (float(value) for value in user) if user is not None else (0.0, 0.0, 0.0)
    at_pause = pause > 0.9 >= state.pause
    state.pause = pause
    if state.mode is not ConversationState.LISTENING or state.nod_age >= 0.0:
        return
    drawn = chance.uniform() if at_pause else 1.0
    if nod or drawn < nods:
        state.nod_cycles = nod or 1 + int(3.0 * drawn / nods)
        state.nod_size = NOD_DEG * DEGREE * liveliness * math.exp(NOD_SPREAD * chance.normal(2.0))
        state.nod_age = 0.0
    elif rise > ACCENT and state.accent_age >= ACCENT_APART_FRAMES:
        state.nod_age, state.nod_cycles, state.nod_size = 0.0, 1, ACCENT_NOD_DEG * DEGREE * liveliness
        state.brow_age, state.brow_size, state.accent_age = 0.0, ACCENT_BROW * liveliness, 0


def stress(state: IntentionState, loudness: float, ahead: tuple[float, float] | None) -> float:
    """How much the syllable stands out whose middle is the next frame of the own voice, in [0, 1]; 0 if none is there.

    Args:
        state: of the process.
        loudness: of the own voice in this frame.
        ahead: of the next two; None where they are not known.
    """
    if ahead is None or state.mode is not ConversationState.SPEAKING:
        return 0.0
    middle, after = ahead
    if not (middle > SPEECH_LOUDNESS and loudness <= middle > after):
        return 0.0
    usual = state.syllable or middle
    state.syllable = usual + _SYLLABLE_MEMORY * (middle - usual)
    return min(1.0, max(0.0, (middle - usual) * _DB_OF_LOUDNESS / STRESS_DB))


def emphasise(state: IntentionState, chance: Chance, person: Talker, stressed: float, liveliness: float) -> None:
    """Begins a nod, and sometimes a brow, with a stress of the own voice."""
    if stressed < STRESSED or state.accent_age < STRESS_APART_FRAMES or state.nod_age >= 0.0:
        return
    if chance.uniform() < person.nodding:
        size = STRESS_NOD_DEG * DEGREE * person.depth * liveliness * math.exp(NOD_SPREAD * chance.normal(2.0))
        state.nod_age, state.nod_cycles, state.nod_size, state.accent_age = 0.0, 1, size * stressed, 0
    if stressed >= STRONGLY and state.brow_age < 0.0 and chance.uniform() < person.raising:
        state.brow_age, state.brow_size = 0.0, STRESS_BROW * liveliness * stressed * chance.uniform(0.7, 1.3)


def move(state: IntentionState) -> None:
    """One frame of the nod and the brows that have begun; what has begun is finished."""
    pitch = 0.0
    if state.nod_age >= 0.0:
        for cycle in range(state.nod_cycles):
            age = state.nod_age - cycle * NOD_CYCLE_FRAMES
            pitch -= NOD_CYCLES[cycle] * raised_cosine(age, 1.1 * NOD_CYCLE_FRAMES)
    state.nods = (pitch * state.nod_size, state.nods[0])
    state.brow = state.brow_size * raised_cosine(state.brow_age, BROW_FRAMES)


def age(state: IntentionState) -> None:
    """A frame has passed."""
    if state.nod_age >= 0.0:
        state.nod_age += 1.0
        if state.nod_age >= (state.nod_cycles + 0.1) * NOD_CYCLE_FRAMES:
            state.nod_age = -1.0
    if state.brow_age >= 0.0:
        state.brow_age = state.brow_age + 1.0 if state.brow_age + 1.0 < BROW_FRAMES else -1.0
    state.accent_age = min(state.accent_age + 1, 1000)
