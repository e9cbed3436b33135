"""Visits in a row at the real server: memory, tasks, open files and threads must stay as they were.

    python -m benchmarks.visits                                  # 200 visits, about ten minutes
    python -m benchmarks.visits --visits 40
    python -m benchmarks.visits --plot docs/visits.png

`visavis serve` runs in this process with all its parts; visitors are WebRTC peers in a process of their own. Each
joins, connects, asks, hears the beginning of the answer, and goes in one of five ways: leaves, hangs up, vanishes
without a word, hangs up and comes back to the conversation before it leaves, or leaves without having connected. After
every ten it is waited until nobody is left, garbage is collected, and everything is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import re
import signal
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from agent.config.config import load_config
from agent.web.server import serve
from benchmarks.memory import memory_mb
from benchmarks.report import print_machine
from benchmarks.web_visitor import BATCH, WAYS

COLORS = "#4878a8", "#d79a4a", "#8a6fa8"
SETTINGS = ("web.port=0", "web.resume_s=2", "web.sessions=8")
COLUMNS = ("visits", "server_mb", "workers_mb", "tasks", "files", "threads")


def count(visits: int, visitor: int) -> tuple[float, ...]:
    """What there is now, as COLUMNS; of the memory of child processes all but the visitors'."""
    gc.collect()
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    workers_mb = sum(memory_mb(int(child)) for child in children if int(child) != visitor)
    server_mb = memory_mb(os.getpid()) - workers_mb - memory_mb(visitor)
    tasks, files = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
    return visits, server_mb, workers_mb, tasks, files, threading.active_count()


async def measure(visits: int, settings: list[str]) -> list[tuple[float, ...]]:
    """Serves, has visitors come, and counts after every batch."""
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def say(line: str) -> None:
        print(line, flush=True)
        if (found := re.search(r"http://\S+", line)) and not address.done():
            address.set_result(found[0])

    counted: list[tuple[float, ...]] = []
    config = load_config(None, [*SETTINGS, *settings], {})
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(config, say=say, loading=nullcontext, opens_browser=False), name="server")
        command = [sys.executable, "-m", "benchmarks.web_visitor", await address, str(visits)]
        visitor = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert visitor.stdout is not None
        began_s = time.perf_counter()
        async for line in visitor.stdout:
            told = json.loads(line)
            counted.append(count(told["visits"], visitor.pid))
            row = "  ".join(f"{name} {value:6.0f}" for name, value in zip(COLUMNS, counted[-1], strict=True))
            print(f"{row}  after {time.perf_counter() - began_s:4.0f} s", flush=True)
        status = await visitor.wait()
        os.kill(os.getpid(), signal.SIGTERM)  # as a service manager stops it
    if status:
        raise SystemExit("the visitors failed")
    return counted


def report(counted: list[tuple[float, ...]]) -> None:
    """Prints how much more there is after each visit; the first quarter warms up."""
    table = np.array(counted)
    settled = table[len(table) // 4 :]
    for column, name in enumerate(COLUMNS[1:], 1):
        slope = float(np.polyfit(settled[:, 0], settled[:, column], 1)[0]) if len(settled) > 2 else float("nan")
        first, last = settled[0, column], settled[-1, column]
        print(f"{name:<11} {first:8.1f} → {last:8.1f}, {slope:+.4f} a visit after the first quarter")


def plot(counted: list[tuple[float, ...]], path: Path) -> None:
    """Draws it all over the visits (PNG)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    table = np.array(counted)
    figure, (top, bottom) = pyplot.subplots(2, 1, figsize=(10, 6), layout="constrained", sharex=True)
    for axes, columns, colors in ((top, (1, 2), ("#6fa287", "#c25b56")), (bottom, (3, 4, 5), COLORS)):
        for column, color in zip(columns, colors, strict=True):
            axes.plot(table[:, 0], table[:, column], ".-", color=color, label=COLUMNS[column].removesuffix("_mb"))
        axes.set(ylim=(0, 1.4 * table[:, columns].max()))
        axes.legend(frameon=False, loc="upper right", ncols=3)
    top.set(title="Memory when nobody is there: the server, and all its worker processes", ylabel="MB")
    bottom.set(title="Tasks, open files and threads of the server", xlabel="visits so far")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def main() -> None:
    """Measures, prints and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=200)
    parser.add_argument("--plot", type=Path, help="PNG of everything over the visits")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    print_machine("aiortc", "av", "fastapi", "uvicorn", "torch", visits=options.visits, batch=BATCH, ways=WAYS)
    counted = asyncio.run(measure(options.visits, options.set))
    report(counted)
    if options.plot is not None:
        plot(counted, options.plot)


if __name__ == "__main__":
    main()
