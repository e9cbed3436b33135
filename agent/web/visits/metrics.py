"""Numbers for Prometheus, without a word of anybody; the visits count, `/api/metrics` shows."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

ANSWER_S = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Upper bounds of the histogram of answers, seconds."""


class Metrics:
    """The numbers of one process, in a registry of its own.

    Attributes:
        visits: conversations that run now.
        waiting: visitors in the waiting line.
        places: conversations that this machine holds at once.
        begun: conversations that began.
        ended: by why: "left", "lost", "failed" …
        refused: visitors for whom not even the waiting line had room.
        frames: pictures that went out, late ones included.
        frames_late: pictures left out because they came too late.
        answer_s: from the end of the user's speech to the first audible sample of the answer, seconds.
        problems: of conversations that went on.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.visits = Gauge("visavis_visits", "Conversations that run now.", registry=registry)
        self.waiting = Gauge("visavis_waiting", "Visitors in the waiting line.", registry=registry)
        self.places = Gauge("visavis_places", "Conversations that this machine holds at once.", registry=registry)
        self.begun = Counter("visavis_visits_begun", "Conversations that began.", registry=registry)
        self.ended = Counter("visavis_visits_ended", "Conversations that ended.", ["why"], registry=registry)
        self.refused = Counter("visavis_visits_refused", "Visitors for whom there was no room.", registry=registry)
        self.frames = Counter("visavis_frames", "Pictures due, late ones included.", registry=registry)
        self.frames_late = Counter("visavis_frames_late", "Pictures that came too late.", registry=registry)
        self.answer_s = Histogram(
            "visavis_answer_seconds",
            "From the end of the user's speech to the first audible sample of the answer.",
            registry=registry,
            buckets=ANSWER_S,
        )
        self.problems = Counter("visavis_problems", "Problems that conversations survived.", registry=registry)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)
