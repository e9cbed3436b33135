"""How many replicas there are to be: so many that there is always room for another visitor, and a little more."""

from __future__ import annotations

import math
from typing import Any

from ray.serve.config import AutoscalingContext

SPARE_SHARE = 0.25
"""Of the places that are taken: so many more are kept free, and at least one."""

CALM_S = 300.0
"""Fewer replicas are wanted for so long before one is stopped: its visitors have to move."""


def by_free_places(context: AutoscalingContext) -> tuple[int, dict[str, Any]]:
    """Ray Serve's autoscaling policy for `agent.fleet.app.Replica`.

    Replicas that have not told of their places yet are taken to have as many as the others.

    Args:
        context: with what `Replica.record_autoscaling_stats` tells.

    Returns:
        How many replicas are wanted, and what the policy remembers: since when fewer would do.
    """
    told = context.aggregated_metrics or {}
    taken, places = sum(told.get("taken", {}).values()), list(told.get("places", {}).values())
    now, running = context.current_time or 0.0, context.target_num_replicas
    low, high = context.capacity_adjusted_min_replicas, context.capacity_adjusted_max_replicas
    if not places:
        return max(low, running), {}
    each = max(1.0, sum(places) / len(places))
    wanted = min(high, max(low, math.ceil((taken + max(1.0, SPARE_SHARE * taken)) / each)))
    if wanted >= running:
        return wanted, {}
    fewer_since = context.policy_state.get("fewer_since", now)
    return (wanted, {}) if now - fewer_since >= CALM_S else (running, {"fewer_since": fewer_since})
