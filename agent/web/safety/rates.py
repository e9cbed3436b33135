"""How often somebody may ask: token buckets, in a table that stays small."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from dataclasses import dataclass

MOST_BUCKETS = 10_000
"""Whoever asked longest ago is forgotten, and begins with a full bucket again."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So much is allowed.

    Attributes:
        per_s: in the long run.
        at_once: after a pause.
    """

    per_s: float
    at_once: int


class Rates:
    """Counts by rate and by whoever asks."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[Rate, str], tuple[float, float]] = OrderedDict()

    def wait_s(self, rate: Rate, who: str, *, takes: bool = True) -> int:
        """Takes one from a bucket.

        Args:
            rate: of the bucket.
            who: whose it is.
            takes: else it is only looked into.

        Returns:
            0, or the whole seconds until there is one again.
        """
        now = asyncio.get_running_loop().time()
        level, since = self._buckets.get((rate, who), (float(rate.at_once), now))
        level = min(rate.at_once, level + (now - since) * rate.per_s)
        is_allowed = level >= 1.0
        self._buckets[rate, who] = (level - 1.0 if is_allowed and takes else level, now)
        self._buckets.move_to_end((rate, who))
        if len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return 0 if is_allowed else math.ceil((1.0 - level) / rate.per_s)
