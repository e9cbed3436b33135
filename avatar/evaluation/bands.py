"""The one table of what behaviour is held to, wide on purpose.

Blinks: Bentivoglio 1997 (17 a minute at rest, 26 in conversation), Doughty 2001, Stern 1984 (a whole blink stays under
500 ms). Gaze at the partner: Argyle (75 % while listening, 40 % while talking). Head: Hadar 1983 (nearly always moving
in speech). Saccades: Eyes Alive 2002.
"""

from __future__ import annotations

from avatar.evaluation.results import Band
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
