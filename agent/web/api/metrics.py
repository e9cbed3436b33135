"""What Prometheus reads: the hall's figures, and how requests were answered; no words and no ids of anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from agent.metrics.series import conversation_series, counted
from agent.web.visits.hall import Hall


def hall_series(hall: Hall, answers: Mapping[int, int]) -> Iterator[Metric]:
    """All series of a server.

    Args:
        hall: has the figures.
        answers: status → how many requests were answered with it.
    """
    figures = hall.figures
    yield GaugeMetricFamily("visavis_places_free", "Conversations that could begin now.", hall.places)
    yield GaugeMetricFamily("visavis_waiting", "Visitors in the waiting line.", hall.waiting)
    for name, told, value in (
        ("visits_begun", "Visits, those who only waited included.", figures.begun),
        ("visits_turned_away", "Visitors for whom the line had no room.", figures.turned_away),
        ("visits_resumed", "Broken connections that came back.", figures.resumed),
        ("resets", "Conversations that a kiosk forgot.", figures.resets),
    ):
        yield CounterMetricFamily(f"visavis_{name}", told, value)
    yield counted("visits_ended", "Visits that are over, by the reason.", "why", figures.ended)
    yield counted("http_responses", "Requests, by the status of the answer.", "status", answers)
    yield from conversation_series(figures)
