"""The two kinds of callbacks that report how much of a long work is done."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Called with the share done in [0, 1] and one line about it."""

ShareDone = Callable[[float], None]
"""Called with the share done in [0, 1]."""
