"""The table and the plot of what `benchmarks.conversation` measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent.text.words import tokens
from benchmarks.ears import word_errors

Row = dict[str, Any]


def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a rate (Wilson 1927), as ratios."""
    if not of:
        return 0.0, 1.0
    z, rate = 1.96, count / of
    middle, spread = rate + z * z / (2 * of), z * np.sqrt(rate * (1 - rate) / of + z * z / (4 * of * of))
    return float(max(0.0, (middle - spread) / (1 + z * z / of))), float(min(1.0, (middle + spread) / (1 + z * z / of)))


def print_table(rows: Sequence[Row]) -> None:
    """Prints all figures."""
    lost, mute = (sum(bool(row.get(what)) for row in rows) for what in ("lost", "mute"))
    rows = [row for row in rows if not row.get("lost") and not row.get("mute")]
    loads = [row["load"] for row in rows]
    print(
        f"\n{len(rows)} rows, load {min(loads):.1f} to {max(loads):.1f}; {lost} trials whose user was not found", end=""
    )
    print(f", {mute} in which it did not speak when asked to")
    for is_new, where in ((False, ""), (True, ", first words in a room")):
        for part in ("echo", "drift"):
            _print_echo(f"{part}{where}", [row for row in rows if row["part"] == part and row["is_new"] == is_new])
    _print_interruptions([row for row in rows if row["part"] == "interruptions"])
    _print_backchannels([row for row in rows if row["part"] == "backchannels"])
    _print_turns([row for row in rows if row["part"] == "turns"])
    _print_words(rows)
    for row in rows:
        if row["part"] == "bad_days":
            answers, said = "answers" if row["answered"] else "DOES NOT ANSWER", "; ".join(row["said"]) or "nothing"
            print(
                f"{row['what']:<12} cut {row['cuts']}, answered nobody {row['answers']}, then {answers}; said: {said}"
            )
        if row["part"] == "frames":
            _print_frames(row)


def _print_echo(part: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    minutes = max(sum(row["seconds"] for row in rows) / 60, 0.01)
    for what, name in (
        ("cuts", "cut by its own voice"),
        ("stuck", "held for good by it"),
        ("answers", "answered its own voice"),
        ("holds", "held by it"),
        ("ducks", "ducked"),
    ):
        count = sum(row[what] for row in rows)
        goal = "  goal 0" if what != "ducks" else ""
        print(f"{part + ': ' + name:<46} {count:4} in {minutes:.1f} min, {10 * count / minutes:.1f} per ten{goal}")


def _print_interruptions(rows: Sequence[Row]) -> None:
    _print_rate("interruptions missed", [not row["held"] and not row["ended"] for row in rows], "<= 2 %")
    questions = [row for row in rows if row["kind"] == "question"]
    _print_rate("  noticed, and gone on though words were said", [row["let_go"] for row in questions])
    _print_times("voice onset -> ducked", [row["ducked_s"] for row in rows], "<= 100 p95")
    _print_times("voice onset -> silent", [row["silent_s"] for row in rows], "<= 300 p95")


def _print_backchannels(rows: Sequence[Row]) -> None:
    for kind in ("backchannel", "noise"):
        _print_rate(f"{kind}s that end its turn", [row["ended"] for row in rows if row["kind"] == kind], "<= 5 %")
    _print_times("  ducked after", [row["ducked_s"] for row in rows])
    _print_rate("  that silenced it for a while", [row["silent_s"] is not None and not row["ended"] for row in rows])
    _print_times("  for", [row["paused_s"] for row in rows if row["paused_s"] and not row["ended"]])


def _print_turns(rows: Sequence[Row]) -> None:
    asked = [row for row in rows if row["kind"] == "question"]
    _print_times("last sample -> first audible, finished", [row["answer_s"] for row in asked], "<= 550 p50")
    _print_rate("  not answered at all", [row["answer_s"] is None and not row["cut_in"] for row in asked])
    _print_rate("cut in on a hesitation", [row["cut_in"] for row in rows if row["kind"] == "hesitation"], "<= 5 %")


def _print_words(rows: Sequence[Row]) -> None:
    for part, name in (("turns", "words understood alone"), ("interruptions", "words understood in double talk")):
        said = [row for row in rows if row["part"] == part and row["kind"] == "question" and row.get("text")]
        words = sum(len(tokens(row["text"])) for row in said)
        wrong = sum(
            min(len(tokens(row["text"])), word_errors(tokens(row["text"]), tokens(row["heard"]))) for row in said
        )
        if words:
            print(f"{name:<46} {100 - 100 * wrong / words:5.1f} % of {words} in {len(said)} sentences")


def _print_frames(row: Row) -> None:
    print(
        f"run {row['run']}: late frames {row['late']} of {row['frames']}, speaker ran dry {row['underflows']}", end=""
    )
    print(f", microphone pieces lost {row['chunks_lost']}")
    if row["offsets"]:
        middles = np.array([values[1] for values in row["offsets_ms"].values()])
        minutes = np.array([int(minute) for minute in row["offsets_ms"]])
        line = f"  picture minus sound: median {np.median(middles):+.1f} ms, outside 20 ms {row['outside_20']}"
        line += f" of {row['offsets']} frames"
        if len(minutes) > 2:
            slope = float(np.polyfit(minutes, middles, 1)[0])
            line += f", drift {slope * (minutes[-1] - minutes[0]):+.2f} ms in {minutes[-1] - minutes[0]} min"
        print(line)
    memory = np.array(row["memory_mb"], float)
    if len(memory) > 4:
        late = memory[len(memory) // 4 :]
        slope = float(np.polyfit(late[:, 0] / 60, late[:, 1], 1)[0])
        print(f"  memory {late[:, 1].mean():.0f} MB, {slope:+.2f} MB a minute after the first quarter")
    for problem in row["problems"]:
        print(f"  problem: {problem}")


def _print_rate(what: str, happened: Sequence[bool], goal: str = "") -> None:
    if happened:
        low, high = wilson(sum(happened), len(happened))
        line = f"{what:<46} {100 * np.mean(happened):5.1f} %  {sum(happened)} of {len(happened)}"
        print(f"{line}  (95 %: {100 * low:.1f} to {100 * high:.1f}){'  goal ' + goal if goal else ''}")


def _print_times(what: str, times_s: Sequence[float | None], goal: str = "") -> None:
    known = [1000 * value for value in times_s if value is not None]
    if known:
        p50, p95 = np.percentile(known, (50, 95))
        line = f"{what:<46} p50 {p50:6.0f}  p95 {p95:6.0f}  max {max(known):6.0f} ms"
        print(f"{line}  n {len(known)} of {len(times_s)}{'  goal ' + goal if goal else ''}")


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draws offsets, memory and how quickly it fell silent, over the minutes (PNG)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (top, middle, bottom) = pyplot.subplots(3, 1, figsize=(10, 8), layout="constrained")
    for row in (row for row in rows if row["part"] == "frames" and row["offsets"]):
        minutes = [int(minute) for minute in row["offsets_ms"]]
        low, median, high = np.array(list(row["offsets_ms"].values())).T
        top.fill_between(minutes, low, high, alpha=0.3, color="#4878a8")
        top.plot(minutes, median, color="#4878a8")
        at_s, memory_mb = np.array(row["memory_mb"]).T
        middle.plot(at_s / 60, memory_mb, color="#6fa287")
    for limit in (-20, 20):
        top.axhline(limit, color="#c25b56", linewidth=0.8)
    top.set(title="Picture minus sound: median of each minute, and 5 to 95 %", ylabel="ms", ylim=(-40, 40))
    middle.set(title="Memory", ylabel="MB")
    middle.set_ylim(bottom=0)
    for key, colour, name in (("ducked_s", "#d79a4a", "ducked"), ("silent_s", "#c25b56", "silent")):
        points = [
            (row["at_s"] / 60, 1000 * row[key]) for row in rows if row["part"] == "interruptions" and row.get(key)
        ]
        if points:
            bottom.plot(*np.array(points).T, ".", color=colour, label=name)
    bottom.set(title="From the user's first sample", ylabel="ms", xlabel="minutes")
    bottom.legend(frameon=False)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
