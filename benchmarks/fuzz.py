"""Makes up inputs for every parser, for as long as you like: what the tests do with few, with other seeds each round.

A failure is printed with the command that shows it again. Each round is a process of its own that may not take more
than 8 GB, nor more than ten minutes.

Run: python -m benchmarks.fuzz [--minutes 60] [--seed 0] [--only text]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.report import print_machine, print_percentiles
from tests.fuzzing import EFFORT

ROOT = Path(__file__).resolve().parent.parent
MEMORY_BYTES = 8_000_000_000
ROUND_S = 600.0
TIMES_CI = 10


def main() -> int:
    """Fuzzes and prints; exit status 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--only", default="", help="a part of a test file's name")
    arguments = parser.parse_args()
    files = sorted(file for file in (ROOT / "tests").glob("test_fuzz_*.py") if arguments.only in file.name)
    if not files:
        parser.error(f"--only: expected a part of a name of tests/test_fuzz_*.py, got {arguments.only!r}")
    print_machine("hypothesis", "pytest", seed=arguments.seed, times_ci=TIMES_CI)
    ends = time.monotonic() + 60.0 * arguments.minutes
    taken: dict[str, list[float]] = {file.name: [] for file in files}
    found, seed = 0, arguments.seed
    while time.monotonic() < ends:
        for file in files:
            began = time.monotonic()
            found += not _passes(file, seed)
            taken[file.name].append(time.monotonic() - began)
            if time.monotonic() >= ends:
                break
        seed += 1
    for name, seconds in taken.items():
        if seconds:
            print_percentiles(name, seconds, "s")
    print(f"seeds {arguments.seed} to {seed - 1}: {found} failures")
    return 1 if found else 0


def _passes(file: Path, seed: int) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "--hypothesis-profile=hunt", f"--hypothesis-seed={seed}"]
    command.append(str(file.relative_to(ROOT)))
    shown = f"{EFFORT}={TIMES_CI} python {' '.join(command[1:])}"
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, EFFORT: str(TIMES_CI)},
            capture_output=True,
            text=True,
            timeout=ROUND_S,
            preexec_fn=_limit_memory,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"{shown}\n  not done after {ROUND_S:.0f} s", flush=True)
        return False
    if done.returncode != 0:
        print(f"{shown}\n{done.stdout[-4000:]}{done.stderr[-1000:]}", flush=True)
    return done.returncode == 0


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    sys.exit(main())
