"""How the program is, minute by minute: what came too late or was lost, and how much memory it takes."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from agent.log.lines import log_event

LOSSES_EVERY_S = 60.0
MEMORY_EVERY_MINUTES = 10

_LOG = logging.getLogger(__name__)


async def log_vitals(losses: Callable[[], Mapping[str, int]]) -> None:
    """Logs for as long as it runs: losses every minute in which there were any, memory every ten minutes.

    Args:
        losses: asked, on the event loop, how many of each kind there were so far: "frames_late", "underflows" …
    """
    before = dict(losses())
    minute = 0
    while True:
        if minute % MEMORY_EVERY_MINUTES == 0:
            _log_memory()
        await asyncio.sleep(LOSSES_EVERY_S)
        minute += 1
        now = dict(losses())
        if more := {name: count - before.get(name, 0) for name, count in now.items() if count > before.get(name, 0)}:
            log_event(_LOG, "losses", level=logging.WARNING, **more)
        before = now


def _log_memory() -> None:
    own, workers = memory_mb()
    if own is not None:
        log_event(_LOG, "memory", own_mb=own, workers_mb=workers)


def memory_mb() -> tuple[int | None, int]:
    """Resident memory of this process, and of all its children together, in MB; None where the system can't tell."""
    try:
        own = _resident_mb(os.getpid())
        children = [Path(path, "children").read_text().split() for path in Path("/proc/self/task").iterdir()]
    except (OSError, ValueError, IndexError):
        return None, 0
    workers = 0
    for child in (child for some in children for child in some):
        try:
            workers += _resident_mb(int(child))
        except (OSError, ValueError, IndexError):  # it has ended
            continue
    return own, workers


def _resident_mb(process: int) -> int:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
