"""How often and how far people move, and how one of them differs from the rest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from avatar.motion import ConversationState
from avatar.sampler.intention.chance import Stream, generator


@dataclass(frozen=True, slots=True)
class Habits:
    """How often and how far, in one conversational state (times are means, in seconds; angles in degrees)."""

    blink_interval_s: float
    partner_s: float
    away_s: float
    fixation_s: float
    away_size_deg: float
    posture_s: float
    posture_deg: tuple[float, float, float]  # pitch, yaw, roll: standard deviations


HABITS: dict[ConversationState, Habits] = {
    ConversationState.IDLE: Habits(5.7, 4.5, 2.5, 1.6, 7.0, 5.0, (1.2, 2.0, 1.2)),
    ConversationState.LISTENING: Habits(4.0, 5.5, 1.5, 1.6, 6.0, 4.5, (1.5, 1.8, 2.2)),
    ConversationState.THINKING: Habits(5.8, 0.8, 3.2, 1.0, 10.0, 3.0, (2.5, 4.0, 2.0)),
    ConversationState.SPEAKING: Habits(5.0, 2.2, 2.3, 1.0, 7.0, 1.3, (2.6, 4.6, 3.5)),
}
"""Of the average person."""


@dataclass(frozen=True, slots=True)
class Talker:
    """One person's own habits, as factors of the average person's; people differ in these more than moods do.

    Attributes:
        blinking: time between blinks.
        glancing: length of looks away.
        facing: length of looks at the partner.
        reach: how far the head is held from straight ahead.
        settling: time that it is held there.
        nodding: share of the own stresses that the head nods at, in [0, 1].
        depth: of these nods.
        raising: share of the strong ones that raise the brows, in [0, 1].
        side: chance that a look away goes to the own left.
        tilts: towards which shoulder a question tilts the head, 1 the left or -1.
        corner_sway: how far one corner of the mouth is drawn back beyond the other: standard deviation, coefficients.
        jaw_sway: how far the jaw swings aside, likewise.
    """

    blinking: float
    glancing: float
    facing: float
    reach: float
    settling: float
    nodding: float
    depth: float
    raising: float
    side: float
    tilts: float
    corner_sway: float
    jaw_sway: float


@lru_cache(maxsize=256)
def talker(seed: int) -> Talker:
    """The habits of whoever moves with a seed."""
    random = generator(Stream.TALKER, seed, 0, 0)

    def between(low: float, high: float) -> float:
        """Evenly in ratios: as often below their middle as above."""
        return low * float((high / low) ** random.random())

    return Talker(
        blinking=between(0.8, 1.25),
        glancing=between(0.85, 1.18),
        facing=between(0.85, 1.18),
        reach=between(0.8, 1.2),
        settling=between(0.8, 1.25),
        nodding=between(0.35, 0.9),
        depth=between(0.7, 1.3),
        raising=between(0.3, 0.9),
        side=float(np.clip(0.5 + 0.15 * random.standard_normal(), 0.2, 0.8)),
        tilts=1.0 if random.random() < 0.5 else -1.0,
        corner_sway=between(0.02, 0.08),
        jaw_sway=between(0.02, 0.08),
    )
