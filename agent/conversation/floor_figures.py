"""How the two of them shared the floor in one turn: how soon it ducked and fell silent, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class FloorFigures:
    """Filled in as it happens (`agent.conversation.latency`), from the end of the turn before to the end of this one.

    Attributes:
        to_duck_s: from the first sample of the user's voice to the first quieter one of the avatar's, each time.
        to_silence_s: likewise, to its silence: a hold, or a cut without one.
        holds: how often it fell silent and kept what it had not said, by whatever it was asked.
        false_stops: how often it fell silent for a voice, and went on without being asked: it was no interruption.
        missed_stops: how often the user talked on over it and it did not fall silent.
        turns_resumed: how often what was taken for the end of the user's turn was none.
        cut_ins: of these, how often it had begun to say something.
        fillers: said while the mind worked.
        backchannels: said while the user spoke.
        dropped: what the user said, or others asked for, that is not answered.
        double_talk_s: seconds in which both of them spoke.
        echo_reports: how often the echo was measured.
        echo_sum_db: of the levels of its own voice in the microphone, each in dB relative to full scale.
        erle_sum_db: of what was taken out of it, each in dB (echo return loss enhancement).
    """

    to_duck_s: list[float] = field(default_factory=list)
    to_silence_s: list[float] = field(default_factory=list)
    holds: int = 0
    false_stops: int = 0
    missed_stops: int = 0
    turns_resumed: int = 0
    cut_ins: int = 0
    fillers: int = 0
    backchannels: int = 0
    dropped: int = 0
    double_talk_s: float = 0.0
    echo_reports: int = 0
    echo_sum_db: float = 0.0
    erle_sum_db: float = 0.0

    @property
    def echo_db(self) -> float | None:
        """The mean level of the echo, in dB relative to full scale; None where it was not measured."""
        return self.echo_sum_db / self.echo_reports if self.echo_reports else None

    @property
    def erle_db(self) -> float | None:
        """The mean of what was taken out of it, in dB."""
        return self.erle_sum_db / self.echo_reports if self.echo_reports else None

    def as_json(self) -> dict[str, Any]:
        """What happened; what didn't is left out. Times in seconds, levels in dB."""
        values = {
            "to_duck_s": [round(value, 4) for value in self.to_duck_s],
            "to_silence_s": [round(value, 4) for value in self.to_silence_s],
            "holds": self.holds,
            "false_stops": self.false_stops,
            "missed_stops": self.missed_stops,
            "turns_resumed": self.turns_resumed,
            "cut_ins": self.cut_ins,
            "fillers": self.fillers,
            "backchannels": self.backchannels,
            "dropped": self.dropped,
            "double_talk_s": round(self.double_talk_s, 3),
            "echo_db": None if self.echo_db is None else round(self.echo_db, 1),
            "erle_db": None if self.erle_db is None else round(self.erle_db, 1),
        }
        return {name: value for name, value in values.items() if value not in (None, 0, [])}
