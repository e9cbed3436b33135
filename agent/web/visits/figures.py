"""Numbers of all visits since the program began, for whoever watches it; nothing depends on them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from agent.conversation.events import Event, TurnFinished
from agent.conversation.turn import STAGES, TurnRecord

BOUNDS_S = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
"""Upper bounds of the histograms' buckets; what is more is in a last one."""

TIMED = STAGES[1:-1]
"""The stages of a turn whose time since the user's last sample is counted: all but the first and the end."""


class Histogram:
    """How often something took how long.

    Attributes:
        counts: of each bucket of BOUNDS_S, and of what is above; not cumulative.
        sum_s: of all.
    """

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def add(self, seconds: float) -> None:
        """Counts one."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds


@dataclass
class Figures:
    """The numbers.

    Attributes:
        begun: visits, those who only waited included.
        turned_away: visitors for whom there was not even room in the line.
        ended: visits by the reason (`Why`).
        resumed: broken connections that came back.
        resets: conversations that a kiosk forgot.
        turns: "answered", "interrupted" or "failed".
        frames: pictures rendered, late ones included.
        frames_late: of these, left out because they came too late.
        chunks_lost: pieces of microphones' sound that nobody took in time.
        latency: from the user's last sample (or the typed question) to each stage of TIMED.
    """

    begun: int = 0
    turned_away: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    resumed: int = 0
    resets: int = 0
    turns: Counter[str] = field(default_factory=Counter)
    frames: int = 0
    frames_late: int = 0
    chunks_lost: int = 0
    latency: dict[str, Histogram] = field(default_factory=lambda: {stage: Histogram() for stage in TIMED})

    def add(self, frames: int, frames_late: int, chunks_lost: int) -> None:
        """Counts a visit's pictures and sound."""
        self.frames += frames
        self.frames_late += frames_late
        self.chunks_lost += chunks_lost

    def observe(self, event: Event) -> None:
        """Takes what a session tells."""
        if isinstance(event, TurnFinished):
            self._count(event.record)

    def _count(self, record: TurnRecord) -> None:
        self.turns["failed" if record.problem else "interrupted" if record.interrupted else "answered"] += 1
        for stage, after_s in record.since_speech_end().items():
            if stage in self.latency:
                self.latency[stage].add(after_s)
