"""The user's own folders for what a program keeps (XDG base directories, and their like on macOS and Windows)."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Where analyses are kept that can be made again."""
    return _named("XDG_CACHE_HOME", _home() / ".cache") / "visavis"


def data_folder() -> Path:
    """Where models are kept."""
    if sys.platform == "darwin":
        return _home() / "Library" / "Application Support" / "visavis"
    if sys.platform == "win32":
        return _named("LOCALAPPDATA", _home() / "AppData" / "Local") / "visavis"
    return _named("XDG_DATA_HOME", _home() / ".local" / "share") / "visavis"


def _named(variable: str, otherwise: Path) -> Path:
    """A folder that the environment names; a relative one would be another one in every folder, and is ignored."""
    named = os.environ.get(variable, "")
    return Path(named) if Path(named).is_absolute() else otherwise


def _home() -> Path:
    """The user's home; containers run with user ids that have none: a folder, then, that is never there."""
    try:
        home = Path.home()
    except RuntimeError:
        home = Path()
    return home if home.is_absolute() else Path("/nonexistent")
