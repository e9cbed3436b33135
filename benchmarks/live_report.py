"""What a measured live conversation gave, as printed figures and as a plot; see `benchmarks.live`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import print_percentiles


@dataclass
class LiveMeasurements:
    """Everything that a conversation gave, times in seconds.

    Attributes:
        answers_s: of questions asked while it was silent.
        interruptions_s: of questions asked while it spoke.
        offsets: time since the start, and picture minus sound.
        memory: time since the start, and MB.
        end: counts of frames and losses as the program reports them.
        problems: what it complained of.
        moving_after_sound_s: first moving mouth minus first audible sample, by the program's own marks.
        stages_s: those marks, of every turn, since the user's last sample as the program heard it.
    """

    answers_s: list[float] = field(default_factory=list)
    interruptions_s: list[float] = field(default_factory=list)
    offsets: list[tuple[float, float]] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    end: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    moving_after_sound_s: list[float] = field(default_factory=list)
    stages_s: list[dict[str, float]] = field(default_factory=list)


def plot(measured: LiveMeasurements, path: Path) -> None:
    """Draws offsets, memory and latencies over the time of the conversation (PNG)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (top, middle, bottom) = pyplot.subplots(3, 1, figsize=(10, 8), layout="constrained")
    times, offsets = np.array(measured.offsets).T
    top.plot(times / 60, 1000 * offsets, ".", markersize=2, color="#4878a8")
    for limit in (-40, 40):
        top.axhline(limit, color="#c25b56", linewidth=0.8)
    top.set(title="Picture minus sound, every frame in which it speaks", ylabel="ms", xlabel="minutes", ylim=(-80, 80))
    times, memory = np.array(measured.memory).T
    middle.plot(times / 60, memory, color="#6fa287")
    middle.set(title="Memory, recogniser included", ylabel="MB", xlabel="minutes", ylim=(0, max(memory) * 1.2))
    bottom.hist(
        [1000 * np.array(measured.answers_s), 1000 * np.array(measured.interruptions_s)],
        bins=24,
        label=[f"answers ({len(measured.answers_s)})", f"interruptions ({len(measured.interruptions_s)})"],
        color=["#4878a8", "#d79a4a"],
    )
    bottom.set(title="From the user's last sample to the answer; from the user's first sample to silence", xlabel="ms")
    bottom.legend(frameon=False)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def report(measured: LiveMeasurements) -> None:
    """Prints the figures."""
    print_percentiles("answer, wait included", [1000 * s for s in measured.answers_s], "ms", "<= 700 median")
    print_percentiles("interruption -> silent", [1000 * s for s in measured.interruptions_s], "ms", "<= 300 p95")
    for stage in ("turn_end", "transcript", "first_sentence", "first_audio"):
        own = [1000 * stages[stage] for stages in measured.stages_s]
        print_percentiles(f"  {stage.replace('_', ' ')}, the program's own mark", own, "ms")
    offsets = [1000 * offset for _, offset in measured.offsets]
    print_percentiles("picture minus sound", offsets, "ms", "within 40")
    outside = sum(abs(offset) > 40 for offset in offsets)
    print(f"outside 40 ms: {outside} of {len(offsets)} frames")
    print_percentiles("moving mouth after sound", [1000 * s for s in measured.moving_after_sound_s], "ms")
    times, memory = np.array(measured.memory).T
    late = len(times) // 4  # the first quarter warms up
    slope = float(np.polyfit(times[late:] / 60, memory[late:], 1)[0]) if len(times) - late > 2 else 0.0
    print(f"memory: {memory[late:].mean():.0f} MB, {slope:+.2f} MB a minute after the first quarter")
    end = measured.end
    print(f"late frames: {end['late']} of {end['frames']} ({100 * end['late'] / end['frames']:.2f} %)  goal < 1 %")
    print(f"speaker ran dry in a sound: {end['underflows']}; microphone pieces lost: {end['chunks_lost']}")
    for problem in measured.problems:
        print(f"problem: {problem}")
