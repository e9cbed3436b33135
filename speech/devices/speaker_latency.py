"""How much sound the speaker's device holds: little while that is enough, more where it runs dry."""

from __future__ import annotations

STEPS_S = (0.03, 0.06, 0.09, 0.12)
"""What is cut must be played this long still, so the least that does is best."""
CALM_S = 300.0
"""After so long without running dry, one step less is tried."""
SETTLING_S = 10.0
"""While a program loads its parts the speaker may run dry, in silence: that says nothing of the conversation."""


class AdaptiveLatency:
    """Chooses a latency from what happened so far.

    Args:
        most_s: no more than this.

    Attributes:
        seconds: what it should be now.
    """

    def __init__(self, most_s: float = STEPS_S[-1]) -> None:
        self._steps_s = [step_s for step_s in STEPS_S if step_s <= most_s]
        self.seconds = self._steps_s[0]
        self._step = 0
        self._underflows = 0
        self._began_s: float | None = None
        self._changed_s = 0.0

    def update(self, now_s: float, underflows: int) -> None:
        """Takes how often the speaker has run dry until now.

        Args:
            now_s: a monotonic clock.
            underflows: since the beginning.
        """
        if self._began_s is None:
            self._began_s = self._changed_s = now_s
        if underflows > self._underflows and now_s - self._began_s >= SETTLING_S:
            self._step = min(self._step + 1, len(self._steps_s) - 1)
            self._changed_s = now_s
        elif now_s - self._changed_s > CALM_S:
            self._step = max(self._step - 1, 0)
            self._changed_s = now_s
        self._underflows = underflows
        self.seconds = self._steps_s[self._step]
