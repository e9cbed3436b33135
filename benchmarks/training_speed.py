"""How many steps of training fit into an hour here, with one thread and with more.

    python -m benchmarks.training_speed --data data/motion [--threads 1 2] [--minutes 55] [--share 0.55]

Trains fresh weights on the prepared data for some steps of each stage, and throws them away. What is told is seconds a
step, seconds in which the flow's data are heard anew, and how many steps fill the minutes. A few minutes a line.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

from avatar.training.train import HEAR_EVERY_STEPS, train
from avatar.training.views import make_views
from benchmarks.report import print_machine
from speech.worker.cores import usable_cores

_STEPS = 80  # of each stage; the first quarter warms up
_LONG = 100_000  # steps of a training that nobody waits for


def stage_times(data: Path, out: Path, start: Path | None) -> tuple[float, float]:
    """Seconds a step of one stage, and seconds before its first step."""
    stamps: list[float] = []
    began = time.monotonic()
    share = 1.0 if start is None else 0.0
    train(
        data,
        out,
        steps=_LONG,
        hearing_share=share,
        stop_at=_STEPS,
        start=start,
        progress=lambda done, line: stamps.append(time.monotonic()),
    )
    step = (stamps[-1] - stamps[0]) / (_STEPS * (len(stamps) - 1) / len(stamps))
    return step, stamps[0] - began - step * _STEPS / len(stamps)


def main() -> None:
    """Reads the command line, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="what `visavis train prepare` made")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, usable_cores()])
    parser.add_argument("--minutes", type=float, default=55.0, help="that are to be filled")
    parser.add_argument("--share", type=float, default=0.55, help="of the steps for the front end")
    options = parser.parse_args()
    print_machine("torch", "numpy", threads=options.threads, seed=0)
    make_views(options.data, processes=usable_cores())
    for threads in options.threads:
        torch.set_num_threads(threads)
        with tempfile.TemporaryDirectory() as folder:
            first, second = Path(folder) / "1.safetensors", Path(folder) / "2.safetensors"
            hearing, _ = stage_times(options.data, first, None)
            flow, before = stage_times(options.data, second, first)
        a_step = options.share * hearing + (1.0 - options.share) * (flow + before / HEAR_EVERY_STEPS)
        print(
            f"{threads} threads: hearing {hearing * 1000:.0f} ms a step, flow {flow * 1000:.0f} ms, all heard anew in "
            f"{before:.0f} s (loading included); {60.0 * options.minutes / a_step:.0f} steps in {options.minutes:g} "
            f"minutes, {options.share:.0%} of them hearing",
            flush=True,
        )


if __name__ == "__main__":
    main()
