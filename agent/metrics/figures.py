"""Numbers of all conversations since the program began; nothing depends on them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from agent.conversation.events import Event, TurnFinished
from agent.conversation.turn import STAGES, FloorFigures, TurnRecord

ANSWER_BOUNDS_S = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
"""Upper bounds of the buckets for answers; what is more is in a last one."""

STOP_BOUNDS_S = (0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0)
"""Likewise for how soon the avatar ducks and falls silent."""

TIMED = STAGES[1:-1]
"""The stages of a turn whose time since the user's last sample is counted: all but the first and the end."""


class Histogram:
    """How often something took how long.

    Args:
        bounds_s: upper bounds of the buckets, rising.

    Attributes:
        bounds_s: as above.
        counts: of each bucket, and of what is above; not cumulative.
        sum_s: of all.
    """

    def __init__(self, bounds_s: tuple[float, ...]) -> None:
        self.bounds_s = bounds_s
        self.counts = [0] * (len(bounds_s) + 1)
        self.sum_s = 0.0

    def add(self, seconds: float) -> None:
        """Counts one."""
        self.counts[bisect_left(self.bounds_s, seconds)] += 1
        self.sum_s += seconds


@dataclass
class ConversationFigures:
    """The numbers.

    Attributes:
        turns: "answered", "interrupted" or "failed".
        frames: pictures rendered, late ones included.
        frames_late: of these, left out because they came too late.
        chunks_lost: pieces of microphones' sound that nobody took in time.
        latency: from the user's last sample (or the typed question) to each stage of TIMED.
        to_duck: from the first sample of the user's voice to the avatar's first quieter one.
        to_silence: likewise, to its silence.
        floor: counts of `FloorFigures`, by their names there.
        double_talk_s: seconds in which both spoke.
        echo_db: mean level of the echo in the last turn in which it was measured, in dB relative to full scale; None
            before.
        erle_db: how much of it was taken out then, in dB.
    """

    turns: Counter[str] = field(default_factory=Counter)
    frames: int = 0
    frames_late: int = 0
    chunks_lost: int = 0
    latency: dict[str, Histogram] = field(
        default_factory=lambda: {stage: Histogram(ANSWER_BOUNDS_S) for stage in TIMED}
    )
    to_duck: Histogram = field(default_factory=lambda: Histogram(STOP_BOUNDS_S))
    to_silence: Histogram = field(default_factory=lambda: Histogram(STOP_BOUNDS_S))
    floor: Counter[str] = field(default_factory=Counter)
    double_talk_s: float = 0.0
    echo_db: float | None = None
    erle_db: float | None = None

    def add(self, frames: int, frames_late: int, chunks_lost: int) -> None:
        """Counts a conversation's pictures and sound."""
        self.frames += frames
        self.frames_late += frames_late
        self.chunks_lost += chunks_lost

    def observe(self, event: Event) -> None:
        """Takes what a session tells."""
        if isinstance(event, TurnFinished):
            self._count(event.record)

    def _count(self, record: TurnRecord) -> None:
        self._count_floor(record.floor)
        if record.is_unanswered:  # counted there as dropped
            return
        self.turns["failed" if record.problem else "interrupted" if record.interrupted else "answered"] += 1
        for stage, after_s in record.since_speech_end().items():
            if stage in self.latency:
                self.latency[stage].add(after_s)

    def _count_floor(self, floor: FloorFigures) -> None:
        for histogram, times_s in ((self.to_duck, floor.to_duck_s), (self.to_silence, floor.to_silence_s)):
            for seconds in times_s:
                histogram.add(seconds)
        for name in FLOOR_COUNTS:
            self.floor[name] += getattr(floor, name)
        self.double_talk_s += floor.double_talk_s
        if floor.echo_reports:
            self.echo_db, self.erle_db = floor.echo_db, floor.erle_db


FLOOR_COUNTS = {
    "holds": "The avatar fell silent and kept what it had not said.",
    "false_stops": "Holds for a voice that was no interruption: it went on.",
    "missed_stops": "The user talked on over the ducked avatar for half a second, and it did not fall silent.",
    "turns_resumed": "What was taken for the end of the user's turn was none.",
    "cut_ins": "Of these, the avatar had begun to say something.",
    "fillers": "Said while the mind worked.",
    "backchannels": "Said while the user spoke.",
    "dropped": "What was said or asked for and is not answered.",
}
"""Counts of `FloorFigures`, and what they mean."""
