"""How much sound the speaker's device holds: little while that is enough, more where it runs dry."""

from __future__ import annotations

STEPS_S = (0.03, 0.06, 0.09, 0.12)
"""What is cut must be played this long still, so the least that does is best."""
CALM_S = 300.0
"""After so long without running dry, one step less is tried."""


class AdaptiveLatency:
    """Chooses a latency from what happened so far.

    Attributes:
        seconds: what it should be now.
    """

    def __init__(self) -> None:
        self.seconds = STEPS_S[0]
        self._step = 0
        self._underflows = 0
        self._changed_s: float | None = None

    def update(self, now_s: float, underflows: int) -> None:
        """Takes how often the speaker has run dry until now.

        Args:
            now_s: a monotonic clock.
            underflows: since the beginning.
        """
        if self._changed_s is None or underflows > self._underflows:
            if underflows > self._underflows:
                self._step = min(self._step + 1, len(STEPS_S) - 1)
            self._changed_s = now_s
        elif now_s - self._changed_s > CALM_S:
            self._step = max(self._step - 1, 0)
            self._changed_s = now_s
        self._underflows = underflows
        self.seconds = STEPS_S[self._step]
