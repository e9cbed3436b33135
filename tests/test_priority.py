"""Priorities are taken where the system gives them, and asking never fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PRINTED = "import os; print(os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0))"


def after(call: str) -> tuple[int, int]:
    """Scheduler and niceness of a new process after a call of speech.worker.priority."""
    code = f"from speech.worker.priority import *; {call}; {PRINTED}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    scheduler, niceness = done.stdout.split()
    return int(scheduler), int(niceness)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's schedulers")
def test_sound_goes_before_the_face_and_files_come_last() -> None:
    now = os.getpriority(os.PRIO_PROCESS, 0)
    assert after("let_others_first()") == (os.SCHED_OTHER, max(now, 5))
    if os.getuid() == 0:
        assert after("prefer_sound()")[0] in (os.SCHED_RR, os.SCHED_OTHER)
        assert after("prefer_live()") == (os.SCHED_OTHER, -5)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's schedulers")
def test_a_user_who_may_not_is_not_troubled(monkeypatch: pytest.MonkeyPatch) -> None:
    from speech.worker import priority

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "sched_setscheduler", refused)
    monkeypatch.setattr(os, "setpriority", refused)
    for ask in (priority.prefer_sound, priority.prefer_live, priority.let_others_first):
        ask()
