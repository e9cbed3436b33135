"""A microphone that is muted gives nothing but zeros: its user should know."""

from __future__ import annotations

from collections.abc import Callable

from speech.audio import OUTPUT_RATE_HZ, Samples

_MUTED_S = 10.0
"""Even a quiet room is never digitally silent for so long."""


class MutedNotice:
    """Tells once that a microphone gives only silence, and that it is heard again.

    Args:
        on_problem: called with it, in one line.
    """

    def __init__(self, on_problem: Callable[[str], None]) -> None:
        self._on_problem = on_problem
        self._silent = 0
        self._is_told = False

    def notice(self, samples: Samples) -> None:
        """Takes what the microphone gave."""
        if not samples.any():
            self._silent += len(samples)
            if self._silent >= _MUTED_S * OUTPUT_RATE_HZ and not self._is_told:
                self._is_told = True
                self._on_problem("microphone: it gives only silence; is it muted?")
            return
        self._silent = 0
        if self._is_told:
            self._is_told = False
            self._on_problem("microphone: it is heard again")
