"""Before whom the system runs us, where it lets us say so: the sound first, then the face, and encoders last."""

from __future__ import annotations

import contextlib
import os
import sys

_REAL_TIME_PRIORITY = 5
_SOUND_NICENESS = -11
_LIVE_NICENESS = -5
_BACKGROUND_NICENESS = 5


def prefer_sound() -> None:
    """Puts this thread, and those that it will start, before everything else: for a sound process."""
    if hasattr(os, "sched_setscheduler"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_REAL_TIME_PRIORITY))
            return
    _set_niceness(_SOUND_NICENESS)


def prefer_live() -> None:
    """Puts this thread, and those and the programs that it will start, before what can wait: for a conversation."""
    _set_niceness(_LIVE_NICENESS)


def let_others_first() -> None:
    """Puts this thread after the others: for one that only writes a file. Nothing where threads have no niceness."""
    if sys.platform == "linux":
        _set_niceness(_BACKGROUND_NICENESS)


def let_frames_first() -> None:
    """Puts this process behind a live one's frames: for what computes for them, and is early anyway."""
    if hasattr(os, "setpriority"):
        _set_niceness(max(os.getpriority(os.PRIO_PROCESS, 0), _BACKGROUND_NICENESS))


def _set_niceness(niceness: int) -> None:
    if sys.platform != "win32":
        with contextlib.suppress(OSError):  # most users may not put themselves before others
            os.setpriority(os.PRIO_PROCESS, 0, niceness)
