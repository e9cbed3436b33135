"""The one table of what behaviour is held to, wide on purpose.

Blinks: Bentivoglio 1997 (17 a minute at rest, 26 in conversation), Doughty 2001, Stern 1984 (a whole blink stays under
500 ms). Gaze at the partner: Argyle (75 % while listening, 40 % while talking). Head: Hadar 1983 (nearly always moving
in speech). Saccades: Eyes Alive 2002. How well our mouths are to follow the real ones whose sound they are made from is
a goal of ours; people's movement itself is held to the people in the videos (`avatar.evaluation.people_section`).
"""

from __future__ import annotations

from avatar.evaluation.results import Band, at_least, at_most
from avatar.motion import ConversationState

BLINKS, DIRECT_GAZE, HEAD_SPEED, SACCADES = "blinks/min", "gaze at partner", "head speed, rms", "saccades/s"
BLINK_LENGTH = "blink length, median"

BANDS: dict[ConversationState, dict[str, Band]] = {
    ConversationState.IDLE: {
        BLINKS: Band(10.0, 22.0),
        HEAD_SPEED: Band(1.0, 4.0),
        SACCADES: Band(0.2, 1.5),
        BLINK_LENGTH: Band(0.1, 0.5),
    },
    ConversationState.LISTENING: {
        BLINKS: Band(12.0, 26.0),
        DIRECT_GAZE: Band(0.6, 0.9),
        HEAD_SPEED: Band(2.0, 8.0),
        SACCADES: Band(0.3, 1.5),
        BLINK_LENGTH: Band(0.1, 0.5),
    },
    ConversationState.SPEAKING: {
        BLINKS: Band(15.0, 33.0),
        DIRECT_GAZE: Band(0.3, 0.65),
        HEAD_SPEED: Band(5.0, 18.0),
        SACCADES: Band(0.5, 2.5),
        BLINK_LENGTH: Band(0.1, 0.5),
    },
    ConversationState.THINKING: {
        BLINKS: Band(8.0, 26.0),
        DIRECT_GAZE: Band(0.05, 0.4),
        HEAD_SPEED: Band(2.0, 8.0),
        SACCADES: Band(0.5, 2.5),
        BLINK_LENGTH: Band(0.1, 0.5),
    },
}


def band(state: ConversationState | None, measure: str) -> Band | None:
    """What a measure is held to in a state; None if to nothing."""
    return None if state is None else BANDS[state].get(measure)


OPENING_R, WORST_R, WIDTH_R = "opening", "opening, any clip", "width"
"""Correlations with the real mouth at the opening's best lag."""

SENTENCE_GOALS: dict[str, Band] = {OPENING_R: at_least(0.62), WIDTH_R: at_least(0.45)}
"""Of the mean over clips of one sentence."""
SPEECH_GOALS: dict[str, Band] = {OPENING_R: at_least(0.5), WORST_R: at_least(0.35), WIDTH_R: at_least(0.45)}
"""Of the mean over clips of continuous speech, and of each of them."""
LAG_GOAL = Band(-1.0, 1.0)
SPREAD_GOAL = Band(0.7, 1.3)
"""Of the opening's spread over the real one's, each over the width of its own mouth."""

LIPS_MEET, TEETH_MEET = at_least(0.97), at_least(0.95)
"""Of p b m and of f v in held-out speech."""
CLOSED_ELSEWHERE, MOVES_IN_SILENCE = at_most(0.02), at_most(0.02)
"""Of the frames of speech, and of the opening's spread in speech."""
SAME_SEED = Band(-0.3, 0.3)
"""Mean correlation of what the head does in different speeches with the same seed; chance is 0."""
