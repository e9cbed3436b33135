"""The steps of one interrupted turn: speaking, ducked, held, over. Nothing here acts: it says what is to be done."""

from __future__ import annotations

from enum import Enum, auto


class Step(Enum):
    """What becomes of the avatar's turn just now."""

    SPEAKING = auto()
    """It goes on, as if nothing had happened; it may still be thinking."""
    DUCKED = auto()
    """It goes on quietly: there may be a voice."""
    HELD = auto()
    """It is silent, because the user speaks; what it has not said is kept."""
    PAUSED = auto()
    """Likewise, because somebody asked for that: only who asks it to go on, or something else, ends it."""
    OVER = auto()
    """It was said to its end, or cut."""


class Cue(Enum):
    """What happens."""

    VOICED = auto()
    """A sound that may be the user's voice."""
    NOBODY = auto()
    """It is gone, and was none."""
    BEGAN = auto()
    """The user speaks, or goes on after a pause."""
    NOTHING_SAID = auto()
    """What the user said asks for nothing: a backchannel, a cough, a laugh."""
    SAID = auto()
    """The user said something that is to be answered, or that ends the turn."""
    PAUSE = auto()
    """Somebody asks for a pause, in words or by a key."""
    GO_ON = auto()
    """Somebody asks it to go on."""
    TOO_LONG = auto()
    """It was silent for so long that nobody waits for the rest."""
    CUT = auto()
    """It is stopped, by whatever means."""
    ENDED = auto()
    """It has come to its end."""


class Act(Enum):
    """What is to be done."""

    DUCK = auto()
    RISE = auto()
    HOLD = auto()
    RESUME = auto()
    CUT = auto()


_TABLE: dict[tuple[Step, Cue], tuple[Step, Act | None]] = {
    (Step.SPEAKING, Cue.VOICED): (Step.DUCKED, Act.DUCK),
    (Step.SPEAKING, Cue.BEGAN): (Step.HELD, Act.HOLD),
    (Step.SPEAKING, Cue.PAUSE): (Step.PAUSED, Act.HOLD),
    (Step.DUCKED, Cue.NOBODY): (Step.SPEAKING, Act.RISE),
    (Step.DUCKED, Cue.NOTHING_SAID): (Step.SPEAKING, Act.RISE),
    (Step.DUCKED, Cue.BEGAN): (Step.HELD, Act.HOLD),
    (Step.DUCKED, Cue.PAUSE): (Step.PAUSED, Act.HOLD),
    (Step.DUCKED, Cue.GO_ON): (Step.SPEAKING, Act.RISE),
    (Step.HELD, Cue.NOTHING_SAID): (Step.SPEAKING, Act.RESUME),
    (Step.HELD, Cue.GO_ON): (Step.SPEAKING, Act.RESUME),
    (Step.HELD, Cue.PAUSE): (Step.PAUSED, None),
    (Step.HELD, Cue.TOO_LONG): (Step.OVER, Act.CUT),
    (Step.PAUSED, Cue.GO_ON): (Step.SPEAKING, Act.RESUME),
    (Step.PAUSED, Cue.TOO_LONG): (Step.OVER, Act.CUT),
    **{
        (step, cue): (Step.OVER, Act.CUT)
        for step in (Step.SPEAKING, Step.DUCKED, Step.HELD, Step.PAUSED)
        for cue in (Cue.SAID, Cue.CUT)
    },
    **{(step, Cue.ENDED): (Step.OVER, None) for step in Step},
}
"""Every pair that is missing changes nothing: a cue that comes late finds the turn in another step."""


class Interruption:
    """One turn of the avatar's.

    Attributes:
        step: where it is.
    """

    def __init__(self, step: Step = Step.SPEAKING) -> None:
        self.step = step

    @property
    def is_silent(self) -> bool:
        """Whether it is held or paused."""
        return self.step in (Step.HELD, Step.PAUSED)

    def take(self, cue: Cue) -> Act | None:
        """Takes the next step.

        Returns:
            What is to be done now; None for nothing.
        """
        self.step, act = _TABLE.get((self.step, cue), (self.step, None))
        return act
