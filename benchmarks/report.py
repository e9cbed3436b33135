"""What every benchmark prints: what it ran on, and percentiles."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import numpy as np


def print_machine(*packages: str, **settings: object) -> None:
    """Prints processor, cores, load, Python, package versions and the benchmark's own settings (seed, threads …)."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load, python = os.getloadavg()[0], platform.python_version()
    print(f"machine  {platform.machine()}, {cores} cores, load {load:.1f}, Python {python}")
    print("versions", ", ".join(f"{name} {_version(name)}" for name in packages))
    print("settings", ", ".join(f"{name} {value}" for name, value in settings.items()))


def print_percentiles(what: str, values: Sequence[float], unit: str, goal: str = "") -> None:
    """Prints one line: median, 95th percentile, the extremes and how many there were."""
    p50, p95 = np.percentile(values, [50, 95])
    line = f"{what:<46} p50 {p50:8.2f}  p95 {p95:8.2f}  min {min(values):8.2f}  max {max(values):8.2f} {unit}"
    print(f"{line}  n {len(values)}{'  goal ' + goal if goal else ''}", flush=True)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
