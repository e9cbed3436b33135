"""Whether the face drifts: hours of motion through the days of a kiosk (benchmarks/kiosk_day.py), as fast as it goes.

    python -m benchmarks.drift --hours 10 --out drift.json       # three quarters of an hour on one slow core
    python -m benchmarks.drift --hours 0.05 --set face.seed=7

Prints for every hour what the head, the eyes and the face did on average, and at the end how far the hours' means lie
apart, whether there is a trend, the largest step between two frames, and how each state was acted. --out keeps all of
it, with the mean of every minute, and is written again every minute. Ctrl-C ends early with what there is.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from agent.commands.options import check_target, progress
from agent.config.config import load_config
from agent.faces import load_sampler
from avatar.evaluation.bands import BLINKS, DIRECT_GAZE, HEAD_SPEED, band
from avatar.motion import FRAME_RATE_HZ, ConversationState
from benchmarks.drift_statistics import MEASURES, MINUTE, Drift
from benchmarks.kiosk_day import Shown, kiosk_day, sentences
from benchmarks.report import print_machine


def print_hour(drift: Drift, *, header: bool) -> None:
    """One line: the last hour's means."""
    last = drift.report()["hours"][-1]
    if header:
        print("means " + " ".join(f"{name[:12]:>12}" for name in MEASURES) + f" {'head step °':>12} {'memory MB':>10}")
    line = " ".join(f"{last['means'][name]:12.3f}" for name in MEASURES)
    number = -(-len(drift.minutes) // drift.hour)
    print(f"{number:5d} {line} {last['largest_steps']['head °']:12.2f} {last['memory_mb']:10.0f}", flush=True)


def print_report(drift: Drift) -> None:
    """What there is at the end."""
    report = drift.report()
    print(f"\n{report['minutes_done']} minutes; each line above is {drift.hour} of them")
    print("in spreads within a line:     lines apart   trend   over its error (±3 is chance)")
    for name, found in report["drift"].items():
        if found["trend"] is not None:
            print(f"  {name:<26} {found['hours_apart']:12.3f} {found['trend']:+7.3f} {found['trend_t']:+7.1f}")
    rewound = report["largest_steps_after_a_rewind"]
    for name, step in report["largest_steps"].items():
        print(f"largest step of {name:<7} {step:6.3f} a frame; {rewound[name]:6.3f} where motion was made anew")
    for state in ConversationState:
        if state in report["states"]:
            rates = report["states"][state]
            held = [(name, band(state, name)) for name in (BLINKS, DIRECT_GAZE, HEAD_SPEED)]
            shown = "  ".join(
                f"{name} {rates[name]:.2f}" + (f" ({limits.low:g} to {limits.high:g})" if limits else "")
                for name, limits in held
            )
            print(f"{state:<10} {rates['minutes']:6.1f} min  {shown}")
    print(f"memory {drift.memory_mb[0]:.0f} MB after the first minute, {drift.memory_mb[-1]:.0f} MB at the end")


def save(drift: Drift, path: Path | None) -> None:
    """Writes the report as JSON; a file there is replaced as a whole."""
    if path is not None:
        partial = path.with_name(f".{path.name}.partial")
        # What a minute without silence has no mean of is null: NaN is no JSON.
        text = json.dumps(_finite(drift.report()), indent=1)
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(path)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def run(drift: Drift, frames: Iterable[Shown], count: int, *, out: Path | None, quiet: bool) -> bool:
    """Feeds `count` frames to the statistics; False if Ctrl-C ended it earlier."""
    waiting: list[Shown] = []
    finished = True
    with progress(quiet) as bar:
        task = bar.add_task("living", total=count, note="")
        try:
            for number, frame in enumerate(frames, start=1):
                waiting.append(frame)
                if len(waiting) == MINUTE:
                    drift.add(waiting)
                    waiting = []
                    save(drift, out)
                    bar.update(task, completed=number, note=f"{number / MINUTE:.0f} min")
                    if len(drift.minutes) % drift.hour == 0 and not quiet:
                        print_hour(drift, header=len(drift.minutes) == drift.hour)
                if number >= count:
                    break
        except KeyboardInterrupt:
            finished = False
    if len(waiting) > MINUTE // 2 or (waiting and not drift.minutes):
        drift.add(waiting)
    save(drift, out)
    return finished


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=10.0, help="of motion")
    parser.add_argument("--seed", type=int, default=0, help="of the days at the kiosk; the face has face.seed")
    parser.add_argument("--out", type=Path, help="JSON with all figures, written again every minute")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="of the configuration")
    parser.add_argument("--quiet", action="store_true", help="print nothing but the report")
    options = parser.parse_args(arguments)
    if not 0.0 < options.hours <= 1000.0:
        parser.error(f"--hours: expected more than 0 and at most 1000, got {options.hours}")
    check_target(options.out, ".json")
    config = load_config(None, options.set, {})
    face = config.face
    print_machine("torch", "numpy", threads=1, seed=options.seed, face_seed=face.seed, hours=options.hours)
    began = time.perf_counter()
    count = max(1, round(options.hours * 60 * MINUTE))
    drift = Drift(hour=max(1, min(60, round(options.hours * 6))))
    sampler = load_sampler(config)  # sets one thread of torch
    frames = kiosk_day(sampler, sentences(), seed=options.seed)
    finished = run(drift, frames, count, out=options.out, quiet=options.quiet)
    if not drift.minutes:
        sys.exit(130)
    print_report(drift)
    spent, lived = time.perf_counter() - began, sum(counts.frames for counts in drift.states.values()) / FRAME_RATE_HZ
    print(f"{lived:.0f} s of motion in {spent:.0f} s: {lived / spent:.1f} times real time")
    if not finished:
        print("interrupted: this is what there was")
        sys.exit(130)


if __name__ == "__main__":
    main()
