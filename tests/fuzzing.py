"""How many inputs the fuzz tests make up: few in CI, many in `benchmarks/fuzz.py`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import settings

EFFORT = "VISAVIS_FUZZ_EFFORT"
"""Environment variable: how many times as many inputs as in CI."""


def examples(count: int) -> Callable[[Any], Any]:
    """Decorates a test that takes made-up inputs: so many of them in CI."""
    return settings(max_examples=count * int(os.environ.get(EFFORT, "1")))
