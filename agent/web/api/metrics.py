"""What Prometheus reads: the hall's figures, and how requests were answered; no words and no ids of anybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from agent.web.visits.figures import BOUNDS_S
from agent.web.visits.hall import Hall

TEXT = "text/plain; version=0.0.4; charset=utf-8"


class HallCollector(Collector):
    """Gives the figures as they are when somebody asks.

    Args:
        hall: has them.
        answers: status → how many requests were answered with it.
    """

    def __init__(self, hall: Hall, answers: Mapping[int, int]) -> None:
        self._hall, self._answers = hall, answers

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        hall, figures = self._hall, self._hall.figures
        yield GaugeMetricFamily("visavis_places_free", "Conversations that could begin now.", hall.places)
        yield GaugeMetricFamily("visavis_waiting", "Visitors in the waiting line.", hall.waiting)
        for name, told, value in (
            ("visits_begun", "Visits, those who only waited included.", figures.begun),
            ("visits_turned_away", "Visitors for whom the line had no room.", figures.turned_away),
            ("visits_resumed", "Broken connections that came back.", figures.resumed),
            ("resets", "Conversations that a kiosk forgot.", figures.resets),
            ("frames", "Pictures rendered, late ones included.", figures.frames),
            ("frames_late", "Pictures left out because they came too late.", figures.frames_late),
            ("microphone_chunks_lost", "Pieces of sound that nobody took in time.", figures.chunks_lost),
        ):
            yield CounterMetricFamily(f"visavis_{name}", told, value)
        yield _by("visits_ended", "Visits that are over, by the reason.", "why", figures.ended)
        yield _by("turns", "Turns: answered, interrupted, failed.", "outcome", figures.turns)
        yield _by("http_responses", "Requests, by the status of the answer.", "status", self._answers)
        latency = HistogramMetricFamily(
            "visavis_answer_seconds",
            "From the user's last sample, or the typed question, to each stage of the answer.",
            labels=["stage"],
        )
        for stage, histogram in figures.latency.items():
            bounds = [*map(str, BOUNDS_S), "+Inf"]
            latency.add_metric([stage], list(zip(bounds, accumulate(histogram.counts), strict=True)), histogram.sum_s)
        yield latency


def as_text(hall: Hall, answers: Mapping[int, int]) -> bytes:
    """All metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(HallCollector(hall, answers))
    return generate_latest(registry)


def _by(name: str, told: str, label: str, counts: Mapping[str, int] | Mapping[int, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"visavis_{name}", told, labels=[label])
    for value, count in Counter(counts).items():
        family.add_metric([str(value)], count)
    return family
