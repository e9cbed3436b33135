"""Where the time of a turn goes: the stages as text, and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agent.conversation.turn import STAGES, FloorFigures, TurnRecord
from speech.files.draft import Draft

_WIDTH = 40
_LABELS = dict(
    zip(
        STAGES,
        (
            "speech end",
            "end of turn decided",
            "transcript",
            "first token",
            "first sentence",
            "first audible sample",
            "first moving mouth",
            "playback end",
        ),
        strict=True,
    )
)


def waterfall_lines(record: TurnRecord) -> list[str]:
    """One line a stage: milliseconds since the user's last sample, and a bar from the stage before to this one.

    The bars end with the first moving mouth; how long the reply then is says nothing about speed.
    """
    stages = record.since_speech_end()
    scale = max((value for stage, value in stages.items() if stage != "playback_end"), default=0.0) or 1.0
    lines, before = [], 0.0
    for stage, value in stages.items():
        left, right = round(before / scale * _WIDTH), round(value / scale * _WIDTH)
        bar = "" if stage == "playback_end" else " " * left + "█" * max(right - left, 0)
        lines.append(f"{_LABELS[stage]:>21} {value * 1000:7.0f} ms  {bar}".rstrip())
        before = value
    return [*lines, *_floor_lines(record.floor)]


def _floor_lines(floor: FloorFigures) -> list[str]:
    """How soon it made room for the user's voice, where that was heard, and what went wrong."""
    lines = []
    for label, times_s in (("ducked for you", floor.to_duck_s), ("silent for you", floor.to_silence_s)):
        if times_s:
            lines.append(f"{label:>21} {times_s[-1] * 1000:7.0f} ms after your voice began")
    wrong = [
        f"{count} {name}"
        for name, count in (
            ("false stops", floor.false_stops),
            ("missed stops", floor.missed_stops),
            ("cut-ins", floor.cut_ins),
        )
        if count
    ]
    return [*lines, f"{'went wrong':>21} {', '.join(wrong)}"] if wrong else lines


def plot_waterfall(path: Path, records: Sequence[TurnRecord], title: str) -> None:
    """Draws every turn's stages as one stacked bar, from the user's last sample to the first moving mouth (PNG)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = STAGES[1:-1]
    figure, axes = pyplot.subplots(figsize=(10, 1.6 + 0.55 * len(records)), layout="constrained")
    colours = ("#c9c9c9", "#4878a8", "#6fa287", "#a9b665", "#d79a4a", "#c25b56")
    for row, record in enumerate(records):
        stages = record.since_speech_end()
        before = 0.0
        for stage, colour in zip(shown, colours, strict=True):
            if stage in stages:
                width = max(stages[stage] - before, 0.0)
                axes.barh(row, width * 1000, left=before * 1000, color=colour, height=0.62)
                before = max(stages[stage], before)
        axes.text(before * 1000, row, f"  {before * 1000:.0f} ms", va="center", fontsize=9)
    names = [f"{row}. {record.question[:42] or '(nothing heard)'}" for row, record in enumerate(records, start=1)]
    axes.set_yticks(range(len(records)), names)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("milliseconds since the user's last sample")
    axes.set_title(title, loc="left")
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=colour) for colour in colours]
    labels = [f"→ {_LABELS[stage]}" for stage in shown]
    axes.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.4, -0.16), ncol=3, fontsize=8, frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    with Draft(path) as draft:
        figure.savefig(draft.path, format="png", dpi=110)
    pyplot.close(figure)
