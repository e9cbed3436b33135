"""How much memory a program and its child processes use (Linux)."""

from __future__ import annotations

from pathlib import Path


def memory_mb(pid: int) -> float:
    """Memory of a process and its descendants in MB, pages that they share counted once."""
    return sum(map(_proportional_set_kb, process_tree(pid))) / 1024


def process_tree(pid: int) -> list[int]:
    """A process and its descendants; those that end meanwhile are left out."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *(descendant for child in children for descendant in process_tree(int(child)))]


def _proportional_set_kb(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
