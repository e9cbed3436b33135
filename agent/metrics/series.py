"""The figures as Prometheus reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from agent.metrics.figures import FLOOR_COUNTS, ConversationFigures, Histogram

TEXT = "text/plain; version=0.0.4; charset=utf-8"


def conversation_series(figures: ConversationFigures) -> Iterator[Metric]:
    """What every program that converses has."""
    for name, told, value in (
        ("frames", "Pictures rendered, late ones included.", figures.frames),
        ("frames_late", "Pictures left out because they came too late.", figures.frames_late),
        ("microphone_chunks_lost", "Pieces of sound that nobody took in time.", figures.chunks_lost),
        ("double_talk_seconds", "Seconds in which the user and the avatar both spoke.", figures.double_talk_s),
    ):
        yield CounterMetricFamily(f"visavis_{name}", told, value)
    for name, told in FLOOR_COUNTS.items():
        yield CounterMetricFamily(f"visavis_{name}", told, figures.floor[name])
    yield counted("turns", "Turns: answered, interrupted, failed.", "outcome", figures.turns)
    answer = HistogramMetricFamily(
        "visavis_answer_seconds",
        "From the user's last sample, or the typed question, to each stage of the answer.",
        labels=["stage"],
    )
    for stage, histogram in figures.latency.items():
        answer.add_metric([stage], _buckets(histogram), histogram.sum_s)
    yield answer
    for name, told, histogram in (
        (
            "duck_seconds",
            "From the user's first sample to the avatar's first quieter one.",
            figures.to_duck,
        ),
        ("silence_seconds", "From the user's first sample to the avatar's silence.", figures.to_silence),
    ):
        yield HistogramMetricFamily(f"visavis_{name}", told, _buckets(histogram), histogram.sum_s)
    for name, told, level_db in (
        ("echo_decibels", "The avatar's own voice in the microphone, relative to full scale.", figures.echo_db),
        ("echo_return_loss_enhancement_decibels", "How much of that was taken out.", figures.erle_db),
    ):
        if level_db is not None:  # nobody has measured it
            yield GaugeMetricFamily(f"visavis_{name}", f"{told} Mean of the last turn that had any.", level_db)


def counted(name: str, told: str, label: str, counts: Mapping[str, int] | Mapping[int, int]) -> CounterMetricFamily:
    """A counter with one label; its values are few and known beforehand."""
    family = CounterMetricFamily(f"visavis_{name}", told, labels=[label])
    for value, count in Counter(counts).items():
        family.add_metric([str(value)], count)
    return family


class _Series(Collector):
    def __init__(self, collect: Callable[[], Iterator[Metric]]) -> None:
        self._collect = collect

    def collect(self) -> Iterator[Metric]:
        return self._collect()


def as_text(collect: Callable[[], Iterator[Metric]]) -> bytes:
    """Series in Prometheus' text format (version 0.0.4)."""
    registry = CollectorRegistry()
    registry.register(_Series(collect))
    return generate_latest(registry)


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    bounds = [*map(str, histogram.bounds_s), "+Inf"]
    return list(zip(bounds, accumulate(histogram.counts), strict=True))
