"""The user's own folders for what a program keeps, as each system has them (platformdirs).

`XDG_CACHE_HOME`, `XDG_DATA_HOME` and `XDG_STATE_HOME` override them on every system, where they are absolute.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal


def cache_folder() -> Path:
    """Where analyses are kept that can be made again."""
    return _folder("cache")


def data_folder() -> Path:
    """Where models are kept."""
    return _folder("data")


def state_folder() -> Path:
    """Where logs are kept."""
    return _folder("state")


def _folder(kind: Literal["cache", "data", "state"]) -> Path:
    import platformdirs  # here, not above: printing help needs no folder

    # platformdirs itself reads these variables everywhere but on Windows.
    named = os.environ.get(f"XDG_{kind.upper()}_HOME", "")
    if Path(named).is_absolute():
        return Path(named, "visavis")
    try:
        return Path(getattr(platformdirs.PlatformDirs("visavis", appauthor=False), f"user_{kind}_dir"))
    except RuntimeError:  # containers run with user ids that have no home: a folder, then, that is never there
        return Path("/nonexistent", "visavis", kind)
